// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gatewaySpec is a gateway without its exposure, and without any warning.
func gatewaySpec(expose string) string {
	return `tunnel: {mode: None}
credentials: {ingress: {source: External}}
gateway:
  tls: {issuerRef: {name: step}}
  auth: {apiKeys: {secretRef: {source: External}}, jwt: {issuer: "https://idp.example.com/", audiences: [restate], jwksURI: "https://idp.example.com/keys"}}
  services: [Order]
  expose: ` + expose + "\n"
}

const (
	byIngress = `{type: Ingress, host: api.example.com, clusterIssuer: letsencrypt}`
	byGateway = `{type: GatewayAPI, host: api.example.com, controller: {namespace: edge, podSelector: {matchLabels: {app: envoy}}}, `
	byNobody  = `{type: None, controller: {cidrs: [10.0.0.0/16]}}`
)

// TestIngressIsRetired: it works, with a warning, and nothing else has it.
func TestIngressIsRetired(t *testing.T) {
	wants(t, gatewaySpec(byIngress), "RI1001")
	wants(t, gatewaySpec(byGateway+`clusterIssuer: letsencrypt, gatewayClassName: eg}`))
	wants(t, strings.Replace(gatewaySpec(byNobody), "{name: step}", "{name: step}, allowedClientSANs: [a.example.com]", 1))
}

// TestProxySSLStandsTogether: without proxy-ssl-secret ingress-nginx ignores the others, and without proxy-ssl-verify it takes any
// certificate. None of them can be changed from outside.
func TestProxySSLStandsTogether(t *testing.T) {
	const nginx = "nginx.ingress.kubernetes.io/"
	out := wants(t, gatewaySpec(byIngress), "RI1001")
	want := map[string]string{
		"backend-protocol": "HTTPS", "proxy-ssl-secret": "restate/prod-gateway-client-tls", "proxy-ssl-verify": "on", "proxy-ssl-verify-depth": "3",
		"proxy-ssl-name": "prod-gateway.restate.svc.cluster.local", "proxy-ssl-server-name": "on", "proxy-ssl-protocols": "TLSv1.2 TLSv1.3",
	}
	got := map[string]string{}
	for key, value := range out.get(t, "Ingress restate/prod-gateway").Metadata.Annotations {
		if name, found := strings.CutPrefix(key, nginx); found && (strings.HasPrefix(name, "proxy-ssl-") || name == "backend-protocol") {
			got[name] = value
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if name != "backend-protocol" {
			wants(t, gatewaySpec(byIngress)+"annotations: {"+nginx+name+": \"off\"}\n", "RI1001", "RI0310")
		}
	}
	secret, _ := out.get(t, "Certificate restate/prod-gateway-client").Spec["secretName"].(string)
	if "restate/"+secret != want["proxy-ssl-secret"] {
		t.Errorf("nginx presents %s, the certificate is in %s", want["proxy-ssl-secret"], secret)
	}
	names := fmt.Sprint(out.get(t, "Certificate restate/prod-gateway").Spec["dnsNames"])
	if !strings.Contains(names, want["proxy-ssl-name"]) {
		t.Errorf("nginx verifies %s, the certificate has %s", want["proxy-ssl-name"], names)
	}
}

// TestGRPCUpstreamIsRefused with its reason; nobody but ingress-nginx reads the annotation.
func TestGRPCUpstreamIsRefused(t *testing.T) {
	for protocol, code := range map[string]string{"GRPC": "RI1006", "GRPCS": "RI1006", "HTTPS": "RI0310", "FCGI": "RI0310"} {
		out := wants(t, gatewaySpec(byIngress)+"annotations: {nginx.ingress.kubernetes.io/backend-protocol: "+protocol+"}\n", "RI1001", code)
		if out.code != 1 {
			t.Errorf("%s: exit code %d", protocol, out.code)
		}
	}
}

// TestSharedGatewayAcknowledges: a Gateway of others must present our client certificate, and the message says where it is told to.
func TestSharedGatewayAcknowledges(t *testing.T) {
	out := wants(t, gatewaySpec(byGateway+`parentRef: {name: public, namespace: edge}}`), "RI1002")
	for _, part := range []string{"spec.gateway.expose.parentRef:", "spec.tls.backend.clientCertificateRef", "Secret restate/prod-gateway-client-tls", "parentPresentsClientCertificate: true"} {
		if out.code != 1 || !strings.Contains(out.stderr, part) {
			t.Errorf("exit code %d, no %q:\n%s", out.code, part, out.stderr)
		}
	}
	out = wants(t, gatewaySpec(byGateway+`parentRef: {name: public, namespace: edge}, parentPresentsClientCertificate: true}`))
	grant := fmt.Sprint(out.get(t, "ReferenceGrant restate/prod-gateway-client").Spec)
	if !strings.Contains(grant, "namespace:edge") || !strings.Contains(grant, "name:prod-gateway-client-tls") {
		t.Errorf("the Gateway may not read the Secret: %s", grant)
	}
}

// TestGatewayFailsClosed holds what keeps the door shut, where a golden update would bless its loss: test/e2e/gateway runs it.
func TestGatewayFailsClosed(t *testing.T) {
	out := wants(t, gatewaySpec(byIngress), "RI1001")
	var config object
	for _, o := range out.objects(t) {
		if o.Data["bootstrap.yaml"] != "" {
			config = o
		}
	}
	words := strings.Join(strings.Fields(config.Data["bootstrap.yaml"]), " ")
	calls, ops, _ := strings.Cut(words, "- name: ops ")
	for reason, part := range map[string]string{
		"nobody connects without a certificate":                "require_client_certificate: true ",
		"nor with one that the same CA made for somebody else": "match_typed_subject_alt_names: - matcher: safe_regex: regex: prod-gateway-client\\.restate\\.svc\\.cluster\\.local ",
		"a token is asked for by the filter, not by a route":   "rules: - match: prefix: / requires: provider_name: issuer ",
		"a token must end": "require_expiration: true ",
		"without the key for Restate nothing is passed on":      "allow_request_without_credential: false ",
		"which is no fault of the caller's":                     "status_code: 503 ",
		"an escaped slash would be another path behind":         "path_with_escaped_slashes_action: REJECT_REQUEST ",
		"nobody says by himself who he is":                      "- remove: x-gateway-client ",
		"what no route names is answered here, not passed on":   "- name: deny ",
		"who may ask is decided in a file that is read polling": "path: /var/run/secrets/gateway-keys/api-key-auth.xds.yaml poll_interval: 10s ",
	} {
		if !strings.Contains(calls, part) {
			t.Errorf("%s: no %q in\n%s", reason, part, calls)
		}
	}
	if strings.Contains(calls, "requirement_name") || strings.Contains(calls, "requirement_map") {
		t.Error("a requirement that a route names is not there when the name has a slip")
	}
	pod := fmt.Sprint(podSpec(t, out.get(t, "Deployment restate/prod-gateway")))
	for reason, part := range map[string]string{
		"a file of keys that is refused would be printed":     "--component-log-level config:error",
		"a pod is ready only when it has read a file of keys": "readinessProbe:map[httpGet:map[path:/ready port:metrics]]",
	} {
		if !strings.Contains(pod, part) {
			t.Errorf("%s: no %q in\n%s", reason, part, pod)
		}
	}
	if !strings.Contains(ops, "- name: api-key-auth ") {
		t.Errorf("/ready does not ask for the keys:\n%s", ops)
	}
}

// TestGatewayNames pins every form of a name, and those of the Secrets that cert-manager makes.
func TestGatewayNames(t *testing.T) {
	domains := strings.Replace(gatewaySpec(byGateway+`clusterIssuer: letsencrypt, gatewayClassName: eg}`), "  services: [Order]\n", "  domains: {a: {services: [Order]}}\n", 1)
	shared := gatewaySpec(byGateway + `parentRef: {name: public, namespace: edge}, parentPresentsClientCertificate: true}`)
	of := func(names ...string) []string {
		return append([]string{"NetworkPolicy restate/prod-baseline-deny", "NetworkPolicy restate/prod-baseline-dns", "ConfigMap restate/prod-endpoints"}, names...)
	}
	for _, tt := range []struct {
		reason, spec string
		want         []string
		secrets      []string
	}{
		{
			"an Ingress", gatewaySpec(byIngress), of(
				"ServiceAccount restate/prod-gateway", "ConfigMap restate/prod-gateway-<hash>", "Deployment restate/prod-gateway", "Service restate/prod-gateway",
				"NetworkPolicy restate/prod-gateway", "Certificate restate/prod-gateway", "PodDisruptionBudget restate/prod-gateway",
				"Certificate restate/prod-gateway-client", "Ingress restate/prod-gateway"),
			[]string{"prod-gateway-client-tls", "prod-gateway-public-tls", "prod-gateway-tls"},
		},
		{
			"a Gateway of others", shared, of(
				"ServiceAccount restate/prod-gateway", "ConfigMap restate/prod-gateway-<hash>", "Deployment restate/prod-gateway", "Service restate/prod-gateway",
				"NetworkPolicy restate/prod-gateway", "Certificate restate/prod-gateway", "PodDisruptionBudget restate/prod-gateway",
				"Certificate restate/prod-gateway-client", "ReferenceGrant restate/prod-gateway-client", "HTTPRoute restate/prod-gateway", "BackendTLSPolicy restate/prod-gateway"),
			[]string{"prod-gateway-client-tls", "prod-gateway-tls"},
		},
		{
			"a Gateway of ours, and a domain", domains, of(
				"ServiceAccount restate/prod-gateway-a", "ConfigMap restate/prod-gateway-a-<hash>", "Deployment restate/prod-gateway-a", "Service restate/prod-gateway-a",
				"NetworkPolicy restate/prod-gateway-a", "Certificate restate/prod-gateway-a", "PodDisruptionBudget restate/prod-gateway-a",
				"Certificate restate/prod-gateway-client", "Gateway restate/prod-gateway", "HTTPRoute restate/prod-gateway-a", "BackendTLSPolicy restate/prod-gateway-a"),
			[]string{"prod-gateway-client-tls", "prod-gateway-public-tls-a", "prod-gateway-tls-a"},
		},
	} {
		out := succeeds(t, list(integration(tt.spec)))
		var got []string
		for _, o := range out.objects(t) {
			id := o.id()
			if strings.HasPrefix(id, "ConfigMap restate/prod-gateway") {
				id = hashSuffix.ReplaceAllString(id, "-<hash>")
			}
			got = append(got, id)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: objects (-want +got):\n%s", tt.reason, d)
		}
		secrets := madeSecrets.FindAllString(out.stdout, -1)
		slices.Sort(secrets)
		if d := cmp.Diff(tt.secrets, slices.Compact(secrets)); d != "" {
			t.Errorf("%s: Secrets (-want +got):\n%s", tt.reason, d)
		}
	}
}

// madeSecrets finds the names of Secrets that cert-manager makes.
var madeSecrets = regexp.MustCompile(`\bprod-gateway-(?:client-|public-)?tls(?:-[a-z]+)?\b`)
