// SPDX-License-Identifier: Apache-2.0

// Package process starts servers that do not outlive the tests.
package process

import (
	"os/exec"
	"runtime"
)

// Start starts a process that the kernel ends together with the test, where it can. The channel is closed when the process has ended.
func Start(cmd *exec.Cmd) (ended <-chan struct{}, err error) {
	tie(cmd)
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel ends a process that is tied with the thread that started it
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // its log says why it ended
		}
		close(done)
	}()
	return done, <-started
}
