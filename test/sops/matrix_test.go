// SPDX-License-Identifier: Apache-2.0

package sops_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// macs are the two kinds of MAC; mac-only is what we ask for.
var macs = []struct {
	name    string
	macOnly bool
}{{"mac-only", true}, {"default MAC", false}}

// matrix runs a test for each kind of recipient with each kind of MAC.
func matrix(t *testing.T, test func(t *testing.T, k keyring, macOnly bool)) {
	for _, k := range keyrings(t) {
		for _, mac := range macs {
			t.Run(k.name+"/"+mac.name, func(t *testing.T) {
				t.Parallel()
				test(t, k, mac.macOnly)
			})
		}
	}
}

// TestRead: what sops wrote is read without its key, and says who can decrypt it.
func TestRead(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		s := sopsfile.ReadFile(secretFile, []byte(w.read(secretFile)))
		if len(s.Problems) != 0 {
			t.Errorf("problems: %v", s.Problems)
		}
		if d := cmp.Diff(k.recipients, s.Recipients); d != "" || s.Threshold != k.threshold {
			t.Errorf("threshold %d, want %d; recipients (-want +got):\n%s", s.Threshold, k.threshold, d)
		}
		if s.MACOnly != macOnly || s.MAC == "" || s.LastModified == "" {
			t.Errorf("mac only %t, MAC %q, last modified %q", s.MACOnly, s.MAC, s.LastModified)
		}
		for _, key := range []string{"note", "token"} {
			if s.Keys[key].Digest == "" {
				t.Errorf("no digest of %s", key)
			}
		}
		if err := w.decrypts(secretFile); err != nil {
			t.Error(err)
		}
		if k.less != nil {
			w.env = k.less
			if err := w.decrypts(secretFile); err == nil {
				t.Error("sops decrypts with too few keys: the groups mean nothing")
			}
		}
	})
}

// TestFunctionPassesOn: the item that the function yields has the bytes of the file, whatever they are.
func TestFunctionPassesOn(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		item, ds := passedOn(t, w)
		if diag.HasError(ds) {
			t.Fatalf("the function says %v", ds)
		}
		if item != w.read(secretFile) {
			t.Errorf("the item is not the file, but\n%s", item)
		}
		if !macOnly {
			w.write("integration.yaml", integration(true))
			if _, ds := passedOn(t, w); !has(ds, diag.NotMACOnly) {
				t.Errorf("a MAC over the metadata is not refused: %v", ds)
			}
		}
	})
}

// passedOn runs the function as kustomize does for a generator, and returns the Secret among its items as it would stand in a file.
func passedOn(t *testing.T, w workspace) (string, []diag.Diagnostic) {
	t.Helper()
	files, err := os.OpenRoot(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	config := indent(w.read("integration.yaml"))
	output, ds := fn.Run([]byte("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n"+config), files)
	_, items, _ := strings.Cut(string(output), "\nitems:\n")
	for item := range strings.SplitSeq("\n"+items, "\n- ") {
		if strings.Contains(item, "\n  kind: Secret\n") {
			item, _, _ = strings.Cut(item, "\nfunctionConfig:")
			return strings.ReplaceAll(item, "\n  ", "\n") + "\n", ds
		}
	}
	return "", ds
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

func has(ds []diag.Diagnostic, code diag.Code) bool {
	for _, d := range ds {
		if d.Code == code {
			return true
		}
	}
	return false
}

// transformer asks for every integration among the resources.
const transformer = `apiVersion: v1
kind: ConfigMap
metadata:
  name: restate-integration
  annotations:
    config.kubernetes.io/function: |
      exec: {path: restate-integration}
`

// TestKustomize: sops still decrypts and verifies what kustomize makes of the function's output, and of its input, when the MAC covers
// the encrypted values alone. A MAC over the metadata breaks as soon as kustomize adds a label; so it is refused by default.
func TestKustomize(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		for name, secret := range kustomized(w, macOnly) {
			w.write(name, secret)
			if err := verdict(w, name, macOnly || name != "labelled.yaml"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// kustomized is the Secret after each form of the function, and after a label.
func kustomized(w workspace, macOnly bool) map[string]string {
	w.t.Helper()
	files := map[string]string{"generator.yaml": object(w.t, w.build("."), "Secret")}
	w.write("integration.yaml", strings.Replace(integration(macOnly), "{files: ["+secretFile+"]}", "{}", 1))
	w.write("transformer.yaml", transformer)
	const kustomization = "resources:\n- integration.yaml\n- " + secretFile + "\ntransformers:\n- transformer.yaml\n"
	w.write("kustomization.yaml", kustomization)
	files["transformer.yaml"] = object(w.t, w.build("."), "Secret")
	w.write("kustomization.yaml", kustomization+"labels:\n- pairs: {team: payments}\n")
	files["labelled.yaml"] = object(w.t, w.build("."), "Secret")
	return files
}

// TestOrder: kustomize writes keys in its own order, and the MAC covers values in the order of the file. What breaks a MAC over the
// encrypted values alone is what our check warns of.
func TestOrder(t *testing.T) {
	k := x25519(t)
	for _, tt := range []struct {
		reason    string
		from, to  string
		survives  bool // a MAC over all values does
		unordered bool // a MAC over the encrypted values alone does not
	}{
		{"the order of kustomize", "", "", true, false},
		{"type before metadata", "kind: Secret\n", "kind: Secret\ntype: Opaque\n", false, false},
		{"namespace before name", "  name: restate-identity\n  namespace: restate-operator\n", "  namespace: restate-operator\n  name: restate-identity\n", false, false},
		{"two keys", "stringData:\n", "stringData:\n  zone: a\n", false, true},
		{"stringData before data", "type: Opaque\n", "data:\n  a: YQ==\ntype: Opaque\n", false, true},
	} {
		for _, mac := range macs {
			t.Run(tt.reason+"/"+mac.name, func(t *testing.T) {
				t.Parallel()
				w := newWorkspace(t, k, mac.macOnly)
				plain := strings.Replace(plainSecret, tt.from, tt.to, 1)
				if strings.Count(plain, "type: Opaque\n") > 1 {
					plain = strings.TrimSuffix(plain, "type: Opaque\n")
				}
				w.write(secretFile, plain)
				w.sops("encrypt", "--in-place", secretFile)
				if err := w.decrypts(secretFile); err != nil {
					t.Fatal(err)
				}
				s := sopsfile.ReadFile(secretFile, []byte(w.read(secretFile)))
				if warned := has(s.Problems, diag.KeyOrder); warned != (tt.unordered && mac.macOnly) {
					t.Errorf("warned of the order: %t", warned)
				}
				w.write("generator.yaml", object(t, w.build("."), "Secret"))
				if err := verdict(w, "generator.yaml", tt.survives || mac.macOnly && !tt.unordered); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// verdict says what is wrong when sops does not verify a file that it should, or does verify one that it should not.
func verdict(w workspace, file string, valid bool) error {
	switch err := w.decrypts(file); {
	case valid:
		return err
	case err == nil:
		return fmt.Errorf("sops verifies a MAC that was thought broken")
	case !strings.Contains(err.Error(), "MAC mismatch"):
		return err
	}
	return w.decrypts(file, "--ignore-mac")
}

// TestKpt: kpt leaves the Secret in its place, so that either MAC holds, and the function finds its digest.
func TestKpt(t *testing.T) {
	if _, err := exec.LookPath("kpt"); err != nil {
		fmt.Fprintln(os.Stderr, "test/sops: kpt is not on PATH, skipped TestKpt")
		t.Skip("kpt is not on PATH")
	}
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newWorkspace(t, k, macOnly)
		w.write("Kptfile", `apiVersion: kpt.dev/v1
kind: Kptfile
metadata:
  name: pkg
  annotations:
    config.kubernetes.io/local-config: "true"
pipeline:
  mutators:
  - exec: restate-integration
    configPath: integration.yaml
`)
		w.write(".krmignore", ".sops.yaml\nkustomization.yaml\n")
		w.run("", "kpt", "fn", "render", "--allow-exec")
		if err := w.decrypts(secretFile); err != nil {
			t.Error(err)
		}
		want := sopsfile.ReadFile("", []byte(w.read(secretFile))).Keys["token"].Digest
		if got := digest(t, w.read("generated/prod/restatecloudenvironment-prod.yaml")); got != want {
			t.Errorf("digest %s, want %s", got, want)
		}
	})
}

// TestDigest: the pods restart when the value that they read was changed, and for nothing else that people do to a Secret.
func TestDigest(t *testing.T) {
	k := x25519(t)
	second, _ := x25519Key(t)
	for _, tt := range []struct {
		reason  string
		edit    func(w workspace)
		changes bool
	}{
		{"nothing", func(workspace) {}, false},
		{"a label", func(w workspace) {
			w.write(secretFile, strings.Replace(w.read(secretFile), "metadata:\n", "metadata:\n  labels: {team: payments}\n", 1))
		}, false},
		{"another layout", func(w workspace) {
			w.write(secretFile, strings.ReplaceAll(w.read(secretFile), "\n  ", "\n      "))
		}, false},
		{"another recipient", func(w workspace) {
			w.write(".sops.yaml", strings.Replace(w.read(".sops.yaml"), k.rule, k.rule+","+second, 1))
			w.sops("updatekeys", "--yes", secretFile)
		}, false},
		{"another key", func(w workspace) { w.sops("set", secretFile, `["stringData"]["note"]`, `"another note"`) }, false},
		{"a new key", func(w workspace) { w.sops("set", secretFile, `["stringData"]["added"]`, `"a third"`) }, false},
		{"the value", func(w workspace) { w.sops("set", secretFile, `["stringData"]["token"]`, `"a new token"`) }, true},
		{"the same value", func(w workspace) {
			w.sops("set", secretFile, `["stringData"]["token"]`, `"`+token+`"`)
		}, false},
		{"a new data key, one restart too many", func(w workspace) { w.sops("rotate", "--in-place", secretFile) }, true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorkspace(t, k, true)
			before := w.read(secretFile)
			was := digest(t, w.build("."))
			tt.edit(w)
			if tt.reason != "nothing" && tt.reason != "the same value" && w.read(secretFile) == before {
				t.Fatal("the file is as it was")
			}
			if err := w.decrypts(secretFile); err != nil && tt.reason != "the value" {
				t.Errorf("sops no longer decrypts it: %v", err)
			}
			if changed := digest(t, w.build(".")) != was; changed != tt.changes {
				t.Errorf("changed: %t, want %t", changed, tt.changes)
			}
		})
	}
}
