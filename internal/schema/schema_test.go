// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
)

// TestCurrent fails when the committed reference is not what the types, the CRD and the tables give.
func TestCurrent(t *testing.T) {
	reference, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"spec.md": reference, "diagnostics.md": Diagnostics()} {
		got, err := os.ReadFile("../../docs/reference/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("docs/reference/%s is not current, run make generate (-want +got):\n%s", name, d)
		}
	}
}

// TestEveryRuleIsShown finds a rule whose path no field has: it would restrict nothing.
func TestEveryRuleIsShown(t *testing.T) {
	paths := map[string]bool{}
	eachField(t, func(f field) { paths[f.path] = true })
	for _, rule := range generators.FieldRules() {
		if !paths[rule.Path] {
			t.Errorf("rule for %s: no field has this path", rule.Path)
		}
	}
}

// TestDefaults holds the defaults of the CRD, which the reference shows, against those of the code.
func TestDefaults(t *testing.T) {
	in := v1alpha1.RestateIntegration{Spec: v1alpha1.RestateIntegrationSpec{
		Services:  map[string]v1alpha1.Service{anyKey: {Deployment: &v1alpha1.Deployment{}}},
		WasmCloud: &v1alpha1.WasmCloud{Handlers: map[string]v1alpha1.WasmCloudHandler{anyKey: {}}},
		NATS: &v1alpha1.NATS{
			Account: v1alpha1.NATSAccount{Peers: map[string]v1alpha1.NATSPeer{anyKey: {}}}, JetStream: &v1alpha1.JetStream{}, Bridge: &v1alpha1.Bridge{},
		},
		Gateway: &v1alpha1.Gateway{
			Auth:    v1alpha1.GatewayAuth{APIKeys: &v1alpha1.GatewayAPIKeys{}},
			Expose:  v1alpha1.Exposure{Type: v1alpha1.ExposureIngress},
			Domains: map[string]v1alpha1.GatewayDomain{anyKey: {APIKeys: &v1alpha1.GatewayAPIKeys{}, Credential: &v1alpha1.Credential{}}},
		},
		Observability: v1alpha1.Observability{OTLP: &v1alpha1.OTLP{}},
	}}
	v1alpha1.Default(&in)
	checked := 0
	eachField(t, func(f field) {
		if f.defaultCell() == "" || f.required || refusedBlock(f.path) {
			return
		}
		got := lookup(reflect.ValueOf(in), strings.Split(f.path, "."))
		if !got.IsValid() {
			t.Errorf("%s: Default does not reach it", f.path)
			return
		}
		checked++
		if want := strings.Trim(f.defaultCell(), "`"); text(got) != want {
			t.Errorf("%s: the CRD has %s, Default gives %s", f.path, want, text(got))
		}
	})
	if checked == 0 {
		t.Error("no default was checked")
	}
}

const anyKey = "any"

func eachField(t *testing.T, do func(field)) {
	t.Helper()
	spec, err := specSchema()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(string, reflect.Type, *openAPI)
	walk = func(path string, typ reflect.Type, schema *openAPI) {
		list, err := fields(path, typ, schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			do(f)
			if path, typ, schema, found := follow(f.path, f.typ, f.schema); found {
				walk(path, typ, schema)
			}
		}
	}
	walk("spec", reflect.TypeFor[v1alpha1.RestateIntegrationSpec](), spec)
}

// lookup is the value at a path, the zero Value where a pointer on the way is nil.
func lookup(v reflect.Value, path []string) reflect.Value {
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return reflect.Value{}
		}
		return lookup(v.Elem(), path)
	case len(path) == 0:
		return v
	case v.Kind() == reflect.Map:
		return lookup(v.MapIndex(reflect.ValueOf(anyKey)), path[1:])
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == path[0] {
			return lookup(v.Field(i), path[1:])
		}
		if f.Anonymous && name == "" {
			if got := lookup(v.Field(i), path); got.IsValid() {
				return got
			}
		}
	}
	return reflect.Value{}
}

// text is a value as the CRD would write it.
func text(v reflect.Value) string {
	if d, ok := v.Interface().(metav1.Duration); ok {
		s := d.Duration.String()
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(s, zero) {
				s = s[:len(s)-len("0s")]
			}
		}
		return s
	}
	return strings.Trim(cell(v.Interface()), "`")
}
