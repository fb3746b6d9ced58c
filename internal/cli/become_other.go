// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

// become runs a program in the place of this one, where a process cannot be replaced.
func become(program string, args []string) error {
	signal.Ignore(os.Interrupt) // the console sends it to the program too, which decides what to do
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return exitError(exit.ExitCode())
	}
	return unableError{fmt.Errorf("run %s: %w", program, err)}
}
