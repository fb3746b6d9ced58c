// SPDX-License-Identifier: Apache-2.0

// Package hosts_test runs the function under the hosts that people use: a real kustomize and a real kpt, on scripts that say
// what a user would type. What a host does with the function's output is decided there, and nowhere in this repository.
package hosts_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/restate-integration/restate-integration/internal/cli"
)

var update = flag.Bool("update", false, "write what the hosts print into the scripts")

// TestMain puts this very binary on PATH under the function's name. The hosts look it up there, so that the code under test is
// what they run and nothing has to be built first.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"restate-integration": func() {
			os.Exit(cli.Main(os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, "test"))
		},
	})
}

func TestKustomize(t *testing.T) {
	run(t, scripts(t, "kustomize"))
}

// TestKpt needs a kpt on PATH: it is the one tool that the project does not install.
func TestKpt(t *testing.T) {
	files := scripts(t, "kpt")
	if _, err := exec.LookPath("kpt"); err != nil {
		var names []string
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			names = append(names, name)
			t.Run(name, func(t *testing.T) { t.Skip("kpt is not on PATH") })
		}
		fmt.Fprintf(os.Stderr, "test/hosts: kpt is not on PATH, skipped %d cases: %s\n", len(names), strings.Join(names, ", "))
		return
	}
	run(t, files)
}

func scripts(t *testing.T, host string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", host, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts of %s: %v", host, err)
	}
	return files
}

func run(t *testing.T, files []string) {
	t.Helper()
	pinned(t)
	testscript.Run(t, testscript.Params{
		Files:              files,
		Setup:              setup,
		Cmds:               commands,
		UpdateScripts:      *update,
		RequireUniqueNames: true,
	})
}

// pinned is the path of the pinned kustomize. One that happens to be on PATH would not do: its output differs between versions.
func pinned(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath(os.Getenv("KUSTOMIZE"))
	if err != nil {
		t.Fatalf("KUSTOMIZE does not name the pinned kustomize (%v): run make test", err)
	}
	return path
}

// examples are those that the scripts use.
var examples = []string{"quickstart", "environments", "flux"}

// setup gives each script the examples, and a home of its own: kpt reads and writes one.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	env.Setenv("HOME", home)
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	for _, name := range examples {
		if err := os.CopyFS(filepath.Join(env.WorkDir, name), os.DirFS(filepath.Join("..", "..", "examples", name))); err != nil {
			return err
		}
	}
	return nil
}
