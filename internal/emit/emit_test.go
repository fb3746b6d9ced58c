// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func emitted(t testing.TB, object any) string {
	t.Helper()
	out, err := YAML(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// jsonOf is the document as every YAML reader of Kubernetes sees it.
func jsonOf(t testing.TB, text string) []byte {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestCanonicalForm is written out whole: order of the keys, indentation, what is left out and what stays.
func TestCanonicalForm(t *testing.T) {
	d := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", Labels: map[string]string{"z": "1", "a": "on"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](0),
			Selector: &metav1.LabelSelector{},
			Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: ptr.To(false),
					InitContainers:               []corev1.Container{{Name: "i"}},
					Containers: []corev1.Container{{
						Name: "c", Image: "d:1", Env: []corev1.EnvVar{{Name: "E", Value: "1e3"}},
						SecurityContext: &corev1.SecurityContext{},
						VolumeMounts:    []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
					}},
					Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
				},
			},
		},
	}
	const want = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
  namespace: b
  labels:
    a: "on"
    z: "1"
spec:
  replicas: 0
  selector: {}
  template:
    spec:
      automountServiceAccountToken: false
      initContainers:
      - name: i
      containers:
      - name: c
        image: d:1
        env:
        - name: E
          value: "1e3"
        volumeMounts:
        - name: tmp
          mountPath: /tmp
        securityContext: {}
      volumes:
      - name: tmp
        emptyDir: {}
`
	if d := cmp.Diff(want, emitted(t, d)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestNoise: what Go's structs bring along goes, by path; an empty map that somebody meant stays.
func TestNoise(t *testing.T) {
	for _, tt := range []struct {
		reason string
		object any
		has    []string
		not    []string
	}{
		{"every pod of the namespace", &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{}}}, []string{"podSelector: {}"}, []string{"status", "creationTimestamp"}},
		{"every namespace", &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}}}}}, []string{"namespaceSelector: {}"}, nil},
		{"every rule", &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{}}}}, []string{"egress:\n  - {}"}, nil},
		{"a budget", &policyv1.PodDisruptionBudget{}, nil, []string{"status", "disruptionsAllowed"}},
		{"a Service", &corev1.Service{}, nil, []string{"status", "loadBalancer"}},
		{"a Deployment", &appsv1.Deployment{}, nil, []string{"status", "strategy", "creationTimestamp", "metadata: {}\n    spec"}},
		{"a strategy that is set", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Strategy: appsv1.DeploymentStrategy{Type: "Recreate"}}}, []string{"type: Recreate"}, nil},
		{"resources that are set", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("1")}}}}}}}}, []string{`cpu: "1"`}, nil},
		{"data that is called like noise", &corev1.ConfigMap{Data: map[string]string{"status": "", "creationTimestamp": "x"}}, []string{"creationTimestamp: x", `status: ""`}, nil},
		{"a namespace", &corev1.Namespace{}, nil, []string{"status", "spec: {}"}},
	} {
		got := emitted(t, tt.object)
		for _, part := range tt.has {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %q in\n%s", tt.reason, part, got)
			}
		}
		for _, part := range tt.not {
			if strings.Contains(got, part) {
				t.Errorf("%s: %q in\n%s", tt.reason, part, got)
			}
		}
	}
}

// hostile are texts that some reader of YAML takes for something else.
var hostile = []string{
	"", " ", "a ", " a", "on", "On", "OFF", "yes", "No", "y", "N", "true", "True", "false", "null", "Null", "NULL", "~", "nil",
	"1", "-1", "+1", "1e3", "1E3", "1.5", ".5", "5.", "0x10", "0o17", "017", "0b11", "1_000", "12:30", "-12:30", "190:20:30.15", ".inf", "-.INF", ".nan", "2026-11-23", "2026-11-23T00:00:00Z",
	"99999999999999999999", "=", "<<", "-", "- a", "?", "? a", ":", "a: b", "a:", "a:b", "#", "a #b", "a#b", "&a", "*a", "!a", "!!int 1", "%a", "@a", "`a", "|", ">", "{", "{}", "[", "[a]", ",", "'", "''", `"`, `a"b'c`, `\`, `\n`,
	"---", "...", "--- a", "a\nb", "a\n", "\na", "a\n\n", "\n", " a\nb", "a \nb", "a\n b\n", "\ta", "a\tb", "\t\n", "\t\n\t", "\ta\nb", "a\r\nb", "a\rb", "a\u0085b", "a\u2028b", "\ufeffa", "a\x00b", "\x1b[31m", "ä", "日本", "\U0001F600",
	strings.Repeat("long ", 60), strings.Repeat("x", 300),
}

// TestTexts: every text is read back as it was, as a value and as a key, and is text to YAML 1.1 as well.
func TestTexts(t *testing.T) {
	for _, s := range hostile {
		t.Run(fmt.Sprintf("%.40q", s), func(t *testing.T) {
			same(t, map[string]string{"value": s})
			same(t, map[string]string{s: "value"})
		})
	}
}

// same writes data and reads it back.
func same(t *testing.T, data map[string]string) {
	t.Helper()
	text := emitted(t, &corev1.ConfigMap{Data: data})
	var back corev1.ConfigMap
	if err := json.Unmarshal(jsonOf(t, text), &back); err != nil || !reflect.DeepEqual(data, back.Data) {
		t.Errorf("%v: %q is read back as %q from\n%s", err, data, back.Data, text)
	}
}

// TestQuoted are read as something else by YAML 1.1 or 1.2 when they stand without quotes; kubectl reads 1.1.
func TestQuoted(t *testing.T) {
	for _, s := range []string{"on", "Off", "yes", "n", "Y", "true", "null", "~", "1e3", "0x10", "017", "1_000", "12:30", "190:20:30.15", "2026-11-23", "1.5", ".inf", "", "<<"} {
		got := emitted(t, &corev1.ConfigMap{Data: map[string]string{"a": s}})
		if want := fmt.Sprintf("  a: %q\n", s); !strings.Contains(got, want) {
			t.Errorf("%q: got\n%s", s, got)
		}
	}
	for _, s := range []string{"a", "https://a.example:8080", "1.2.3", "onn", "v1", "50%", "a:1.4.2"} {
		if got, want := emitted(t, &corev1.ConfigMap{Data: map[string]string{"a": s}}), "  a: "+s+"\n"; !strings.Contains(got, want) {
			t.Errorf("%q needs no quotes: got\n%s", s, got)
		}
	}
}

// TestValues has those of other types.
func TestValues(t *testing.T) {
	type object struct {
		Big   int64              `json:"big"`
		Small int32              `json:"small"`
		Bool  bool               `json:"bool"`
		Port  intstr.IntOrString `json:"port"`
		Text  intstr.IntOrString `json:"text"`
		List  []string           `json:"list"`
		Map   map[string]string  `json:"map"`
		Nil   []string           `json:"nil"`
		Lines string             `json:"lines"`
		Gone  []string           `json:"gone,omitempty"`
	}
	got := emitted(t, &object{Big: 9007199254740993, Small: -1, Bool: true, Port: intstr.FromInt32(80), Text: intstr.FromString("80"), List: []string{}, Map: map[string]string{}, Lines: "a\nb\n", Gone: []string{}})
	const want = `port: 80
big: 9007199254740993
bool: true
lines: |
  a
  b
list: []
map: {}
nil: null
small: -1
text: "80"
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestUnknownTypes are an error and not a wrong document.
func TestUnknownTypes(t *testing.T) {
	for _, object := range []any{&struct{ F float64 }{1.5}, &struct{ B []byte }{[]byte("a")}, &struct{ C chan int }{make(chan int)}, &struct{ U uint32 }{1}} {
		if out, err := YAML(object); err == nil {
			t.Errorf("%T gives\n%s", object, out)
		}
	}
}

const spec = `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: env_201j05r9g0f12ygtphdszbb4scp, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
  namespace: {create: true}
  labels: {on: "off", version: "1e3"}
  annotations: {example.com/text: "a\nb\n"}
  tunnel:
    remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}
    podDisruptionBudget: {minAvailable: 50%}
    podTemplate: {tolerations: [{key: a, tolerationSeconds: 9007199254740993, effect: NoExecute}], dnsConfig: {options: [{name: ndots, value: "1"}]}}
`

// expanded is every kind that the function writes.
func expanded(t testing.TB) []generators.Built {
	t.Helper()
	var all []generators.Built
	for _, patch := range []string{
		"  services: {greeter: {namespace: shop, metricsPort: 1, deployment: {image: 'a:1', env: [{name: A, value: 'on'}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}}}\n",
		"  services: {greeter: {namespace: shop, deployment: {template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: a, image: b, livenessProbe: {httpGet: {path: /, port: 80}}}]}}}}}\n",
		"  services: {greeter: {namespace: shop, egressTo: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}}\n  cluster: c1\n",
	} {
		text := spec + patch
		if strings.Contains(patch, "cluster:") {
			text = strings.Replace(text, "  tunnel:\n", "  tunnel:\n    mode: Standalone\n", 1)
		}
		var in v1alpha1.RestateIntegration
		if err := json.Unmarshal(jsonOf(t, text), &in); err != nil {
			t.Fatal(err)
		}
		m, ds := generators.Resolve(&in, generators.Input{})
		if diag.HasError(ds) {
			t.Fatalf("%+v", ds)
		}
		all = append(all, generators.Build(m)...)
	}
	return all
}

// TestRoundTrip: every object of the function is read back as it was.
func TestRoundTrip(t *testing.T) {
	kinds := map[string]bool{}
	for _, b := range expanded(t) {
		kinds[b.ID().Kind] = true
		text := emitted(t, b.Object)
		back := reflect.New(reflect.TypeOf(b.Object).Elem()).Interface()
		decoder := json.NewDecoder(bytes.NewReader(jsonOf(t, text)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(back); err != nil {
			t.Errorf("%v: %v\n%s", b.ID(), err, text)
			continue
		}
		if !equality.Semantic.DeepEqual(b.Object, back) {
			t.Errorf("%v is read back as another object (-written +read)\n%s", b.ID(), cmp.Diff(b.Object, back))
		}
	}
	for _, kind := range []string{"Namespace", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "RestateCloudEnvironment", "RestateDeployment", "Deployment", "Service", "ServiceAccount", "Job"} {
		if !kinds[kind] {
			t.Errorf("no %s was tried", kind)
		}
	}
}

// TestForm: what every document of the function has in common.
func TestForm(t *testing.T) {
	for _, b := range expanded(t) {
		text := emitted(t, b.Object)
		if again := emitted(t, b.Object); again != text {
			t.Errorf("%v: not the same twice", b.ID())
		}
		if !strings.HasPrefix(text, "apiVersion: ") || !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || strings.Contains(text, "---") || strings.Contains(text, "\t") {
			t.Errorf("%v: not canonical\n%s", b.ID(), text)
		}
		for _, part := range []string{"\nstatus:", "creationTimestamp", ": null", "resources: {}", "strategy: {}"} {
			if strings.Contains(text, part) {
				t.Errorf("%v: %q in\n%s", b.ID(), part, text)
			}
		}
	}
}

// TestUnstructuredIsWrittenAlike: an object that a patch has changed looks like one that none has.
func TestUnstructuredIsWrittenAlike(t *testing.T) {
	for _, b := range expanded(t) {
		raw, err := json.Marshal(b.Object)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(emitted(t, b.Object), emitted(t, u)); d != "" {
			t.Errorf("%v (-struct +unstructured)\n%s", b.ID(), d)
		}
	}
}

// TestUnstructuredNumbers: whole numbers stay whole, whatever their size, and fractions are no text.
func TestUnstructuredNumbers(t *testing.T) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(`{"apiVersion": "a/v1", "kind": "B", "spec": {"big": 9007199254740993, "max": 9223372036854775807, "small": -1, "million": 1000000, "ratio": 0.5, "one": 1.0, "null": null, "text": "1e3", "on": "on", "list": [12345678]}}`)); err != nil {
		t.Fatal(err)
	}
	const want = `apiVersion: a/v1
kind: B
spec:
  big: 9007199254740993
  list:
  - 12345678
  max: 9223372036854775807
  million: 1000000
  "null": null
  "on": "on"
  one: 1
  ratio: 0.5
  small: -1
  text: "1e3"
`
	if d := cmp.Diff(want, emitted(t, u)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// FuzzTexts: any text in any place is read back.
func FuzzTexts(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		key, value = strings.ToValidUTF8(key, ""), strings.ToValidUTF8(value, "") // what was read from YAML is UTF-8
		same(t, map[string]string{key: value})
	})
}
