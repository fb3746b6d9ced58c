// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"restate-integration": func() {
			os.Exit(Main(os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, "v9.8.7"))
		},
	})
}

// TestScripts runs the command as a process: its exit code, its streams, its working directory and its terminal are real.
//
// Besides the commands of testscript, the scripts have
//
//	fill FILE...     puts the secrets of setup into the place of their names: $RESTATE_KEY and so on
//	hook ID FILE...  runs a hook of .pre-commit-hooks.yaml as pre-commit does, on those of the files that it wants
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Setup: setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"fill": fill, "hook": hook},
	})
}

// setup gives each script the encrypted fixtures, the quickstart, and secrets that look real and were made up for this run.
func setup(env *testscript.Env) error {
	user, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	seed, err := user.Seed()
	if err != nil {
		return err
	}
	env.Setenv("RESTATE_KEY", "key_"+rand.Text()[:23]+"."+rand.Text()+rand.Text())
	env.Setenv("AGE_IDENTITY", "AGE-SECRET-KEY-1"+rand.Text()+rand.Text())
	env.Setenv("NKEY_SEED", string(seed))
	env.Setenv("PEM_LINE", "-----BEGIN PRIVATE"+" KEY-----")
	if err := os.CopyFS(filepath.Join(env.WorkDir, "fixtures"), os.DirFS("../sopsfile/testdata")); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(env.WorkDir, "quickstart"), os.DirFS("../../examples/quickstart"))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, file := range args {
		text := ts.ReadFile(file)
		for _, name := range []string{"RESTATE_KEY", "AGE_IDENTITY", "NKEY_SEED", "PEM_LINE"} {
			text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
		}
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

func hook(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: hook ID FILE...")
	}
	manifest, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	ts.Check(err)
	var hooks []struct{ ID, Entry, Files, Language string }
	ts.Check(yaml.Unmarshal(manifest, &hooks))
	for _, h := range hooks {
		if h.ID != args[0] {
			continue
		}
		command := strings.Fields(h.Entry)
		for _, file := range args[1:] {
			if regexp.MustCompile(h.Files).MatchString(file) {
				command = append(command, file)
			}
		}
		if err := ts.Exec(command[0], command[1:]...); (err != nil) != neg {
			ts.Fatalf("%q: %v", command, err)
		}
		return
	}
	ts.Fatalf("no hook %s", args[0])
}
