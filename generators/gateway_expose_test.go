// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"
)

// byIngress and byOthers are the other exposures, sharedGateway one of others.
const (
	byIngress     = `{spec: {gateway: {expose: {type: Ingress, gatewayClassName: null, controller: null}}}}`
	byOthers      = `{spec: {gateway: {expose: {type: None, host: null, clusterIssuer: null, gatewayClassName: null}, tls: {allowedClientSANs: [a.example.com]}}}}`
	sharedGateway = `{spec: {gateway: {expose: {clusterIssuer: null, gatewayClassName: null, parentRef: {name: public, namespace: edge, sectionName: web}, parentPresentsClientCertificate: true}}}}`
)

// TestGatewayCertificates: the server's has every name that it is called by, the client's one name alone.
func TestGatewayCertificates(t *testing.T) {
	all := built(t, gatewayBase(t), `{spec: {clusterDomain: k8s.example, gateway: {tls: {duration: 36h, renewBefore: 90m, issuerRef: {group: certmanager.step.sm, kind: StepClusterIssuer, name: step}}}}}`)
	want := certificateSpec{
		SecretName: "prod-gateway-tls", Duration: "36h", RenewBefore: "1h30m", Usages: []string{"digital signature", "server auth"},
		DNSNames:   []string{"prod-gateway", "prod-gateway.restate", "prod-gateway.restate.svc", "prod-gateway.restate.svc.k8s.example"},
		PrivateKey: certificatePrivateKey{Algorithm: "ECDSA", Size: 256, Encoding: "PKCS8", RotationPolicy: "Always"},
		IssuerRef:  certificateIssuerRef{Group: "certmanager.step.sm", Kind: "StepClusterIssuer", Name: "step"},
	}
	if d := cmp.Diff(want, object[*certificate](t, all, "prod-gateway").Spec); d != "" {
		t.Errorf("server (-want +got)\n%s", d)
	}
	want.SecretName, want.Usages = "prod-gateway-client-tls", []string{"digital signature", "client auth"}
	want.DNSNames = []string{"prod-gateway-client.restate.svc.k8s.example"}
	if d := cmp.Diff(want, object[*certificate](t, all, "prod-gateway-client").Spec); d != "" {
		t.Errorf("client (-want +got)\n%s", d)
	}
	none := built(t, gatewayBase(t), byOthers)
	if has(none, "Certificate restate/prod-gateway-client") || !has(none, "Certificate restate/prod-gateway") {
		t.Errorf("without an exposure nobody presents ours: %q", ids(none))
	}
}

// TestGatewayHostAgrees: the name that the exposure verifies is one of the certificate, in each of its forms.
func TestGatewayHostAgrees(t *testing.T) {
	const host = "prod-gateway-billing.restate.svc.cluster.local"
	for _, patch := range []string{`{}`, byIngress} {
		all := built(t, gatewayBase(t), patch, twoDomains)
		if names := object[*certificate](t, all, "prod-gateway-billing").Spec.DNSNames; !slices.Contains(names, host) {
			t.Errorf("%s is not among %q", host, names)
		}
		got := ""
		if patch == byIngress {
			got = object[*networkingv1.Ingress](t, all, "prod-gateway-billing").Annotations["nginx.ingress.kubernetes.io/proxy-ssl-name"]
		} else {
			got = object[*backendTLSPolicy](t, all, "prod-gateway-billing").Spec.Validation.Hostname
		}
		if got != host {
			t.Errorf("the exposure verifies %s, want %s", got, host)
		}
	}
}

func TestGatewayIngress(t *testing.T) {
	i := object[*networkingv1.Ingress](t, built(t, gatewayBase(t), byIngress, `{spec: {gateway: {services: [b, a.v1], allow: [legacyPaths, send, call, lookup], expose: {className: edge}}}}`), "prod-gateway")
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "prod-gateway", Port: networkingv1.ServiceBackendPort{Name: "https"}}}
	path := func(p string, kind networkingv1.PathType) networkingv1.HTTPIngressPath {
		return networkingv1.HTTPIngressPath{Path: p, PathType: ptr.To(kind), Backend: backend}
	}
	want := networkingv1.IngressSpec{
		IngressClassName: ptr.To("edge"),
		TLS:              []networkingv1.IngressTLS{{Hosts: []string{"api.example.com"}, SecretName: "prod-gateway-public-tls"}},
		Rules: []networkingv1.IngressRule{{Host: "api.example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{
			path("/a.v1", "Prefix"), path("/b", "Prefix"), path("/restate/call", "Prefix"), path("/restate/lookup", "Exact"), path("/restate/send", "Prefix"),
		}}}}},
	}
	if d := cmp.Diff(want, i.Spec); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestGatewayIngressAnnotations changes one field each.
func TestGatewayIngressAnnotations(t *testing.T) {
	annotations := func(patch string) map[string]string {
		out := map[string]string{}
		for key, value := range object[*networkingv1.Ingress](t, built(t, gatewayBase(t), byIngress, `{spec: {gateway: `+patch+`}}`), "prod-gateway").Annotations {
			if !strings.HasPrefix(key, "restate-integration.dev/") {
				out[strings.TrimPrefix(key, "nginx.ingress.kubernetes.io/")] = value
			}
		}
		return out
	}
	base := map[string]string{
		"cert-manager.io/cluster-issuer": "letsencrypt", "cert-manager.io/private-key-rotation-policy": "Always",
		"backend-protocol": "HTTPS", "ssl-redirect": "true", "proxy-next-upstream": "off",
		"proxy-ssl-secret": "restate/prod-gateway-client-tls", "proxy-ssl-verify": "on", "proxy-ssl-verify-depth": "3", "proxy-ssl-name": "prod-gateway.restate.svc.cluster.local",
		"proxy-ssl-server-name": "on", "proxy-ssl-protocols": "TLSv1.2 TLSv1.3",
		"limit-rps": "20", "limit-connections": "20", "limit-burst-multiplier": "3", "proxy-body-size": "1048576", "proxy-read-timeout": "75", "proxy-send-timeout": "75",
	}
	for _, tt := range []struct {
		reason, patch string
		change        map[string]string
	}{
		{"the defaults", `{}`, nil},
		{"other limits", `{expose: {rateLimit: {rps: 1, connections: 2, burstMultiplier: 4}}}`, map[string]string{"limit-rps": "1", "limit-connections": "2", "limit-burst-multiplier": "4"}},
		{"one other limit", `{expose: {rateLimit: {rps: 1}}}`, map[string]string{"limit-rps": "1"}},
		{"larger bodies", `{upstream: {maxRequestBytes: 5}}`, map[string]string{"proxy-body-size": "5"}},
		{"longer calls: the answer is the gateway's, which says why", `{upstream: {timeout: 2m}}`, map[string]string{"proxy-read-timeout": "135", "proxy-send-timeout": "135"}},
		{"streaming", `{upstream: {streaming: true}}`, map[string]string{"proxy-read-timeout": "86400", "proxy-send-timeout": "86400", "proxy-buffering": "off", "proxy-request-buffering": "off"}},
		{"another issuer", `{expose: {clusterIssuer: other}}`, map[string]string{"cert-manager.io/cluster-issuer": "other"}},
	} {
		want := maps.Clone(base)
		maps.Copy(want, tt.change)
		if d := cmp.Diff(want, annotations(tt.patch)); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestOwnGateway has a listener for each domain, which takes routes of its own namespace alone, and presents our certificate.
func TestOwnGateway(t *testing.T) {
	listener := func(name, host, secret string) gatewayListener {
		l := gatewayListener{Name: name, Hostname: host, Port: 443, Protocol: "HTTPS", TLS: gatewayListenerTLS{Mode: "Terminate", CertificateRefs: []objectRef{{Kind: "Secret", Name: secret}}}}
		l.AllowedRoutes.Namespaces.From = "Same"
		return l
	}
	for _, tt := range []struct {
		reason, patch string
		want          []gatewayListener
	}{
		{"one gateway", `{}`, []gatewayListener{listener("https", "api.example.com", "prod-gateway-public-tls")}},
		{"one for each domain", twoDomains, []gatewayListener{
			listener("billing", "billing.example.com", "prod-gateway-public-tls-billing"), listener("orders", "orders.example.com", "prod-gateway-public-tls-orders"),
		}},
	} {
		all := built(t, gatewayBase(t), tt.patch)
		g := object[*gatewayAPIGateway](t, all, "prod-gateway")
		if d := cmp.Diff(tt.want, g.Spec.Listeners); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
		if ref := g.Spec.TLS.Backend.ClientCertificateRef; ref != (objectRef{Kind: "Secret", Name: "prod-gateway-client-tls"}) || g.Spec.GatewayClassName != "eg" || g.Annotations["cert-manager.io/cluster-issuer"] != "letsencrypt" {
			t.Errorf("%s: got %+v", tt.reason, g)
		}
		for _, b := range all {
			route, ok := b.Object.(*httpRoute)
			if !ok {
				continue
			}
			i := slices.IndexFunc(tt.want, func(l gatewayListener) bool { return l.Name == route.Spec.ParentRefs[0].SectionName })
			if i < 0 || !slices.Equal(route.Spec.Hostnames, []string{tt.want[i].Hostname}) {
				t.Errorf("%s: route %s hangs on %+v for %q", tt.reason, route.Name, route.Spec.ParentRefs, route.Spec.Hostnames)
			}
		}
	}
}

func TestGatewayRoute(t *testing.T) {
	match := func(kind, path, method string) httpRouteMatch {
		return httpRouteMatch{Path: httpPathMatch{kind, path}, Method: method}
	}
	base := httpRouteSpec{
		ParentRefs: []parentReference{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: "prod-gateway", SectionName: "https"}},
		Hostnames:  []string{"api.example.com"},
		Rules: []httpRouteRule{{
			Matches:     []httpRouteMatch{match("PathPrefix", "/restate/call", "POST"), match("PathPrefix", "/restate/send", "POST")},
			Timeouts:    httpTimeouts{Request: "75s"},
			BackendRefs: []objectRef{{Kind: "Service", Name: "prod-gateway", Port: 443, Weight: 1}},
		}},
	}
	for _, tt := range []struct {
		reason, patch string
		change        func(*httpRouteSpec)
	}{
		{"the defaults", `{}`, func(*httpRouteSpec) {}},
		{"longer calls", `{spec: {gateway: {upstream: {timeout: 90s}}}}`, func(s *httpRouteSpec) { s.Rules[0].Timeouts.Request = "105s" }},
		{"streaming", `{spec: {gateway: {upstream: {streaming: true}}}}`, func(s *httpRouteSpec) { s.Rules[0].Timeouts.Request = "0s" }},
		{"other calls, sorted", `{spec: {gateway: {allow: [output, awakeables, lookup]}}}`, func(s *httpRouteSpec) {
			s.Rules[0].Matches = []httpRouteMatch{
				match("PathPrefix", "/restate/a", "POST"), match("PathPrefix", "/restate/awakeables", "POST"), match("Exact", "/restate/lookup", "POST"), match("PathPrefix", "/restate/output", "GET"),
			}
		}},
		{"a Gateway of others", sharedGateway, func(s *httpRouteSpec) {
			s.ParentRefs[0].Name, s.ParentRefs[0].Namespace, s.ParentRefs[0].SectionName = "public", "edge", "web"
		}},
	} {
		want := base
		want.ParentRefs, want.Rules = slices.Clone(base.ParentRefs), slices.Clone(base.Rules)
		tt.change(&want)
		if d := cmp.Diff(want, object[*httpRoute](t, built(t, gatewayBase(t), tt.patch), "prod-gateway").Spec); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestGatewayCA: Gateway API has a ConfigMap in its core, and a Secret by leave of the implementation.
func TestGatewayCA(t *testing.T) {
	for _, tt := range []struct {
		reason, patch string
		want          objectRef
	}{
		{"that of the server's certificate", `{}`, objectRef{Kind: "Secret", Name: "prod-gateway-tls"}},
		{"a ConfigMap", `{spec: {gateway: {expose: {caConfigMap: internal-ca}}}}`, objectRef{Kind: "ConfigMap", Name: "internal-ca"}},
	} {
		want := backendTLSPolicySpec{
			TargetRefs: []objectRef{{Kind: "Service", Name: "prod-gateway", SectionName: "https"}},
			Validation: backendTLSValidation{Hostname: "prod-gateway.restate.svc.cluster.local", CACertificateRefs: []objectRef{tt.want}},
		}
		if d := cmp.Diff(want, object[*backendTLSPolicy](t, built(t, gatewayBase(t), tt.patch), "prod-gateway").Spec); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestClientCertificateGrant: only a Gateway of another namespace needs leave to read the Secret, and gets it for this one.
func TestClientCertificateGrant(t *testing.T) {
	const grant = "ReferenceGrant restate/prod-gateway-client"
	for reason, patch := range map[string]string{
		"a Gateway of ours":          `{}`,
		"in our namespace":           `{spec: {gateway: {expose: {clusterIssuer: null, gatewayClassName: null, parentRef: {name: public}, parentPresentsClientCertificate: true}}}}`,
		"which may be named as well": `{spec: {gateway: {expose: {clusterIssuer: null, gatewayClassName: null, parentRef: {name: public, namespace: restate}, parentPresentsClientCertificate: true}}}}`,
		"an Ingress":                 byIngress,
	} {
		if has(built(t, gatewayBase(t), patch), grant) {
			t.Errorf("%s: needs no leave", reason)
		}
	}
	want := referenceGrantSpec{
		From: []referenceGrantFrom{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Namespace: "edge"}},
		To:   []objectRef{{Kind: "Secret", Name: "prod-gateway-client-tls"}},
	}
	all := built(t, gatewayBase(t), sharedGateway)
	if d := cmp.Diff(want, object[*referenceGrant](t, all, "prod-gateway-client").Spec); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if has(all, "Gateway restate/prod-gateway") {
		t.Error("there is a Gateway of others, and one of ours as well")
	}
}

// TestGatewayLinks breaks one reference each.
func TestGatewayLinks(t *testing.T) {
	pod := func(change func(*corev1.PodSpec)) func([]Built) []Built {
		return edit(t, "prod-gateway", func(d *appsv1.Deployment) { change(&d.Spec.Template.Spec) })
	}
	secret := func(spec *corev1.PodSpec, volume string) *corev1.SecretVolumeSource {
		return spec.Volumes[slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })].Secret
	}
	edge := func(annotation, value string) func([]Built) []Built {
		return edit(t, "prod-gateway", func(i *networkingv1.Ingress) { i.Annotations["nginx.ingress.kubernetes.io/"+annotation] = value })
	}
	const cas = `{spec: {gateway: {tls: {clientCA: {name: edge-ca, key: root.pem}}, auth: {jwt: {issuer: a, audiences: [b], jwksURI: "https://a.example.com", caSecretRef: {name: jwks-ca, key: ca.pem}}}}}}`
	for _, tt := range []struct {
		reason, exposure string
		change           func([]Built) []Built
		want             string
	}{
		{"no configuration", `{}`, without("ConfigMap"), "which is not there"},
		{"a certificate of nobody", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "tls").SecretName = "x" }), "mounts another Secret"},
		{"another key of it", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "tls").Items[0].Key = "x" }), "mounts another Secret"},
		{"a certificate that nothing makes", byOthers, without("Certificate"), "mounts another Secret"},
		{"another CA of the clients", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "client-ca").SecretName = "x" }), "mounts another Secret"},
		{"another key of it", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "client-ca").Items[0].Key = "x" }), "mounts another Secret"},
		{"other API keys", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "api-keys").SecretName = "x" }), "mounts another Secret"},
		{"another key of them", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "api-keys").Items[0].Key = "x" }), "mounts another Secret"},
		{"another CA of the issuer", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "jwks-ca").SecretName = "x" }), "mounts another Secret"},
		{"another key of it", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "jwks-ca").Items[0].Key = "x" }), "mounts another Secret"},
		{"another key for Restate", `{}`, pod(func(s *corev1.PodSpec) { secret(s, "token").SecretName = "x" }), "mounts another Secret"},
		{"a probe of a port that is not there", `{}`, pod(func(s *corev1.PodSpec) { s.Containers[0].ReadinessProbe.HTTPGet.Port.StrVal = "x" }), `probes port "x"`},
		{"a Service of a port that is not there", `{}`, edit(t, "prod-gateway", func(s *corev1.Service) { s.Spec.Ports[0].TargetPort.StrVal = "x" }), `leads to port "x"`},
		{"a policy of a port that is not there", `{}`, edit(t, "prod-gateway", func(p *networkingv1.NetworkPolicy) { p.Spec.Ingress[0].Ports[0].Port.IntVal = 1 }), "opens port 1, "},

		{"an Ingress to no Service", byIngress, without("Service"), `Ingress restate/prod-gateway: leads to Service "prod-gateway", which is not there`},
		{"to another", byIngress, edit(t, "prod-gateway", func(i *networkingv1.Ingress) { i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "x" }), `leads to Service "x"`},
		{"nginx presents what nothing makes", byIngress, edge("proxy-ssl-secret", "restate/x"), `names Secret "x", which no certificate makes`},
		{"what is in another namespace", byIngress, edge("proxy-ssl-secret", "other/prod-gateway-client-tls"), "which no certificate makes"},
		{"nothing at all", byIngress, edge("proxy-ssl-secret", ""), `names Secret ""`},

		{"a route to no Service", `{}`, edit(t, "prod-gateway", func(r *httpRoute) { r.Spec.Rules[0].BackendRefs[0].Name = "x" }), `HTTPRoute restate/prod-gateway: leads to Service "x"`},
		{"a route that hangs on nothing", `{}`, without("Gateway"), `HTTPRoute restate/prod-gateway: hangs on Gateway "prod-gateway", which is not there`},
		{"a Gateway that presents what nothing makes", `{}`, edit(t, "prod-gateway", func(g *gatewayAPIGateway) { g.Spec.TLS.Backend.ClientCertificateRef.Name = "x" }), `Gateway restate/prod-gateway: names Secret "x"`},
		{"a policy of no Service", `{}`, edit(t, "prod-gateway", func(p *backendTLSPolicy) { p.Spec.TargetRefs[0].Name = "x" }), `BackendTLSPolicy restate/prod-gateway: leads to Service "x"`},
		{"a CA that nothing makes", `{}`, edit(t, "prod-gateway", func(p *backendTLSPolicy) { p.Spec.Validation.CACertificateRefs[0].Name = "x" }), `BackendTLSPolicy restate/prod-gateway: names Secret "x"`},
		{"leave to read what nothing makes", sharedGateway, edit(t, "prod-gateway-client", func(g *referenceGrant) { g.Spec.To[0].Name = "x" }), `ReferenceGrant restate/prod-gateway-client: names Secret "x"`},
	} {
		m := model(t, gatewayBase(t), cas, tt.exposure)
		if before := CheckLinks(m, Build(m)); len(before) > 0 {
			t.Fatalf("%s: dangling before: %q", tt.reason, before)
		}
		if got := CheckLinks(m, tt.change(Build(m))); !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, tt.want) }) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestGatewayLinksOfOthers: a Gateway and a CA that others make are not missed.
func TestGatewayLinksOfOthers(t *testing.T) {
	for _, patch := range []string{sharedGateway, `{spec: {gateway: {expose: {caConfigMap: internal-ca}}}}`, onlyJWT, withJWT, byOthers} {
		t.Run(patch, func(t *testing.T) { built(t, gatewayBase(t), patch) })
	}
}
