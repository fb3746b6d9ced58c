// SPDX-License-Identifier: Apache-2.0

// Command restate-integration is the KRM function when it is called without arguments, and a command-line tool otherwise.
package main

import (
	"os"

	"github.com/restate-integration/restate-integration/internal/cli"
)

// version is set when the binary is built.
var version = "dev"

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version))
}
