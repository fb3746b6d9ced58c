// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLimitName has its results written by hand (printf %s NAME | sha256sum): a name that changes orphans what is applied.
func TestLimitName(t *testing.T) {
	for _, tt := range []struct {
		reason, full string
		limit        int
		want         string
	}{
		{"short names stay", "prod-tunnel", 63, "prod-tunnel"},
		{"exactly the limit", strings.Repeat("a", 63), 63, strings.Repeat("a", 63)},
		{"one over the limit", strings.Repeat("a", 64), 63, strings.Repeat("a", 54) + "-ffe054fe"},
		{"the hash is that of the full name", strings.Repeat("a", 63) + "b", 63, strings.Repeat("a", 54) + "-97aa7c54"},
		{"a RestateDeployment has room for 50", "prod-service-" + strings.Repeat("x", 38), 50, "prod-service-" + strings.Repeat("x", 28) + "-dbb23774"},
		{"a cut at a hyphen keeps both", strings.Repeat("b", 53) + "-cccccccccc", 63, strings.Repeat("b", 53) + "--a23e6588"},
	} {
		got := limitName(tt.full, tt.limit)
		if got != tt.want {
			t.Errorf("%s: limitName(%q, %d) = %q, want %q", tt.reason, tt.full, tt.limit, got, tt.want)
		}
		if len(got) > tt.limit {
			t.Errorf("%s: %q has %d characters, more than %d", tt.reason, got, len(got), tt.limit)
		}
	}
}

// TestLongNames takes the longest integration and key that are allowed through every object.
func TestLongNames(t *testing.T) {
	name, key := strings.Repeat("n", 40), strings.Repeat("k", 63)
	patch := fmt.Sprintf(`{metadata: {name: %s}, spec: {namespace: {create: true}, services: {greeter: null, %s: {namespace: shop, deployment: {image: "a/b:1"}}}}}`, name, key)
	want := []string{
		"Namespace /restate",
		"NetworkPolicy restate/" + name + "-baseline-deny",
		"NetworkPolicy restate/" + name + "-baseline-dns",
		"RestateCloudEnvironment /" + name,
		"PodDisruptionBudget restate-operator/" + name + "-tunnel",
		"NetworkPolicy restate-operator/" + name + "-tunnel",
		"ConfigMap restate/" + name + "-endpoints",
		"ConfigMap shop/" + name + "-endpoints",
		"NetworkPolicy shop/" + name + "-service-" + strings.Repeat("k", 5) + "-f1e3d9e3",
		"RestateDeployment shop/" + name + "--f1e3d9e3",
	}
	if d := cmp.Diff(want, ids(built(t, operatorBase, patch))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestEnvironmentIsNeverCut because its uid is part of every registered URL: a name that does not fit is an error.
func TestEnvironmentIsNeverCut(t *testing.T) {
	for _, tt := range []struct {
		reason, name string
		want         string
	}{
		{"56 fit into the CRD", strings.Repeat("e", 56), ""},
		{"57 do not", strings.Repeat("e", 57), "error RI0301 spec.tunnel.operator.resourceName"},
		{"a dot would end up in a Service's name", "prod.eu", "error RI0301 spec.tunnel.operator.resourceName"},
	} {
		m, ds := Resolve(spec(t, operatorBase, `{spec: {tunnel: {operator: {resourceName: "`+tt.name+`"}}}}`), Input{})
		if got := strings.Join(findings(ds), ", "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
		if m.Tunnel.Environment != tt.name {
			t.Errorf("%s: the environment is called %q, want %q", tt.reason, m.Tunnel.Environment, tt.name)
		}
	}
}

// TestRegistrationURL pins each form for good: Restate knows a running workflow's deployment by this text.
func TestRegistrationURL(t *testing.T) {
	const host = "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/"
	for _, tt := range []struct {
		reason, base, patch, want string
	}{
		{"the cluster's name makes the tunnel's", standaloneBase, `{}`, host + "c1-restate-prod/http/greeter.shop.svc.cluster.local/9080"},
		{"a tunnel name of its own", standaloneBase, `{spec: {cluster: null, tunnel: {name: my-tunnel}}}`, host + "my-tunnel/http/greeter.shop.svc.cluster.local/9080"},
		{"service, port and scheme", standaloneBase, `{spec: {services: {greeter: {service: hello, port: 8443, scheme: https}}}}`, host + "c1-restate-prod/https/hello.shop.svc.cluster.local/8443"},
		{"the port is that of the Service, not of the pod", standaloneBase, `{spec: {services: {greeter: {port: 80, targetPort: 8080}}}}`, host + "c1-restate-prod/http/greeter.shop.svc.cluster.local/80"},
		{"a path, and no slash after it", standaloneBase, `{spec: {services: {greeter: {path: greeter/v1}}}}`, host + "c1-restate-prod/http/greeter.shop.svc.cluster.local/9080/greeter/v1"},
		{"another cluster domain", standaloneBase, `{spec: {clusterDomain: k8s.example}}`, host + "c1-restate-prod/http/greeter.shop.svc.k8s.example/9080"},
		{"a BYOC region", standaloneBase, `{spec: {cloud: {region: x1.byoc}, networkPolicy: {restateCloud: {cidrs: [10.0.0.0/16]}}}}`, "https://tunnel.x1.byoc.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/c1-restate-prod/http/greeter.shop.svc.cluster.local/9080"},
		{"the uid is known after the first apply", operatorBase, `{}`, host + "<uid of RestateCloudEnvironment prod>/http/greeter.shop.svc.cluster.local/9080"},
		{"which the spec then has", operatorBase, `{spec: {tunnel: {operator: {uid: ` + testUID + `}}}}`, host + testUID + "/http/greeter.shop.svc.cluster.local/9080"},
		{"the environment's own name", operatorBase, `{spec: {tunnel: {operator: {resourceName: old}}}}`, host + "<uid of RestateCloudEnvironment old>/http/greeter.shop.svc.cluster.local/9080"},
	} {
		m := model(t, tt.base, tt.patch)
		if got := m.RegistrationURL(m.Services[0]); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestStandaloneTunnelNameIsCut: the label and the name in URLs share one rule.
func TestStandaloneTunnelNameIsCut(t *testing.T) {
	cluster := strings.Repeat("c", 60)
	m := model(t, standaloneBase, `{spec: {cluster: `+cluster+`}}`)
	if want := cluster[:54] + "-3a624e55"; m.Tunnel.Name != want {
		t.Errorf("got %q, want %q", m.Tunnel.Name, want)
	}
}

// TestComponents: names are stable, and the order is that of applying.
func TestComponents(t *testing.T) {
	var names []string
	for _, c := range Components() {
		names = append(names, c.Name)
		if c.Doc == "" || !strings.HasSuffix(c.Doc, ".") || strings.Count(c.Doc, ".") != 1 {
			t.Errorf("%s: doc %q is not one sentence", c.Name, c.Doc)
		}
	}
	if want := []string{"namespace", "baseline", "tunnel", "endpoints", "wasmcloud", "service", "registration", "nats", "bridge", "gateway"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
