// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

const source = "package a\n\nfunc f(i int) bool {\n\treturn i < 1\n}\n\nfunc g(i int) bool {\n\treturn i < 1\n}\n"

// reportOf has a number of killed mutants, and survivors on the lines.
func reportOf(killed int, lived ...int) string {
	mutations := strings.Repeat(`{"type": "CONDITIONALS_NEGATION", "status": "KILLED", "line": 4}, `, killed)
	for _, line := range lived {
		mutations += fmt.Sprintf(`{"type": "CONDITIONALS_BOUNDARY", "status": "LIVED", "line": %d}, `, line)
	}
	return `{"files": [{"file_name": "a.go", "mutations": [` + mutations + `{"type": "ARITHMETIC_BASE", "status": "NOT COVERED", "line": 4}]}]}`
}

const named = `- {file: internal/a/a.go, mutator: CONDITIONALS_BOUNDARY, line: "return i < 1", reason: i is never 1}`

func TestJudge(t *testing.T) {
	cases := []struct {
		reason, list, report, want string
	}{
		{"nobody survives", "", reportOf(1), ""},
		{"a survivor that may", named, reportOf(20, 4), ""},
		{"two with the same line, counted", strings.Replace(named, "reason", "count: 2, reason", 1), reportOf(20, 4, 8), ""},
		{"an entry of a package that was not looked at", strings.Replace(named, "internal/a/", "b/", 1), reportOf(1), ""},
		{"a survivor that nobody named", "", reportOf(20, 4), "internal/a/a.go: CONDITIONALS_BOUNDARY: return i < 1: 1 survive or time out, 0 may"},
		{"one that timed out", "", strings.Replace(reportOf(20, 4), "LIVED", "TIMED OUT", 1), "1 survive or time out, 0 may"},
		{"one more than named", named, reportOf(20, 4, 8), "2 survive or time out, 1 may"},
		{"an entry that survives no longer", named, reportOf(20), "0 survive or time out, the list says 1"},
		{"an entry that was killed in one of two places", strings.Replace(named, "reason", "count: 2, reason", 1), reportOf(20, 4), "1 survive or time out, the list says 2"},
		{"an entry that names another line", strings.Replace(named, "i < 1", "i < 2", 1), reportOf(20, 4), "return i < 2: 0 survive or"},
		{"an efficacy below the least", named, reportOf(5, 4), "internal/a: the efficacy must be 85 % or more"},
		{"no mutant at all", "", reportOf(0), "internal/a: the efficacy must be"},
		{"an entry without reason", strings.Replace(named, ", reason: i is never 1", "", 1), reportOf(20, 4), "must have a reason"},
		{"an entry that stands twice", named + "\n" + named, reportOf(20, 4), "must stand once"},
		{"an entry with a field that means nothing", strings.Replace(named, "reason", "why", 1), reportOf(20, 4), "why"},
		{"a report about other code", "", reportOf(20, 99), "a.go has no line 99"},
		{"a report that is no JSON", "", "{", "report of internal/a: "},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			tree := fstest.MapFS{"internal/a/a.go": {Data: []byte(source)}}
			reports := fstest.MapFS{"internal/a.json": {Data: []byte(c.report)}}
			err := judge(&bytes.Buffer{}, tree, []byte(c.list), reports)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("must say %q, got %v", c.want, err)
			}
		})
	}
	t.Run("no report", func(t *testing.T) {
		if err := judge(&bytes.Buffer{}, fstest.MapFS{}, nil, fstest.MapFS{}); err == nil || err.Error() != "no report" {
			t.Errorf("must be refused, got %v", err)
		}
	})
}

func TestJudgePrintsTheFigures(t *testing.T) {
	var out bytes.Buffer
	tree := fstest.MapFS{"internal/a/a.go": {Data: []byte(source)}}
	err := judge(&out, tree, []byte(named), fstest.MapFS{"internal/a.json": {Data: []byte(reportOf(9, 4))}})
	if want := "internal/a  90.0 %    9       1      0          1\n"; err != nil || !strings.HasSuffix(out.String(), want) {
		t.Errorf("must end with %q, got %q and %v", want, out.String(), err)
	}
}
