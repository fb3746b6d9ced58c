// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// crds is the folder with the CRDs of others, which are not committed: $CRDS, or the folder beside the project.
func crds(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("CRDS"), filepath.Join("..", "..", "..", "..", "shared", "crds")} {
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			return dir
		}
	}
	t.Skip("no folder with CRDs: set CRDS")
	return ""
}

// schema is the part of a CRD's schema that says which fields there are.
type schema struct {
	Type       string            `json:"type"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	Enum       []any             `json:"enum"`
}

// misfits are the fields of a value that the schema does not have, has as something else, or misses.
func (s schema) misfits(path string, value any) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, found := v[name]; !found {
				out = append(out, path+" lacks "+name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if p, found := s.Properties[name]; found {
				out = append(out, p.misfits(path+"."+name, v[name])...)
			} else {
				out = append(out, path+"."+name+" is unknown")
			}
		}
	case []any:
		if s.Items == nil {
			return append(out, path+" is no list")
		}
		for i, item := range v {
			out = append(out, s.Items.misfits(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
	default:
		want := map[string][]string{"string": {"string"}, "bool": {"boolean"}, "float64": {"integer", "number"}}[fmt.Sprintf("%T", value)]
		if !slices.Contains(want, s.Type) || len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
			out = append(out, fmt.Sprintf("%s: %v is no %s of %v", path, value, s.Type, s.Enum))
		}
	}
	return out
}

// TestNauthFields holds every field of the objects for nauth against its CRDs. NACK's are read by NACK's own types.
func TestNauthFields(t *testing.T) {
	schemas := map[string]schema{}
	for kind, file := range map[string]string{"Account": "nauth.io_accounts.yaml", "User": "nauth.io_users.yaml"} {
		text, err := os.ReadFile(filepath.Join(crds(t), "nauth", file))
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Versions []struct {
					Name   string `json:"name"`
					Schema struct {
						OpenAPIV3Schema schema `json:"openAPIV3Schema"`
					} `json:"schema"`
				} `json:"versions"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		if v := crd.Spec.Versions[0]; v.Name == "v1alpha1" {
			schemas[kind] = v.Schema.OpenAPIV3Schema.Properties["spec"]
		}
	}
	g := generate(t, keyring{}, `
account:
  mode: Nauth
  nauth: {clusterRef: {name: nats, namespace: nats}}
  users:
    orders: {publish: ["restate.events.*"], subscribe: ["workflow.outbox.*"]}
    silent: {publish: [], subscribe: []}
  peers: {wasmcloud: {}}
  imports: {orders: {account: wasmcloud, subject: "restate.events.*"}}
  exports: {outbox: {account: wasmcloud, subject: "workflow.outbox.*"}}
jetstream: {subjects: ["restate.events.*"], nack: {}}
`)
	kinds := map[string]int{}
	for _, o := range g.nauth {
		kind := o["kind"].(string)
		kinds[kind]++
		if o["apiVersion"] != "nauth.io/v1alpha1" {
			t.Errorf("%s has version %v", kind, o["apiVersion"])
		}
		for _, m := range schemas[kind].misfits(kind+".spec", o["spec"]) {
			t.Error(m)
		}
	}
	if kinds["Account"] != 1 || kinds["User"] != 3 {
		t.Errorf("got %v, want 1 Account and 3 User", kinds)
	}
}
