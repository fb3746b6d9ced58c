// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Writes docs/reference. The CRD comes first: go generate goes through the packages in the order of their paths.
package main

import (
	"log"
	"os"

	"github.com/restate-integration/restate-integration/internal/schema"
)

func main() {
	reference, err := schema.Reference()
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string][]byte{"spec.md": reference, "diagnostics.md": schema.Diagnostics()} {
		if err := os.WriteFile("../../docs/reference/"+name, text, 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
