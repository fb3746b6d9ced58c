// SPDX-License-Identifier: Apache-2.0

package generators

import (
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

// exposed follows what leads from outside to a gateway: the Service behind it, and the certificate that is presented to it.
func (l *links) exposed(b Built) {
	switch o := b.typedObject().(type) {
	case *networkingv1.Ingress:
		for _, rule := range o.Spec.Rules {
			for _, p := range rule.HTTP.Paths {
				l.leadsTo(b, p.Backend.Service.Name)
			}
		}
		l.presents(b, strings.TrimPrefix(o.Annotations[nginxPrefix+"proxy-ssl-secret"], o.Namespace+"/"))
	case *gatewayAPIGateway:
		l.presents(b, o.Spec.TLS.Backend.ClientCertificateRef.Name)
	case *referenceGrant:
		l.presents(b, o.Spec.To[0].Name)
	case *httpRoute:
		for _, rule := range o.Spec.Rules {
			l.leadsTo(b, rule.BackendRefs[0].Name)
		}
		if p := o.Spec.ParentRefs[0]; l.m.Gateway.Expose.ParentRef == nil && !l.exists[ID{gatewayGroup, "Gateway", o.Namespace, p.Name}] {
			l.dangling(b, "hangs on Gateway %q, which is not there", p.Name)
		}
	case *backendTLSPolicy:
		l.leadsTo(b, o.Spec.TargetRefs[0].Name)
		if ca := o.Spec.Validation.CACertificateRefs[0]; ca.Kind == "Secret" {
			l.presents(b, ca.Name)
		}
	}
}

func (l *links) leadsTo(b Built, service string) {
	if !l.exists[ID{"", "Service", b.ID().Namespace, service}] {
		l.dangling(b, "leads to Service %q, which is not there", service)
	}
}

func (l *links) presents(b Built, secret string) {
	if !l.issued[secret] {
		l.dangling(b, "names Secret %q, which no certificate makes", secret)
	}
}
