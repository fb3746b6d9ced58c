// SPDX-License-Identifier: Apache-2.0

// Command probe is the entry point of images that are wrong on purpose: it needs what a limit takes away, or misbehaves, and else is
// the function. Without it a limit that does not bind would look like one that the function does not feel.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

const function = "/usr/local/bin/restate-integration"

// habits are what is wrong with an image, by the argument of its entry point.
var habits = map[string]func() error{
	"write":      func() error { return os.WriteFile("/tmp/probe", []byte("x"), 0o600) },
	"litter":     litter,
	"network":    network,
	"capability": capability,
	"privileges": privileges,
	"owner":      owner,
	"home":       home,
	"memory":     memory,
	"deaf":       deaf,
	"hasty":      hasty,
}

func main() {
	habit, known := habits[strings.Join(os.Args[1:], " ")]
	err := errors.New("names no habit")
	if known {
		err = habit()
	}
	if err == nil {
		err = syscall.Exec(function, []string{function}, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "probe:", err)
	os.Exit(1)
}

// litter writes where it can, and goes on where it cannot.
func litter() error {
	_ = os.WriteFile("/litter", []byte("x"), 0o600)
	return nil
}

func network() error {
	all, err := net.Interfaces()
	if err == nil && !slices.ContainsFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 }) {
		err = errors.New("no interface but loopback")
	}
	return err
}

// capability asks of root alone what root can do: other users have no capability to lose.
func capability() error {
	if os.Getuid() != 0 {
		return nil
	}
	return syscall.Setgroups([]int{1})
}

func privileges() error {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil && !strings.Contains(string(status), "NoNewPrivs:\t0\n") {
		err = errors.New("may gain no privileges")
	}
	return err
}

func owner() error {
	if uid := os.Getuid(); uid != 65534 && uid != 0 {
		return fmt.Errorf("user %d", uid)
	}
	return nil
}

func home() error {
	_, err := os.Stat(os.Getenv("HOME"))
	return err
}

// memory touches every page: what is only reserved counts for no limit.
func memory() error {
	const size = 100 << 20
	if n := bytes.Count(bytes.Repeat([]byte{1}, size), []byte{1}); n != size {
		return fmt.Errorf("%d bytes", n)
	}
	return nil
}

// deaf cannot be the function afterwards: Go's runtime hears SIGTERM again.
func deaf() error {
	signal.Ignore(syscall.SIGTERM)
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	cmd := exec.Command(function)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), os.Stdout, os.Stderr
	err = cmd.Run()
	if err == nil {
		os.Exit(0)
	}
	return err
}

func hasty() error {
	_, err := fmt.Println("# in a moment")
	return err
}
