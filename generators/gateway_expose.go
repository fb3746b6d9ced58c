// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Annotations of an Ingress (github.com/kubernetes/ingress-nginx v1.15, docs/user-guide/nginx-configuration/annotations; cert-manager.io/docs,
// usage/ingress).
const (
	nginxPrefix                    = "nginx.ingress.kubernetes.io/"
	annotationClusterIssuer        = certManagerGroup + "/cluster-issuer"
	annotationRotationPolicy       = certManagerGroup + "/private-key-rotation-policy"
	rotationAlways                 = "Always"
	maxStreamSeconds         int64 = 24 * 60 * 60
)

const exposeSource = "spec.gateway.expose"

// exposureObjects are how callers outside reach the gateways, and the one client certificate that is presented to all of them.
func exposureObjects(m Model) []Built {
	e := m.Gateway.Expose
	if e.Type == v1alpha1.ExposureNone {
		return nil
	}
	out := []Built{{Object: clientCertificate(m), Source: exposeSource}}
	if e.Type == v1alpha1.ExposureIngress {
		for _, d := range m.Gateway.Domains {
			out = append(out, Built{Object: gatewayIngress(m, d), Source: exposeSource})
		}
		return out
	}
	if e.GatewayClassName != "" {
		out = append(out, Built{Object: ownGateway(m), Source: exposeSource})
	} else if e.ParentRef.Namespace != "" && e.ParentRef.Namespace != m.Namespace {
		out = append(out, Built{Object: clientCertificateGrant(m), Source: exposeSource})
	}
	for _, d := range m.Gateway.Domains {
		out = append(out, Built{Object: gatewayRoute(m, d), Source: exposeSource}, Built{Object: gatewayTLSPolicy(m, d), Source: exposeSource})
	}
	return out
}

// serverSecret and clientSecret are what cert-manager makes for the internal certificates, publicSecret is the public one's. No key of
// a domain makes two of them equal.
func (m Model) serverSecret(d GatewayDomain) string { return m.objectName("gateway-tls", d.Key) }

func (m Model) clientSecret() string { return m.objectName("gateway-client-tls", "") }

func (m Model) publicSecret(d GatewayDomain) string { return m.objectName("gateway-public-tls", d.Key) }

func (m Model) clientName() string { return m.objectName("gateway", clientKey) }

// clientKey stands where a domain's key does in the names of what is made once, so that no domain may have it.
const clientKey = "client"

// clientSAN is the name in the certificate that the exposure presents.
func (m Model) clientSAN() string {
	return strings.Join([]string{m.clientName(), m.Namespace, "svc", m.ClusterDomain}, ".")
}

func serverCertificate(m Model, d GatewayDomain) *certificate {
	name := m.gatewayObject(d)
	inNamespace := name + "." + m.Namespace
	return internalCertificate(m, name, m.serverSecret(d), "server auth", name, inNamespace, inNamespace+".svc", m.gatewayHost(d))
}

func clientCertificate(m Model) *certificate {
	return internalCertificate(m, m.clientName(), m.clientSecret(), "client auth", m.clientSAN())
}

// internalCertificate has no common name, which is limited to 64 characters. The usages are written out: cert-manager's default is
// made for RSA, and Envoy holds certificates to theirs.
func internalCertificate(m Model, name, secret, usage string, names ...string) *certificate {
	tls := m.Gateway.TLS
	return &certificate{
		TypeMeta:   metav1.TypeMeta{APIVersion: certManagerV1, Kind: "Certificate"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name},
		Spec: certificateSpec{
			SecretName: secret, DNSNames: names, Duration: duration(tls.Duration.Duration), RenewBefore: duration(tls.RenewBefore.Duration),
			Usages:     []string{"digital signature", usage},
			PrivateKey: certificatePrivateKey{Algorithm: "ECDSA", Size: 256, Encoding: "PKCS8", RotationPolicy: rotationAlways},
			IssuerRef:  certificateIssuerRef{tls.IssuerRef.Group, tls.IssuerRef.Kind, tls.IssuerRef.Name},
		},
	}
}

// publicPath is a path that the exposure passes on; the gateway itself decides by the whole path.
type publicPath struct {
	path   string
	exact  bool
	method string
}

// publicPaths are those of the kinds of calls, without those of any service but by the legacy form.
func publicPaths(allow []v1alpha1.GatewayCall, services []string) []publicPath {
	var out []publicPath
	for _, call := range allow {
		switch call {
		case v1alpha1.CallCall, v1alpha1.CallSend:
			out = append(out, publicPath{"/restate/" + string(call), false, "POST"})
		case v1alpha1.CallAttach, v1alpha1.CallOutput:
			out = append(out, publicPath{"/restate/" + string(call), false, "GET"})
		case v1alpha1.CallLookup:
			out = append(out, publicPath{"/restate/lookup", true, "POST"})
		case v1alpha1.CallAwakeables:
			out = append(out, publicPath{"/restate/awakeables", false, "POST"}, publicPath{"/restate/a", false, "POST"})
		case v1alpha1.CallLegacy:
			for _, s := range services {
				out = append(out, publicPath{"/" + s, false, "POST"})
			}
		}
	}
	slices.SortFunc(out, func(a, b publicPath) int { return strings.Compare(a.path, b.path) })
	return out
}

// exposureSeconds is how long the exposure waits for an answer: longer than the gateway, whose answer says why there is none.
func (m Model) exposureSeconds() int64 {
	if t := m.Gateway.Upstream.Timeout; t != nil {
		return int64((t.Duration + drainMargin).Seconds())
	}
	return maxStreamSeconds
}

func gatewayIngress(m Model, d GatewayDomain) *networkingv1.Ingress {
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: m.gatewayObject(d), Port: networkingv1.ServiceBackendPort{Name: portNameTLS}}}
	var paths []networkingv1.HTTPIngressPath
	for _, p := range publicPaths(m.Gateway.Allow, d.Services) {
		kind := networkingv1.PathTypePrefix
		if p.exact {
			kind = networkingv1.PathTypeExact
		}
		paths = append(paths, networkingv1.HTTPIngressPath{Path: p.path, PathType: &kind, Backend: backend})
	}
	return &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "Ingress"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.gatewayObject(d), Annotations: nginxAnnotations(m, d)},
		Spec: networkingv1.IngressSpec{
			IngressClassName: ptr.To(m.Gateway.Expose.ClassName),
			TLS:              []networkingv1.IngressTLS{{Hosts: []string{d.Host}, SecretName: m.publicSecret(d)}},
			Rules:            []networkingv1.IngressRule{{Host: d.Host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}}}},
		},
	}
}

// nginxAnnotations: without proxy-ssl-secret ingress-nginx ignores every other proxy-ssl annotation, and so verifies nothing; with it
// verification is off by default.
func nginxAnnotations(m Model, d GatewayDomain) map[string]string {
	limit := m.Gateway.Expose.RateLimit
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	nginx := map[string]string{
		"backend-protocol":       "HTTPS",
		"ssl-redirect":           "true",
		"limit-rps":              number(int64(*limit.RPS)),
		"limit-connections":      number(int64(*limit.Connections)),
		"limit-burst-multiplier": number(int64(*limit.BurstMultiplier)),
		"proxy-body-size":        number(*m.Gateway.Upstream.MaxRequestBytes),
		"proxy-read-timeout":     number(m.exposureSeconds()),
		"proxy-send-timeout":     number(m.exposureSeconds()),
		"proxy-ssl-secret":       m.Namespace + "/" + m.clientSecret(),
		"proxy-ssl-verify":       "on",
		"proxy-ssl-verify-depth": "3",
		"proxy-ssl-name":         m.gatewayHost(d),
		"proxy-ssl-server-name":  "on",
		"proxy-ssl-protocols":    "TLSv1.2 TLSv1.3",
		// A POST is never sent a second time: the first may have run.
		"proxy-next-upstream": "off",
	}
	if m.Gateway.Upstream.Streaming {
		nginx["proxy-buffering"], nginx["proxy-request-buffering"] = "off", "off"
	}
	out := map[string]string{annotationClusterIssuer: m.Gateway.Expose.ClusterIssuer, annotationRotationPolicy: rotationAlways}
	for key, value := range nginx {
		out[nginxPrefix+key] = value
	}
	return out
}

// ownGateway has a listener for each domain, so that one load balancer serves all.
func ownGateway(m Model) *gatewayAPIGateway {
	g := &gatewayAPIGateway{
		TypeMeta: metav1.TypeMeta{APIVersion: gatewayV1, Kind: "Gateway"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.objectName("gateway", ""), Annotations: map[string]string{
			annotationClusterIssuer: m.Gateway.Expose.ClusterIssuer,
		}},
		Spec: gatewayAPIGatewaySpec{GatewayClassName: m.Gateway.Expose.GatewayClassName},
	}
	g.Spec.TLS.Backend.ClientCertificateRef = secretRef(m.clientSecret())
	for _, d := range m.Gateway.Domains {
		l := gatewayListener{Name: listenerName(d), Hostname: d.Host, Port: portHTTPS, Protocol: "HTTPS", TLS: gatewayListenerTLS{Mode: "Terminate", CertificateRefs: []objectRef{secretRef(m.publicSecret(d))}}}
		l.AllowedRoutes.Namespaces.From = "Same"
		g.Spec.Listeners = append(g.Spec.Listeners, l)
	}
	return g
}

func listenerName(d GatewayDomain) string { return or(d.Key, "https") }

func secretRef(name string) objectRef { return objectRef{Kind: "Secret", Name: name} }

// clientCertificateGrant lets a Gateway of another namespace present our client certificate.
func clientCertificateGrant(m Model) *referenceGrant {
	return &referenceGrant{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayV1, Kind: "ReferenceGrant"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.clientName()},
		Spec: referenceGrantSpec{
			From: []referenceGrantFrom{{gatewayGroup, "Gateway", m.Gateway.Expose.ParentRef.Namespace}},
			To:   []objectRef{secretRef(m.clientSecret())},
		},
	}
}

func gatewayRoute(m Model, d GatewayDomain) *httpRoute {
	parent := parentReference{Group: gatewayGroup, Kind: "Gateway", Name: m.objectName("gateway", ""), SectionName: listenerName(d)}
	if p := m.Gateway.Expose.ParentRef; p != nil {
		parent.Name, parent.Namespace, parent.SectionName = p.Name, p.Namespace, p.SectionName
	}
	rule := httpRouteRule{
		Timeouts:    httpTimeouts{Request: strconv.FormatInt(m.exposureSeconds(), 10) + "s"},
		BackendRefs: []objectRef{{Kind: "Service", Name: m.gatewayObject(d), Port: portHTTPS, Weight: 1}},
	}
	if m.Gateway.Upstream.Streaming {
		rule.Timeouts.Request = "0s"
	}
	for _, p := range publicPaths(m.Gateway.Allow, d.Services) {
		kind := "PathPrefix"
		if p.exact {
			kind = "Exact"
		}
		rule.Matches = append(rule.Matches, httpRouteMatch{Path: httpPathMatch{kind, p.path}, Method: p.method})
	}
	return &httpRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayV1, Kind: "HTTPRoute"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.gatewayObject(d)},
		Spec:       httpRouteSpec{ParentRefs: []parentReference{parent}, Hostnames: []string{d.Host}, Rules: []httpRouteRule{rule}},
	}
}

func gatewayTLSPolicy(m Model, d GatewayDomain) *backendTLSPolicy {
	ca := secretRef(m.serverSecret(d))
	if name := m.Gateway.Expose.CAConfigMap; name != "" {
		ca = objectRef{Kind: "ConfigMap", Name: name}
	}
	return &backendTLSPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayV1, Kind: "BackendTLSPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.gatewayObject(d)},
		Spec: backendTLSPolicySpec{
			TargetRefs: []objectRef{{Kind: "Service", Name: m.gatewayObject(d), SectionName: portNameTLS}},
			Validation: backendTLSValidation{Hostname: m.gatewayHost(d), CACertificateRefs: []objectRef{ca}},
		},
	}
}
