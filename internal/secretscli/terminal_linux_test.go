// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestPromptDoesNotEcho types a value after the echo of the terminal was switched off, and reads what the terminal shows. What is
// typed earlier, as testscript does it, the kernel would echo before the command had a say.
func TestPromptDoesNotEcho(t *testing.T) {
	master, slave := openTerminal(t)
	value := madeUpKey()
	cmd, stderr := start(t, slave)
	waitForEcho(t, slave, false)
	if _, err := fmt.Fprintln(master, value); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if !echoes(t, slave) {
		t.Error("the terminal is left without echo")
	}
	slave.Close()
	shown, _ := io.ReadAll(master) // ends with EIO once nobody has the other end
	if bytes.Contains(shown, []byte(value)) || strings.Contains(stderr.String(), value) {
		t.Error("the value was shown")
	}
	if !strings.Contains(stderr.String(), "tunnel (API key of Restate Cloud, role Full, not shown): ") {
		t.Errorf("no prompt: %s", stderr)
	}
}

// TestInterruptedPrompt: after Ctrl-C the shell must show again what is typed.
func TestInterruptedPrompt(t *testing.T) {
	_, slave := openTerminal(t)
	cmd, stderr := start(t, slave)
	waitForEcho(t, slave, false)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("exit 0\n%s", stderr)
	}
	if !echoes(t, slave) {
		t.Error("the terminal is left without echo")
	}
}

// start runs seal with its standard input on a terminal.
func start(t *testing.T, terminal *os.File) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	const spec = "apiVersion: restate-integration.dev/v1alpha1\nkind: RestateIntegration\nmetadata: {name: prod, namespace: restate}\n"
	if err := os.WriteFile(filepath.Join(dir, "integration.yaml"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	// A recipient that is the one of the published fixtures: nothing of value is encrypted here.
	recipient, err := os.ReadFile("../sopsfile/testdata/fixture-key/age.pub")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command, "seal", "--age", strings.TrimSpace(string(recipient)))
	cmd.Dir, cmd.Stdin = dir, terminal
	cmd.Env = append(os.Environ(), "NOW=2026-11-25T10:30:00Z", "SOPS_CONFIG=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, &stderr
}

// openTerminal returns both ends of a new pseudo-terminal.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	var number, unlock int32
	ioctl(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	ioctl(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		t.Fatalf("ioctl %#x: %v", request, errno)
	}
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	var attributes syscall.Termios
	ioctl(t, terminal, syscall.TCGETS, unsafe.Pointer(&attributes))
	return attributes.Lflag&syscall.ECHO != 0
}

func waitForEcho(t *testing.T, terminal *os.File, want bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); echoes(t, terminal) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the echo of the terminal is not %v", want)
		}
	}
}
