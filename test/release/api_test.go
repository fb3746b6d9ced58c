// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// codes are those of the catalogue with their severity, a line each.
func codes(t *testing.T) string {
	t.Helper()
	return codesOf(read(t, root+"/docs/reference/diagnostics.md"))
}

func codesOf(catalogue string) string {
	var out strings.Builder
	for _, match := range regexp.MustCompile(`(?m)^\| \[(RI\d{4})\]\(#ri\d{4}\) \| (\w+) \|`).FindAllStringSubmatch(catalogue, -1) {
		fmt.Fprintln(&out, match[1], match[2])
	}
	return out.String()
}

// missingCodes are those that are gone or have another severity. What a code means is for its text to say.
func missingCodes(was, is string) []string {
	now := strings.Split(is, "\n")
	var out []string
	for line := range strings.SplitSeq(strings.TrimSuffix(was, "\n"), "\n") {
		if !slices.Contains(now, line) {
			out = append(out, fmt.Sprintf("a diagnostic code is gone or has another severity: %q", line))
		}
	}
	return out
}

// fields are those of the reference that are supported, a line each: path, type, default, values.
func fields(t *testing.T) string {
	t.Helper()
	return fieldsOf(read(t, root+"/docs/reference/spec.md"))
}

var (
	heading = regexp.MustCompile("^## `([^`]+)`$")
	field   = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]*) \\| (.*) \\|$")
	linked  = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	oneOf   = regexp.MustCompile("One of ((?:`[^`]+`(?:, )?)+)")
)

func fieldsOf(reference string) string {
	var out strings.Builder
	block := ""
	for line := range strings.SplitSeq(reference, "\n") {
		if match := heading.FindStringSubmatch(line); match != nil {
			block = match[1]
		}
		match := field.FindStringSubmatch(line)
		if match == nil || strings.Contains(match[4], "*Not supported yet*") {
			continue
		}
		values := ""
		if v := oneOf.FindStringSubmatch(match[4]); v != nil {
			values = v[1]
		}
		fmt.Fprintf(&out, "%s.%s\t%s\t%s\t%s\n", block, match[1], linked.ReplaceAllString(match[2], "$1"), match[3], values)
	}
	return out.String()
}

// brokenFields are those that are gone, or have another type, another default or fewer values. A field may stop to be required.
func brokenFields(was, is string) []string {
	now := map[string][]string{}
	for line := range strings.Lines(is) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		now[columns[0]] = columns
	}
	var out []string
	for line := range strings.Lines(was) {
		before := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		after := now[before[0]]
		switch {
		case after == nil:
			out = append(out, before[0]+" is gone")
		case before[1] != after[1]:
			out = append(out, fmt.Sprintf("%s is a %s, and was a %s", before[0], after[1], before[1]))
		case before[2] != after[2] && before[2] != "required":
			out = append(out, fmt.Sprintf("%s has the default %q, and had %q", before[0], after[2], before[2]))
		}
		for value := range strings.SplitSeq(before[3], ", ") {
			if after != nil && after[3] != "" && !slices.Contains(strings.Split(after[3], ", "), value) {
				out = append(out, fmt.Sprintf("%s no longer takes %s", before[0], value))
			}
		}
	}
	return out
}

// TestReferenceIsRead: a reference of another form would compare nothing with nothing.
func TestReferenceIsRead(t *testing.T) {
	if n := strings.Count(codes(t), "\n"); n < 90 {
		t.Errorf("found %d diagnostic codes only", n)
	}
	if n := strings.Count(fields(t), "\n"); n < 150 {
		t.Errorf("found %d fields only", n)
	}
	for _, want := range []string{"spec.cloud.region\tstring\trequired\t\n", "spec.deletionPolicy\tstring\t`Retain`\t`Retain`, `Delete`\n"} {
		if !strings.Contains(fields(t), want) {
			t.Errorf("did not find %q", want)
		}
	}
}

func TestMissingCodes(t *testing.T) {
	is := codesOf("| [RI0101](#ri0101) | error | unparsable input |\n| [RI0102](#ri0102) | warning | over a limit |\n")
	want := []string{`a diagnostic code is gone or has another severity: "RI0102 error"`, `a diagnostic code is gone or has another severity: "RI0103 error"`}
	if d := cmp.Diff(want, missingCodes("RI0101 error\nRI0102 error\nRI0103 error\n", is)); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestBrokenFields(t *testing.T) {
	const head = "## `spec.x`\n\n| Field | Type | Default | Meaning |\n|---|---|---|---|\n"
	was := fieldsOf(head + "| `a` | string | `A` | A is a letter. One of `A`, `B`. |\n| `later` | string |  | *Not supported yet*. Later. |\n")
	cases := []struct {
		reason, now string
		want        []string
	}{
		{"the same", "| `a` | string | `A` | Another text. One of `A`, `B`. |\n", nil},
		{"more", "| `a` | string | `A` | A is a letter. One of `B`, `C`, `A`. |\n| `b` | string |  | B. |\n", nil},
		{"gone", "| `b` | string |  | B. |\n", []string{"spec.x.a is gone"}},
		{"not supported any more", "| `a` | string | `A` | *Not supported yet*. |\n", []string{"spec.x.a is gone"}},
		{"another type", "| `a` | [list](https://example.com) of string | `A` | A. One of `A`, `B`. |\n", []string{"spec.x.a is a list of string, and was a string"}},
		{"another default", "| `a` | string | `B` | A. One of `A`, `B`. |\n", []string{"spec.x.a has the default \"`B`\", and had \"`A`\""}},
		{"fewer values", "| `a` | string | `A` | A. One of `A`. |\n", []string{"spec.x.a no longer takes `B`"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			if d := cmp.Diff(c.want, brokenFields(was, fieldsOf(head+c.now))); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
