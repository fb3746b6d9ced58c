// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// canary is a secret, and the part of it that must be found nowhere.
type canary struct{ text, needle string }

// canaries are made up: a Restate key, a key of a gateway's caller, an nkey seed from fixed bytes, an age identity, a private key.
func canaries(t testing.TB) []canary {
	t.Helper()
	seed, err := nkeys.EncodeSeed(nkeys.PrefixByteUser, []byte("canary canary canary canary 1234"))
	if err != nil {
		t.Fatal(err)
	}
	const caller = "ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a4ca4a"
	const restate, age, pem = "1canaryCANARY2canary3CAN", "QQCANARYQQCANARYQQCANARYQQCANARYQQCANARYQQCANARYQQCANARYQQ", "MC4CAQAwBQYDK2VwBCIEIcanaryCANARYcanary"
	return []canary{
		{"key_" + restate, restate},
		{"rgw_" + caller, caller},
		{string(seed), string(seed)},
		{"AGE-SECRET-KEY-1" + age, age},
		{"-----BEGIN PRIVATE KEY-----\n" + pem + "\n-----END PRIVATE KEY-----\n", pem},
	}
}

// step leads from a value to one that it holds: a field, a map key or a list index.
type step struct {
	name string
	list bool
}

// leaf is a place where a scalar stands; key says that its last step is a map key of the user's choice.
type leaf struct {
	steps []step
	key   bool
}

// scalars are types that read themselves from one text or number.
var scalars = []reflect.Type{
	reflect.TypeFor[resource.Quantity](), reflect.TypeFor[intstr.IntOrString](), reflect.TypeFor[metav1.Duration](), reflect.TypeFor[metav1.Time](),
}

// leaves walks a type and lists every scalar, every map key and, for each struct, a field that does not exist.
func leaves(t reflect.Type, at []step, into *[]leaf) {
	down := func(name string, list bool) []step { return append(slices.Clone(at), step{name, list}) }
	switch {
	case t.Kind() == reflect.Pointer:
		leaves(t.Elem(), at, into)
	case slices.Contains(scalars, t):
		*into = append(*into, leaf{steps: at})
	case t == reflect.TypeFor[runtime.RawExtension](), t == reflect.TypeFor[metav1.FieldsV1]():
		*into = append(*into, leaf{steps: down("free", false)}, leaf{steps: down("free", false), key: true}, leaf{steps: at})
	case t.Kind() == reflect.Struct:
		*into = append(*into, leaf{steps: down("unknown", false), key: true})
		fields(t, func(name string, ft reflect.Type) { leaves(ft, down(name, false), into) })
	case t.Kind() == reflect.Map:
		*into = append(*into, leaf{steps: down("greeter", false), key: true})
		leaves(t.Elem(), down("greeter", false), into)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		leaves(t.Elem(), down("", true), into)
	default:
		*into = append(*into, leaf{steps: at})
	}
}

// fields calls f for each JSON field, those of embedded structs included.
func fields(t reflect.Type, f func(string, reflect.Type)) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (field.Anonymous || strings.Contains(options, "inline")):
			fields(field.Type, f)
		default:
			f(name, field.Type)
		}
	}
}

// plant puts a secret into a copy of the tree, and makes what leads there.
func plant(tree map[string]any, l leaf, secret string) map[string]any {
	tree = maps.Clone(tree)
	last := len(l.steps) - 1
	if l.key {
		parent := leaf{steps: l.steps[:last]}
		return with(tree, parent.steps, func(v any) any {
			m := maps.Clone(mapOf(v))
			if m == nil {
				m = map[string]any{}
			}
			m[secret] = m[l.steps[last].name]
			return m
		}).(map[string]any)
	}
	return with(tree, l.steps, func(any) any { return secret }).(map[string]any)
}

// with replaces what the steps lead to.
func with(v any, steps []step, f func(any) any) any {
	if len(steps) == 0 {
		return f(v)
	}
	if steps[0].list {
		var old any
		if s, ok := v.([]any); ok && len(s) > 0 {
			old = s[0]
		}
		return []any{with(old, steps[1:], f)}
	}
	m := maps.Clone(mapOf(v))
	if m == nil {
		m = map[string]any{}
	}
	m[steps[0].name] = with(m[steps[0].name], steps[1:], f)
	return m
}

// canaryBases are specs that are valid, so that as much as possible of what a message could quote is there.
func canaryBases() []map[string]any {
	cloud := map[string]any{
		"environmentId": "env_201j05r9g0f12ygtphdszbb4scp", "region": "eu",
		"signingPublicKey": "publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk",
	}
	return []map[string]any{
		{"cloud": cloud, "namespace": map[string]any{"create": true}, "services": map[string]any{"greeter": map[string]any{
			"namespace": "shop", "deployment": map[string]any{"image": "r.example.com/greeter:1"},
		}}},
		{
			"cloud": cloud, "cluster": "eu1", "tunnel": map[string]any{"mode": "Standalone"},
			"services": map[string]any{
				"greeter": map[string]any{"namespace": "shop"},
				"same":    map[string]any{"namespace": "shop", "service": "greeter"},
			},
		},
		{"cloud": cloud, "tunnel": map[string]any{"mode": "None"}, "services": map[string]any{"greeter": map[string]any{"namespace": "shop"}}},
		{"cloud": cloud, "tunnel": map[string]any{"mode": "None"}, "gateway": map[string]any{
			"tls":    map[string]any{"issuerRef": map[string]any{"name": "step"}},
			"auth":   map[string]any{"apiKeys": map[string]any{}},
			"expose": map[string]any{"type": "Ingress", "clusterIssuer": "letsencrypt"},
			"domains": map[string]any{
				"greeter": map[string]any{"services": []any{"Greeter"}, "host": "a.example.com"},
				"other": map[string]any{"services": []any{"Other"}, "host": "b.example.com", "jwt": map[string]any{
					"issuer": "a", "audiences": []any{"b"}, "jwksURI": "https://idp.example.com/keys",
				}},
			},
		}},
	}
}

func integrationJSON(t testing.TB, metadata, spec map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.Kind, "metadata": metadata, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + "\n"
}

// TestCanary puts a secret into every string, number, map key and unknown field of the spec, one at a time. It must be an error, and
// stand in no result, no line of stderr and no object.
func TestCanary(t *testing.T) {
	var all []leaf
	leaves(reflect.TypeFor[v1alpha1.RestateIntegrationSpec](), nil, &all)
	t.Logf("%d places", len(all))
	if len(all) < 1000 {
		t.Fatalf("only %d places were found", len(all))
	}
	metadata := map[string]any{"name": "prod", "namespace": "restate"}
	bases, secrets := canaryBases(), canaries(t)
	for i, l := range all {
		if testing.Short() && i%16 != 0 {
			continue // make mutate runs this once for each mutant
		}
		for j, base := range bases {
			// One secret alone in the bases but the first, and in the pod template, which is large: what is scanned does not
			// depend on the base, what is printed does.
			for k, c := range secrets {
				if (j > 0 || len(l.steps) > 5) && k != i%len(secrets) {
					continue
				}
				mustHide(t, fmt.Sprint(l), c, list(integrationJSON(t, metadata, plant(base, l, c.text))))
			}
		}
	}
}

// mustHide runs an input that holds the secret in a RestateIntegration.
func mustHide(t *testing.T, place string, c canary, input string) {
	t.Helper()
	out := run(input)
	if out.code != 1 || !slices.Contains(out.codes(), "RI0401") {
		t.Errorf("%s holds %q: exit code %d, no RI0401:\n%s", place, c.text, out.code, out.stderr)
	}
	mustNotShow(t, place, c, out)
	if !strings.HasPrefix(out.stdout, input+"results:\n") {
		t.Errorf("%s holds a secret, and the output is not the input with results", place)
	}
}

func mustNotShow(t *testing.T, place string, c canary, out output) {
	t.Helper()
	for what, text := range map[string]string{"stderr": out.stderr, "results": out.resultList()} {
		if strings.Contains(text, c.needle) {
			t.Errorf("%s holds a secret, and so does %s:\n%s", place, what, text)
		}
	}
}

// TestCanaryOutsideOfTheSpec puts the secret where the function reads, but which is no spec: nothing of it may be printed either.
func TestCanaryOutsideOfTheSpec(t *testing.T) {
	for _, c := range canaries(t) {
		q, err := json.Marshal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		text := string(q)
		for _, meta := range []map[string]any{
			{"name": c.text, "namespace": "restate"},
			{"name": "prod", "namespace": c.text},
			{"name": "prod", "namespace": "restate", "labels": map[string]any{c.text: "a"}},
			{"name": "prod", "namespace": "restate", "annotations": map[string]any{"a": c.text}},
			{"name": "prod", "namespace": "restate", "annotations": map[string]any{c.text: "a"}},
			{"name": "prod", "namespace": "restate", "generateName": c.text},
			{"name": "prod", "namespace": "restate", c.text: "a"},
		} {
			mustHide(t, fmt.Sprint(meta), c, list(integrationJSON(t, meta, canaryBases()[0])))
		}
		none := integration("tunnel: {mode: None}\n")
		for place, input := range map[string]string{
			"garbage":                 c.text,
			"unparsable":              head + "items: [" + text + "\n",
			"another kind of input":   "apiVersion: v1\nkind: " + text + "\n",
			"another apiVersion":      "apiVersion: " + text + "\nkind: ResourceList\n",
			"a top-level key":         head + text + ": a\n",
			"a top-level key twice":   head + text + ": a\n" + text + ": b\n",
			"an anchor":               head + "items: *" + strings.Fields(strings.Trim(c.needle, "-"))[0] + "\n",
			"a tag":                   head + "items: !" + c.needle + " a\n",
			"items of another type":   head + "items: " + text + "\n",
			"an item of another type": head + "items:\n- " + text + "\n",
			"config of another type":  head + "functionConfig: " + text + "\n",
			"config of another kind":  list("apiVersion: v1\nkind: " + text + "\nmetadata: {name: " + text + ", namespace: " + text + "}\n"),
			"config with data":        list("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {" + text + ": " + text + "}\n"),
			"config of another group": list("apiVersion: " + text + "\nkind: RestateIntegration\nmetadata: {name: a}\n"),
			"config of our group":     list("apiVersion: " + text[:1] + "restate-integration.dev/" + text[1:] + "\nkind: RestateIntegration\nmetadata: {name: a, namespace: b}\n"),
			"a second document":       list(none) + "---\n" + text + "\n",
			"the owner of an object":  list(none, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-endpoints, namespace: restate, annotations: {restate-integration.dev/owned-by: "+text+"}}\n"),
			"the path of an object":   list(none, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: prod-endpoints, namespace: restate, annotations: {internal.config.kubernetes.io/path: "+text+"}}\n"),
			"the name of a kept one":  list(none, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+text+", annotations: {restate-integration.dev/owned-by: restate/prod}}\n"),
			"a plaintext Secret":      list(integration(""), "apiVersion: v1\nkind: Secret\nmetadata: {name: restate-identity, namespace: restate-operator}\nstringData: {token: "+text+", "+text+": a}\n"),
			"metadata of a Secret":    list(integration(""), "apiVersion: v1\nkind: Secret\nmetadata: {name: restate-identity, namespace: "+text+", annotations: {"+text+": "+text+"}}\n"),
		} {
			mustNotShow(t, place, c, run(input))
		}
	}
}
