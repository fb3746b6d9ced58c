// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/diff"
)

// change is an object that came, went or is another.
type change struct{ object, how, lines string }

func compare(was, is map[string]string) []change {
	all := maps.Clone(was)
	maps.Copy(all, is)
	var out []change
	for _, object := range sortedKeys(all) {
		before, old := was[object]
		after, kept := is[object]
		switch {
		case !old:
			out = append(out, change{object, "+", ""})
		case !kept:
			out = append(out, change{object, "-", ""})
		case before != after:
			out = append(out, change{object, "~", string(diff.Diff("release", []byte(before+"\n"), "now", []byte(after+"\n")))})
		}
	}
	return out
}

// entry is a line of the section: - `case`, `case`: reason
var entry = regexp.MustCompile("^- ((?:`[^`]+`(?:, )?)+): *(.*)$")

// changedOutput reads the cases that the CHANGELOG names under Unreleased / Changed output, each with its reason.
func changedOutput(changelog string) (listed map[string]string, problems []string) {
	listed = map[string]string{}
	_, unreleased, _ := strings.Cut(changelog, "\n## Unreleased\n")
	unreleased, _, _ = strings.Cut(unreleased, "\n## ")
	_, section, _ := strings.Cut(unreleased, "\n### Changed output\n")
	section, _, _ = strings.Cut(section, "\n### ")
	for line := range strings.Lines(section) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "  ") {
			continue // the rest of an entry
		}
		match := entry.FindStringSubmatch(line)
		if match == nil || match[2] == "" {
			problems = append(problems, fmt.Sprintf("CHANGELOG, Changed output: write - `case`, `case`: reason, not %q", line))
			continue
		}
		for name := range strings.SplitSeq(match[1], ", ") {
			listed[strings.Trim(name, "`")] = match[2]
		}
	}
	return listed, problems
}

// judge holds what differs against what is listed.
func judge(version string, cases []string, differs map[string][]change, listed map[string]string) []string {
	var out []string
	for _, name := range cases {
		_, named := listed[name]
		switch changes := differs[name]; {
		case len(changes) > 0 && !named:
			text := fmt.Sprintf("%s: the output is another than that of %s. If it is meant, name %s with the reason in the CHANGELOG under Unreleased, Changed output:\n", name, version, name)
			for _, c := range changes {
				text += c.how + " " + c.object + "\n" + c.lines
			}
			out = append(out, text)
		case len(changes) == 0 && named:
			out = append(out, fmt.Sprintf("%s: the CHANGELOG names it under Changed output, and the output is that of %s: remove it there", name, version))
		}
	}
	for _, name := range sortedKeys(listed) {
		if !slices.Contains(cases, name) {
			out = append(out, fmt.Sprintf("%s: the CHANGELOG names it under Changed output, and %s has no such case", name, version))
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func TestCompare(t *testing.T) {
	was := map[string]string{"ConfigMap a": "data: 1\n", "ConfigMap b": "data: 1\n", "ConfigMap c": "data: 1\n"}
	is := map[string]string{"ConfigMap a": "data: 1\n", "ConfigMap b": "data: 2\n", "ConfigMap d": "data: 1\n"}
	got := compare(was, is)
	for i := range got {
		if got[i].how == "~" && (!strings.Contains(got[i].lines, "\n-data: 1\n") || !strings.Contains(got[i].lines, "\n+data: 2\n")) {
			t.Errorf("the lines of %s are not shown: %s", got[i].object, got[i].lines)
		}
		got[i].lines = ""
	}
	want := []change{{"ConfigMap b", "~", ""}, {"ConfigMap c", "-", ""}, {"ConfigMap d", "+", ""}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(change{})); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if got := compare(was, nil); len(got) != 3 {
		t.Errorf("a case that is refused has lost %d of 3 objects", len(got))
	}
}

func TestChangedOutput(t *testing.T) {
	const head = "# Changelog\n\n## Unreleased\n\n### Added\n\n- `none`: is another section\n\n"
	cases := []struct {
		reason, changelog string
		want              map[string]string
		problems          int
	}{
		{"no section", head, map[string]string{}, 0},
		{"one case", head + "### Changed output\n\n- `a`: a new label\n", map[string]string{"a": "a new label"}, 0},
		{"two cases of one reason, on two lines", head + "### Changed output\n\n- `a`, `b`: a new\n  label\n", map[string]string{"a": "a new", "b": "a new"}, 0},
		{"the section ends with the next", head + "### Changed output\n\n- `a`: x\n\n### Fixed\n\n- `b`: y\n", map[string]string{"a": "x"}, 0},
		{"the section of a release before", head + "## 0.1.0\n\n### Changed output\n\n- `a`: x\n", map[string]string{}, 0},
		{"no reason", head + "### Changed output\n\n- `a`:\n", map[string]string{}, 1},
		{"no case", head + "### Changed output\n\n- a new label\n", map[string]string{}, 1},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			got, problems := changedOutput(c.changelog)
			if d := cmp.Diff(c.want, got); d != "" || len(problems) != c.problems {
				t.Errorf("listed (-want +got):\n%sproblems: %v", d, problems)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	differs := map[string][]change{"a": {{"ConfigMap x", "~", "-1\n+2\n"}, {"Secret y", "-", ""}}, "b": nil}
	cases := []struct {
		reason string
		listed map[string]string
		want   []string
	}{
		{"a difference that is listed", map[string]string{"a": "x"}, nil},
		{"a difference that is not", nil, []string{"a: the output is another than that of 1.2.3. If it is meant, name a with the reason in the CHANGELOG under Unreleased, Changed output:\n~ ConfigMap x\n-1\n+2\n- Secret y\n"}},
		{"a name that does not differ", map[string]string{"a": "x", "b": "x"}, []string{"b: the CHANGELOG names it under Changed output, and the output is that of 1.2.3: remove it there"}},
		{"a name of nothing", map[string]string{"a": "x", "c": "x"}, []string{"c: the CHANGELOG names it under Changed output, and 1.2.3 has no such case"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			if d := cmp.Diff(c.want, judge("1.2.3", []string{"a", "b"}, differs, c.listed)); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
