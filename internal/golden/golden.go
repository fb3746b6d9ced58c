// SPDX-License-Identifier: Apache-2.0

// Package golden runs the cases of a folder, one directory each, through the function as a host would call it, and compares every
// byte that comes out with what a person has looked at before.
//
// A case has case.yaml (why it is there), input.yaml (the ResourceList that a host sends), maybe files/ (the kustomization root),
// and what must come out: want.yaml, or for a failure want.results.yaml, and want.stderr when there are errors or warnings.
package golden

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write the wanted output of golden cases anew; review it line by line")

// Files is how the function reads below the kustomization root.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// Func is the function under test: streams and files in, exit code out.
type Func func(stdin io.Reader, stdout, stderr io.Writer, files Files) int

// Case is one directory.
type Case struct {
	Name string `yaml:"-"`
	// Why says what would go unnoticed without the case.
	Why string `yaml:"why"`
	// Fails says that the exit code is 1. It is written by hand, so that an update cannot turn success into failure.
	Fails bool `yaml:"fails"`
	// Once says why the function, given its own output, does not yield it again.
	Once string `yaml:"once"`
	// Rewritten says why the output of a failure does not begin with the bytes of the input.
	Rewritten string `yaml:"rewritten"`
	// Missing are the files that the function asks for and that are not there.
	Missing []string `yaml:"missing"`
	// Rules are the numbers of the rules of the API that the case shows.
	Rules []int `yaml:"rules"`
	// PodSecurity is the level that the case's namespaces enforce when its output is applied; restricted where it is empty.
	PodSecurity string `yaml:"podSecurity"`

	dir string
}

// The files of a case.
const (
	caseFile    = "case.yaml"
	inputFile   = "input.yaml"
	filesDir    = "files"
	wantFile    = "want.yaml"
	resultsFile = "want.results.yaml"
	stderrFile  = "want.stderr"
)

// Load reads the cases below root, by name.
func Load(root string) ([]Case, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, e := range entries {
		c := Case{Name: e.Name(), dir: filepath.Join(root, e.Name())}
		if !e.IsDir() {
			return nil, fmt.Errorf("%s is not the directory of a case", c.dir)
		}
		text, err := os.ReadFile(filepath.Join(c.dir, caseFile))
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&c); err != nil {
			return nil, fmt.Errorf("read %s of case %s: %w", caseFile, c.Name, err)
		}
		if c.Why == "" {
			return nil, fmt.Errorf("case %s does not say why it is there", c.Name)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("no case below %s", root)
	}
	return cases, nil
}

// Input is what the host sends.
func (c Case) Input() ([]byte, error) { return os.ReadFile(filepath.Join(c.dir, inputFile)) }

// Output is what one run left.
type Output struct {
	Stdout, Stderr []byte
	Code           int
	// Read are the files that the function asked for.
	Read []string
}

// Run calls the function with an input, in the case's own files.
func (c Case) Run(f Func, input []byte) (Output, error) {
	var files recorder
	if root, err := os.OpenRoot(filepath.Join(c.dir, filesDir)); err == nil {
		defer root.Close()
		files.root = root
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Output{}, err
	}
	var stdout, stderr bytes.Buffer
	code := f(bytes.NewReader(input), &stdout, &stderr, &files)
	slices.Sort(files.read)
	return Output{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: code, Read: slices.Compact(files.read)}, nil
}

// recorder serves the case's files and remembers what was asked for.
type recorder struct {
	root *os.Root
	read []string
}

func (r *recorder) ReadFile(name string) ([]byte, error) {
	r.read = append(r.read, filepath.ToSlash(name))
	if r.root == nil {
		return nil, fs.ErrNotExist
	}
	return r.root.ReadFile(name)
}

// Run checks every case below root.
func Run(t *testing.T, root string, f Func) {
	t.Helper()
	cases, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			problems, err := c.Check(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
		})
	}
}

// Check runs the case and returns what is wrong with it; error is for cases that cannot be run.
func (c Case) Check(f Func) ([]string, error) {
	input, err := c.Input()
	if err != nil {
		return nil, err
	}
	first, err := c.Run(f, input)
	if err != nil {
		return nil, err
	}
	second, err := c.Run(f, input)
	if err != nil {
		return nil, err
	}
	problems := different("the same input a second time", first, second)
	if want := c.code(); first.Code != want {
		problems = append(problems, fmt.Sprintf("exit code %d, want %d; stderr:\n%s", first.Code, want, first.Stderr))
		return problems, nil // what came out is not what an update may bless
	}
	want := map[string][]byte{stderrFile: first.Stderr}
	if c.Fails {
		results, p := c.results(input, first.Stdout)
		want[resultsFile], problems = results, append(problems, p...)
	} else {
		want[wantFile] = first.Stdout
		p, err := c.again(f, first)
		if err != nil {
			return nil, err
		}
		problems = append(problems, p...)
	}
	p, err := c.compare(want)
	if err != nil {
		return nil, err
	}
	orphans, err := c.orphans(want, first.Read)
	return append(append(problems, p...), orphans...), err
}

func (c Case) code() int {
	if c.Fails {
		return 1
	}
	return 0
}

func different(what string, want, got Output) []string {
	if d := cmp.Diff(split(want), split(got)); d != "" {
		return []string{what + " gives another output (-first +second):\n" + d}
	}
	return nil
}

// split makes a diff show lines.
func split(o Output) map[string]any {
	return map[string]any{"stdout": lines(o.Stdout), "stderr": lines(o.Stderr), "code": o.Code}
}

func lines(text []byte) []string {
	var out []string
	for line := range bytes.Lines(text) {
		out = append(out, string(line))
	}
	return out
}

// again feeds the output back: a host that keeps it in the package must find the same at the next run.
func (c Case) again(f Func, first Output) ([]string, error) {
	if c.Once != "" {
		return nil, nil
	}
	second, err := c.Run(f, first.Stdout)
	if err != nil {
		return nil, err
	}
	return different("the function, given its own output,", first, second), nil
}

const resultsLine = "results:\n"

// results takes the results out of the output of a failure, which must be the input besides.
func (c Case) results(input, stdout []byte) ([]byte, []string) {
	if len(stdout) == 0 {
		return nil, nil
	}
	before, results, found := bytes.Cut(stdout, []byte("\n"+resultsLine))
	if !found {
		return nil, []string{"the output of a failure has no results:\n" + string(stdout)}
	}
	var problems []string
	if d := cmp.Diff(string(input), string(before)+"\n"); d != "" && c.Rewritten == "" {
		problems = append(problems, "the output of a failure is not the input with results (-input +output):\n"+d)
	}
	return results, problems
}

// compare holds the files of the case against what came out, or writes them with -update. Empty output has no file.
func (c Case) compare(got map[string][]byte) ([]string, error) {
	if *update {
		return c.write(got)
	}
	var problems []string
	for _, name := range []string{wantFile, resultsFile, stderrFile} {
		want, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if d := cmp.Diff(lines(want), lines(got[name])); d != "" {
			problems = append(problems, fmt.Sprintf("%s (-want +got):\n%s", name, d))
		}
	}
	return problems, nil
}

func (c Case) write(got map[string][]byte) ([]string, error) {
	if os.Getenv("CI") == "true" {
		return []string{"-update must not be used in CI, where nobody looks at what it writes"}, nil
	}
	for _, name := range []string{wantFile, resultsFile, stderrFile} {
		if err := Write(filepath.Join(c.dir, name), got[name]); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Write puts text into a file, in place of all that was there; an empty text has no file.
func Write(name string, text []byte) error {
	if len(text) > 0 {
		return os.WriteFile(name, text, 0o644)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// orphans are files of the case that nothing reads, and reads that the case does not know of.
func (c Case) orphans(got map[string][]byte, read []string) ([]string, error) {
	known := map[string]bool{caseFile: true, inputFile: true}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		known[name] = len(got[name]) > 0
	}
	var problems []string
	for _, name := range read {
		known[filesDir+"/"+name] = true
		_, err := os.Lstat(filepath.Join(c.dir, filesDir, filepath.FromSlash(name)))
		if missing := err != nil; missing != slices.Contains(c.Missing, name) {
			problems = append(problems, fmt.Sprintf("the function asked for %q, which is in files/ or under missing, not in both", name))
		}
	}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(c.dir, path)
		if name = filepath.ToSlash(name); err == nil && !known[name] {
			problems = append(problems, "nothing reads "+name)
		}
		return err
	})
	return problems, err
}

// Text compares text with one file, or writes it with -update.
func Text(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if os.Getenv("CI") == "true" {
			t.Fatal("-update must not be used in CI, where nobody looks at what it writes")
		}
		if err := Write(name, got); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(lines(want), lines(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}
