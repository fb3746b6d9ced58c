// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes the files of a case and returns its root.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "case", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// echo gives the input back; it fails when the input says so, and reads the file that the input names.
func echo(stdin io.Reader, stdout, stderr io.Writer, files Files) int {
	raw, _ := io.ReadAll(stdin)
	input := string(raw)
	if name, found := strings.CutPrefix(input, "read "); found {
		text, _ := files.ReadFile(strings.TrimSpace(name))
		stdout.Write(text)
		return 0
	}
	fmt.Fprint(stdout, input)
	if strings.HasPrefix(input, "fail") {
		fmt.Fprint(stdout, "results:\n- a\n")
		fmt.Fprint(stderr, "error\n")
		return 1
	}
	return 0
}

// counting gives another output at every run.
func counting() Func {
	n := 0
	return func(_ io.Reader, stdout, _ io.Writer, _ Files) int {
		n++
		fmt.Fprintln(stdout, n)
		return 0
	}
}

func growing(stdin io.Reader, stdout, _ io.Writer, _ Files) int {
	raw, _ := io.ReadAll(stdin)
	fmt.Fprintf(stdout, "%smore\n", raw)
	return 0
}

func changing(_ io.Reader, stdout, stderr io.Writer, _ Files) int {
	fmt.Fprint(stdout, "other\nresults:\n- a\n")
	fmt.Fprint(stderr, "error\n")
	return 1
}

// TestCheck plants each thing that a case must notice.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		reason string
		files  map[string]string
		f      Func
		want   string // part of the one problem; empty for none
	}{
		{"a good case", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "a\n"}, echo, ""},
		{"a failure", map[string]string{"case.yaml": "why: a\nfails: true", "input.yaml": "fail\n", "want.results.yaml": "- a\n", "want.stderr": "error\n"}, echo, ""},
		{"a file", map[string]string{"case.yaml": "why: a\nonce: reads", "input.yaml": "read s/a\n", "files/s/a": "x\n", "want.yaml": "x\n"}, echo, ""},
		{"another output", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "b\n"}, echo, "want.yaml (-want +got)"},
		{"no wanted output", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n"}, echo, "want.yaml (-want +got)"},
		{"an unexpected failure", map[string]string{"case.yaml": "why: a", "input.yaml": "fail\n", "want.results.yaml": "- a\n", "want.stderr": "error\n"}, echo, "exit code 1, want 0"},
		{"an unexpected success", map[string]string{"case.yaml": "why: a\nfails: true", "input.yaml": "a\n", "want.yaml": "a\n"}, echo, "exit code 0, want 1"},
		{"a file that nothing reads", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "a\n", "files/s/a": "x\n"}, echo, "nothing reads files/s/a"},
		{"a wanted file of the other outcome", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "a\n", "want.results.yaml": ""}, echo, "nothing reads want.results.yaml"},
		{"a file that is not there", map[string]string{"case.yaml": "why: a\nonce: reads", "input.yaml": "read s/a\n", "want.yaml": ""}, echo, `asked for "s/a"`},
		{"an output that changes from run to run", map[string]string{"case.yaml": "why: a\nonce: counts", "input.yaml": "a\n", "want.yaml": "1\n"}, counting(), "a second time"},
		{"an output that grows", map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "a\nmore\n"}, growing, "given its own output"},
		{"a failure that changes the input", map[string]string{"case.yaml": "why: a\nfails: true", "input.yaml": "fail\n", "want.results.yaml": "- a\n", "want.stderr": "error\n"}, changing, "not the input with results"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			cases, err := Load(write(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			problems, err := cases[0].Check(tt.f)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("problems: %q", problems)
			case tt.want != "" && (len(problems) == 0 || !strings.Contains(strings.Join(problems, "\n"), tt.want)):
				t.Errorf("problems: %q, want one with %q", problems, tt.want)
			}
		})
	}
}

// TestUpdate truncates what it writes, removes what is stale, and writes nothing in CI or for another outcome than the case names.
func TestUpdate(t *testing.T) {
	*update = true
	defer func() { *update = false }()
	files := map[string]string{"case.yaml": "why: a", "input.yaml": "a\n", "want.yaml": "much longer than before\n", "want.results.yaml": "stale", "want.stderr": "stale"}
	for _, tt := range []struct {
		reason, ci string
		f          Func
		want       string
	}{
		{"in CI", "true", echo, "much longer than before\n"},
		{"a failure", "", changing, "much longer than before\n"},
		{"by hand", "", echo, "a\n"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Setenv("CI", tt.ci)
			root := write(t, files)
			cases, err := Load(root)
			if err != nil {
				t.Fatal(err)
			}
			problems, err := cases[0].Check(tt.f)
			if err != nil {
				t.Fatal(err)
			}
			written := tt.want == "a\n"
			if written != (len(problems) == 0) {
				t.Errorf("problems: %q", problems)
			}
			got, err := os.ReadFile(filepath.Join(root, "case", "want.yaml"))
			if err != nil || string(got) != tt.want {
				t.Errorf("want.yaml is %q, want %q (%v)", got, tt.want, err)
			}
			_, err = os.Stat(filepath.Join(root, "case", "want.results.yaml"))
			if written != os.IsNotExist(err) {
				t.Errorf("stale file: %v", err)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	for reason, files := range map[string]map[string]string{
		"no reason":     {"case.yaml": "fails: true"},
		"unknown field": {"case.yaml": "why: a\nwhich: b"},
		"no case.yaml":  {"input.yaml": "a"},
	} {
		if _, err := Load(write(t, files)); err == nil {
			t.Errorf("%s: no error", reason)
		}
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("no cases: no error")
	}
}
