// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
)

// FuzzRun holds what must be true of every input: no defect (a panic and a dangling link are reported as one), an exit code that
// follows the results, an output that the next run leaves alone, and foreign items that leave as they came.
func FuzzRun(f *testing.F) {
	for _, c := range goldens(f) {
		f.Add(c.input)
		if len(c.stdout) > 0 {
			f.Add([]byte(c.stdout))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		output, ds := fn.Run(input, noFiles{})
		var stdout, stderr bytes.Buffer
		code := fn.Main(bytes.NewReader(input), &stdout, &stderr, noFiles{})
		if (code == 1) != diag.HasError(ds) || code != 0 && code != 1 {
			t.Errorf("exit code %d, errors: %t", code, diag.HasError(ds))
		}
		if !bytes.Equal(stdout.Bytes(), output) {
			t.Error("two runs give two outputs")
		}
		if has(ds, diag.InternalError) {
			t.Fatalf("a defect: %s", stderr.String())
		}
		lines := 0
		for _, d := range ds {
			if d.Severity() != diag.Info {
				lines++
			}
		}
		if n := bytes.Count(stderr.Bytes(), []byte("\n")); n != lines {
			t.Errorf("%d lines on stderr for %d findings:\n%s", n, lines, stderr.String())
		}
		in, err := resourcelist.Parse(input)
		if err != nil {
			if len(output) > 0 || code != 1 {
				t.Errorf("unparsable input gives exit code %d and an output of %d bytes", code, len(output))
			}
			return
		}
		out, err := resourcelist.Parse(output)
		if err != nil {
			t.Fatalf("the output is no list: %v", err)
		}
		if code == 1 {
			if want, got := texts(in.Items()), texts(out.Items()); !slices.Equal(want, got) {
				t.Errorf("a failure changes the items")
			}
			if in.Cut() && !bytes.Contains(input, []byte("results")) && !bytes.HasPrefix(output, input) {
				t.Errorf("the output of a failure is not the input with results:\n%s", output)
			}
			return
		}
		mustKeepForeign(t, in, out)
		again, ds2 := fn.Run(output, noFiles{})
		if diag.HasError(ds2) {
			t.Fatalf("the second run fails: %v", ds2)
		}
		if has(ds2, diag.NotLocal) && !has(ds, diag.NotLocal) {
			return // a generator's config never gets to the cluster; no host runs one on its own output
		}
		if in.Cut() && !bytes.Equal(output, again) {
			t.Errorf("the second run differs:\n%s\n--- first ---\n%s", again, output)
		}
	})
}

func has(ds []diag.Diagnostic, code diag.Code) bool {
	return slices.ContainsFunc(ds, func(d diag.Diagnostic) bool { return d.Code == code })
}

func texts(items []*resourcelist.Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, text(i))
	}
	return out
}

// text leaves out blanks at the end, because the last item of an input gets a newline when something follows.
func text(i *resourcelist.Item) string { return strings.TrimRight(string(i.Text()), " \r\n") }

// mustKeepForeign wants the items that nobody claims in the output, in their order.
func mustKeepForeign(t *testing.T, in, out *resourcelist.List) {
	t.Helper()
	if !in.Cut() {
		return // written anew
	}
	left := texts(out.Items())
	for _, i := range in.Items() {
		a := i.Meta().Annotations
		if a[generators.AnnotationOwnedBy] != "" || a[generators.AnnotationAdopt] != "" {
			continue
		}
		at := slices.Index(left, text(i))
		if at < 0 {
			t.Fatalf("a foreign item is gone, has changed, or has moved:\n%s", i.Text())
		}
		left = left[at+1:]
	}
}
