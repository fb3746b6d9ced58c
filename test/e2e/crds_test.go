// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// planted is a set of two definitions in two files, beside what is none of its.
var planted = CRDSet{
	Folder: "planted", Source: "example.com/planted", Version: "v1.2.3", Path: "deploy/crds", Module: true,
	Names: []string{"bs.example.com", "as.example.com"},
}

var plantedFiles = map[string]string{
	"a.yaml":    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n---\n# nothing\n",
	"b.yml":     "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: bs.example.com}\n",
	"other.yml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: cs.example.com}\n---\nkind: ConfigMap\nmetadata: {name: as.example.com}\n",
	"README.md": "no: [yaml\n",
}

// TestCRDSources finds the same definitions in a folder and in the zip of a module, and says what is missing.
func TestCRDSources(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, planted.Folder), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range plantedFiles {
		if err := os.WriteFile(filepath.Join(folder, planted.Folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive := plantedModule(t)
	served := func(_ context.Context, module, version string) (string, error) {
		if module != planted.Source || version != planted.Version {
			return "", errors.New("asked for " + module + "@" + version)
		}
		return archive, nil
	}
	notServed := func(context.Context, string, string) (string, error) { return "", errors.New("not served") }
	noModule, more := planted, planted
	noModule.Module = false
	more.Names = append([]string{"ds.example.com"}, planted.Names...)
	cases := []struct {
		reason    string
		find      func() ([]*unstructured.Unstructured, error)
		want, err string
	}{
		{"a folder with the files", func() ([]*unstructured.Unstructured, error) { return planted.FromFolder(folder) }, "bs.example.com as.example.com", ""},
		{"a module with the files", func() ([]*unstructured.Unstructured, error) { return planted.FromModule(t.Context(), served) }, "bs.example.com as.example.com", ""},
		{"an empty folder", func() ([]*unstructured.Unstructured, error) { return planted.FromFolder(t.TempDir()) }, "", "planted v1.2.3 has no bs.example.com"},
		{"a folder that lacks one", func() ([]*unstructured.Unstructured, error) { return more.FromFolder(folder) }, "", "planted v1.2.3 has no ds.example.com"},
		{"a module that lacks one", func() ([]*unstructured.Unstructured, error) { return more.FromModule(t.Context(), served) }, "", "planted v1.2.3 has no ds.example.com"},
		{"a module that the proxy has not", func() ([]*unstructured.Unstructured, error) { return planted.FromModule(t.Context(), notServed) }, "", "not served"},
		{"no module", func() ([]*unstructured.Unstructured, error) { return noModule.FromModule(t.Context(), served) }, "", "no Go module has it"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			found, err := c.find()
			var names []string
			for _, o := range found {
				names = append(names, o.GetName())
				if o.GetKind() != "CustomResourceDefinition" {
					t.Errorf("must be a definition, got %s", describe(o))
				}
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("must find %q, got %q", c.want, got)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != c.err) {
				t.Errorf("must fail with %q, got %v", c.err, err)
			}
		})
	}
}

// plantedModule is laid out as the module proxy lays out a zip.
func plantedModule(t *testing.T) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "v1.2.3.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := zip.NewWriter(file)
	for name, text := range plantedFiles {
		entry, err := w.Create("example.com/planted@v1.2.3/deploy/crds/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// TestCRDFolder shows that $CRDS decides alone, and that an empty folder there asks for the modules.
func TestCRDFolder(t *testing.T) {
	full, empty := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(full, "restate"), 0o755); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		reason, crds, want string
		fails              bool
	}{
		{"a folder", full, full, false},
		{"an empty folder", empty, "", false},
		{"no folder", filepath.Join(empty, "missing"), "", true},
	}
	for _, c := range cases {
		t.Setenv("CRDS", c.crds)
		if got, err := CRDFolder(); got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: must be %q, got %q and %v", c.reason, c.want, got, err)
		}
	}
}

// TestUnjudgedKindsAreLeftOut tells a kind whose CRDs could not be had from one that nobody listed.
func TestUnjudgedKindsAreLeftOut(t *testing.T) {
	j := &judge{Cluster: server.Cluster, client: server.client, mapper: server.mapper, unjudged: map[string]string{}}
	for _, group := range planted.Groups() {
		j.unjudged[group] = planted.String()
	}
	var objects []*unstructured.Unstructured
	for _, apiVersion := range []string{"example.com/v1", "apps/v1"} {
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": "Deployment"}})
	}
	if d := cmp.Diff(objects[1:], j.known(t, objects)); d != "" {
		t.Errorf("must leave out the planted kind alone (-want +got):\n%s", d)
	}
}
