// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// fakeKey has the form of a Restate Cloud key, and opens nothing.
const fakeKey = "key_10thisIsNoRealToken12.itOpensNothing1234567890abcdefghijklmnopqrst"

func TestReadSecrets(t *testing.T) {
	cases := []readCase{
		{"a value", `{cluster: KEY}`, "RI0401 spec.cluster"},
		{"a value in text", `{annotations: {a: "token=KEY"}}`, "RI0401 spec.annotations[a]"},
		{"a value of an enum", `{tunnel: {mode: KEY}}`, "RI0401 spec.tunnel.mode"},
		{"a value for a number", `{tunnel: {replicas: KEY}}`, "RI0401 spec.tunnel.replicas"},
		{"a value for a list", `{cloud: {allowedHosts: KEY}}`, "RI0401 spec.cloud.allowedHosts"},
		{"a list for a value", `{cluster: [KEY]}`, "RI0401 spec.cluster; RI0203 spec.cluster"},
		{"a map for a value", `{cluster: {a: KEY}}`, "RI0401 spec.cluster; RI0203 spec.cluster"},
		{"a key for a value", `{cluster: {KEY: a}}`, "RI0401 spec.cluster; RI0203 spec.cluster"},
		{"a quantity", `{tunnel: {resources: {limits: {cpu: KEY}}}}`, "RI0401 spec.tunnel.resources.limits[cpu]"},
		{"a duration", `{secrets: {maxAge: KEY}}`, "RI0401 spec.secrets.maxAge"},
		{"a number or text", `{tunnel: {podDisruptionBudget: {minAvailable: KEY}}}`, "RI0401 spec.tunnel.podDisruptionBudget.minAvailable"},
		{"where nothing is known of the type", `{services: {a: {deployment: {autoscaling: {x: [KEY]}}}}}`, "RI0401 spec.services[a].deployment.autoscaling"},
		{"a list's item", `{cloud: {allowedHosts: [a, KEY]}}`, "RI0401 spec.cloud.allowedHosts[1]"},
		{"the value of an unknown field", `{token: KEY}`, "RI0201 spec.token; RI0401 spec.token"},
		{"below an unknown field", `{tokens: {a: [b, {c: KEY}]}}`, "RI0201 spec.tokens; RI0401 spec.tokens"},
		{"a key below an unknown field", `{tokens: {KEY: a}}`, "RI0201 spec.tokens; RI0401 spec.tokens"},
		{"a key of a map", `{labels: {KEY: a}}`, "RI0401 spec.labels[[redacted]]"},
		{"a key of a struct", `{KEY: a}`, "RI0401 spec.[redacted]"},
		{"a key and its value", `{labels: {KEY: KEY}}`, "RI0401 spec.labels[[redacted]]; RI0401 spec.labels[[redacted]]"},
		{"the key of a service", `{services: {KEY: {port: a}}}`, "RI0401 spec.services[[redacted]]"},
		{"behind an alias", `{cluster: &a KEY, clusterDomain: *a}`, "RI0401 spec.cluster; RI0401 spec.clusterDomain"},
		{"behind a merge key", `{labels: {<<: {a: KEY}}}`, "RI0401 spec.labels[a]"},
		{"in several lines", `{annotations: {a: "one\nKEY\n"}}`, "RI0401 spec.annotations[a]"},
		{"a word that only looks like one", `{labels: {a: key_fingerprint}}`, ""},
	}
	for i, c := range cases {
		cases[i].spec = strings.ReplaceAll(c.spec, "KEY", fakeKey)
	}
	run(t, cases)
	for _, c := range cases {
		in, _, ds := read(t, "spec: "+c.spec+"\n")
		for _, d := range ds {
			if strings.Contains(d.Line()+d.Value, fakeKey[:30]) {
				t.Errorf("%s: printed: %s", c.reason, d.Line())
			}
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if c.want != "" && strings.Contains(string(raw), fakeKey) {
			t.Errorf("%s: the value reaches what is behind: %s", c.reason, raw)
		}
	}
}

// canary is a text that no field expects.
const canary = "canary-d41d8cd98f"

// printed are the fields whose values a message may show: enums, numbers, booleans. Every other text is never shown.
func printed(t reflect.Type) bool {
	if _, ok := reflect.Zero(t).Interface().(enum); ok {
		return true
	}
	return t.Kind() != reflect.String
}

// TestCanary puts a text into every field of the API, one at a time, and finds it in no message; the fields that take text take it.
func TestCanary(t *testing.T) {
	count := 0
	var walk func(at reflect.Type, path []string, depth int)
	walk = func(at reflect.Type, path []string, depth int) {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		if depth > 12 {
			return
		}
		_, isSpecial := special[at]
		switch {
		case isSpecial:
			tryCanary(t, path, at, &count)
		case at.Kind() == reflect.Struct:
			tryCanary(t, path, at, &count)
			fields := map[string]reflect.Type{}
			collect(at, fields)
			for name, ft := range fields {
				walk(ft, append(path[:len(path):len(path)], name), depth+1)
			}
		case at.Kind() == reflect.Map:
			walk(at.Elem(), append(path[:len(path):len(path)], "x"), depth+1)
		case at.Kind() == reflect.Slice:
			walk(at.Elem(), append(path[:len(path):len(path)], "[]"), depth+1)
		default:
			tryCanary(t, path, at, &count)
		}
	}
	walk(reflect.TypeFor[v1alpha1.RestateIntegration](), nil, 0)
	if count < 1000 {
		t.Errorf("only %d fields were tried", count)
	}
}

func tryCanary(t *testing.T, path []string, at reflect.Type, count *int) {
	*count++
	var v any = canary
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == "[]" {
			v = []any{v}
		} else {
			v = map[string]any{path[i]: v}
		}
	}
	if len(path) == 0 {
		return
	}
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	_, _, ds := read(t, string(text))
	ds = slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Code == diag.Required }) // of its neighbours
	for _, d := range ds {
		if strings.Contains(d.Message+d.Hint+d.Path, canary) {
			t.Errorf("%s: the value stands in %q", strings.Join(path, "."), d.Line())
		}
		_, isSpecial := special[at]
		if d.Value != "" && (isSpecial || !printed(at)) {
			t.Errorf("%s: the value is handed on: %q", strings.Join(path, "."), d.Value)
		}
	}
	if at.Kind() == reflect.String && !printed(at) && len(ds) > 0 {
		t.Errorf("%s: text is refused: %q", strings.Join(path, "."), findings(ds))
	}
	if at.Kind() != reflect.String && len(ds) == 0 && at != reflect.TypeFor[intstr.IntOrString]() {
		t.Errorf("%s: %s takes text", strings.Join(path, "."), at)
	}
}

// TestEveryTypeIsKnown: the walk knows each type that the API's fields have, so that decoding cannot fail behind it.
func TestEveryTypeIsKnown(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(at reflect.Type, path string)
	walk = func(at reflect.Type, path string) {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		if _, known := special[at]; known || seen[at] {
			return
		}
		seen[at] = true
		if reflect.PointerTo(at).Implements(reflect.TypeFor[json.Unmarshaler]()) {
			t.Errorf("%s: %s reads itself and is not in the table", path, at)
		}
		switch at.Kind() {
		case reflect.Struct:
			fields := map[string]reflect.Type{}
			collect(at, fields)
			for name, ft := range fields {
				walk(ft, path+"."+name)
			}
		case reflect.Map:
			if at.Key().Kind() != reflect.String {
				t.Errorf("%s: a map keyed by %s", path, at.Key())
			}
			walk(at.Elem(), path+".*")
		case reflect.Slice:
			walk(at.Elem(), path+"[]")
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Int:
		default:
			t.Errorf("%s: %s cannot be read", path, at)
		}
	}
	walk(reflect.TypeFor[v1alpha1.RestateIntegration](), "")
	for _, at := range []reflect.Type{reflect.TypeFor[resource.Quantity](), reflect.TypeFor[metav1.Duration](), reflect.TypeFor[runtime.RawExtension]()} {
		if _, known := special[at]; !known {
			t.Errorf("%s is not in the table", at)
		}
	}
}

// FuzzRead: whatever the document, nothing panics, and what was read without a finding is read alike again.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"a: &a [*a]\n", bomb(), "spec: {labels: {<<: [{a: b}, 1]}}\n", "spec: {tunnel: {replicas: 0x10, mode: Nope}}\n",
		"- a\n", "a\n", "? [a]\n: b\n", "spec: {services: {a: {deployment: {autoscaling: {x: .inf}}}}}\n", "spec: {cluster: " + fakeKey + "}\n",
		"metadata: {managedFields: [{fieldsV1: {a: 1}, time: 2026-11-23T00:00:00Z}]}\n", "spec: {services: {a: {deployment: {template: {spec: {volumes: [{name: a}]}}}}}}\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var node yaml.Node
		if yaml.Unmarshal([]byte(text), &node) != nil || node.Kind == 0 {
			return
		}
		var in v1alpha1.RestateIntegration
		doc, ds := Read(&node, &in)
		doc.Sort(ds)
		for _, d := range ds {
			if strings.ContainsAny(d.Line(), "\n\x1b") || diag.Describe(d.Code).Title == "unknown code" {
				t.Errorf("%q", d.Line())
			}
		}
		var again v1alpha1.RestateIntegration
		if _, second := Read(&node, &again); len(second) != len(ds) || !reflect.DeepEqual(in, again) {
			t.Errorf("reading changes the document: %q, then %q", findings(ds), findings(second))
		}
	})
}
