// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// openAPI is the part of OpenAPI v3 that the generated CRD uses. A keyword that stands there and not here fails the test that reads
// it, so that nothing is silently not checked.
type openAPI struct {
	Type                 string              `yaml:"type"`
	Properties           map[string]*openAPI `yaml:"properties"`
	AdditionalProperties *openAPI            `yaml:"additionalProperties"`
	Items                *openAPI            `yaml:"items"`
	Required             []string            `yaml:"required"`
	Enum                 []string            `yaml:"enum"`
	Pattern              string              `yaml:"pattern"`
	Format               string              `yaml:"format"`
	AnyOf                []*openAPI          `yaml:"anyOf"`
	Default              any                 `yaml:"default"`
	Description          string              `yaml:"description"`
	IntOrString          bool                `yaml:"x-kubernetes-int-or-string"`
	PreserveUnknown      bool                `yaml:"x-kubernetes-preserve-unknown-fields"`
	ListType             string              `yaml:"x-kubernetes-list-type"`
	ListMapKeys          []string            `yaml:"x-kubernetes-list-map-keys"`
	MapType              string              `yaml:"x-kubernetes-map-type"`
}

var crdSchema = sync.OnceValues(func() (*openAPI, error) {
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema yaml.Node `yaml:"openAPIV3Schema"`
				} `yaml:"schema"`
			} `yaml:"versions"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal(v1alpha1.CRD(), &crd); err != nil {
		return nil, err
	}
	var out openAPI
	text, err := yaml.Marshal(&crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	return &out, decoder.Decode(&out)
})

// rejects lists what an editor would mark in a document. A null is taken for an absent field, as the function does.
func (s *openAPI) rejects(path string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		return s.rejectsMap(path, v)
	case map[any]any: // keys that are not text in YAML
		m := map[string]any{}
		for k, e := range v {
			m[fmt.Sprint(k)] = e
		}
		return s.rejectsMap(path, m)
	case []any:
		if s.Type == "" && s.PreserveUnknown {
			return nil
		}
		if s.Type != "array" {
			return []string{path + ": a list, not " + s.Type}
		}
		var out []string
		for i, e := range v {
			if e != nil {
				out = append(out, s.Items.rejects(fmt.Sprintf("%s[%d]", path, i), e)...)
			}
		}
		return out
	}
	return s.rejectsScalar(path, v)
}

func (s *openAPI) rejectsMap(path string, m map[string]any) []string {
	switch {
	case s.Properties == nil && s.AdditionalProperties == nil && (s.Type == "object" || s.Type == ""):
		return nil // metadata, and what is left to Kubernetes
	case s.Type != "object":
		return []string{path + ": a map, not " + s.Type}
	}
	var out []string
	for _, name := range s.Required {
		if m[name] == nil {
			out = append(out, path+": "+name+" is required")
		}
	}
	for _, name := range sortedKeys(m) {
		below := s.Properties[name]
		if below == nil {
			below = s.AdditionalProperties
		}
		switch {
		case m[name] == nil:
		case below != nil:
			out = append(out, below.rejects(path+"."+name, m[name])...)
		case !s.PreserveUnknown:
			out = append(out, path+"."+name+" is unknown")
		}
	}
	return out
}

func (s *openAPI) rejectsScalar(path string, v any) []string {
	ok := true
	switch v := v.(type) {
	case string:
		ok = (s.Type == "string" || s.IntOrString) && (len(s.Enum) == 0 || slices.Contains(s.Enum, v)) && (s.Pattern == "" || regexp.MustCompile(s.Pattern).MatchString(v))
	case time.Time: // text to everybody but this decoder
		ok = s.Type == "string"
	case bool:
		ok = s.Type == "boolean"
	case int:
		ok = (s.Type == "integer" || s.IntOrString) && (s.Format != "int32" || math.MinInt32 <= v && v <= math.MaxInt32)
	default:
		ok = false
	}
	if ok || s.Type == "" && s.PreserveUnknown {
		return nil
	}
	return []string{fmt.Sprintf("%s: %T is not %s %s", path, v, s.Type, s.Format)}
}

// schemaAccepts holds a document that was accepted against the schema: an editor must not mark what the function takes.
func schemaAccepts(t testing.TB, text []byte) {
	t.Helper()
	s, err := crdSchema()
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	for _, problem := range s.rejects("", tree) {
		t.Errorf("the schema rejects what Resolve accepts: %s", problem)
	}
}

// TestSchemaAcceptsWhatResolveAccepts has documents near the edge; either both accept one, or Read or Resolve refuses it.
func TestSchemaAcceptsWhatResolveAccepts(t *testing.T) {
	for _, tt := range []struct {
		reason, base, patch string
		accepted            bool
	}{
		{"the base", operatorBase, `{}`, true},
		{"standalone", standaloneBase, `{}`, true},
		{"no tunnel", noTunnelBase, `{}`, true},
		{"a number as quantity", operatorBase, `{tunnel: {resources: {requests: {cpu: 1}}}}`, true},
		{"a fraction as quantity", operatorBase, `{tunnel: {resources: {requests: {cpu: 0.5}}}}`, false},
		{"a fraction as quantity, quoted", operatorBase, `{tunnel: {resources: {requests: {cpu: "0.5"}}}}`, true},
		{"a constraint needs its required fields", standaloneBase, `{tunnel: {podTemplate: {topologySpreadConstraints: [{topologyKey: zone}]}}}`, false},
		{"a seccomp profile needs a type", standaloneBase, `{tunnel: {podTemplate: {securityContext: {seccompProfile: {localhostProfile: a}}}}}`, false},
		{"a reference needs a key", operatorBase, `{tunnel: {env: [{name: RUST_LOG, valueFrom: {configMapKeyRef: {name: a}}}]}}`, false},
		{"a claim needs a name", operatorBase, `{tunnel: {resources: {claims: [{request: a}]}}}`, false},
		{"an expression needs an operator", operatorBase, `{services: {greeter: {allowFrom: [{podSelector: {matchExpressions: [{key: a}]}}]}}}`, false},
		{"affinity is passed on", operatorBase, `{tunnel: {podTemplate: {affinity: {nodeAffinity: {}}}}}`, true},
		{"a template is passed on", operatorBase, `{services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: a, image: b}]}}}}}}`, true},
	} {
		text := merge(t, tt.base, `{spec: `+tt.patch+`}`)
		in, ds := read(t, text)
		if len(ds) == 0 {
			_, ds = Resolve(in, Input{})
		}
		if accepted := !diag.HasError(ds); accepted != tt.accepted {
			t.Errorf("%s: accepted: %v, want %v: %q", tt.reason, accepted, tt.accepted, findings(ds))
		} else if accepted {
			t.Run(tt.reason, func(t *testing.T) { schemaAccepts(t, text) })
		}
	}
}

// TestSchemaRejects shows that the walk above can fail.
func TestSchemaRejects(t *testing.T) {
	s, err := crdSchema()
	if err != nil {
		t.Fatal(err)
	}
	for reason, patch := range map[string]string{
		"unknown field":    `{spec: {clouds: {}}}`,
		"missing field":    `{spec: {cloud: {region: null}}}`,
		"missing block":    `{spec: null}`,
		"enum":             `{spec: {tunnel: {mode: operator}}}`,
		"type":             `{spec: {tunnel: {replicas: two}}}`,
		"size":             `{spec: {tunnel: {replicas: 3000000000}}}`,
		"list for a map":   `{spec: {services: [a]}}`,
		"map for a list":   `{spec: {tunnel: {env: {a: b}}}}`,
		"text for a map":   `{spec: {tunnel: a}}`,
		"quantity":         `{spec: {tunnel: {resources: {limits: {cpu: lots}}}}}`,
		"in a map's value": `{spec: {services: {greeter: {ports: 1}}}}`,
		"in a list's item": `{spec: {tunnel: {env: [{value: a}]}}}`,
		"boolean":          `{spec: {namespace: {create: "true"}}}`,
	} {
		var tree any
		if err := yaml.Unmarshal(merge(t, operatorBase, patch), &tree); err != nil {
			t.Fatal(err)
		}
		if got := s.rejects("", tree); len(got) == 0 {
			t.Errorf("%s: %s is accepted", reason, patch)
		}
	}
}
