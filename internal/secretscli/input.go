// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// maxValue is the size limit of a value, in bytes: more than any credential has.
const maxValue = 64 << 10

// origin says where a value comes from. The zero origin is the terminal.
type origin struct {
	file, env string
	stdin     bool
	// clients of a gateway get new keys.
	clients []string
}

// none reports whether no place was given.
func (o origin) none() bool { return o.file == "" && o.env == "" && !o.stdin && len(o.clients) == 0 }

// value reads, checks and returns a credential. The name stands in front of what is said about it.
func (o origin) value(streams IO, name string, k kind) (string, error) {
	value, err := o.read(streams, name, k)
	if err != nil {
		return "", err
	}
	warning, problem := k.check(value, streams.Now())
	if problem != nil {
		return "", invalid("%s: the value %w", name, problem)
	}
	if warning != "" {
		fmt.Fprintf(streams.Err, "warning: %s: the value %s\n", name, warning)
	}
	return value, nil
}

func (o origin) read(streams IO, name string, k kind) (string, error) {
	switch {
	case o.file != "":
		f, err := os.Open(o.file)
		if err != nil {
			return "", unableError{fmt.Errorf("cannot read the value of %s: %w", name, cause(err))}
		}
		defer f.Close()
		return readValue(f, name)
	case o.env != "":
		value, set := streams.LookupEnv(o.env)
		if !set {
			return "", invalid("%s: the environment variable %s must be set", name, redact.Text(o.env))
		}
		return trim(value), nil
	case o.stdin:
		return readValue(streams.In, name)
	case len(o.clients) > 0:
		return newKeyFile(o.clients).text(), nil
	case k.generate != nil:
		return k.generate()
	case k.prompt == "":
		return "", errors.New("no value for " + name + ": " + k.missing)
	}
	return ask(streams, name, k.prompt)
}

func readValue(in io.Reader, name string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxValue+1))
	switch {
	case err != nil:
		return "", unableError{fmt.Errorf("cannot read the value of %s: %w", name, cause(err))}
	case len(data) > maxValue:
		return "", invalid("%s: the value must be at most 64 KiB in size", name)
	}
	return trim(string(data)), nil
}

// trim takes off the final newline that editors and echo write. No client of Restate sends it, and with it a token is refused.
func trim(value string) string {
	return strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
}

// ask reads a line from the terminal without echo.
func ask(streams IO, name, prompt string) (string, error) {
	terminal, ok := streams.In.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", errors.New("no value for " + name + ": there is no terminal to ask on; use --from-file, --from-env or --from-stdin")
	}
	fd := int(terminal.Fd())
	defer restoreOnSignal(fd)()
	fmt.Fprintf(streams.Err, "%s (%s, not shown): ", name, prompt)
	value, err := term.ReadPassword(fd)
	fmt.Fprintln(streams.Err)
	if err != nil {
		return "", unableError{fmt.Errorf("cannot read the value of %s from the terminal: %w", name, err)}
	}
	return trim(string(value)), nil
}

// restoreOnSignal keeps an interrupted prompt from leaving the terminal without echo. It returns what ends its watch.
func restoreOnSignal(fd int) func() {
	state, err := term.GetState(fd)
	if err != nil {
		return func() {}
	}
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			_ = term.Restore(fd, state)
			os.Exit(exitUsage)
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
