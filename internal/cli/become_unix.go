// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"fmt"
	"os"
	"syscall"
)

// become replaces this process by a program: its streams, its signals and its exit code need nobody in between. It returns only
// when that fails.
func become(program string, args []string) error {
	err := syscall.Exec(program, append([]string{program}, args...), os.Environ())
	return unableError{fmt.Errorf("run %s: %w", program, err)}
}
