// SPDX-License-Identifier: Apache-2.0

// Command restate-integration-secrets seals, rotates and verifies the Secrets of a RestateIntegration. It is apart from the function,
// which holds no key and starts fast.
package main

import (
	"os"
	"time"

	"github.com/restate-integration/restate-integration/internal/secretscli"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	os.Exit(secretscli.Main(os.Args[1:], secretscli.IO{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now, LookupEnv: os.LookupEnv,
	}, version))
}
