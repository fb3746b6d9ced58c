// SPDX-License-Identifier: Apache-2.0

package sops_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// TestSeal goes through the life of a Secret: sealed by us, edited by sops, rotated by us, and back. After each step sops decrypts it
// and verifies its MAC.
func TestSeal(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		w.remove(secretFile)

		first := apiKey()
		w.ours(first, "seal", "--from-stdin", "tunnel")
		w.holds(map[string]string{"token": first})
		s := sopsfile.ReadFile(secretFile, []byte(w.read(secretFile)))
		if d := cmp.Diff(k.recipients, s.Recipients); d != "" || len(s.Problems) != 0 || s.MACOnly != macOnly {
			t.Errorf("mac only %t; problems %v; recipients (-want +got):\n%s", s.MACOnly, s.Problems, d)
		}

		second := apiKey()
		w.sops("set", secretFile, `["stringData"]["note"]`, `"a note of sops"`)
		w.ours(second, "rotate", "tunnel", "--from-stdin")
		w.holds(map[string]string{"token": second, "note": "a note of sops"})

		w.edits("s/note of sops/note of an editor/")
		w.holds(map[string]string{"token": second, "note": "a note of an editor"})
		w.ours("", "status")
		w.ours("", "verify", "--decrypt")

		w.sops("rotate", "--in-place", secretFile)
		third := apiKey()
		w.ours(third, "rotate", "tunnel", "--from-stdin")
		w.holds(map[string]string{"token": third, "note": "a note of an editor"})
	})
}

// TestRotateKeepsTheRest: three lines of the file change, as with sops set: the value, the time and the MAC.
func TestRotateKeepsTheRest(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		before := w.read(secretFile)
		w.ours(apiKey(), "rotate", "tunnel", "--from-stdin")
		was, is := strings.Split(before, "\n"), strings.Split(w.read(secretFile), "\n")
		if len(was) != len(is) {
			t.Fatalf("%d lines became %d", len(was), len(is))
		}
		for i := range was {
			field, _, _ := strings.Cut(strings.TrimSpace(was[i]), ":")
			// The time has a resolution of a second, so that it may be the same.
			if was[i] != is[i] && field != "token" && field != "lastmodified" && field != "mac" {
				t.Errorf("another line changed: %s", was[i])
			}
			if was[i] == is[i] && (field == "token" || field == "mac") {
				t.Errorf("%s did not change", field)
			}
		}
	})
}

// TestRecipients: sops adds a recipient to what we sealed, and we take it away again. The values and their MAC are not touched.
func TestRecipients(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		w.remove(secretFile)
		key := apiKey()
		w.ours(key, "seal", "--from-stdin", "tunnel")
		sealed := w.read(secretFile)

		id, identity := x25519Key(t)
		added := w
		if k.threshold == 1 {
			added.env = ageEnv(t, identity)
		}
		w.write(".sops.yaml", strings.Replace(rules(k, macOnly), k.rule, withRecipient(k.rule, id), 1))
		w.sops("updatekeys", "--yes", secretFile)
		added.holds(map[string]string{"token": key})
		w.same(sealed, "after sops updatekeys")
		w.ours("", "status")

		w.write(".sops.yaml", rules(k, macOnly))
		w.ours("", "rotate", "--recipients")
		w.holds(map[string]string{"token": key})
		w.same(sealed, "after rotate --recipients")
		if strings.Contains(w.read(secretFile), id) {
			t.Error("the recipient is still there")
		}
		if k.threshold == 1 && added.decrypts(secretFile) == nil {
			t.Error("the recipient can still decrypt it")
		}
	})
}

// withRecipient adds one of age to a rule, in its last group where there are several.
func withRecipient(rule, id string) string {
	switch {
	case strings.HasPrefix(rule, "age: "):
		return rule + "," + id
	case strings.Contains(rule, "key_groups"):
		return strings.Replace(rule, "]}]", ", "+id+"]}]", 1)
	}
	return rule + "\n    age: " + id
}

// apiKey has the form of a key of Restate Cloud, and opens nothing.
func apiKey() string { return "key_" + rand.Text()[:23] + "." + rand.Text() }

// ours runs the program that seals, with a value on its standard input.
func (w workspace) ours(value string, args ...string) {
	w.t.Helper()
	out, errs, err := w.try(value, "restate-integration-secrets", args...)
	if err != nil {
		w.t.Fatalf("restate-integration-secrets %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	if value != "" && strings.Contains(out+errs, value) {
		w.t.Errorf("restate-integration-secrets %s prints the value", strings.Join(args, " "))
	}
}

// edits runs sops edit with an editor that makes one change.
func (w workspace) edits(script string) {
	w.t.Helper()
	w.env = append([]string{"SOPS_EDITOR=sed -i '" + script + "'"}, w.env...)
	w.sops("edit", secretFile)
}

// holds compares what sops decrypts, after it has verified the MAC.
func (w workspace) holds(want map[string]string) {
	w.t.Helper()
	if d := cmp.Diff(want, w.values(secretFile)); d != "" {
		w.t.Errorf("sops decrypts something else (-want +got):\n%s", d)
	}
}

// values is what sops decrypts of a Secret, after it has verified the MAC.
func (w workspace) values(file string) map[string]string {
	w.t.Helper()
	var secret struct {
		StringData map[string]string `yaml:"stringData"`
	}
	if err := yaml.Unmarshal([]byte(w.sops("decrypt", file)), &secret); err != nil {
		w.t.Fatal(err)
	}
	return secret.StringData
}

// same compares values, time and MAC with those of an earlier text of the file.
func (w workspace) same(before, when string) {
	w.t.Helper()
	was, is := sopsfile.ReadFile(secretFile, []byte(before)), sopsfile.ReadFile(secretFile, []byte(w.read(secretFile)))
	if d := cmp.Diff(was.Keys, is.Keys); d != "" || was.MAC != is.MAC || was.LastModified != is.LastModified {
		w.t.Errorf("%s the values or their MAC changed (-before +after):\n%s", when, d)
	}
}
