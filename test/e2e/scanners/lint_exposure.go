// SPDX-License-Identifier: Apache-2.0

package scanners

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The checks in this file are of what leads in from outside: Ingress, Gateway API, certificates.

// openPath leads every request in.
func openPath(path string) bool { return strings.Trim(path, "/") == "" }

func wildcard(host string) bool { return host == "" || strings.Contains(host, "*") }

func (l *linting) ingress() error {
	v, err := typed[networkingv1.Ingress](l.object)
	if err != nil {
		return err
	}
	if v.Spec.IngressClassName == nil {
		l.report("ingress-class", "not set: any controller may serve it")
	}
	if v.Spec.DefaultBackend != nil {
		l.report("ingress-default-backend", "requests of any host and path get in")
	}
	for _, r := range v.Spec.Rules {
		if wildcard(r.Host) {
			l.report("ingress-host", "%q", r.Host)
		}
		if !slices.ContainsFunc(v.Spec.TLS, func(t networkingv1.IngressTLS) bool { return t.SecretName != "" && slices.Contains(t.Hosts, r.Host) }) {
			l.report("ingress-tls", "%q has no certificate", r.Host)
		}
		if r.HTTP == nil {
			continue
		}
		for _, p := range r.HTTP.Paths {
			if openPath(p.Path) || p.PathType == nil || *p.PathType == networkingv1.PathTypeImplementationSpecific {
				l.report("ingress-path", "%q", p.Path)
			}
		}
	}
	l.nginx(v.Annotations)
	return nil
}

// nginx judges the annotations of ingress-nginx: TLS to the upstream verifies nothing unless it is told to.
func (l *linting) nginx(annotations map[string]string) {
	const prefix = "nginx.ingress.kubernetes.io/"
	for key := range annotations {
		if strings.HasPrefix(key, prefix) && strings.HasSuffix(key, "-snippet") {
			l.report("ingress-snippet", "%s", key)
		}
	}
	if annotations[prefix+"ssl-redirect"] != "true" {
		l.report("ingress-redirect", "plain HTTP is served")
	}
	for _, key := range []string{"proxy-ssl-secret", "proxy-ssl-name"} {
		if annotations[prefix+key] == "" {
			l.report("ingress-upstream-tls", "%s is not set", key)
		}
	}
	for _, key := range []string{"proxy-ssl-verify", "proxy-ssl-server-name"} {
		if annotations[prefix+key] != "on" {
			l.report("ingress-upstream-tls", "%s is not on", key)
		}
	}
	if annotations[prefix+"backend-protocol"] != "HTTPS" {
		l.report("ingress-upstream-tls", "backend-protocol is %q", annotations[prefix+"backend-protocol"])
	}
}

func (l *linting) text(fields ...string) string {
	s, _, _ := unstructured.NestedString(l.object.Object, fields...)
	return s
}

// entries are those of a list of objects.
func entries(o map[string]any, fields ...string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(o, fields...)
	var out []map[string]any
	for _, v := range list {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

func (l *linting) certificate() error {
	names, _, err := unstructured.NestedStringSlice(l.object.Object, "spec", "dnsNames")
	if len(names) == 0 || slices.ContainsFunc(names, wildcard) {
		l.report("certificate-names", "%q", names)
	}
	usages, _, _ := unstructured.NestedStringSlice(l.object.Object, "spec", "usages")
	if server, client := slices.Contains(usages, "server auth"), slices.Contains(usages, "client auth"); server == client || slices.Contains(usages, "any") {
		l.report("certificate-usages", "%q: each direction has a certificate of its own", usages)
	}
	if policy := l.text("spec", "privateKey", "rotationPolicy"); policy != "Always" {
		l.report("certificate-rotation", "%q keeps the key", policy)
	}
	number, _, _ := unstructured.NestedFieldNoCopy(l.object.Object, "spec", "privateKey", "size")
	size, _ := number.(float64) // as JSON has numbers
	if algorithm := l.text("spec", "privateKey", "algorithm"); algorithm == "ECDSA" && size < 256 || algorithm == "RSA" && size < 3072 || algorithm == "" {
		l.report("certificate-key", "%s of %v bits", algorithm, size)
	}
	if ca, _, _ := unstructured.NestedBool(l.object.Object, "spec", "isCA"); ca {
		l.report("certificate-ca", "it can make others")
	}
	return err
}

func (l *linting) gateway() error {
	for _, listener := range entries(l.object.Object, "spec", "listeners") {
		name := listener["name"]
		if host, _ := listener["hostname"].(string); wildcard(host) {
			l.report("gateway-host", "listener %v: %q", name, host)
		}
		mode, _, _ := unstructured.NestedString(listener, "tls", "mode")
		if listener["protocol"] != "HTTPS" || mode != "Terminate" || len(entries(listener, "tls", "certificateRefs")) == 0 {
			l.report("gateway-tls", "listener %v: %v, %q", name, listener["protocol"], mode)
		}
		if from, _, _ := unstructured.NestedString(listener, "allowedRoutes", "namespaces", "from"); from != "Same" {
			l.report("gateway-routes", "listener %v: routes of namespaces %q", name, from)
		}
	}
	return nil
}

func (l *linting) httpRoute() error {
	hosts, _, err := unstructured.NestedStringSlice(l.object.Object, "spec", "hostnames")
	if len(hosts) == 0 || slices.ContainsFunc(hosts, wildcard) {
		l.report("route-host", "%q", hosts)
	}
	for _, rule := range entries(l.object.Object, "spec", "rules") {
		matches := entries(rule, "matches")
		if len(matches) == 0 {
			l.report("route-path", "no match leads every path in")
		}
		for _, m := range matches {
			path, _, _ := unstructured.NestedString(m, "path", "value")
			if openPath(path) || m["method"] == nil {
				l.report("route-path", "%q, method %v", path, m["method"])
			}
		}
		if timeout, _, _ := unstructured.NestedString(rule, "timeouts", "request"); timeout == "" {
			l.report("route-timeout", "not set")
		}
		for _, b := range entries(rule, "backendRefs") {
			if ns, _ := b["namespace"].(string); ns != "" && ns != l.object.GetNamespace() {
				l.report("route-backend", "leads to namespace %s", ns)
			}
		}
	}
	return err
}

func (l *linting) backendTLS() error {
	if host := l.text("spec", "validation", "hostname"); wildcard(host) {
		l.report("backend-tls-name", "%q", host)
	}
	if len(entries(l.object.Object, "spec", "validation", "caCertificateRefs")) == 0 && l.text("spec", "validation", "wellKnownCACertificates") == "" {
		l.report("backend-tls-ca", "not set")
	}
	return nil
}

// grant judges who may read what: a reference without a name is one to everything of the kind.
func (l *linting) grant() error {
	for _, to := range entries(l.object.Object, "spec", "to") {
		if name, _ := to["name"].(string); name == "" {
			l.report("grant-name", "every %v of the namespace", to["kind"])
		}
	}
	return nil
}
