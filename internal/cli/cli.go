// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: the KRM function without arguments, and one file for each subcommand.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// IO has the streams of a command. Data goes to Out, everything for people to Err.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	exitOK = 0
	// exitInvalid is for input that is not valid.
	exitInvalid = 1
	// exitUsage is for a wrong command line, and for what could not be read or run.
	exitUsage = 2
)

// Main runs the command line and returns the exit code. Without arguments it is the KRM function, as kustomize and kpt call it;
// on a terminal nobody pipes a ResourceList, so help is printed instead.
func Main(args []string, streams IO, version string) int {
	if len(args) == 0 && !isTerminal(streams.In) {
		return function(streams)
	}
	root := newRoot(streams, version)
	root.SetArgs(args)
	err := root.Execute()
	var exit exitError
	var invalid invalidError
	var unable unableError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &unable):
		fmt.Fprintf(streams.Err, "error: %s\n", shown(err))
		return exitUsage
	case errors.As(err, &invalid):
		fmt.Fprintf(streams.Err, "error: %s\n", shown(err))
		return exitInvalid
	}
	fmt.Fprintf(streams.Err, "error: %s\nrun restate-integration --help\n", shown(err))
	return exitUsage
}

// shown is the text of an error, which may quote an argument.
func shown(err error) string {
	if _, found := redact.Find(err.Error()); found {
		return redact.Mask
	}
	return err.Error()
}

// invalidError is about what the user asked for, not about how.
type invalidError struct{ error }

// unableError is about what is outside of the command line: a file that cannot be read, a program that is not there.
type unableError struct{ error }

// exitError is an exit code whose reason is written already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// function opens the working directory for the credentials' files: kustomize sets it to the kustomization root. Where that
// cannot be opened, the function works without files.
func function(streams IO) int {
	var files fn.Files
	if root, err := os.OpenRoot("."); err == nil {
		defer root.Close()
		files = root
	}
	return fn.Main(streams.In, streams.Out, streams.Err, files)
}

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	// Not the mode of the file: /dev/null is a character device too, and a host without input must get an error.
	return term.IsTerminal(int(f.Fd()))
}

func newRoot(streams IO, version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "restate-integration",
		Short: "Connect a Kubernetes cluster to Restate Cloud with one spec",
		Long: `restate-integration is a KRM function: it expands a RestateIntegration into the manifests of a tunnel to Restate Cloud, its
network policies and the services behind it. kustomize and kpt call it without arguments, with a ResourceList on standard
input. The commands below are for people.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newExplain(), newSchema(), newSecrets(version), newVersion(version))
	return root
}
