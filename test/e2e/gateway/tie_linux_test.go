// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"os/exec"
	"syscall"
)

// tie has the kernel end a process together with the test, which may not come to its cleanup.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
