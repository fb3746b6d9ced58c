// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// fieldType follows a path of the table through the API's types, and reports the part that does not exist.
func fieldType(path string) (reflect.Type, error) {
	at := reflect.TypeFor[v1alpha1.RestateIntegration]()
	for _, part := range strings.Split(path, ".") {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		switch {
		case part == "*" && (at.Kind() == reflect.Map || at.Kind() == reflect.Slice):
			at = at.Elem()
			continue
		case at.Kind() != reflect.Struct:
			return nil, fmt.Errorf("%s has no field %q", at, part)
		}
		f, found := jsonFieldOf(at, part)
		if !found {
			return nil, fmt.Errorf("%s has no field %q", at, part)
		}
		at = f.Type
	}
	return at, nil
}

func jsonFieldOf(at reflect.Type, name string) (reflect.StructField, bool) {
	for i := range at.NumField() {
		f := at.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// setPath sets the field at a path to something that is not zero.
func setPath(t *testing.T, v reflect.Value, path []string) {
	t.Helper()
	if len(path) == 0 {
		nonZero(t, v, 0)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		setPath(t, v.Elem(), path)
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		e := reflect.New(v.Type().Elem()).Elem()
		setPath(t, e, path[1:])
		v.SetMapIndex(reflect.ValueOf("x"), e)
	case reflect.Struct:
		f, found := jsonFieldOf(v.Type(), path[0])
		if !found {
			t.Fatalf("%s has no field %q", v.Type(), path[0])
		}
		setPath(t, v.FieldByIndex(f.Index), path[1:])
	default:
		t.Fatalf("no way into %s by %q", v.Type(), path)
	}
}

// nonZero sets the first thing that can be set.
func nonZero(t *testing.T, v reflect.Value, depth int) {
	t.Helper()
	switch p := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*p = resource.MustParse("1")
		return
	case *intstr.IntOrString:
		*p = intstr.FromInt32(1)
		return
	case *metav1.Duration:
		p.Duration = 1
		return
	case *runtime.RawExtension:
		p.Raw = []byte(`{"a":1}`)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if depth < 2 {
			nonZero(t, v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			nonZero(t, v.Field(i), depth+1)
			if !v.Field(i).IsZero() {
				return
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		nonZero(t, e, depth+1)
		v.SetMapIndex(reflect.ValueOf("x").Convert(v.Type().Key()), e)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		nonZero(t, v.Index(0), depth+1)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.SetInt(1)
	}
}

// specWith is a spec with one field set.
func specWith(t *testing.T, mode v1alpha1.TunnelMode, path string) *v1alpha1.RestateIntegration {
	t.Helper()
	in := &v1alpha1.RestateIntegration{}
	setPath(t, reflect.ValueOf(in).Elem(), strings.Split(path, "."))
	in.Spec.Tunnel.Mode = mode
	return in
}

func fieldsFindings(in *v1alpha1.RestateIntegration) []diag.Diagnostic {
	r := &resolver{in: in, spec: &in.Spec}
	r.checkFields()
	return r.ds
}

var allModes = []v1alpha1.TunnelMode{"", v1alpha1.TunnelOperator, v1alpha1.TunnelStandalone, v1alpha1.TunnelExisting, v1alpha1.TunnelNone}

// TestFieldRules sets each field of the table in each mode, and sees it refused exactly where the table says so.
func TestFieldRules(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range FieldRules() {
		if _, err := fieldType(rule.Path); err != nil {
			t.Errorf("%s: %v", rule.Path, err)
			continue
		}
		if seen[rule.Path] {
			t.Errorf("%s stands twice", rule.Path)
		}
		seen[rule.Path] = true
		if strings.HasSuffix(rule.Hint, ".") {
			t.Errorf("%s: the hint %q ends in a period", rule.Path, rule.Hint)
		}
		want := strings.Replace(rule.Path, ".*", "[x]", 1)
		for _, mode := range allModes {
			effective := mode
			if mode == "" {
				effective = v1alpha1.TunnelOperator // the default
			}
			code := diag.NotInMode
			refused := !slices.Contains(rule.Modes, effective)
			if rule.Modes == nil {
				code, refused = diag.NotSupported, true
			}
			var got []diag.Diagnostic
			for _, d := range fieldsFindings(specWith(t, mode, rule.Path)) {
				wellFormed(t, d)
				if d.Path == want && (d.Code == diag.NotInMode || d.Code == diag.NotSupported) {
					got = append(got, d)
				}
			}
			// A rule of a block above gives a finding of its own, at its own path.
			if refused && (len(got) != 1 || got[0].Code != code) || !refused && len(got) > 0 {
				t.Errorf("%s in mode %q: got %q, want refused: %v as %s", rule.Path, mode, findings(got), refused, code)
			}
		}
	}
}

// TestFieldRuleModes writes the modes out by hand: what the operator's CRD cannot carry, and what means nothing without it.
func TestFieldRuleModes(t *testing.T) {
	want := map[string]string{
		"spec.cluster":     "Standalone",
		"spec.tunnel.name": "Standalone",
		"spec.tunnel.podTemplate.topologySpreadConstraints": "Standalone",
		"spec.tunnel.podTemplate.priorityClassName":         "Standalone",
		"spec.tunnel.podTemplate.securityContext":           "Standalone",
		"spec.tunnel.operator.namespace":                    "Operator",
		"spec.tunnel.operator.resourceName":                 "Operator",
		"spec.tunnel.operator.uid":                          "Operator",
		"spec.tunnel.operator.apiServer":                    "Operator",
		"spec.tunnel.existing":                              "Existing",
		"spec.services.*.deployment":                        "Operator",
	}
	for _, path := range []string{
		"images.tunnel", "credentials.tunnel", "networkPolicy.restateCloud.tunnelPorts", "tunnel.replicas", "tunnel.remoteProxy", "tunnel.egressTo",
		"tunnel.resources", "tunnel.env", "tunnel.podTemplate", "tunnel.podDisruptionBudget",
	} {
		want["spec."+path] = "Operator and Standalone"
	}
	got := map[string]string{}
	for _, rule := range FieldRules() {
		if rule.Modes != nil {
			got[rule.Path] = modes(rule.Modes)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestFieldRulesFindNothing: an empty spec, and one with every default filled in, break no rule.
func TestFieldRulesFindNothing(t *testing.T) {
	for _, base := range []string{operatorBase, standaloneBase, noTunnelBase} {
		if got := fieldsFindings(spec(t, base)); len(got) > 0 {
			t.Errorf("got %q", findings(got))
		}
	}
}

// TestEmptyBlocks: a block that is present asks for something, even when it is empty.
func TestEmptyBlocks(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"nats: {} asks for NATS with every default", `{nats: {}}`, "warning RI0511 spec.nats.servers[0]"},
		{"likewise a bridge", `{nats: {servers: ["tls://nats.nats.svc"], bridge: {routes: {}}}}`, "error RI0204 spec.nats.jetstream; warning RI0409 spec.credentials.ingress.name; warning RI0409 spec.credentials.nats.name"},
		{"an account with nothing in it says nothing", `{nats: {servers: ["tls://nats.nats.svc"], account: {}}}`, ""},
		{"a monitor with every default", `{observability: {podMonitor: {}}}`, "error RI0205 spec.observability.podMonitor"},
		{"an empty struct says nothing", `{gitops: {}, images: {}, tunnel: {operator: {}}}`, ""},
		{"false says nothing", `{services: {greeter: {uses: {restate: false}}}}`, ""},
		{"nor does using no handler: the egress stays open", `{services: {greeter: {uses: {handlers: []}}}}`, ""},
		{"an empty list says nothing", `{patches: [], images: {pullSecrets: []}}`, ""},
	} {
		_, ds := Resolve(spec(t, operatorBase, `{spec: `+tt.patch+`}`), Input{})
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// acted are the fields of the spec that some component or check reads in every mode. Together with the table they are all fields
// of the blocks that are built: a field that is in neither would be accepted and do nothing.
var acted = []string{
	"spec.cloud.environmentId", "spec.cloud.region", "spec.cloud.signingPublicKey", "spec.cloud.ingressURL", "spec.cloud.adminURL", "spec.cloud.allowedHosts",
	"spec.clusterDomain", "spec.deletionPolicy", "spec.namespace.create", "spec.namespace.podSecurity", "spec.labels", "spec.annotations", "spec.gitops.tool",
	"spec.images.registry", "spec.images.pullSecrets", "spec.images.pullPolicy", "spec.images.restateCli", "spec.patches", "spec.secrets.delivery", "spec.secrets.recipients", "spec.secrets.minRecipients",
	"spec.secrets.requireMacOnlyEncrypted", "spec.secrets.maxAge", "spec.secrets.allowedAnnotations", "spec.tunnel.mode",
	"spec.services.*.namespace", "spec.services.*.service", "spec.services.*.port", "spec.services.*.targetPort", "spec.services.*.scheme", "spec.services.*.path",
	"spec.services.*.useHTTP11", "spec.services.*.podSelector", "spec.services.*.isolate", "spec.services.*.allowFrom", "spec.services.*.egressTo",
	"spec.services.*.metricsPort", "spec.services.*.uses.restate", "spec.services.*.uses.nats", "spec.services.*.uses.handlers",
	"spec.services.*.registration.mode", "spec.services.*.registration.revision", "spec.services.*.registration.force", "spec.services.*.registration.podTemplate",
	"spec.credentials.ingress", "spec.credentials.admin", "spec.credentials.nats", "spec.wasmcloud.handlers", "spec.images.bento",
	"spec.nats.servers", "spec.nats.podSelector", "spec.nats.tls.caSecretRef", "spec.nats.tls.certSecretRef",
	"spec.nats.account.name", "spec.nats.account.mode", "spec.nats.account.subjects", "spec.nats.account.allowDeep", "spec.nats.account.inboxPrefix",
	"spec.nats.account.users.*.publicKeys", "spec.nats.account.users.*.publish", "spec.nats.account.users.*.subscribe", "spec.nats.account.users.*.secretRef",
	"spec.nats.account.limits.connections", "spec.nats.account.limits.subscriptions", "spec.nats.account.limits.payload", "spec.nats.account.limits.leafNodes",
	"spec.nats.account.peers.*.managed", "spec.nats.account.imports.*.account", "spec.nats.account.imports.*.subject",
	"spec.nats.account.exports.*.account", "spec.nats.account.exports.*.subject", "spec.nats.account.jwt.file", "spec.nats.account.jwt.operatorPublicKey",
	"spec.nats.account.nauth.clusterRef", "spec.nats.jetstream.stream", "spec.nats.jetstream.subjects", "spec.nats.jetstream.deadLetterStream",
	"spec.nats.jetstream.replicas", "spec.nats.jetstream.maxAge", "spec.nats.jetstream.duplicateWindow", "spec.nats.jetstream.limits.file",
	"spec.nats.jetstream.limits.memory", "spec.nats.jetstream.limits.streams", "spec.nats.jetstream.limits.consumers", "spec.nats.jetstream.nack.account",
	"spec.nats.jetstream.nack.publicKeys", "spec.nats.bridge.resources", "spec.nats.bridge.podTemplate", "spec.nats.bridge.publicKeys",
	"spec.nats.bridge.routes.*.subject", "spec.nats.bridge.routes.*.service", "spec.nats.bridge.routes.*.handler", "spec.nats.bridge.routes.*.key",
	"spec.nats.bridge.replicas", "spec.nats.bridge.maxEventAge", "spec.nats.bridge.idleExit",
	"spec.networkPolicy.restateCloud.cidrs", "spec.networkPolicy.restateCloud.except",
	"spec.networkPolicy.baseline", "spec.networkPolicy.dns.profile", "spec.networkPolicy.dns.to", "spec.networkPolicy.dns.ports", "spec.observability.scrapeFrom",
	"spec.images.envoy", "spec.observability.otlp", "spec.gateway.replicas", "spec.gateway.autoscaled", "spec.gateway.resources",
	"spec.gateway.podTemplate", "spec.gateway.podDisruptionBudget", "spec.gateway.upstream.timeout", "spec.gateway.upstream.streaming",
	"spec.gateway.upstream.maxRequestBytes", "spec.gateway.tls.issuerRef.group", "spec.gateway.tls.issuerRef.kind", "spec.gateway.tls.issuerRef.name",
	"spec.gateway.tls.duration", "spec.gateway.tls.renewBefore", "spec.gateway.tls.clientCA", "spec.gateway.tls.allowedClientSANs",
	"spec.gateway.auth.apiKeys", "spec.gateway.auth.jwt.issuer", "spec.gateway.auth.jwt.audiences", "spec.gateway.auth.jwt.jwksURI",
	"spec.gateway.auth.jwt.caSecretRef", "spec.gateway.auth.jwt.peer", "spec.gateway.rateLimit.perReplica", "spec.gateway.rateLimit.perClient",
	"spec.gateway.expose.type", "spec.gateway.expose.host", "spec.gateway.expose.className", "spec.gateway.expose.clusterIssuer",
	"spec.gateway.expose.gatewayClassName", "spec.gateway.expose.parentRef", "spec.gateway.expose.parentPresentsClientCertificate",
	"spec.gateway.expose.caConfigMap", "spec.gateway.expose.rateLimit.rps", "spec.gateway.expose.rateLimit.connections",
	"spec.gateway.expose.rateLimit.burstMultiplier", "spec.gateway.expose.controller.namespace", "spec.gateway.expose.controller.podSelector",
	"spec.gateway.expose.controller.cidrs", "spec.gateway.services", "spec.gateway.allow", "spec.gateway.domains.*.services",
	"spec.gateway.domains.*.host", "spec.gateway.domains.*.apiKeys", "spec.gateway.domains.*.jwt", "spec.gateway.domains.*.rateLimit",
	"spec.gateway.domains.*.credential",
}

// TestEveryFieldIsActedOnOrRefused walks the API's types down to the fields that are in neither list.
func TestEveryFieldIsActedOnOrRefused(t *testing.T) {
	known := map[string]bool{}
	for _, path := range acted {
		if _, err := fieldType(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		known[path] = true
	}
	for _, rule := range FieldRules() {
		known[rule.Path] = true
	}
	var walk func(path string, at reflect.Type)
	walk = func(path string, at reflect.Type) {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		switch {
		case known[path]:
		case at.Kind() == reflect.Map && at.Elem().Kind() == reflect.Struct:
			walk(path+".*", at.Elem())
		case at.Kind() == reflect.Struct && strings.HasSuffix(at.PkgPath(), "api/v1alpha1"):
			for i := range at.NumField() {
				name, _, _ := strings.Cut(at.Field(i).Tag.Get("json"), ",")
				walk(path+"."+name, at.Field(i).Type)
			}
		default:
			t.Errorf("%s is neither refused by a rule nor known to be acted on", path)
		}
	}
	walk("spec", reflect.TypeFor[v1alpha1.RestateIntegrationSpec]())
}

// TestFieldRulesAreTheCallers: changing the returned table does not change the rules.
func TestFieldRulesAreTheCallers(t *testing.T) {
	FieldRules()[0].Path = "changed"
	if FieldRules()[0].Path == "changed" {
		t.Error("the table itself was handed out")
	}
}

// TestJSONNames: the lookup by JSON name and encoding/json agree on what a field is called.
func TestJSONNames(t *testing.T) {
	in := specWith(t, v1alpha1.TunnelStandalone, "spec.services.*.deployment")
	in.Spec.Tunnel.Replicas = ptr.To[int32](1)
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"services":{"x":`, `"deployment":`, `"tunnel":{`, `"replicas":1`} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("%s is not in %s", part, raw)
		}
	}
}
