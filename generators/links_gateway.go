// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// gatewaySecret: the Secret of a certificate of ours, or one that the gateway block names.
func (l *links) gatewaySecret(ref secretKeyRef) bool {
	g := l.m.Gateway
	if g == nil {
		return false
	}
	if l.issued[ref.Name] {
		return ref.Key == corev1.TLSCertKey || ref.Key == corev1.TLSPrivateKeyKey || ref.Key == corev1.ServiceAccountRootCAKey
	}
	if ca := g.TLS.ClientCA; ca != nil && ref == (secretKeyRef{ca.Name, ca.Key}) {
		return true
	}
	for _, d := range g.Domains {
		keys, jwt := d.APIKeys, d.JWT
		if keys != nil && ref == (secretKeyRef{keys.Name, keys.Key}) || jwt != nil && jwt.CASecretRef != nil && ref == (secretKeyRef{jwt.CASecretRef.Name, jwt.CASecretRef.Key}) {
			return true
		}
	}
	return false
}

// exposed follows what leads from outside to a gateway: the Service behind it, and the certificate that is presented to it. A patch may
// have taken any part away.
func (l *links) exposed(b Built) {
	switch o := b.typedObject().(type) {
	case *networkingv1.Ingress:
		l.ingress(b, o)
	case *gatewayAPIGateway:
		l.presents(b, o.Spec.TLS.Backend.ClientCertificateRef.Name)
	case *referenceGrant:
		l.some(b, "to", len(o.Spec.To))
		for _, to := range o.Spec.To {
			l.presents(b, to.Name)
		}
	case *httpRoute:
		l.route(b, o)
	case *backendTLSPolicy:
		l.some(b, "targetRefs", len(o.Spec.TargetRefs))
		for _, target := range o.Spec.TargetRefs {
			l.leadsTo(b, target.Name, target.SectionName, 0)
		}
		for _, ca := range o.Spec.Validation.CACertificateRefs { // none with wellKnownCACertificates
			if ca.Kind == "Secret" {
				l.presents(b, ca.Name)
			}
		}
	}
}

// some: a list that must have an entry, or the object does nothing.
func (l *links) some(b Built, list string, n int) {
	if n == 0 {
		l.dangling(b, "has no %s", list)
	}
}

func (l *links) ingress(b Built, o *networkingv1.Ingress) {
	for _, rule := range o.Spec.Rules {
		if rule.HTTP == nil {
			l.dangling(b, "has a rule without paths")
			continue
		}
		for _, p := range rule.HTTP.Paths {
			if p.Backend.Service == nil {
				l.dangling(b, "has a path that leads to no Service")
				continue
			}
			l.leadsTo(b, p.Backend.Service.Name, p.Backend.Service.Port.Name, p.Backend.Service.Port.Number)
		}
	}
	l.presents(b, strings.TrimPrefix(o.Annotations[nginxPrefix+"proxy-ssl-secret"], o.Namespace+"/"))
}

func (l *links) route(b Built, o *httpRoute) {
	l.some(b, "parentRefs", len(o.Spec.ParentRefs))
	backends := 0
	for _, rule := range o.Spec.Rules { // one that redirects has no backend
		for _, ref := range rule.BackendRefs {
			backends++
			l.leadsTo(b, ref.Name, "", ref.Port)
		}
	}
	l.some(b, "backendRefs", backends)
	for _, p := range o.Spec.ParentRefs {
		if p.Namespace == "" && l.m.Gateway.Expose.ParentRef == nil && !l.exists[ID{gatewayGroup, "Gateway", o.Namespace, p.Name}] {
			l.dangling(b, "hangs on Gateway %q, which is not there", p.Name)
		}
	}
}

// leadsTo follows a reference to a port of a Service, by name or by number. Neither stands for every port.
func (l *links) leadsTo(b Built, service, port string, number int32) {
	s := l.services[ID{"", "Service", b.ID().Namespace, service}]
	if s == nil {
		l.dangling(b, "leads to Service %q, which is not there", service)
		return
	}
	has := slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool {
		return (port == "" || p.Name == port) && (number == 0 || p.Port == number)
	})
	if !has {
		l.dangling(b, "leads to port %q of Service %q, which has no such port", or(port, strconv.Itoa(int(number))), service)
	}
}

func (l *links) presents(b Built, secret string) {
	if !l.issued[secret] {
		l.dangling(b, "names Secret %q, which no certificate makes", secret)
	}
}
