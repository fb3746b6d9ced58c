// SPDX-License-Identifier: Apache-2.0

package hosts_test

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// commands are what the scripts have besides those of testscript.
//
//	kustomize ARG...      the pinned kustomize
//	build DIR             kustomize build with the two flags without which it runs no function
//	kpt ARG...
//	render ARG...         kpt fn render --allow-exec --truncate-output=false
//	said                  prints what the function said on stderr: all but the host's own last line
//	copytree SRC DST      copies a directory
//	objects FILE          prints kind, namespace and name of each object of a YAML stream; of a directory, its files
//	object FILE KIND ID   prints one object of a YAML stream; ID is namespace/name, or the name alone
//	changes OLD NEW SKIP...
//	                      prints what differs: each object that came, went or changed, with its lines; of two directories, each
//	                      file. Files of the names SKIP are left out: newer versions of kpt keep the state of a run in the Kptfile
//
// FILE, OLD and NEW may be stdout, the output of the command before.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"kustomize": func(ts *testscript.TestScript, neg bool, args []string) { host(ts, neg, os.Getenv("KUSTOMIZE"), args) },
	"build": func(ts *testscript.TestScript, neg bool, args []string) {
		host(ts, neg, os.Getenv("KUSTOMIZE"), append([]string{"build", "--enable-alpha-plugins", "--enable-exec"}, args...))
	},
	"kpt": func(ts *testscript.TestScript, neg bool, args []string) { host(ts, neg, "kpt", args) },
	"render": func(ts *testscript.TestScript, neg bool, args []string) {
		host(ts, neg, "kpt", append([]string{"fn", "render", "--allow-exec", "--truncate-output=false"}, args...))
	},
	"said":     said,
	"copytree": copytree,
	"objects":  objects,
	"object":   object,
	"changes":  changes,
}

// host runs a host and keeps what it prints for the commands that follow.
func host(ts *testscript.TestScript, neg bool, name string, args []string) {
	switch err := ts.Exec(name, args...); {
	case err == nil && neg:
		ts.Fatalf("unexpected success")
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	}
}

func said(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: said")
	}
	out := output(ts)
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if !strings.HasPrefix(line, "Error: ") {
			fmt.Fprint(out, line)
		}
	}
}

// output replaces what the command before has printed. Its stderr stays: a script may ask for both.
func output(ts *testscript.TestScript) io.Writer {
	fmt.Fprint(ts.Stderr(), ts.ReadFile("stderr"))
	return ts.Stdout()
}

func copytree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copytree SRC DST")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

func objects(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: objects FILE")
	}
	out := output(ts)
	for _, key := range keys(parts(ts, args[0])) {
		fmt.Fprintln(out, key)
	}
}

func object(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: object FILE KIND ID")
	}
	out := output(ts)
	text, found := parts(ts, args[0])[args[1]+" "+args[2]]
	if !found {
		ts.Fatalf("%s has no %s %s", args[0], args[1], args[2])
	}
	fmt.Fprint(out, text)
}

func changes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: changes OLD NEW SKIP...")
	}
	out := output(ts)
	before, after := parts(ts, args[0], args[2:]...), parts(ts, args[1], args[2:]...)
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, key := range keys(all) {
		was, old := before[key]
		is, kept := after[key]
		switch {
		case !old:
			fmt.Fprintln(out, "+", key)
		case !kept:
			fmt.Fprintln(out, "-", key)
		case was != is:
			fmt.Fprintln(out, "~", key)
			for line := range strings.Lines(string(diff.Diff("", []byte(was), "", []byte(is)))) {
				if strings.ContainsAny(line[:1], "+-") && !strings.HasPrefix(line, "+++ ") && !strings.HasPrefix(line, "--- ") {
					fmt.Fprint(out, line)
				}
			}
		}
	}
}

func keys(parts map[string]string) []string { return slices.Sorted(maps.Keys(parts)) }

// parts splits a YAML stream into its objects, and a directory into its files.
func parts(ts *testscript.TestScript, name string, skip ...string) map[string]string {
	out := map[string]string{}
	dir := ts.MkAbs(name)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		ts.Check(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || slices.Contains(skip, entry.Name()) {
				return err
			}
			file, err := filepath.Rel(dir, path)
			out[filepath.ToSlash(file)] = ts.ReadFile(path)
			return err
		}))
		return out
	}
	for text := range strings.SplitSeq(ts.ReadFile(name), "\n---\n") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		n, err := yaml.Parse(text)
		ts.Check(err)
		id := n.GetName()
		if ns := n.GetNamespace(); ns != "" {
			id = ns + "/" + id
		}
		key := n.GetKind() + " " + id
		if _, twice := out[key]; twice {
			ts.Fatalf("%s has %s twice", name, key)
		}
		out[key] = strings.TrimSuffix(text, "\n") + "\n"
	}
	return out
}
