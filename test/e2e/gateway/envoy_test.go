// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// envoy is a running one.
type envoy struct {
	cmd  *exec.Cmd
	done <-chan struct{}
	// access is its standard output, app its standard error.
	access, app output
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// lines are those that are complete. Each must be JSON.
func (o *output) lines(t testing.TB) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range bytes.Lines([]byte(o.String())) {
		if line[len(line)-1] != '\n' {
			break
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("a line of the log is not JSON: %v: %s", err, line)
		}
		out = append(out, fields)
	}
	return out
}

// complaints are the lines of the application log that are more than information.
func (e *envoy) complaints() string {
	var out strings.Builder
	for line := range strings.Lines(e.app.String()) {
		if !strings.Contains(line, `"level":"info"`) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// startEnvoy runs the container's command over the files of a pod, until the case ends.
func startEnvoy(p *pod) *envoy {
	p.t.Helper()
	e := &envoy{cmd: exec.Command(envoyProgram, p.arguments()...)}
	e.cmd.Dir = p.root
	e.cmd.Env = []string{} // nothing of this machine's
	e.cmd.Stdout, e.cmd.Stderr = &e.access, &e.app
	var err error
	if e.done, err = start(e.cmd); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(e.stop)
	return e
}

// stop ends the process as the kubelet does, and waits until all that it wrote is there.
func (e *envoy) stop() {
	_ = e.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-e.done:
	case <-time.After(10 * time.Second):
		_ = e.cmd.Process.Kill()
		<-e.done
	}
}

// ended says whether the process has ended by itself.
func (e *envoy) ended() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}
