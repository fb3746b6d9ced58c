// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/specfile"
)

// gatewaySpec is a RestateIntegration with this gateway.
func gatewaySpec(t *testing.T, gateway string) *v1alpha1.RestateIntegration {
	t.Helper()
	in, ds, err := specfile.Read([]byte(`apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: env_201j05r9g0f12ygtphdszbb4scp, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
  tunnel: {mode: None}
  gateway: ` + gateway + "\n"))
	if err != nil || diag.HasError(ds) {
		t.Fatal(err, ds)
	}
	return in
}

// TestKeyFileFitsGateway: the gateway refuses a file whose filter has another name, and asks for keys and names clients by the headers of
// its configuration.
func TestKeyFileFitsGateway(t *testing.T) {
	in := gatewaySpec(t, `{auth: {apiKeys: {}, jwt: {issuer: x, audiences: [x], jwksURI: "https://idp.example.com/keys"}}, tls: {issuerRef: {name: step}}, services: [A], expose: {type: Ingress, host: api.example.com, clusterIssuer: x}}`)
	m, ds := generators.Resolve(in, generators.Input{})
	if diag.HasError(ds) {
		t.Fatal(ds)
	}
	bootstrap := ""
	for _, b := range generators.Build(m) {
		if c, ok := b.Object.(*corev1.ConfigMap); ok {
			bootstrap += c.Data["bootstrap.yaml"]
		}
	}
	for what, want := range map[string]string{
		"the filter":                 "- name: " + apiKeyFilter + "\n",
		"the header with the key":    "- name: " + apiKeyHeader + "\n",
		"the header with the client": "header_name: " + clientHeader + "\n",
		"a client is not believed":   "- remove: " + clientHeader + "\n",
		"the type of the filter":     "- type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth\n",
	} {
		if !strings.Contains(bootstrap, want) {
			t.Errorf("%s: the configuration has no %q", what, want)
		}
	}
}

// TestGatewayCredentials: which callers a gateway has, and whose key it takes to Restate.
func TestGatewayCredentials(t *testing.T) {
	for _, tt := range []struct{ reason, gateway, want string }{
		{"no keys", `{auth: {jwt: {}}}`, "ingress restate-ingress/token"},
		{"one gateway", `{auth: {apiKeys: {}}}`, "ingress restate-ingress/token; gateway-keys restate-gateway-keys/api-key-auth.xds.yaml"},
		{"a Secret of one's own", `{auth: {apiKeys: {secretRef: {name: a, key: b}}}}`, "ingress restate-ingress/token; gateway-keys a/b"},
		{"domains that inherit", `{auth: {apiKeys: {}}, domains: {b: {}, a: {}}}`, "ingress restate-ingress/token; gateway-keys restate-gateway-keys/api-key-auth.xds.yaml"},
		{"one domain inherits", `{auth: {apiKeys: {}}, domains: {b: {}, a: {apiKeys: {secretRef: {name: a}}}}}`, "ingress restate-ingress/token; gateway-keys restate-gateway-keys/api-key-auth.xds.yaml; gateway-keys/a a/api-key-auth.xds.yaml"},
		{"no domain inherits", `{auth: {apiKeys: {}}, domains: {b: {apiKeys: {secretRef: {name: b}}}, a: {apiKeys: {secretRef: {name: a}}}}}`, "ingress restate-ingress/token; gateway-keys/a a/api-key-auth.xds.yaml; gateway-keys/b b/api-key-auth.xds.yaml"},
		{"a domain names what it would inherit", `{auth: {apiKeys: {}}, domains: {b: {}, a: {apiKeys: {}}}}`, "ingress restate-ingress/token; gateway-keys restate-gateway-keys/api-key-auth.xds.yaml"},
		{"two domains share", `{domains: {b: {apiKeys: {}}, a: {apiKeys: {}}}}`, "ingress restate-ingress/token; gateway-keys/a restate-gateway-keys/api-key-auth.xds.yaml"},
		{"one Secret, two keys", `{domains: {b: {apiKeys: {secretRef: {key: b}}}, a: {apiKeys: {secretRef: {key: a}}}}}`, "ingress restate-ingress/token; gateway-keys/a restate-gateway-keys/a; gateway-keys/b restate-gateway-keys/b"},
		{"credentials of domains", `{domains: {b: {credential: {}}, a: {credential: {name: x, key: y}}}}`, "gateway/a x/y; gateway/b restate-ingress-b/token"},
	} {
		in := gatewaySpec(t, tt.gateway)
		generators.Resolve(in, generators.Input{})
		var got []string
		for _, c := range credentialsOf(in) {
			got = append(got, fmt.Sprintf("%s %s/%s", c.Name, c.Credential.Name, c.Key))
			wantKind, title := kindAPIKeys, "gateway"
			if !c.Callers {
				wantKind, title = kindIngress, "role "+c.Name
			}
			if c.kind != wantKind || c.title() != title || !slices.Equal(c.Namespaces, []string{"restate"}) {
				t.Errorf("%s: %s is of kind %q, called %q, read in %v", tt.reason, c.Name, c.kind, c.title(), c.Namespaces)
			}
		}
		if d := cmp.Diff(tt.want, strings.Join(got, "; ")); d != "" {
			t.Errorf("%s: -want, +got\n%s", tt.reason, d)
		}
	}
}

// TestBlocks: the findings that leave open which Secrets there must be, and those that do not.
func TestBlocks(t *testing.T) {
	for path, want := range map[string]bool{
		"": true, "metadata.name": true, "spec.credentials.tunnel.name": true,
		"spec.nats.account.users": true, "spec.nats.account.users[a]": true, "spec.nats.account.users[a].secretRef.key": true, "spec.nats.account.users[a].publicKeys": false,
		"spec.gateway": true, "spec.gateway.auth": true, "spec.gateway.auth.apiKeys": true, "spec.gateway.auth.apiKeys.secretRef.name": true, "spec.gateway.auth.jwt": false, "spec.gateway.auth.jwt.issuer": false,
		"spec.gateway.domains": true, "spec.gateway.domains[a.b]": true, "spec.gateway.domains[a].apiKeys.secretRef": true, "spec.gateway.domains[a].credential.name": true,
		"spec.gateway.domains[a].services": false, "spec.gateway.expose.type": false, "spec.gateway.replicas": false, "spec.gateways": false,
	} {
		if got := blocks(diag.Diagnostic{Code: diag.BadName, Path: path}); got != want {
			t.Errorf("%q: got %t", path, got)
		}
		if blocks(diag.Diagnostic{Code: diag.SecretNotSeen, Path: path}) {
			t.Errorf("%q: a warning", path)
		}
	}
}
