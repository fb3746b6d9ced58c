// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/source"
)

const (
	testEnvironment = "env_201j05r9g0f12ygtphdszbb4scp"
	testUID         = "0b9e4f2e-2c1f-4c5b-9f0e-3a1d2c4b5e6f"
	testKey         = "publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk"
)

// The bases are specs without any finding, so that a case sees its own findings alone.
const (
	operatorBase = `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: ` + testEnvironment + `, region: eu, signingPublicKey: ` + testKey + `}
  credentials: {tunnel: {source: External, rolloutKey: "1"}}
  networkPolicy: {restateCloud: {tunnelPorts: [19080]}}
  services:
    greeter:
      namespace: shop
      deployment: {image: "registry.example.com/greeter:1.4.2"}
`
	standaloneBase = `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: ` + testEnvironment + `, region: eu, signingPublicKey: ` + testKey + `}
  cluster: c1
  credentials: {tunnel: {source: External, rolloutKey: "1"}}
  networkPolicy: {restateCloud: {tunnelPorts: [19080]}}
  tunnel: {mode: Standalone}
  services:
    greeter: {namespace: shop, isolate: true, registration: {mode: None}}
`
	noTunnelBase = `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: ` + testEnvironment + `, region: eu, signingPublicKey: ` + testKey + `}
  tunnel: {mode: None}
  services:
    greeter: {namespace: shop, isolate: true, registration: {mode: None}}
`
)

func TestBasesHaveNoFinding(t *testing.T) {
	for name, base := range map[string]string{"operator": operatorBase, "standalone": standaloneBase, "none": noTunnelBase} {
		if _, ds := Resolve(spec(t, base), Input{}); len(ds) > 0 {
			t.Errorf("%s: got %q, want none: every other test rests on it", name, findings(ds))
		}
	}
}

// spec reads a base with patches merged over it; a null removes a key.
func spec(t testing.TB, base string, patches ...string) *v1alpha1.RestateIntegration {
	t.Helper()
	in, ds := read(t, merge(t, base, patches...))
	if len(ds) > 0 {
		t.Fatalf("read spec: %q", findings(ds))
	}
	return in
}

func merge(t testing.TB, base string, patches ...string) []byte {
	t.Helper()
	tree := treeOf(t, base)
	for _, p := range patches {
		overlay(tree, treeOf(t, p))
	}
	out, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func treeOf(t testing.TB, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return out
}

func overlay(base, patch map[string]any) {
	for k, v := range patch {
		child, isMap := v.(map[string]any)
		below, hasMap := base[k].(map[string]any)
		switch {
		case v == nil:
			delete(base, k)
		case isMap && hasMap:
			overlay(below, child)
		default:
			base[k] = v
		}
	}
}

func read(t testing.TB, text []byte) (*v1alpha1.RestateIntegration, []diag.Diagnostic) {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	var in v1alpha1.RestateIntegration
	_, ds := source.Read(&node, &in)
	return &in, ds
}

// findings is "severity code path" of each, in order.
func findings(ds []diag.Diagnostic) []string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Severity(), d.Code, d.Path)))
	}
	return out
}

// model resolves a spec that must be valid.
func model(t testing.TB, base string, patches ...string) Model {
	t.Helper()
	return modelWith(t, Input{}, base, patches...)
}

func modelWith(t testing.TB, input Input, base string, patches ...string) Model {
	t.Helper()
	m, ds := Resolve(spec(t, base, patches...), input)
	if diag.HasError(ds) {
		t.Fatalf("resolve: %q", findings(ds))
	}
	return m
}

// built expands a spec that must be valid, and holds it to the promise of CheckLinks.
func built(t testing.TB, base string, patches ...string) []Built {
	t.Helper()
	m := model(t, base, patches...)
	out := Build(m)
	if problems := CheckLinks(m, out); len(problems) > 0 {
		t.Errorf("dangling: %q", problems)
	}
	return out
}

// object returns the one object of a type and name.
func object[T Object](t testing.TB, all []Built, name string) T {
	t.Helper()
	var found []T
	for _, b := range all {
		if o, ok := b.Object.(T); ok && o.GetName() == name {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T are named %q, want one; there are %q", len(found), *new(T), name, ids(all))
	}
	return found[0]
}

// ids is "Kind namespace/name" of each, in order.
func ids(all []Built) []string {
	var out []string
	for _, b := range all {
		out = append(out, fmt.Sprintf("%s %s/%s", b.ID().Kind, b.ID().Namespace, b.ID().Name))
	}
	return out
}

func has(all []Built, id string) bool { return slices.Contains(ids(all), id) }
