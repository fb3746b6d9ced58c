// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/golden"
)

const root = "../.."

// output is what the function made in one golden case or example.
type output struct {
	name    string
	objects []*unstructured.Unstructured
	// podSecurity is the level that its namespaces enforce.
	podSecurity string
}

// corpus is every golden case that succeeds, and every example.
func corpus(t *testing.T) []output {
	t.Helper()
	var all []output
	folder := filepath.Join(root, "testdata", "golden")
	cases, err := golden.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		data, err := os.ReadFile(filepath.Join(folder, c.Name, "want.yaml"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the function refuses its input
		} else if err != nil {
			t.Fatal(err)
		}
		if objects := generated(t, c.Name, data); len(objects) > 0 {
			all = append(all, output{c.Name, objects, cmp.Or(c.PodSecurity, "restricted")})
		}
	}
	specs, err := filepath.Glob(filepath.Join(root, "examples", "*", "integration.yaml"))
	if err != nil || len(specs) == 0 {
		t.Fatalf("no example found: %v", err)
	}
	for _, spec := range specs {
		all = append(all, output{"example " + filepath.Base(filepath.Dir(spec)), example(t, spec), "restricted"})
	}
	return all
}

// example renders an example as kustomize's generator form would.
func example(t *testing.T, spec string) []*unstructured.Unstructured {
	t.Helper()
	config, err := os.ReadFile(spec)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.OpenRoot(filepath.Dir(spec))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	var list bytes.Buffer
	list.WriteString("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n")
	for line := range strings.Lines(string(config)) {
		list.WriteString("  " + line)
	}
	out, ds := fn.Run(list.Bytes(), files)
	if diag.HasError(ds) {
		t.Fatalf("%s: %v", spec, ds)
	}
	return generated(t, spec, out)
}

// generated returns the items that the function owns. Encrypted Secrets are no Secrets to the server, and are judged by
// TestEncryptedSecretIsRefused.
func generated(t *testing.T, name string, list []byte) []*unstructured.Unstructured {
	t.Helper()
	var rl struct {
		Items []map[string]any `json:"items"`
	}
	if err := yaml.Unmarshal(list, &rl); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var out []*unstructured.Unstructured
	for _, item := range rl.Items {
		o := &unstructured.Unstructured{Object: item}
		if o.GetAnnotations()[ownedBy] == "" || o.GetKind() == "RestateIntegration" {
			continue
		}
		o.SetAnnotations(withoutHost(o.GetAnnotations()))
		out = append(out, jsonShape(t, o))
	}
	return out
}

const ownedBy = "restate-integration.dev/owned-by"

// withoutHost drops the bookkeeping that every host strips before anything is applied.
func withoutHost(annotations map[string]string) map[string]string {
	for key := range annotations {
		for _, prefix := range []string{"internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/"} {
			if strings.HasPrefix(key, prefix) {
				delete(annotations, key)
			}
		}
	}
	return annotations
}

// jsonShape gives numbers the types that unstructured objects have.
func jsonShape(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(data)
	if err != nil || len(objects) != 1 {
		t.Fatalf("%s: %v", describe(o), err)
	}
	return objects[0]
}

func describe(o *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
}
