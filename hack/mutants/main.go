// SPDX-License-Identifier: Apache-2.0

// Command mutants judges reports of gremlins: it fails when the tests let too many mutants live, when a survivor is not in the list of
// those that may live, and when one of the list lives no longer.
//
// Usage, in the folder that gremlins saw: mutants SURVIVORS REPORTS. SURVIVORS is the list; REPORTS is a folder with a file
// PACKAGE.json for each package.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// leastEfficacy is how many of a hundred mutants that a test runs through must be found, in each package.
const leastEfficacy = 85

// mutant is a place in the code and what was done there. The line is its text, not its number, so that the list outlives edits.
type mutant struct {
	File, Mutator, Line string
}

func (m mutant) String() string { return fmt.Sprintf("%s: %s: %s", m.File, m.Mutator, m.Line) }

// survivor is a mutant that may live.
type survivor struct {
	File    string `yaml:"file"`
	Mutator string `yaml:"mutator"`
	Line    string `yaml:"line"`
	// Count is how many live on lines with this text; 0 means 1.
	Count  int    `yaml:"count"`
	Reason string `yaml:"reason"`
}

// report is what gremlins writes about a package.
type report struct {
	Files []struct {
		// Name is below the package.
		Name      string `json:"file_name"`
		Mutations []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
			Line   int    `json:"line"`
		} `json:"mutations"`
	} `json:"files"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: mutants SURVIVORS REPORTS")
		os.Exit(2)
	}
	list, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = judge(os.Stdout, os.DirFS("."), list, os.DirFS(os.Args[2]))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// judge prints a line for each package, and returns all that is wrong.
func judge(w io.Writer, tree fs.FS, list []byte, reports fs.FS) error {
	allowed, err := parseList(list)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "package\tefficacy\tkilled\tlived\ttimed out\tnot covered")
	var wrong []error
	packages := 0
	err = fs.WalkDir(reports, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		packages++
		pkg := strings.TrimSuffix(name, ".json")
		count, open, err := read(tree, reports, pkg)
		if err != nil {
			return err
		}
		efficacy := 100 * float64(count["KILLED"]) / float64(max(1, count["KILLED"]+count["LIVED"]))
		fmt.Fprintf(table, "%s\t%.1f %%\t%d\t%d\t%d\t%d\n", pkg, efficacy, count["KILLED"], count["LIVED"], count["TIMED OUT"], count["NOT COVERED"])
		if efficacy < leastEfficacy {
			wrong = append(wrong, fmt.Errorf("%s: the efficacy must be %d %% or more", pkg, leastEfficacy))
		}
		wrong = append(wrong, compare(pkg, allowed, open)...)
		return nil
	})
	if packages == 0 {
		wrong = append(wrong, errors.New("no report"))
	}
	return errors.Join(append(wrong, err, table.Flush())...)
}

// parseList reads the list, and refuses an entry that gives no reason or stands twice.
func parseList(list []byte) (map[mutant]int, error) {
	var entries []survivor
	decoder := yaml.NewDecoder(bytes.NewReader(list))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list of survivors: %w", err)
	}
	allowed := map[mutant]int{}
	for _, e := range entries {
		m := mutant{e.File, e.Mutator, e.Line}
		switch {
		case e.Reason == "":
			return nil, fmt.Errorf("%s: must have a reason", m)
		case allowed[m] > 0:
			return nil, fmt.Errorf("%s: must stand once, with a count", m)
		}
		allowed[m] = max(1, e.Count)
	}
	return allowed, nil
}

// read counts the mutants of a package by what became of them, and by their place those that no test found: what timed out, too, may
// be a survivor that a busy machine did not finish.
func read(tree, reports fs.FS, pkg string) (count map[string]int, open map[mutant]int, err error) {
	data, err := fs.ReadFile(reports, pkg+".json")
	if err != nil {
		return nil, nil, err
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, nil, fmt.Errorf("report of %s: %w", pkg, err)
	}
	count, open = map[string]int{}, map[mutant]int{}
	for _, f := range r.Files {
		name := path.Join(pkg, f.Name)
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, nil, err
		}
		lines := strings.Split(string(source), "\n")
		for _, m := range f.Mutations {
			count[m.Status]++
			if m.Status != "LIVED" && m.Status != "TIMED OUT" {
				continue
			}
			if m.Line < 1 || m.Line > len(lines) {
				return nil, nil, fmt.Errorf("report of %s: %s has no line %d", pkg, name, m.Line)
			}
			open[mutant{name, m.Type, strings.TrimSpace(lines[m.Line-1])}]++
		}
	}
	return count, open, nil
}

// compare holds the mutants of a package that no test found against the list.
func compare(pkg string, allowed, open map[mutant]int) []error {
	var wrong []string
	for m, n := range open {
		if n > allowed[m] {
			wrong = append(wrong, fmt.Sprintf("%s: %d survive or time out, %d may: write a test, or name the mutant with its reason", m, n, allowed[m]))
		}
	}
	for m, n := range allowed {
		if path.Dir(m.File) == pkg && n > open[m] {
			wrong = append(wrong, fmt.Sprintf("%s: %d survive or time out, the list says %d: correct it", m, open[m], n))
		}
	}
	slices.Sort(wrong)
	var errs []error
	for _, w := range wrong {
		errs = append(errs, errors.New(w))
	}
	return errs
}
