// SPDX-License-Identifier: Apache-2.0

// Package secretscli is the command line for what needs a key, a terminal or a clock: sealing, rotating and verifying the Secrets
// that a RestateIntegration refers to, and their age. The function has none of the three.
package secretscli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// IO is all that a command sees of the machine besides files; sops looks for keys in the environment of the process by itself. Data
// goes to Out, everything for people to Err.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	Now      func() time.Time
	// LookupEnv returns an environment variable, and whether it is set.
	LookupEnv func(name string) (string, bool)
}

// Exit codes.
const (
	exitOK = 0
	// exitInvalid is for files and values that are not as they must be.
	exitInvalid = 1
	// exitUsage is for a wrong command line, and for what cannot be read or written.
	exitUsage = 2
)

// Main runs the command line and returns the exit code.
func Main(args []string, streams IO, version string) int {
	root := newRoot(streams, version)
	root.SetArgs(args)
	err := root.Execute()
	var invalid invalidError
	var unable unableError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitInvalid
	case errors.As(err, &invalid):
		fmt.Fprintf(streams.Err, "error: %s\n", invalid)
		return exitInvalid
	case errors.As(err, &unable):
		fmt.Fprintf(streams.Err, "error: %s\n", redact.Path(unable.Error()))
		return exitUsage
	}
	fmt.Fprintf(streams.Err, "error: %s\nrun restate-integration-secrets --help\n", usage(err))
	return exitUsage
}

// usage is the text of an error about the command line, which quotes arguments.
func usage(err error) string {
	if _, found := redact.Find(err.Error()); found {
		return "a secret must not stand on the command line, which every process of this machine can read: rotate it, and give the new one by a file, a variable or the terminal"
	}
	return redact.Path(err.Error())
}

// invalidError is about the files and values that the user has, not about the command line. Its text is fit to be shown.
type invalidError struct{ error }

// unableError is about what cannot be read or written.
type unableError struct{ error }

// errReported says that the reasons are written already.
var errReported = errors.New("invalid")

// invalid makes an invalidError. What the user wrote goes through redact before it comes here.
func invalid(format string, args ...any) error { return invalidError{fmt.Errorf(format, args...)} }

func newRoot(streams IO, version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "restate-integration-secrets",
		Short: "Seal, rotate and verify the Secrets of a RestateIntegration",
		Long: `restate-integration-secrets encrypts the Secrets that a RestateIntegration refers to with sops, replaces their values, and tells
how old they are. Plain text never touches the disk, the command line or the output; only new API keys for callers of a gateway are
shown, once, on standard output.`,
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
	root.AddCommand(newSeal(streams), newStatus(streams), newRotate(streams), newVerify(streams), newVersion(version))
	return root
}

func newVersion(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}

// fileFlag is the spec that a command is about.
func fileFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("file", "f", "integration.yaml", "the file of the RestateIntegration")
}
