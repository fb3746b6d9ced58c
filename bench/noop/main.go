// SPDX-License-Identifier: Apache-2.0

// Command noop is the peer that the function's start-up is compared with: the same SDK, and nothing done.
package main

import (
	"os"

	"github.com/kptdev/krm-functions-sdk/go/fn"
)

func main() {
	if err := fn.AsMain(fn.ResourceListProcessorFunc(func(*fn.ResourceList) (bool, error) { return true, nil })); err != nil {
		os.Exit(1)
	}
}
