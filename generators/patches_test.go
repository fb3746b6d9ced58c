// SPDX-License-Identifier: Apache-2.0

package generators

import (
	gojson "encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// patchEntry is one of spec.patches, in flow style.
func patchEntry(target, patch string) string {
	text, _ := gojson.Marshal(patch) // JSON is YAML
	return "{target: {" + target + "}, patch: " + string(text) + "}"
}

// patching expands a base and applies patches.
func patching(t testing.TB, base string, entries ...string) ([]Built, []Built, []diag.Diagnostic) {
	t.Helper()
	in := spec(t, base, `{spec: {patches: [`+strings.Join(entries, ", ")+`]}}`)
	m, ds := Resolve(in, Input{})
	if diag.HasError(ds) {
		t.Fatalf("resolve: %q", findings(ds))
	}
	before := Build(m)
	after, ds := Patch(m, before, in.Spec.Patches)
	for _, d := range ds {
		wellFormed(t, d)
	}
	return before, after, ds
}

// patched is patching that must have no finding.
func patched(t testing.TB, base string, entries ...string) []Built {
	t.Helper()
	_, after, ds := patching(t, base, entries...)
	if len(ds) > 0 {
		t.Fatalf("%q: %q", entries, texts(ds))
	}
	return after
}

func texts(ds []diag.Diagnostic) []string {
	var out []string
	for _, d := range ds {
		out = append(out, string(d.Code)+" "+d.Path+": "+d.Text())
	}
	return out
}

// one is the object of a kind and component.
func one(t testing.TB, all []Built, component, kind string) Built {
	t.Helper()
	i := slices.IndexFunc(all, func(b Built) bool { return b.Component == component && b.ID().Kind == kind })
	if i < 0 {
		t.Fatalf("no %s/%s in %q", component, kind, ids(all))
	}
	return all[i]
}

// value is what a path of field names and list indexes leads to.
func value(t testing.TB, b Built, path ...any) any {
	t.Helper()
	var at any = fieldsOf(b)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			at = at.(map[string]any)[step]
		case int:
			at = at.([]any)[step]
		}
	}
	return at
}

// pod leads to the pod of a workload.
var pod = []any{"spec", "template", "spec"}

func below(path []any, more ...any) []any { return append(slices.Clone(path), more...) }

func TestPatchForms(t *testing.T) {
	for _, tt := range []struct {
		reason, base    string
		component, kind string
		patch           string
		path            []any
		want            any
	}{
		{"a field of a kind of Kubernetes", standaloneBase, "tunnel", "Deployment", "spec: {paused: true}", []any{"spec", "paused"}, true},
		{"null removes", standaloneBase, "tunnel", "Deployment", "spec: {strategy: null}", []any{"spec", "strategy"}, nil},
		{"a container is found by its name, and keeps the rest", standaloneBase, "tunnel", "Deployment", "spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, tty: true}]}}}", below(pod, "containers", 0, "image"), "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0"},
		{"another one is put beside it", standaloneBase, "tunnel", "Deployment", `spec: {template: {spec: {containers: [{name: sidecar, image: "a:1", securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]}}}`, below(pod, "containers", 1, "name"), "restate-cloud-tunnel-client"},
		{"$patch: delete removes an entry", standaloneBase, "tunnel", "Service", "spec: {ports: [{port: 9090, $patch: delete}]}", []any{"spec", "ports"}, []any{}},
		{"JSON is YAML", standaloneBase, "tunnel", "Deployment", `{"spec": {"paused": true}}`, []any{"spec", "paused"}, true},
		{"a quantity is a number as well", standaloneBase, "tunnel", "Deployment", "spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, resources: {limits: {cpu: 0.5, memory: 1073741824}}}]}}}", below(pod, "containers", 0, "resources", "limits"), map[string]any{"cpu": 0.5, "memory": int64(1073741824)}},
		{"a custom resource keeps what no struct has", operatorBase, "tunnel", "RestateCloudEnvironment", "spec: {tunnel: {dnsPolicy: Default}}", []any{"spec", "tunnel", "dnsPolicy"}, "Default"},
		{"in any shape, and numbers beyond a float", operatorBase, "service", "RestateDeployment", `spec: {future: {big: 9007199254740993, small: -1, ratio: 0.5, text: "on", list: [1, {a: b}, null], none: {}}}`, []any{"spec", "future"}, map[string]any{
			"big": int64(9007199254740993), "small": int64(-1), "ratio": 0.5, "text": "on", "list": []any{int64(1), map[string]any{"a": "b"}, nil}, "none": map[string]any{},
		}},
		{"its lists are replaced whole", operatorBase, "tunnel", "RestateCloudEnvironment", "spec: {tunnel: {affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}}}", []any{"spec", "tunnel", "affinity"}, map[string]any{"podAntiAffinity": map[string]any{"preferredDuringSchedulingIgnoredDuringExecution": []any{}}}},
		{"operations go in order", operatorBase, "tunnel", "RestateCloudEnvironment", "[{op: add, path: /spec/a, value: {}}, {op: add, path: /spec/a/b, value: 1}, {op: test, path: /spec/a/b, value: 1}, {op: copy, from: /spec/a/b, path: /spec/c}, {op: move, from: /spec/c, path: /spec/d}, {op: remove, path: /spec/a}]", []any{"spec", "d"}, int64(1)},
		{"a key with a slash", operatorBase, "tunnel", "NetworkPolicy", "- {op: add, path: /metadata/labels/example.com~1a, value: b}\n", []any{"metadata", "labels", "example.com/a"}, "b"},
		{"a Job has more fields than its struct", jobBase(t), "registration", "Job", "spec: {suspend: true, podReplacementPolicy: Failed}", []any{"spec", "podReplacementPolicy"}, "Failed"},
		{"and its containers are found by name", jobBase(t), "registration", "Job", "spec: {template: {spec: {containers: [{name: register, env: [{name: FORCE, value: a}]}]}}}", below(pod, "containers", 0, "env", 9, "name"), "FORCE"},
		{"a policy is merged as kubectl does, directives too", standaloneBase, "tunnel", "NetworkPolicy", "spec: {podSelector: {$patch: replace, matchLabels: {restate-integration.dev/integration: prod}}}", []any{"spec", "podSelector", "matchLabels", "restate-integration.dev/integration"}, "prod"},
		{"comments and markers of a document", operatorBase, "tunnel", "NetworkPolicy", "# why\n---\nmetadata: {labels: {a: b}}\n...\n# end\n", []any{"metadata", "labels", "a"}, "b"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			all := patched(t, tt.base, patchEntry("component: "+tt.component+", kind: "+tt.kind, tt.patch))
			b := one(t, all, tt.component, tt.kind)
			if d := cmp.Diff(tt.want, value(t, b, tt.path...)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if _, ok := b.Object.(*unstructured.Unstructured); !ok || b.typed == nil {
				t.Errorf("it is a %T, with the struct %T", b.Object, b.typed)
			}
		})
	}
}

// TestPatchDirectivesAreGone: they say how to merge, and are no fields.
func TestPatchDirectivesAreGone(t *testing.T) {
	raw, err := gojson.Marshal(one(t, patched(t, standaloneBase, patchEntry("kind: Service", "spec: {$retainKeys: [selector, ports], selector: {app.kubernetes.io/name: restate-cloud-tunnel-client}, ports: [{port: 9090, targetPort: health}]}")), "tunnel", "Service").Object)
	if err != nil || strings.Contains(string(raw), "$") {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestPatchTargets(t *testing.T) {
	for _, tt := range []struct {
		reason, target string
		want           []string
	}{
		{"a kind, in every component and namespace", "kind: NetworkPolicy", []string{"NetworkPolicy restate-operator/prod-tunnel", "NetworkPolicy shop/prod-service-greeter"}},
		{"a name, of every kind", "name: prod-tunnel", []string{"PodDisruptionBudget restate-operator/prod-tunnel", "NetworkPolicy restate-operator/prod-tunnel"}},
		{"a component", "component: service", []string{"NetworkPolicy shop/prod-service-greeter", "RestateDeployment shop/prod-service-greeter"}},
		{"all three", "component: service, kind: NetworkPolicy, name: prod-service-greeter", []string{"NetworkPolicy shop/prod-service-greeter"}},
		{"an environment has no component on it, and one all the same", "component: tunnel, kind: RestateCloudEnvironment", []string{"RestateCloudEnvironment /prod"}},
		{"one name in two namespaces", "name: prod-endpoints", []string{"ConfigMap restate/prod-endpoints", "ConfigMap shop/prod-endpoints"}},
	} {
		before, after, ds := patching(t, operatorBase, patchEntry(tt.target, "metadata: {labels: {example.com/a: b}}"))
		if diag.HasError(ds) {
			t.Fatalf("%s: %q", tt.reason, texts(ds))
		}
		var got []string
		for i, b := range after {
			if changed := b.Object != before[i].Object; changed != (b.Object.GetLabels()["example.com/a"] == "b") {
				t.Errorf("%s: %v: replaced: %t", tt.reason, b.ID(), changed)
			} else if changed {
				got = append(got, ids([]Built{b})...)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestPatchesGoInOrder, each on what the one before left.
func TestPatchesGoInOrder(t *testing.T) {
	first, second := patchEntry("kind: Deployment", "spec: {replicas: 3}"), patchEntry("kind: Deployment", "- {op: replace, path: /spec/replicas, value: 4}\n")
	for _, tt := range []struct {
		entries []string
		want    int64
	}{{[]string{first, second}, 4}, {[]string{second, first}, 3}, {[]string{first}, 3}} {
		if got := value(t, one(t, patched(t, standaloneBase, tt.entries...), "tunnel", "Deployment"), "spec", "replicas"); got != tt.want {
			t.Errorf("got %v, want %d", got, tt.want)
		}
	}
	patched(t, standaloneBase, first, patchEntry("kind: Deployment", "[{op: test, path: /spec/replicas, value: 3}]"))
}

func snapshot(t testing.TB, all []Built) []string {
	t.Helper()
	var out []string
	for _, b := range all {
		raw, err := gojson.Marshal(b.Object)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	return out
}

// TestPatchLeavesItsInput, and gives the same for the same.
func TestPatchLeavesItsInput(t *testing.T) {
	in := spec(t, standaloneBase, `{spec: {patches: [`+patchEntry("component: tunnel", "metadata: {labels: {a: b}}")+", "+patchEntry("kind: Deployment", "spec: {replicas: 7}")+`]}}`)
	m, _ := Resolve(in, Input{})
	before := Build(m)
	objects, want := slices.Clone(before), snapshot(t, before)
	first, ds := Patch(m, before, in.Spec.Patches)
	if len(ds) > 0 {
		t.Fatalf("%q", texts(ds))
	}
	for i := range before {
		if before[i].Object != objects[i].Object || before[i].typed != nil {
			t.Errorf("%v: the slice of the caller has another object", before[i].ID())
		}
	}
	if d := cmp.Diff(want, snapshot(t, before)); d != "" {
		t.Errorf("the caller's objects have changed: (-before +after)\n%s", d)
	}
	for range 10 {
		again, _ := Patch(m, before, in.Spec.Patches)
		if d := cmp.Diff(snapshot(t, first), snapshot(t, again)); d != "" {
			t.Fatalf("another run differs: %s", d)
		}
	}
	same, ds := Patch(m, before, nil)
	if d := cmp.Diff(snapshot(t, before), snapshot(t, same)); d != "" || len(ds) > 0 {
		t.Errorf("no patch at all: %q %s", texts(ds), d)
	}
}

// TestPatchRefusals has a part of the message for each; what a library would say of it, with values, must not be there.
func TestPatchRefusals(t *testing.T) {
	const canary = "hunter2"
	for _, tt := range []struct{ reason, target, patch, want string }{
		{"no target", "", "spec: {paused: true}", "RI0204 spec.patches[0].target: must select something"},
		{"another kind", "kind: StatefulSet", "a: b", "RI1102 spec.patches[0].target: must match an object, and matches none; targets are baseline/NetworkPolicy, bridge/ConfigMap, "},
		{"a kind of another component", "kind: Deployment, component: tunnel", "a: b", "RI1102"},
		{"YAML that is none", "kind: Deployment", "a: b\nc: [" + canary, "RI1101 spec.patches[0].patch: cannot be read: it is not YAML near line 2;"},
		{"nothing in quotes", "kind: Deployment", `a: "` + canary, "it is not YAML"},
		{"a key twice", "kind: Deployment", "a: 1\na: " + canary, `key "a" stands twice, the second time in line 2`},
		{"a key of a mapping", "kind: Deployment", "{{a: " + canary + "}: b}", "it is not YAML that JSON can say"},
		{"a tag that does not fit", "kind: Deployment", "a: !!int " + canary, "it is not YAML that JSON can say"},
		{"an anchor that is not there", "kind: Deployment", "a: *" + canary, "it is not YAML"},
		{"no number", "kind: Deployment", "a: .nan", "it has a number that JSON cannot say"},
		{"two documents", "kind: Deployment", "spec: {}\n--- # b\nspec: {a: " + canary + "}", "it must be one document"},
		{"two documents after an end", "kind: Deployment", "spec: {}\n...\nspec: {a: " + canary + "}", "it must be one document"},
		{"nothing", "kind: Deployment", "", "it is empty"},
		{"comments alone", "kind: Deployment", "# " + canary + "\n", "it is empty"},
		{"no field", "kind: Deployment", "{}", "it is empty"},
		{"no operation", "kind: Deployment", "[]", "it is empty"},
		{"a text", "kind: Deployment", canary, "it is neither a mapping nor a list; write a mapping"},
		{"a list of texts", "kind: Deployment", "[" + canary + "]", "an operation is no mapping"},
		{"an operation that nobody knows", "kind: Deployment", "[{op: merge, path: /spec, value: " + canary + "}]", "op must be add, remove, replace, move, copy or test"},
		{"an operation without a path", "kind: Deployment", "[{op: add, value: " + canary + "}]", "it does not fit the object"},
		{"a place that is not there", "kind: Deployment", "[{op: add, path: /spec/a/b, value: " + canary + "}]", "there is no /spec/a/b"},
		{"an index that is not there", "kind: Deployment", "[{op: remove, path: /spec/template/spec/containers/7}]", "there is no /spec/template/spec/containers/7"},
		{"a field to remove that is not there", "kind: Deployment", "[{op: remove, path: /spec/paused}]", "there is no /spec/paused"},
		{"a test that fails", "kind: Deployment", "[{op: test, path: /spec/replicas, value: " + canary + "}]", "the test of /spec/replicas fails"},
		{"another name", "kind: Deployment", "metadata: {name: " + canary + "}", "it must not change apiVersion, kind, namespace or name"},
		{"no name", "kind: Deployment", "metadata: {name: null}", "it must not change apiVersion"},
		{"another namespace", "kind: Deployment", "metadata: {namespace: " + canary + "}", "it must not change apiVersion"},
		{"a namespace for what has none", "kind: RestateCloudEnvironment", "metadata: {namespace: restate}", "it must not change apiVersion"},
		{"another kind of object", "kind: Deployment", "kind: DaemonSet", "it must not change apiVersion"},
		{"another version", "kind: Deployment", "apiVersion: apps/v1beta1", "it must not change apiVersion"},
		{"no kind", "kind: Deployment", "kind: null", "it must not change apiVersion"},
		{"the whole object", "kind: Deployment", "$patch: delete", "it must not change apiVersion"},
		{"a directive that nobody knows", "kind: Deployment", "$patch: " + canary, "$patch must be replace or delete"},
		{"the owner", "kind: Deployment", "metadata: {annotations: {restate-integration.dev/owned-by: " + canary + "}}", "it must not change the annotation restate-integration.dev/owned-by"},
		{"the component", "kind: Deployment", "metadata: {annotations: {restate-integration.dev/component: null}}", "it must not change the annotation restate-integration.dev/component"},
		{"the source", "kind: Deployment", "metadata: {annotations: {restate-integration.dev/source: a}}", "it must not change the annotation restate-integration.dev/source"},
		{"a component for the environment, which has none to keep its pods", "kind: RestateCloudEnvironment", "metadata: {annotations: {restate-integration.dev/component: tunnel}}", "it must not change the annotation restate-integration.dev/component"},
		{"configuration", "kind: ConfigMap, component: bridge", "data: {bridge.yaml: " + canary + "}", "it must not change data: the configuration is made from the spec"},
		{"more of it", "kind: ConfigMap, component: bridge", "binaryData: {a: YQ==}", "it must not change data"},
		{"a field that the kind has not", "kind: Deployment", "spec: {template: {spec: {containers: [{name: restate-bridge, imagePullPolice: " + canary + "}]}}}", `unknown field "spec.template.spec.containers[0].imagePullPolice"`},
		{"a field in other letters, which the API server would not know", "kind: Deployment", "spec: {Replicas: 3}", `unknown field "spec.Replicas"`},
		{"a text for a number", "kind: Deployment", "spec: {replicas: " + canary + "}", "spec.replicas must not be of type string"},
		{"a number for a text", "kind: Deployment", "spec: {template: {spec: {priorityClassName: 12}}}", "spec.template.spec.priorityClassName must not be of type number"},
		{"a number that is too large", "kind: Deployment", "spec: {replicas: 3000000000}", "spec.replicas must be a whole number that is in its range"},
		{"a quantity", "kind: Deployment", "spec: {template: {spec: {containers: [{name: restate-bridge, resources: {limits: {cpu: " + canary + "}}}]}}}", "a quantity must be a number like 100m or 128Mi"},
		{"a time", "kind: Deployment", "metadata: {creationTimestamp: " + canary + "}", "it does not fit the object"},
		{"a container without name", "kind: Deployment", "spec: {template: {spec: {containers: [{image: a, env: [{name: A, value: " + canary + "}]}]}}}", "an entry of a list lacks name, by which entries are found"},
		{"a text for a mapping", "kind: Deployment", "spec: " + canary, "spec must not be of type string"},
		{"a custom resource, where the struct knows the field", "kind: RestateDeployment", "spec: {replicas: " + canary + "}", "spec.replicas must not be of type string"},
		{"its metadata", "kind: RestateDeployment", "metadata: {labels: {a: 1}}", "metadata.labels must not be of type number"},
	} {
		_, _, ds := patching(t, refusalBase(t), patchEntry(tt.target, tt.patch))
		got := strings.Join(texts(ds), "\n")
		if !strings.Contains(got, tt.want) || !diag.HasError(ds) {
			t.Errorf("%s: got %q, want %q in it", tt.reason, got, tt.want)
		}
		if strings.Contains(got, canary) {
			t.Errorf("%s: a value of the patch is printed: %q", tt.reason, got)
		}
	}
}

// refusalBase has a Deployment, a ConfigMap of configuration, and both custom resources.
func refusalBase(t testing.TB) string {
	t.Helper()
	return basedOn(t, bridgeBase(t), `{tunnel: {mode: Operator}, credentials: {tunnel: {source: External, rolloutKey: "1"}}, networkPolicy: {restateCloud: {tunnelPorts: [19080]}}, services: {greeter: {isolate: null, registration: null, deployment: {image: "a/b:1"}}}}`)
}

// TestReasons has an error of a library for every row of the table; no other one is quoted.
func TestReasons(t *testing.T) {
	met := map[string]bool{}
	for text, want := range map[string]string{
		"yaml: line 7: did not find expected node content":                                              "it is not YAML near line 7",
		"yaml: unmarshal errors:\n  line 2: key \"a\" already set in map":                               `key "a" stands twice, the second time in line 2`,
		"yaml: control characters are not allowed":                                                      "it is not YAML that JSON can say",
		"json: unsupported value: NaN":                                                                  "it has a number that JSON cannot say",
		`unknown field "spec.a"`:                                                                        `unknown field "spec.a"`,
		`duplicate field "spec.a"`:                                                                      `duplicate field "spec.a"`,
		"json: cannot unmarshal string into Go struct field X.spec.a of type bool":                      "spec.a must not be of type string",
		"json: cannot unmarshal number 1e9 into Go struct field X.spec.a of type int32":                 "spec.a must be a whole number that is in its range",
		"quantities must match the regular expression ...":                                              "a quantity must be a number like 100m or 128Mi",
		"map: map[a:secret] does not contain declared merge key: name":                                  "an entry of a list lacks name, by which entries are found",
		"unknown patch type: x in map: map[a:secret]":                                                   "$patch must be replace or delete",
		"unable to find api field in struct jobSpec for the json field \"a\"":                           `unknown field "a"`,
		"Unexpected kind: x":                                                                            "op must be add, remove, replace, move, copy or test",
		"testing value /a failed: test failed":                                                          "the test of /a fails",
		"add operation does not apply: doc is missing path: \"/a/b\": missing value":                    "there is no /a/b",
		"copy operation does not apply: doc is missing from path: /a: missing value":                    "there is no /a",
		"replace operation does not apply: doc is missing key: /a: missing value":                       "there is no /a",
		"error in remove for path: '/a/7': Unable to access invalid index: 7: invalid index referenced": "there is no /a/7",
		"anything else with a secret":                                                                   "it does not fit the object",
		"unknown field \"AGE-SECRET-KEY-1QQ\"":                                                          "[redacted]",
	} {
		if got := reason(errors.New(text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		if i := slices.IndexFunc(reasons, func(r patchReason) bool { return r.pattern().MatchString(text) }); i >= 0 {
			met[reasons[i].pattern().String()] = true
		}
	}
	for _, r := range reasons {
		if !met[r.pattern().String()] {
			t.Errorf("nothing runs into %s", r.pattern())
		}
	}
}

// TestPatchFindsEverything: one patch that fails does not hide what is wrong with the next, nor applies by halves.
func TestPatchFindsEverything(t *testing.T) {
	before, after, ds := patching(t, standaloneBase, patchEntry("kind: Deployment", "spec: {replica: 1}"), patchEntry("kind: DaemonSet", "a: b"), patchEntry("kind: Service", "kind: a"))
	if d := cmp.Diff([]string{"error RI1101 spec.patches[0].patch", "error RI1102 spec.patches[1].target", "error RI1101 spec.patches[2].patch"}, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff(snapshot(t, before), snapshot(t, after)); d != "" {
		t.Errorf("a patch that is refused changes something: %s", d)
	}
}

// TestPatchWaitsForItsOtherHalf: while a patch is refused, what it would have mended is not reported.
func TestPatchWaitsForItsOtherHalf(t *testing.T) {
	_, _, ds := patching(t, standaloneBase, patchEntry("kind: PodDisruptionBudget", "spec: {selector: {matchLabels: {a: b}}}"), patchEntry("kind: Deployment", "spec: {tmplate: {}}"))
	if d := cmp.Diff([]string{"error RI1101 spec.patches[1].patch"}, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestPatchHoldsNoSecret: an escape inside of the patch keeps a key from the scan of the spec, and from nothing else.
func TestPatchHoldsNoSecret(t *testing.T) {
	const secret = `"\u006bey_1canaryCANARY2canary3CAN"`
	for _, patch := range []string{
		"metadata: {annotations: {a: " + secret + "}}",
		"metadata: {annotations: {" + secret + ": a}}",
		"spec: {template: {spec: {serviceAccountName: " + secret + "}}}",
		"spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, env: [{name: A, value: " + secret + "}]}]}}}",
		"[{op: add, path: /metadata/labels/a, value: " + secret + "}]",
		`metadata: {annotations: {a: "\x41GE-SECRET-KEY-1QQCANARYcanary"}}`,
	} {
		before, after, ds := patching(t, standaloneBase, patchEntry("kind: Deployment", patch))
		if d := cmp.Diff([]string{"error RI0401 spec.patches[0].patch"}, findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", patch, d)
		}
		if got := fmt.Sprintf("%+v", ds); strings.Contains(strings.ToLower(got), "canary") {
			t.Errorf("%s: got %s", patch, got)
		}
		if d := cmp.Diff(snapshot(t, before), snapshot(t, after)); d != "" {
			t.Errorf("%s: it was applied", patch)
		}
	}
}

// TestPatchMessagesAreMasked where what they quote begins, should it look like a key in part.
func TestPatchMessagesAreMasked(t *testing.T) {
	const glued = "akey_1canaryCANARY2canary3CAN" // no key to the scan, and not for printing either
	for _, patch := range []string{
		"spec: {template: {spec: {containers: [{name: restate-cloud-tunnel-client, readinessProbe: {httpGet: {port: " + glued + "}}}]}}}",
		"spec: {template: {spec: {volumes: [{name: " + glued + ", hostPath: {path: /}}]}}}",
		"spec: {template: {spec: {" + glued + ": a}}}",
	} {
		_, _, ds := patching(t, standaloneBase, patchEntry("kind: Deployment", patch))
		hidden := false
		for _, d := range ds {
			hidden = hidden || strings.HasSuffix(d.Message, ": [redacted]")
			if strings.Contains(d.Message, "canary") {
				t.Errorf("%s: got %q", patch, d.Message)
			}
		}
		if !hidden {
			t.Errorf("%s: got %q", patch, texts(ds))
		}
	}
}

// TestPatchLinks: what no longer fits together is an error at the patch that broke it, and at none when a later one mends it.
func TestPatchLinks(t *testing.T) {
	rename := patchEntry("kind: Deployment", "- {op: replace, path: /spec/template/spec/containers/0/ports/0/name, value: web}\n- {op: replace, path: /spec/template/spec/containers/0/readinessProbe/httpGet/port, value: web}\n")
	follow := patchEntry("kind: Service", "- {op: replace, path: /spec/ports/0/targetPort, value: web}\n")
	other := patchEntry("kind: PodDisruptionBudget", "metadata: {labels: {a: b}}")
	calling := basedOn(t, usesBase(t), `{services: {greeter: {uses: {restate: true}}}}`)
	for _, tt := range []struct {
		reason, base string
		entries      []string
		want         []string
	}{
		{"a port that the Service leads to", standaloneBase, []string{other, rename, other}, []string{`RI1103 spec.patches[1]: must leave the objects fitting together: Service restate/prod-tunnel: leads to port "health"`}},
		{"both ends", standaloneBase, []string{rename, follow}, nil},
		{"in any order", standaloneBase, []string{follow, other, rename}, nil},
		{"a broken one that is broken otherwise", standaloneBase, []string{rename, patchEntry("kind: Service", "spec: {selector: {a: b}}")}, []string{
			`RI1103 spec.patches[1]: must leave the objects fitting together: Service restate/prod-tunnel: selects no pod`,
		}},
		{"a selector", standaloneBase, []string{patchEntry("kind: Deployment", "spec: {selector: {matchLabels: {app.kubernetes.io/name: other}}}")}, []string{"selects other pods than its template makes"}},
		{"a selector that is gone", standaloneBase, []string{patchEntry("kind: Deployment", "spec: {selector: null}")}, []string{"selects other pods than its template makes"}},
		{"a budget without selector", standaloneBase, []string{patchEntry("kind: PodDisruptionBudget", "spec: {selector: null}")}, []string{"PodDisruptionBudget restate/prod-tunnel: selects no pod"}},
		{"a Secret of another name", standaloneBase, []string{patchEntry("kind: Deployment", "spec: {template: {spec: {volumes: [{name: token, secret: {secretName: hunter2}}]}}}")}, []string{"mounts another Secret than the spec names"}},
		{"another key of it", standaloneBase, []string{patchEntry("kind: Deployment", "- {op: replace, path: /spec/template/spec/volumes/0/secret/items/0/key, value: other}\n")}, []string{"mounts another Secret than the spec names"}},
		{"the environment of a service", operatorBase, []string{patchEntry("kind: RestateDeployment", "spec: {restate: {register: {cloud: other}}}")}, []string{`registers with RestateCloudEnvironment "other"`}},
		{"the way to a service", operatorBase, []string{patchEntry("kind: NetworkPolicy, component: tunnel", "spec: {egress: null}")}, []string{`does not reach service "greeter"`}},
		{"the way from the tunnel", operatorBase, []string{patchEntry("kind: NetworkPolicy, component: service", "spec: {ingress: []}")}, []string{"does not admit the tunnel"}},
		{"a rule of every port opens none that is not there", standaloneBase, []string{patchEntry("kind: NetworkPolicy, component: tunnel", "- {op: add, path: /spec/ingress/0, value: {ports: [{protocol: TCP}]}}\n")}, nil},
		{"no account", jobBase(t), []string{patchEntry("kind: Job", "spec: {template: {spec: {serviceAccountName: null}}}")}, []string{`uses ServiceAccount ""`}},
		{"an endpoint that a service reads", calling, []string{patchEntry("kind: ConfigMap, component: endpoints", "data: {RESTATE_INGRESS_URL: null}")}, []string{"reads RESTATE_INGRESS_URL of ConfigMap"}},
		{"the Secret that a service's pods mount", calling, []string{patchEntry("kind: RestateDeployment", "- {op: replace, path: /spec/template/spec/volumes/1/secret/secretName, value: other}\n")}, []string{"mounts another Secret than the spec names"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			_, _, ds := patching(t, tt.base, tt.entries...)
			got := texts(ds)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) || ds[i].Code != diag.BrokenByPatch || strings.Contains(got[i], "hunter2") {
					t.Errorf("got %q, want %q in it", got[i], tt.want[i])
				}
			}
		})
	}
}

// TestPatchedJob: a Job with another spec has another name, which follows from the spec alone. A new name runs the registration again.
func TestPatchedJob(t *testing.T) {
	name := func(entries ...string) string {
		t.Helper()
		b := one(t, patched(t, jobBase(t), entries...), "registration", "Job")
		if b.typed != nil && b.typed.GetName() != b.Object.GetName() {
			t.Errorf("the struct is called %s, the object %s", b.typed.GetName(), b.Object.GetName())
		}
		return b.Object.GetName()
	}
	entry := func(patch string) string { return patchEntry("kind: Job", patch) }
	plain, ttl := name(), name(entry("spec: {ttlSecondsAfterFinished: 5}"))
	for _, tt := range []struct {
		reason  string
		entries []string
		want    string
	}{
		{"metadata", []string{entry("metadata: {labels: {a: b}, annotations: {c/d: e}}")}, plain},
		{"metadata by an operation", []string{entry("[{op: add, path: /metadata/labels/a, value: b}]")}, plain},
		{"what it has already", []string{entry("spec: {backoffLimit: 8}")}, plain},
		{"another form of the same", []string{entry("[{op: add, path: /spec/ttlSecondsAfterFinished, value: 5}]")}, ttl},
		{"and then metadata", []string{entry("spec: {ttlSecondsAfterFinished: 5}"), entry("metadata: {labels: {a: b}}")}, ttl},
		{"in two steps", []string{entry("spec: {ttlSecondsAfterFinished: 6}"), entry("spec: {ttlSecondsAfterFinished: 5}")}, ttl},
	} {
		if got := name(tt.entries...); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
	if other := name(entry("spec: {ttlSecondsAfterFinished: 6}")); other == ttl || ttl == plain || len(ttl) != len(plain) || ttl[:len(ttl)-8] != plain[:len(plain)-8] {
		t.Errorf("names %s, %s and %s", plain, ttl, other)
	}
}

// TestPatchedLongJob: a name that is cut keeps its length.
func TestPatchedLongJob(t *testing.T) {
	base := basedOn(t, jobBase(t), `{services: {greeter: null, `+strings.Repeat("k", 60)+`: {namespace: shop}}}`)
	got := one(t, patched(t, base, patchEntry("kind: Job", "spec: {suspend: true}")), "registration", "Job").ID().Name
	if len(got) != maxName || got == one(t, patched(t, base), "registration", "Job").ID().Name {
		t.Errorf("got %s", got)
	}
}

// TestPatchSaysNewWeaknesses, once, and those of a user's own template are not the patch's.
func TestPatchSaysNewWeaknesses(t *testing.T) {
	own := basedOn(t, operatorBase, `{services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {hostPID: true, containers: [{name: a}]}}}}}}`)
	for _, tt := range []struct {
		reason, base string
		entries      []string
		want         []string
	}{
		{"what was there before", own, []string{patchEntry("kind: RestateDeployment", "spec: {replicas: 3}")}, nil},
		{"what a patch adds", own, []string{patchEntry("kind: RestateDeployment", "spec: {template: {spec: {hostIPC: true}}}")}, []string{
			"RI1104 spec.patches[0].patch: makes RestateDeployment prod-service-greeter weaker: hostIPC; check that the namespace admits it, and that it is meant",
		}},
		{"by the patch that did it", standaloneBase, []string{
			patchEntry("kind: Deployment", "spec: {replicas: 3}"), patchEntry("kind: Deployment", "spec: {template: {spec: {hostNetwork: true}}}"), patchEntry("kind: Deployment", "spec: {replicas: 4}"),
		}, []string{"RI1104 spec.patches[1].patch: makes Deployment prod-tunnel weaker: hostNetwork; check that the namespace admits it, and that it is meant"}},
		{"a Job as well", jobBase(t), []string{patchEntry("kind: Job", "spec: {template: {spec: {hostIPC: true}}}")}, []string{
			"RI1104 spec.patches[0].patch: makes Job prod-registration-greeter-",
		}},
		{"stronger is fine", own, []string{patchEntry("kind: RestateDeployment", "spec: {template: {spec: {hostPID: false}}}")}, nil},
		{"what has no pods", operatorBase, []string{patchEntry("kind: NetworkPolicy", "metadata: {labels: {a: b}}")}, nil},
	} {
		_, _, ds := patching(t, tt.base, tt.entries...)
		got := texts(ds)
		if len(got) != len(tt.want) || diag.HasError(ds) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], tt.want[i]) {
				t.Errorf("%s: got %q, want %q", tt.reason, got[i], tt.want[i])
			}
		}
	}
}

// FuzzPatch takes any text as a patch of every object: nothing panics, what an object is and whose stays, and without an error all fits
// together.
func FuzzPatch(f *testing.F) {
	bases := []string{standaloneBase, operatorBase, jobBase(f), bridgeBase(f)}
	for _, patch := range []string{
		"metadata: {labels: {a: b}}", "spec: {replicas: 3}", "spec: {selector: null}", "spec: {template: null}", "spec: null", "spec: {template: {spec: {containers: null}}}",
		"spec: {template: {spec: {containers: [{name: a, image: b}], volumes: [{name: token, $patch: delete}]}}}",
		"spec: {egress: [{}], ingress: [{ports: [{port: 1, endPort: 2}], from: [{}]}]}", "data: {a: b}", "$patch: replace", "[{op: remove, path: /spec}]",
		"[{op: copy, from: /spec, path: /spec/a}]", "[{op: replace, path: '', value: {}}]", "a: &a [*a]", "- {op: test, path: /metadata/name, value: 1}", "%", "a: b\n---\nc: d",
	} {
		for i := range bases {
			f.Add(patch, byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, text string, base byte) {
		in := spec(t, bases[int(base)%len(bases)])
		m, ds := Resolve(in, Input{})
		if diag.HasError(ds) {
			t.Fatalf("%q", findings(ds))
		}
		before := Build(m)
		kinds := map[string]bool{}
		for _, b := range before {
			kinds[b.ID().Kind] = true
		}
		for _, kind := range sortedKeys(kinds) {
			after, ds := Patch(m, before, []v1alpha1.Patch{{Target: v1alpha1.PatchTarget{Kind: kind}, Patch: text}})
			for _, d := range ds {
				wellFormed(t, d)
			}
			if diag.HasError(ds) {
				continue
			}
			stillOurs(t, m, before, after)
		}
	})
}

// stillOurs holds what a patch without an error promises.
func stillOurs(t *testing.T, m Model, before, after []Built) {
	t.Helper()
	if problems := checkPatched(m, before, after); len(problems) > 0 {
		t.Errorf("dangling: %q", problems)
	}
	for i, b := range after {
		was := before[i]
		if b.ID().Kind != "Job" && b.ID() != was.ID() || b.Object.GetAnnotations()[AnnotationOwnedBy] != m.Owner() || b.Component != was.Component {
			t.Errorf("%v has become %v of %s", was.ID(), b.ID(), b.Object.GetAnnotations()[AnnotationOwnedBy])
		}
		raw, err := gojson.Marshal(b.Object)
		if err != nil {
			t.Errorf("%v: %v", b.ID(), err)
		}
		if err := yaml.Unmarshal(raw, &map[string]any{}); err != nil {
			t.Errorf("%v: %v", b.ID(), fmt.Errorf("is no YAML: %w", err))
		}
	}
}
