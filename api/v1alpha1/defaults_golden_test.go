// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/emit"
	"github.com/restate-integration/restate-integration/internal/golden"
	"github.com/restate-integration/restate-integration/internal/source"
)

const smallest = `apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata:
  name: prod
  namespace: restate
spec:
  namespace: {create: true}
  cloud:
    environmentId: env_201j05r9g0f12ygtphdszbb4scp
    region: eu
    signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
  services:
    greeter:
      namespace: shop
      deployment: {image: registry.example.com/greeter:1.4.2}
`

// TestDefaults shows every default of the smallest spec in one place; a default that changes is a change of the API.
func TestDefaults(t *testing.T) {
	in := read(t, smallest)
	v1alpha1.Default(&in)
	text, err := emit.YAML(&in)
	if err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "testdata/golden/defaults.yaml", text)

	twice := read(t, smallest)
	v1alpha1.Default(&twice)
	v1alpha1.Default(&twice)
	if d := cmp.Diff(in, twice); d != "" {
		t.Errorf("defaulting a second time changes the spec (-first +second):\n%s", d)
	}
}

func read(t *testing.T, text string) v1alpha1.RestateIntegration {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var in v1alpha1.RestateIntegration
	if _, ds := source.Read(doc.Content[0], &in); len(ds) > 0 {
		t.Fatal(ds)
	}
	return in
}
