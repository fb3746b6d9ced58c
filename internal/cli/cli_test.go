// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// outcome is what a command leaves behind.
type outcome struct {
	code     int
	out, err string
}

func run(t *testing.T, stdin io.Reader, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	code := Main(args, IO{In: stdin, Out: &out, Err: &err}, "v9.8.7")
	return outcome{code, out.String(), err.String()}
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		reason   string
		args     []string
		code     int
		out, err string // a part; "" for nothing at all
	}{
		{"help", []string{"--help"}, 0, "Usage:", ""},
		{"help by its name", []string{"help"}, 0, "Available Commands:", ""},
		{"help of a command", []string{"explain", "--help"}, 0, "restate-integration explain RI0305", ""},
		{"the version", []string{"version"}, 0, "v9.8.7\n", ""},
		{"the version as a flag", []string{"--version"}, 0, "v9.8.7", ""},
		{"a code", []string{"explain", "RI0305"}, 0, "RI0305: invalid signing key (error)", ""},
		{"a code in lower case", []string{"explain", "ri0305"}, 0, "RI0305: invalid signing key (error)", ""},
		{"every code", []string{"explain"}, 0, "RI0305  error    invalid signing key", ""},
		{"a code that does not exist is about the input", []string{"explain", "RI9999"}, 1, "", `error: no code "RI9999"`},
		{"two codes are about the command line", []string{"explain", "RI0305", "RI0306"}, 2, "", "run restate-integration --help"},
		{"the schema", []string{"schema"}, 0, "kind: CustomResourceDefinition", ""},
		{"the schema of what?", []string{"schema", "v1"}, 2, "", "run restate-integration --help"},
		{"an unknown command", []string{"explian"}, 2, "", `unknown command "explian"`},
		{"an unknown flag", []string{"--verbose"}, 2, "", "unknown flag: --verbose"},
		{"completion", []string{"__complete", "explain", ""}, 0, "RI0101\tunparsable input", "ShellCompDirectiveNoFileComp"},
		{"a file is no command", []string{"integration.yaml"}, 2, "", `unknown command "integration.yaml"`},
	} {
		got := run(t, strings.NewReader(""), tt.args...)
		if got.code != tt.code || !contains(got.out, tt.out) || !contains(got.err, tt.err) {
			t.Errorf("%s: %q: got exit %d\nstdout: %.300s\nstderr: %.300s", tt.reason, tt.args, got.code, got.out, got.err)
		}
		if strings.Contains(got.out+got.err, "\x1b") {
			t.Errorf("%s: coloured", tt.reason)
		}
	}
}

func contains(text, part string) bool {
	if part == "" {
		return text == ""
	}
	return strings.Contains(text, part)
}

// TestExplainKnowsEveryCode, because each finding tells the reader to ask for it.
func TestExplainKnowsEveryCode(t *testing.T) {
	list := run(t, strings.NewReader(""), "explain").out
	if got, want := strings.Count(list, "\n"), len(diag.Catalogue()); got != want {
		t.Errorf("the list has %d lines, want %d", got, want)
	}
	for _, e := range diag.Catalogue() {
		got := run(t, strings.NewReader(""), "explain", string(e.Code))
		want := string(e.Code) + ": " + e.Title + " (" + string(e.Severity) + ")\n\nCause: " + e.Cause + "\nFix:   " + e.Fix + "\n"
		if got.code != 0 || got.out != want {
			t.Errorf("%s: exit %d, got\n%s, want\n%s", e.Code, got.code, got.out, want)
		}
		if !strings.Contains(list, string(e.Code)+" ") {
			t.Errorf("%s is not in the list", e.Code)
		}
	}
}

func TestSchemaIsTheCRD(t *testing.T) {
	if got := run(t, strings.NewReader(""), "schema"); got.out != string(v1alpha1.CRD()) {
		t.Errorf("got %d bytes, want the %d of the CRD", len(got.out), len(v1alpha1.CRD()))
	}
}

// TestFunction: without arguments it is the KRM function.
func TestFunction(t *testing.T) {
	const list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n"
	for _, tt := range []struct {
		reason, stdin string
		code          int
		out, err      string
	}{
		{"a list", list, 0, "kind: ResourceList", ""},
		{"nothing at all", "", 1, "", "[RI0101]"},
		{"something else", "kind: ConfigMap\n", 1, "", "[RI0101]"},
		{"help is a command, and this is input", "help\n", 1, "", "[RI0101]"},
	} {
		got := run(t, strings.NewReader(tt.stdin))
		if got.code != tt.code || !contains(got.out, tt.out) || !contains(got.err, tt.err) {
			t.Errorf("%s: exit %d\nstdout: %s\nstderr: %s", tt.reason, got.code, got.out, got.err)
		}
	}
}

// TestTerminal: on a terminal nobody pipes a list, and waiting for one would look like a hang.
func TestTerminal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux opens a terminal by /dev/ptmx")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	defer terminal.Close()
	done := make(chan outcome, 1)
	go func() { done <- run(t, terminal) }()
	var got outcome
	select {
	case got = <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a list")
	}
	if got.code != 0 || !strings.Contains(got.out, "Usage:") || got.err != "" {
		t.Errorf("exit %d\nstdout: %.200s\nstderr: %s", got.code, got.out, got.err)
	}
}

// TestFilesAreNoTerminal: a host without input must get an error, not a help text and exit 0.
func TestFilesAreNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	writer.Close()
	for name, in := range map[string]io.Reader{"/dev/null": null, "a closed pipe": reader} {
		if got := run(t, in); got.code != 1 || got.out != "" || !strings.Contains(got.err, "RI0101") {
			t.Errorf("%s: exit %d\nstdout: %.200s\nstderr: %s", name, got.code, got.out, got.err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("no disk") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("no disk") }

// TestBrokenStreams: what could not be written is not a success.
func TestBrokenStreams(t *testing.T) {
	if got := run(t, broken{}); got.code != 1 || !strings.Contains(got.err, "no disk") {
		t.Errorf("stdin: %+v", got)
	}
	for _, args := range [][]string{nil, {"schema"}, {"version"}, {"explain"}, {"explain", "RI0101"}} {
		var stderr bytes.Buffer
		in := strings.NewReader("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n")
		if code := Main(args, IO{In: in, Out: broken{}, Err: &stderr}, "v1"); code == 0 || !strings.Contains(stderr.String(), "no disk") {
			t.Errorf("%q: exit %d, stderr %q", args, code, &stderr)
		}
	}
}

// TestInstallable: what git describe says of a build between two tags is nothing that go install takes.
func TestInstallable(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.0": "v1.2.0", "v1.2.0-rc.1": "v1.2.0-rc.1",
		"v1.2.0-3-g0123abc": "latest", "v1.2.0-dirty": "latest", "v1.2.0-3-g0123abc-dirty": "latest", "0123abc": "latest", "dev": "latest",
	} {
		if got := installable(version); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

// TestSecretOnTheCommandLine: an argument is not repeated when it is a secret that slipped there.
func TestSecretOnTheCommandLine(t *testing.T) {
	key := "key_" + rand.Text()
	for _, args := range [][]string{{key}, {"explain", key}, {"--" + key}, {"secrets", "check", key}, {"secrets", "check", "-f", key, "."}} {
		got := run(t, strings.NewReader(""), args...)
		if got.code == 0 || strings.Contains(got.out+got.err, key) || !strings.Contains(got.err, "[redacted]") {
			t.Errorf("%q: exit %d, stderr %s", args, got.code, got.err)
		}
	}
}
