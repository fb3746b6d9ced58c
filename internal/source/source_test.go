// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func read(t testing.TB, text string) (*v1alpha1.RestateIntegration, Document, []diag.Diagnostic) {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	in := &v1alpha1.RestateIntegration{}
	doc, ds := Read(&node, in)
	return in, doc, ds
}

func findings(ds []diag.Diagnostic) []string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.TrimSpace(string(d.Code)+" "+d.Path))
	}
	return out
}

// readCase is a spec, and all that is wrong with it: "code path", separated by "; ".
type readCase struct{ reason, spec, want string }

func run(t *testing.T, cases []readCase) {
	t.Helper()
	for _, tt := range cases {
		_, _, ds := read(t, "spec: "+tt.spec+"\n")
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: %s: got %q, want %q", tt.reason, tt.spec, got, tt.want)
		}
		for _, d := range ds {
			if strings.HasSuffix(d.Message, ".") || d.Message == "" || strings.ContainsAny(d.Line(), "\n\x1b") {
				t.Errorf("%s: message %q", tt.reason, d.Message)
			}
		}
	}
}

func TestReadTypes(t *testing.T) {
	run(t, []readCase{
		{"a number", `{tunnel: {replicas: 2}}`, ""},
		{"a hexadecimal number", `{tunnel: {replicas: 0x10}}`, ""},
		{"quoted", `{tunnel: {replicas: "2"}}`, "RI0203 spec.tunnel.replicas"},
		{"with an exponent", `{tunnel: {replicas: 1e3}}`, "RI0203 spec.tunnel.replicas"},
		{"a fraction", `{tunnel: {replicas: 2.0}}`, "RI0203 spec.tunnel.replicas"},
		{"the largest", `{tunnel: {replicas: 2147483647}}`, ""},
		{"one more", `{tunnel: {replicas: 2147483648}}`, "RI0309 spec.tunnel.replicas"},
		{"below the smallest", `{tunnel: {replicas: -2147483649}}`, "RI0309 spec.tunnel.replicas"},
		{"over 64 bits", `{tunnel: {replicas: 18446744073709551616}}`, "RI0203 spec.tunnel.replicas"},
		{"the largest of 64 bits fits a field of 64 bits", `{services: {a: {deployment: {drain: {delaySeconds: 9223372036854775807}}}}}`, ""},
		{"a map", `{tunnel: {replicas: {}}}`, "RI0203 spec.tunnel.replicas"},
		{"text", `{tunnel: {replicas: two}}`, "RI0203 spec.tunnel.replicas"},
		{"a boolean for a number", `{tunnel: {replicas: true}}`, "RI0203 spec.tunnel.replicas"},

		{"a boolean", `{namespace: {create: true}}`, ""},
		{"in capitals", `{namespace: {create: TRUE}}`, ""},
		{"of YAML 1.1", `{namespace: {create: yes}}`, "RI0203 spec.namespace.create"},
		{"likewise", `{namespace: {create: "on"}}`, "RI0203 spec.namespace.create"},
		{"quoted", `{namespace: {create: "true"}}`, "RI0203 spec.namespace.create"},
		{"a number for a boolean", `{namespace: {create: 1}}`, "RI0203 spec.namespace.create"},

		{"text", `{cluster: c1}`, ""},
		{"a number for text", `{cluster: 1}`, "RI0203 spec.cluster"},
		{"quoted", `{cluster: "1"}`, ""},
		{"a fraction", `{cluster: 1.5}`, "RI0203 spec.cluster"},
		{"a boolean for text", `{cluster: true}`, "RI0203 spec.cluster"},
		{"no boolean", `{cluster: yes}`, ""},
		{"a date is text to everybody else", `{cluster: 2026-11-23}`, ""},
		{"a list for text", `{cluster: [a]}`, "RI0203 spec.cluster"},
		{"a map for text", `{cluster: {a: b}}`, "RI0203 spec.cluster"},
		{"binary", `{cluster: !!binary YQ==}`, "RI0203 spec.cluster"},
		{"a tag of its own", `{cluster: !mine a}`, "RI0203 spec.cluster"},

		{"a label", `{labels: {a: b}}`, ""},
		{"a label that is a number", `{labels: {a: 1}}`, "RI0203 spec.labels[a]"},
		{"a label that is a boolean", `{labels: {a: true}}`, "RI0203 spec.labels[a]"},
		{"quoted", `{labels: {a: "1", b: "true", c: "null"}}`, ""},
		{"a list of labels", `{labels: [a]}`, "RI0203 spec.labels"},
		{"a key that is a list", `{labels: {[a]: b}}`, "RI0203 spec.labels"},
		{"a list", `{cloud: {allowedHosts: [a]}}`, ""},
		{"one value for a list", `{cloud: {allowedHosts: a}}`, "RI0203 spec.cloud.allowedHosts"},
		{"a map for a list", `{tunnel: {env: {RUST_LOG: debug}}}`, "RI0203 spec.tunnel.env"},
		{"in an item", `{tunnel: {env: [{name: A}, {name: 1}]}}`, "RI0203 spec.tunnel.env[1].name"},
		{"an item of another type", `{tunnel: {env: [a]}}`, "RI0203 spec.tunnel.env[0]"},
		{"a list for the spec", `[]`, "RI0203 spec"},
		{"text for the spec", `a`, "RI0203 spec"},

		{"an enum", `{tunnel: {mode: Standalone}}`, ""},
		{"not of the enum", `{tunnel: {mode: Other}}`, "RI0207 spec.tunnel.mode"},
		{"another case", `{tunnel: {mode: standalone}}`, "RI0207 spec.tunnel.mode"},
		{"an empty one is not set", `{tunnel: {mode: ""}}`, ""},
		{"in a list", `{gateway: {allow: [call, steal]}}`, "RI0207 spec.gateway.allow[1]"},
	})
}

func TestReadSpecialTypes(t *testing.T) {
	quantity := func(s string) string { return `{tunnel: {resources: {limits: {cpu: ` + s + `}}}}` }
	budget := func(s string) string { return `{tunnel: {podDisruptionBudget: {minAvailable: ` + s + `}}}` }
	const q, b, d = "spec.tunnel.resources.limits[cpu]", "spec.tunnel.podDisruptionBudget.minAvailable", "spec.secrets.maxAge"
	run(t, []readCase{
		{"a quantity", quantity(`100m`), ""},
		{"a number", quantity(`2`), ""},
		{"text", quantity(`lots`), "RI0314 " + q},
		{"a boolean", quantity(`true`), "RI0314 " + q},
		{"a map", quantity(`{}`), "RI0203 " + q},
		{"not a number at all", quantity(`.nan`), "RI0314 " + q},
		{"a number or text", budget(`1`), ""},
		{"likewise", budget(`50%`), ""},
		{"a fraction", budget(`1.5`), "RI0203 " + b},
		{"a boolean", budget(`true`), "RI0203 " + b},
		{"a list", budget(`[1]`), "RI0203 " + b},
		{"too large", budget(`3000000000`), "RI0203 " + b},
		{"a duration", `{secrets: {maxAge: 24h}}`, ""},
		{"without unit", `{secrets: {maxAge: 24}}`, "RI0203 " + d},
		{"in days", `{secrets: {maxAge: 7d}}`, "RI0203 " + d},
		{"a map", `{secrets: {maxAge: {}}}`, "RI0203 " + d},
		{"anything below", `{services: {a: {deployment: {autoscaling: {maxReplicas: 3, x: [1.5, null, {}]}}}}}`, ""},
		{"but a map", `{services: {a: {deployment: {autoscaling: 3}}}}`, "RI0203 spec.services[a].deployment.autoscaling"},
	})
	_, _, ds := read(t, "metadata: {creationTimestamp: 2026-11-23T00:00:00Z, deletionTimestamp: soon}\n")
	if got := findings(ds); len(got) != 1 || got[0] != "RI0203 metadata.deletionTimestamp" {
		t.Errorf("timestamps: got %q", got)
	}
}

// TestReadRequired is about Kubernetes' own types, whose required fields an API server would miss only much later. Those of our
// own types are checked behind, with better words.
func TestReadRequired(t *testing.T) {
	pod := func(s string) string { return `{tunnel: {podTemplate: {` + s + `}}}` }
	const path = "RI0204 spec.tunnel.podTemplate."
	run(t, []readCase{
		{"an item without name", `{tunnel: {env: [{value: a}]}}`, "RI0204 spec.tunnel.env[0].name"},
		{"a null is no name", `{tunnel: {env: [{name: null}]}}`, "RI0204 spec.tunnel.env[0].name"},
		{"a name of the wrong type is said once", `{tunnel: {env: [{name: 1}]}}`, "RI0203 spec.tunnel.env[0].name"},
		{"what is merged is there", `{tunnel: {env: [{<<: {name: a}}]}}`, ""},
		{"several", pod(`topologySpreadConstraints: [{topologyKey: zone}]`), path + "topologySpreadConstraints[0].maxSkew; " + path + "topologySpreadConstraints[0].whenUnsatisfiable"},
		{"none is missing", pod(`topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]`), ""},
		{"in a block", pod(`securityContext: {seccompProfile: {}}`), path + "securityContext.seccompProfile.type"},
		{"a CIDR", `{services: {a: {allowFrom: [{ipBlock: {}}]}}}`, "RI0204 spec.services[a].allowFrom[0].ipBlock.cidr"},
		{"our own types are checked behind", `{services: {a: {}}, nats: {}, tunnel: {existing: {}}}`, ""},
		{"a port may be left out", `{tunnel: {egressTo: [{to: [{podSelector: {}}], ports: [{}]}]}}`, ""},
		{"a template without metadata", `{services: {a: {deployment: {template: {spec: {containers: []}}}}}}`, ""},
	})
}

func TestReadUnknownFields(t *testing.T) {
	for _, tt := range []struct{ reason, spec, path, hint string }{
		{"a letter too many", `{clouds: {}}`, "spec.clouds", `did you mean "cloud"?`},
		{"another case", `{tunnel: {Replicas: 1}}`, "spec.tunnel.Replicas", `did you mean "replicas"?`},
		{"another word, and few fields", `{namespace: {xyzxyzxyz: 1}}`, "spec.namespace.xyzxyzxyz", "allowed are create, podSecurity"},
		{"another word, and many fields", `{xyzxyzxyz: 1}`, "spec.xyzxyzxyz", ""},
		{"in a map's value", `{services: {a: {prot: 1}}}`, "spec.services[a].prot", `did you mean "port"?`},
		{"in a list's item", `{tunnel: {env: [{name: A, valu: a}]}}`, "spec.tunnel.env[0].valu", `did you mean "value"?`},
		{"in a type of Kubernetes", `{services: {a: {podSelector: {matchLabel: {}}}}}`, "spec.services[a].podSelector.matchLabel", `did you mean "matchLabels"?`},
		{"in an embedded type", `{credentials: {nats: {rolloutkey: a}}}`, "spec.credentials.nats.rolloutkey", `did you mean "rolloutKey"?`},
		{"a line break in the key", `{"a\nb": 1}`, "spec.a b", ""},
	} {
		_, _, ds := read(t, "spec: "+tt.spec+"\n")
		if len(ds) != 1 || ds[0].Code != diag.UnknownField || ds[0].Path != tt.path || ds[0].Hint != tt.hint {
			t.Errorf("%s: got %+v, want %s with hint %q", tt.reason, ds, tt.path, tt.hint)
		}
	}
	_, _, ds := read(t, "spce: {}\n")
	if len(ds) != 1 || ds[0].Path != "spce" || ds[0].Hint != `did you mean "spec"?` {
		t.Errorf("at the top: got %+v", ds)
	}
}

func TestReadDuplicates(t *testing.T) {
	run(t, []readCase{
		{"a field", `{cluster: a, cluster: b}`, "RI0202 spec.cluster"},
		{"three times", `{cluster: a, cluster: b, cluster: c}`, "RI0202 spec.cluster; RI0202 spec.cluster"},
		{"a map's key", `{labels: {a: b, a: c}}`, "RI0202 spec.labels[a]"},
		{"quoted or not", `{cluster: a, "cluster": b}`, "RI0202 spec.cluster"},
		{"of another type", `{cluster: a, cluster: {b: c}}`, "RI0202 spec.cluster"},
		{"of an unknown field", `{x: 1, x: 2}`, "RI0201 spec.x; RI0202 spec.x"},
		{"with a secret in it", `{cluster: a, cluster: ` + fakeKey + `}`, "RI0202 spec.cluster; RI0401 spec.cluster"},
	})
}

// TestDuplicatesAreNotRead: the first one counts, so that what follows is checked once.
func TestDuplicatesAreNotRead(t *testing.T) {
	in, _, ds := read(t, "metadata: {name: prod}\nspec: {cluster: a, cluster: {b: c}, tunnel: {mode: None}}\n")
	if len(ds) != 1 || in.Name != "prod" || in.Spec.Tunnel.Mode != "None" {
		t.Errorf("got %q and %+v, want the rest of the document to be read", findings(ds), in)
	}
}

func TestReadNull(t *testing.T) {
	in, _, ds := read(t, `
metadata: {name: prod}
spec:
  cloud: null
  cluster: ~
  clusterDomain:
  labels: {a: null}
  tunnel: {replicas: null, mode: null, resources: null, env: [null], podDisruptionBudget: {minAvailable: null}}
  secrets: {maxAge: null}
  services: {a: null, b: {port: null}}
  gateway: null
`)
	if len(ds) > 0 {
		t.Fatalf("null means not set, got %q", findings(ds))
	}
	s := in.Spec
	if s.Cluster != "" || s.Tunnel.Replicas != nil || s.Secrets.MaxAge != nil || s.Gateway != nil || len(s.Services) != 2 || len(s.Tunnel.Env) != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestReadAliases(t *testing.T) {
	in, _, ds := read(t, `
spec:
  cloud: {ingressURL: &host https://a.example}
  tunnel:
    podTemplate: &pod
      labels: &labels {a: "1", b: "1"}
      nodeSelector: {x: "1"}
  labels:
    <<: *labels
    b: "2"
  annotations:
    <<: [{a: first}, {a: second, c: "3"}, *labels]
  clusterDomain: *host
  services:
    one: &service {namespace: shop, port: 1}
    two: {<<: *service, port: 2}
`)
	if len(ds) > 0 {
		t.Fatalf("got %q", findings(ds))
	}
	s := in.Spec
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"an alias", "https://a.example", s.ClusterDomain},
		{"own keys win over merged ones", map[string]string{"a": "1", "b": "2"}, s.Labels},
		{"earlier maps win over later ones", map[string]string{"a": "first", "b": "1", "c": "3"}, s.Annotations},
		{"merged fields", "shop", s.Services["two"].Namespace},
		{"and overridden ones", int32(2), *s.Services["two"].Port},
		{"the anchor stays as it was", int32(1), *s.Services["one"].Port},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
	run(t, []readCase{
		{"what is wrong behind an alias is said at each place", `{tunnel: {podTemplate: {labels: &l {a: 1}}}, labels: *l}`, "RI0203 spec.tunnel.podTemplate.labels[a]; RI0203 spec.labels[a]"},
		{"a merged field is one of the mapping", `{tunnel: {<<: {replica: 1}}}`, "RI0201 spec.tunnel.replica"},
		{"quoted, it is a key", `{labels: {"<<": a}}`, ""},
		{"nothing to merge: the key stays", `{tunnel: {<<: a}}`, "RI0201 spec.tunnel.<<"},
		{"likewise in a list", `{tunnel: {<<: [{replicas: 1}, a]}}`, "RI0201 spec.tunnel.<<"},
		{"in a map it is one of the keys, which are checked behind", `{labels: {<<: a}}`, ""},
	})
}

func TestReadLimits(t *testing.T) {
	nested := func(n int) string { return "x: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" }
	for _, tt := range []struct{ reason, text, want string }{
		{"99 levels", nested(99), "RI0201 x"},
		{"more than 100", nested(101), "RI0102"},
		{"an alias of itself", "a: &a [*a]\n", "RI0102"},
		{"many values", "a: [" + strings.Repeat("1,", 100_000) + "]\n", "RI0102"},
		{"many values behind aliases", bomb(), "RI0102"},
		{"a few", "a: [" + strings.Repeat("1,", 90_000) + "]\n", "RI0201 a"},
	} {
		in, _, ds := read(t, tt.text)
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
		if tt.want == "RI0102" && !reflect.DeepEqual(in, &v1alpha1.RestateIntegration{}) {
			t.Errorf("%s: something was read", tt.reason)
		}
	}
}

// bomb is a few lines that stand for ten million values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 7; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	return b.String()
}

// TestReadValues: what fits is read as it was written.
func TestReadValues(t *testing.T) {
	in, _, ds := read(t, `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate, labels: {a: b}}
spec:
  clusterDomain: 2026-11-23
  labels: {a: yes, b: "1e3", c: 'null'}
  tunnel:
    replicas: 0x10
    resources: {limits: {cpu: 1, memory: 128Mi}}
    podDisruptionBudget: {maxUnavailable: 2}
  networkPolicy: {restateCloud: {except: [], tunnelPorts: [1, 2]}}
  credentials: {nats: {name: n, type: Creds}}
  services:
    a: {namespace: shop, deployment: {drain: {delaySeconds: 9007199254740993}, autoscaling: {big: 9007199254740993}}}
  annotations:
    text: |
      one
      two
`)
	if len(ds) > 0 {
		t.Fatalf("got %q", findings(ds))
	}
	s := in.Spec
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"kind", "RestateIntegration", in.Kind},
		{"metadata", "restate", in.Namespace},
		{"a date as text", "2026-11-23", s.ClusterDomain},
		{"texts", map[string]string{"a": "yes", "b": "1e3", "c": "null"}, s.Labels},
		{"a hexadecimal number", int32(16), *s.Tunnel.Replicas},
		{"quantities", resource.MustParse("1"), s.Tunnel.Resources.Limits["cpu"]},
		{"a number that may be text", int32(2), s.Tunnel.PodDisruptionBudget.MaxUnavailable.IntVal},
		{"an empty list is not an absent one", []string{}, s.NetworkPolicy.RestateCloud.Except},
		{"ports", []int32{1, 2}, s.NetworkPolicy.RestateCloud.TunnelPorts},
		{"an embedded struct", "n", s.Credentials.NATS.Name},
		{"its neighbour", v1alpha1.NATSCredentialType("Creds"), s.Credentials.NATS.Type},
		{"more digits than a float has", int64(9007199254740993), *s.Services["a"].Deployment.Drain.DelaySeconds},
		{"also where nothing is known of the type", `{"big":9007199254740993}`, string(s.Services["a"].Deployment.Autoscaling.Raw)},
		{"several lines", "one\ntwo\n", s.Annotations["text"]},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestReadReportsEverything, in the order of the document, and reads the rest.
func TestReadReportsEverything(t *testing.T) {
	in, doc, ds := read(t, `
metadata: {name: 1, namespace: restate}
spec:
  tunnel: {mode: other, replicas: two, replica: 1}
  services: {a: {port: "80", namespace: shop}}
  labels: {a: 1}
  cluster: {}
`)
	want := []string{
		"RI0203 metadata.name", "RI0207 spec.tunnel.mode", "RI0203 spec.tunnel.replicas", "RI0201 spec.tunnel.replica",
		"RI0203 spec.services[a].port", "RI0203 spec.labels[a]", "RI0203 spec.cluster",
	}
	if d := cmp.Diff(want, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if in.Namespace != "restate" || in.Spec.Services["a"].Namespace != "shop" {
		t.Errorf("what fits was not read: %+v", in)
	}
	// What the checks behind find is sorted in.
	ds = append(ds, diag.Diagnostic{Code: diag.Required, Path: "spec.cloud.region"}, diag.Diagnostic{Code: diag.BadName, Path: "metadata.namespace"}, diag.Diagnostic{Code: diag.Required, Path: "spec.services[a].deployment.image"}, diag.Diagnostic{Code: diag.Summary})
	doc.Sort(ds)
	want = []string{
		"RI0704", "RI0203 metadata.name", "RI0301 metadata.namespace", "RI0204 spec.cloud.region", "RI0207 spec.tunnel.mode", "RI0203 spec.tunnel.replicas", "RI0201 spec.tunnel.replica",
		"RI0204 spec.services[a].deployment.image", "RI0203 spec.services[a].port", "RI0203 spec.labels[a]", "RI0203 spec.cluster",
	}
	if d := cmp.Diff(want, findings(ds)); d != "" {
		t.Errorf("sorted: (-want +got)\n%s", d)
	}
}

// TestUnread: what could not be read must not be reported once more as absent.
func TestUnread(t *testing.T) {
	_, doc, _ := read(t, `
metadata: {name: 1}
spec:
  tunnel: {mode: other, podDisruptionBudget: {maxUnavailable: []}}
  services: {a: {port: "80", namespace: shop}, b.c/d: 5}
  cloud: [a]
`)
	for _, tt := range []struct {
		path         string
		unread, part bool
	}{
		{"metadata.name", true, false},
		{"metadata.namespace", false, false},
		{"metadata", false, true},
		{"spec.tunnel.mode", true, false},
		{"spec.tunnel", false, true},
		{"spec.tunnel.modes", false, false},
		{"spec.tunnel.podDisruptionBudget", false, true},
		{"spec.services[a].port", true, false},
		{"spec.services[a]", false, true},
		{"spec.services[b.c/d].namespace", true, false},
		{"spec.cloud.region", true, false},
		{"", false, false},
	} {
		if got := doc.Unread(tt.path); got != tt.unread {
			t.Errorf("Unread(%q) = %v", tt.path, got)
		}
		if got := tt.path != "" && doc.UnreadBelow(tt.path); got != tt.part {
			t.Errorf("UnreadBelow(%q) = %v", tt.path, got)
		}
	}
}
