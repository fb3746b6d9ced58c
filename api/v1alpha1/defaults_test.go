// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// small is the smallest spec with every built block in it.
func small() *RestateIntegration {
	return &RestateIntegration{
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Namespace: "restate"},
		Spec: RestateIntegrationSpec{
			Cloud: Cloud{EnvironmentID: "env_x", Region: "eu", SigningPublicKey: "publickeyv1_x"},
			Services: map[string]Service{
				"greeter": {Namespace: "shop", Deployment: &Deployment{Image: "a:1"}},
				"plain":   {Namespace: "shop"},
			},
		},
	}
}

// full sets every field that has a default to something else.
func full() *RestateIntegration {
	in := small()
	s := &in.Spec
	s.Cloud.IngressURL, s.Cloud.AdminURL = "https://i", "https://a"
	s.ClusterDomain = "k8s.example"
	s.DeletionPolicy = DeletionDelete
	s.Namespace.PodSecurity = PodSecurityBaseline
	s.GitOps.Tool = "Flux"
	for _, c := range []*Credential{&s.Credentials.Tunnel, &s.Credentials.Ingress, &s.Credentials.Admin, &s.Credentials.NATS.Credential} {
		*c = Credential{Name: "n", Key: "k", Source: SourceExternal}
	}
	s.Credentials.NATS.Type = "Creds"
	s.Secrets = Secrets{Delivery: "External", MinRecipients: ptr.To[int32](0), RequireMACOnlyEncrypted: ptr.To(false), MaxAge: &metav1.Duration{}}
	s.Tunnel.Mode = TunnelStandalone
	s.Tunnel.Replicas = ptr.To[int32](0)
	s.Tunnel.Resources = &corev1.ResourceRequirements{}
	s.Tunnel.PodDisruptionBudget = &PodDisruptionBudget{MinAvailable: ptr.To(intstr.FromInt32(1))}
	s.Tunnel.Operator = Operator{Namespace: "ops", ResourceName: "old"}
	s.Services = map[string]Service{"greeter": {
		Namespace: "shop", Service: "s", Port: ptr.To[int32](0), TargetPort: ptr.To[int32](0), Scheme: SchemeHTTPS, PodSelector: &metav1.LabelSelector{},
		Registration: Registration{Mode: RegistrationNone},
		Deployment:   &Deployment{Image: "a:1", Replicas: ptr.To[int32](0), TunnelMode: "InProcess", Resources: &corev1.ResourceRequirements{}},
	}}
	s.NetworkPolicy = NetworkPolicy{Baseline: BaselineNone, DNS: DNS{Profile: "OpenShift"}, RestateCloud: RestateCloud{CIDRs: []string{"192.0.2.0/24"}, Except: []string{}}}
	s.Observability.ScrapeFrom = &networkingv1.NetworkPolicyPeer{}
	return in
}

func clone(t *testing.T, in *RestateIntegration) *RestateIntegration {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out := &RestateIntegration{}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDefaultIsIdempotent(t *testing.T) {
	for name, in := range map[string]*RestateIntegration{"empty": {}, "small": small(), "full": full()} {
		Default(in)
		once := clone(t, in)
		Default(in)
		if d := cmp.Diff(once, clone(t, in)); d != "" {
			t.Errorf("%s: (-once +twice)\n%s", name, d)
		}
	}
}

// TestDefaultChangesNothingThatIsSet: a zero that somebody wrote is not an absent value.
func TestDefaultChangesNothingThatIsSet(t *testing.T) {
	want, got := full(), full()
	Default(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
}

// TestDefaultValues writes out those that the schema cannot say, because they depend on other fields or are too long for it.
func TestDefaultValues(t *testing.T) {
	in := small()
	Default(in)
	s, greeter, plain := in.Spec, in.Spec.Services["greeter"], in.Spec.Services["plain"]
	resources := &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
		Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("512Mi")},
	}
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"the ingress of the environment", "https://x.env.eu.restate.cloud:8080", s.Cloud.IngressURL},
		{"its admin API", "https://x.env.eu.restate.cloud:9070", s.Cloud.AdminURL},
		{"one Secret per role", []string{"restate-identity", "restate-ingress", "restate-admin", "restate-nats"}, []string{s.Credentials.Tunnel.Name, s.Credentials.Ingress.Name, s.Credentials.Admin.Name, s.Credentials.NATS.Name}},
		{"its key", []string{"token", "token", "token", "nats.nk"}, []string{s.Credentials.Tunnel.Key, s.Credentials.Ingress.Key, s.Credentials.Admin.Key, s.Credentials.NATS.Key}},
		{"the tunnel's resources", resources, s.Tunnel.Resources},
		{"one pod at a time", &PodDisruptionBudget{MaxUnavailable: ptr.To(intstr.FromInt32(1))}, s.Tunnel.PodDisruptionBudget},
		{"the environment is called as the integration", "prod", s.Tunnel.Operator.ResourceName},
		{"a service is called by its key", "greeter", greeter.Service},
		{"and selected by it", &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "greeter"}}, greeter.PodSelector},
		{"its pods listen where the Service does", ptr.To[int32](9080), greeter.TargetPort},
		{"its resources", resources, greeter.Deployment.Resources},
		{"no deployment appears by itself", (*Deployment)(nil), plain.Deployment},
		{"nor a decision on isolation, which depends on more", (*bool)(nil), plain.Isolate},
		{"only our own pods are closed", BaselineOwned, s.NetworkPolicy.Baseline},
		{"the public addresses, in halves", []string{"0.0.0.0/1", "128.0.0.0/1"}, s.NetworkPolicy.RestateCloud.CIDRs},
		{"without the private ones", []string{
			"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "240.0.0.0/4",
		}, s.NetworkPolicy.RestateCloud.Except},
		{"Prometheus where its operator's chart puts it", &networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "monitoring"}},
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "prometheus"}},
		}, s.Observability.ScrapeFrom},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestDefaultsThatDepend(t *testing.T) {
	port := func(name string, number int32) corev1.ContainerPort {
		return corev1.ContainerPort{Name: name, ContainerPort: number}
	}
	template := func(ports ...corev1.ContainerPort) func(*RestateIntegration) {
		return func(in *RestateIntegration) {
			in.Spec.Services["greeter"] = Service{Deployment: &Deployment{Template: &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{}, {Ports: ports}}}}}}
		}
	}
	routes := map[string]Route{"y": {Subject: "restate.events.a"}, "x": {Subject: "restate.events.b"}}
	bridge := func(b *Bridge) func(*RestateIntegration) {
		return func(in *RestateIntegration) { in.Spec.NATS = &NATS{JetStream: &JetStream{}, Bridge: b} }
	}
	connections := func(in *RestateIntegration) any { return *in.Spec.NATS.Account.Limits.Connections }
	consumers := func(in *RestateIntegration) any { return *in.Spec.NATS.JetStream.Limits.Consumers }
	target := func(in *RestateIntegration) any { return *in.Spec.Services["greeter"].TargetPort }
	for _, tt := range []struct {
		reason string
		change func(*RestateIntegration)
		got    func(*RestateIntegration) any
		want   any
	}{
		{"the whole namespace is closed where it is created", func(in *RestateIntegration) { in.Spec.Namespace.Create = true }, func(in *RestateIntegration) any { return in.Spec.NetworkPolicy.Baseline }, BaselineNamespace},
		{"nobody knows the addresses of a BYOC region", func(in *RestateIntegration) { in.Spec.Cloud.Region = "x.byoc" }, func(in *RestateIntegration) any { return len(in.Spec.NetworkPolicy.RestateCloud.CIDRs) }, 0},
		{"its URLs are made alike", func(in *RestateIntegration) { in.Spec.Cloud.Region = "x.byoc" }, func(in *RestateIntegration) any { return in.Spec.Cloud.IngressURL }, "https://x.env.x.byoc.restate.cloud:8080"},
		{"no id, no URL", func(in *RestateIntegration) { in.Spec.Cloud.EnvironmentID = "" }, func(in *RestateIntegration) any { return in.Spec.Cloud.IngressURL }, ""},
		{"no region, no URL", func(in *RestateIntegration) { in.Spec.Cloud.Region = "" }, func(in *RestateIntegration) any { return in.Spec.Cloud.AdminURL }, ""},
		{"the pod listens where the Service does", func(in *RestateIntegration) { in.Spec.Services["greeter"] = Service{Port: ptr.To[int32](80)} }, target, int32(80)},
		{"the port named restate", template(port("http", 1), port("restate", 2)), target, int32(2)},
		{"else the first", template(port("http", 1), port("admin", 2)), target, int32(1)},
		{"else the operator's", template(), target, int32(9080)},
		{"16 connections", bridge(nil), connections, int64(16)},
		{"and those of two replicas and one of a rollout, with one for each of two routes and one for dead letters", bridge(&Bridge{Routes: routes}), connections, int64(25)},
		{"of more replicas", bridge(&Bridge{Routes: routes, Replicas: ptr.To[int32](4)}), connections, int64(31)},
		{"of none", bridge(&Bridge{Routes: routes, Replicas: ptr.To[int32](0)}), connections, int64(16)},
		{"4 consumers of a stream", bridge(nil), consumers, int64(4)},
		{"and one for each route", bridge(&Bridge{Routes: routes}), consumers, int64(6)},
		{"the stream keeps what routes take", bridge(&Bridge{Routes: routes}), func(in *RestateIntegration) any { return in.Spec.NATS.JetStream.Subjects }, []string{"restate.events.a", "restate.events.b"}},
		{"a whole template has its own resources", template(), func(in *RestateIntegration) any { return in.Spec.Services["greeter"].Deployment.Resources == nil }, true},
	} {
		in := small()
		tt.change(in)
		Default(in)
		if d := cmp.Diff(tt.want, tt.got(in)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestDefaultsAreNotShared: two integrations in one process must not write into each other.
func TestDefaultsAreNotShared(t *testing.T) {
	a, b := small(), small()
	Default(a)
	Default(b)
	want := clone(t, b)
	a.Spec.NetworkPolicy.RestateCloud.CIDRs[0] = "changed"
	a.Spec.NetworkPolicy.RestateCloud.Except[0] = "changed"
	a.Spec.Tunnel.Resources.Limits["cpu"] = resource.MustParse("9")
	a.Spec.Observability.ScrapeFrom.PodSelector.MatchLabels["a"] = "b"
	*a.Spec.Tunnel.Replicas = 9
	if d := cmp.Diff(want, clone(t, b)); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
}

// node is a part of the CRD's schema.
type node struct {
	Type                 string           `yaml:"type"`
	Default              any              `yaml:"default"`
	Enum                 []string         `yaml:"enum"`
	Properties           map[string]*node `yaml:"properties"`
	AdditionalProperties *node            `yaml:"additionalProperties"`
	Items                *node            `yaml:"items"`
}

func root(t *testing.T) *node {
	t.Helper()
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema *node `yaml:"openAPIV3Schema"`
				} `yaml:"schema"`
			} `yaml:"versions"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal(CRD(), &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// derived are the fields that Default sets and the schema cannot: they depend on others, or the schema would repeat a whole object.
var derived = []string{
	"spec.cloud.ingressURL", "spec.cloud.adminURL",
	"spec.credentials.tunnel.name", "spec.credentials.tunnel.key", "spec.credentials.ingress.name", "spec.credentials.ingress.key",
	"spec.credentials.admin.name", "spec.credentials.admin.key", "spec.credentials.nats.name", "spec.credentials.nats.key",
	"spec.tunnel.resources", "spec.tunnel.podDisruptionBudget", "spec.tunnel.operator.resourceName",
	"spec.services.greeter.service", "spec.services.greeter.targetPort", "spec.services.greeter.podSelector", "spec.services.greeter.deployment.resources",
	"spec.services.plain.service", "spec.services.plain.targetPort", "spec.services.plain.podSelector",
	"spec.networkPolicy.baseline", "spec.networkPolicy.restateCloud.cidrs", "spec.networkPolicy.restateCloud.except", "spec.observability.scrapeFrom",
}

// TestSchemaDefaults: what an editor shows as default, and what Default does, are one.
func TestSchemaDefaults(t *testing.T) {
	in := small()
	before := jsonTree(t, in)
	Default(in)
	after := jsonTree(t, in)
	found := map[string]bool{}
	compare(t, root(t), "", before, after, found)
	if len(found) < 20 {
		t.Errorf("only %d defaults were compared: %q", len(found), slices.Sorted(maps.Keys(found)))
	}
	var set []string
	leaves("", before, after, func(path string) { set = append(set, path) })
	for _, path := range set {
		covered := found[path] || slices.ContainsFunc(derived, func(d string) bool { return path == d || strings.HasPrefix(path, d+".") })
		if !covered {
			t.Errorf("Default sets %s, and the schema has no default for it", path)
		}
	}
	for _, d := range derived {
		if !slices.ContainsFunc(set, func(path string) bool { return path == d || strings.HasPrefix(path, d+".") }) {
			t.Errorf("Default does not set %s", d)
		}
	}
}

func jsonTree(t *testing.T, in *RestateIntegration) map[string]any {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// compare walks the schema next to the blocks that are present. What stands in lists is Kubernetes' own, and the API server's.
func compare(t *testing.T, s *node, path string, before, after map[string]any, found map[string]bool) {
	t.Helper()
	for name, child := range s.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		value, present := after[name]
		if child.Default != nil && !isEmptyMap(child.Default) {
			_, set := before[name]
			switch got := normal(value); {
			case set:
			case child.Default == false && !present: // false is left out
				found[at] = true
			case got != normal(child.Default):
				t.Errorf("%s: the schema's default is %v, Default gives %v", at, child.Default, got)
			default:
				found[at] = true
			}
		}
		next, isMap := value.(map[string]any)
		if !isMap {
			continue
		}
		prior, _ := before[name].(map[string]any)
		compare(t, child, at, prior, next, found)
		if entries := child.AdditionalProperties; entries != nil && entries.Properties != nil {
			for key, e := range next {
				entryBefore, _ := prior[key].(map[string]any)
				compare(t, entries, at+"."+key, entryBefore, e.(map[string]any), found)
			}
		}
	}
}

func isEmptyMap(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 0
}

// normal is a value as text; durations have several spellings.
func normal(v any) string {
	text := fmt.Sprint(v)
	if d, err := time.ParseDuration(text); err == nil {
		return d.String()
	}
	return text
}

// leaves calls f for each value that is only in after.
func leaves(path string, before, after any, f func(string)) {
	m, ok := after.(map[string]any)
	if !ok {
		if !reflect.DeepEqual(before, after) {
			f(path)
		}
		return
	}
	prior, _ := before.(map[string]any)
	for name, v := range m {
		leaves(strings.TrimPrefix(path+"."+name, "."), prior[name], v, f)
	}
}

// TestSchemaEnums: the schema and the reader know the same values.
func TestSchemaEnums(t *testing.T) {
	seen := 0
	enums(t, root(t), "", reflect.TypeFor[RestateIntegration](), &seen)
	if seen < 20 {
		t.Errorf("only %d enums were compared", seen)
	}
}

func enums(t *testing.T, s *node, path string, at reflect.Type, seen *int) {
	t.Helper()
	for at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	var want []string
	if e, ok := reflect.Zero(at).Interface().(interface{ Values() []string }); ok {
		want = slices.Sorted(slices.Values(e.Values()))
		*seen++
	}
	if got := slices.Sorted(slices.Values(s.Enum)); !slices.Equal(got, want) {
		t.Errorf("%s: the schema allows %q, the type %s %q", path, got, at, want)
	}
	switch {
	case at.Kind() == reflect.Slice && s.Items != nil:
		enums(t, s.Items, path+"[]", at.Elem(), seen)
	case at.Kind() == reflect.Map && s.AdditionalProperties != nil:
		enums(t, s.AdditionalProperties, path+".*", at.Elem(), seen)
	case at.Kind() == reflect.Struct && s.Properties != nil:
		fields := map[string]reflect.Type{}
		jsonFields(at, fields)
		for name, child := range s.Properties {
			if fields[name] == nil {
				t.Errorf("%s.%s is in the schema and not in %s", path, name, at)
				continue
			}
			enums(t, child, path+"."+name, fields[name], seen)
		}
		for name := range fields {
			if s.Properties[name] == nil {
				t.Errorf("%s.%s is in %s and not in the schema", path, name, at)
			}
		}
	}
}

func jsonFields(at reflect.Type, into map[string]reflect.Type) {
	for i := range at.NumField() {
		f := at.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			jsonFields(f.Type, into)
		case name != "" && name != "-":
			into[name] = f.Type
		}
	}
}

// TestCRDNames: the schema is of the kind that the types say.
func TestCRDNames(t *testing.T) {
	var crd struct {
		Spec struct {
			Group string
			Names struct{ Kind string }
			Scope string
		}
	}
	if err := yaml.Unmarshal(CRD(), &crd); err != nil {
		t.Fatal(err)
	}
	if crd.Spec.Group != Group || crd.Spec.Names.Kind != Kind || crd.Spec.Scope != "Namespaced" || APIVersion != "restate-integration.dev/v1alpha1" {
		t.Errorf("got %+v and %s", crd.Spec, APIVersion)
	}
}
