// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var bentoProgram string

// bento is one replica of the bridge. It is started again when it ends, as Kubernetes does.
type bento struct {
	t      *testing.T
	config string
	url    string

	mu      sync.Mutex
	log     bytes.Buffer
	process *os.Process
	exits   []string // how each process ended
	stopped bool
	done    chan struct{}
}

func startBento(t *testing.T, config string) *bento {
	t.Helper()
	port := freePort(t)
	config = replaceAll(t, config, map[string]string{"0.0.0.0:4195": fmt.Sprintf("127.0.0.1:%d", port)})
	b := &bento{t: t, config: filepath.Join(t.TempDir(), "bridge.yaml"), url: fmt.Sprintf("http://127.0.0.1:%d", port), done: make(chan struct{})}
	if err := os.WriteFile(b.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	go b.run()
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("the bridge's last words, exits %q:\n%s", b.ends(), b.tail())
		}
	})
	return b
}

// Write keeps what the process says.
func (b *bento) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bento) run() {
	runtime.LockOSThread() // the kernel ends a process that is tied with the thread that started it
	defer close(b.done)
	for {
		cmd := exec.Command(bentoProgram, "-c", b.config)
		cmd.Stdout, cmd.Stderr = b, b
		tie(cmd)
		b.mu.Lock()
		if b.stopped {
			b.mu.Unlock()
			return
		}
		err := cmd.Start()
		b.process = cmd.Process
		b.mu.Unlock()
		if err == nil {
			err = cmd.Wait()
		}
		b.mu.Lock()
		if !b.stopped {
			b.exits = append(b.exits, fmt.Sprint(err))
		}
		b.mu.Unlock()
		time.Sleep(time.Second)
	}
}

// kill ends the process as a lost node would; run starts the next.
func (b *bento) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.process.Kill()
}

func (b *bento) stop() {
	b.mu.Lock()
	b.stopped = true
	if b.process != nil {
		b.process.Signal(os.Interrupt)
		b.process.Kill()
	}
	b.mu.Unlock()
	<-b.done
}

// ends lists how the processes ended; "<nil>" is exit 0.
func (b *bento) ends() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.exits...)
}

func (b *bento) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

func (b *bento) says(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.log.String(), text)
}

// isReady is what the readiness probe sees.
func (b *bento) isReady() bool {
	resp, err := http.Get(b.url + "/ready")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// metric returns a counter of Bento's.
func (b *bento) metric(t *testing.T, name, labels string) int {
	t.Helper()
	resp, err := http.Get(b.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(all)) {
		if head, value, found := strings.Cut(strings.TrimSpace(line), "} "); found && strings.HasPrefix(head, name+"{") && strings.Contains(head, labels) {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	t.Fatalf("no metric %s{%s}", name, labels)
	return 0
}
