// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// kindPattern is that of Kubernetes kinds.
var kindPattern = newPattern(`^[A-Z][A-Za-z0-9]{0,62}$`)

// unreadByExposure refuses what the type of exposure has no use for. It runs before Default.
func (r *resolver) unreadByExposure(path *field.Path, g *v1alpha1.Gateway) {
	e := g.Expose
	for _, f := range []struct {
		name string
		set  bool
		in   []v1alpha1.ExposureType
	}{
		{"className", e.ClassName != "", []v1alpha1.ExposureType{v1alpha1.ExposureIngress}},
		{"rateLimit", e.RateLimit != nil, []v1alpha1.ExposureType{v1alpha1.ExposureIngress}},
		{"clusterIssuer", e.ClusterIssuer != "", []v1alpha1.ExposureType{v1alpha1.ExposureIngress, v1alpha1.ExposureGatewayAPI}},
		{"gatewayClassName", e.GatewayClassName != "", []v1alpha1.ExposureType{v1alpha1.ExposureGatewayAPI}},
		{"parentRef", e.ParentRef != nil, []v1alpha1.ExposureType{v1alpha1.ExposureGatewayAPI}},
		{"parentPresentsClientCertificate", e.ParentPresentsClientCertificate, []v1alpha1.ExposureType{v1alpha1.ExposureGatewayAPI}},
		{"caConfigMap", e.CAConfigMap != "", []v1alpha1.ExposureType{v1alpha1.ExposureGatewayAPI}},
	} {
		if f.set && !slices.Contains(f.in, e.Type) {
			r.problem(diag.NoEffect, path.Child(f.name), "", "remove it", "must not be set while type is %s", or(string(e.Type), "missing"))
		}
	}
}

func (r *resolver) exposure(path *field.Path, g *Gateway) {
	e := g.Expose
	if e.Type == "" {
		r.problem(diag.Required, path.Child("type"), "", "write Ingress, GatewayAPI or None", "must say how callers reach the gateway")
	}
	g.Clients = r.controller(path.Child("controller"), e)
	g.ClientSANs = sortedNames(g.TLS.AllowedClientSANs)
	switch e.Type {
	case v1alpha1.ExposureNone:
		if len(g.ClientSANs) == 0 {
			r.problem(diag.Required, gatewayPath.Child("tls", "allowedClientSANs"), "", "", "must name who may connect while spec.gateway.expose.type is None: no client certificate is made")
		}
		return
	case v1alpha1.ExposureIngress:
		r.ingress(path, e)
	case v1alpha1.ExposureGatewayAPI:
		r.gatewayAPI(path, e, g)
	}
	g.ClientSANs = sortedNames(append(g.ClientSANs, r.m.clientSAN()))
}

// ingress warns of the retirement (kubernetes.io/blog/2025/11/11/ingress-nginx-retirement).
func (r *resolver) ingress(path *field.Path, e v1alpha1.Exposure) {
	r.domain(path.Child("className"), e.ClassName)
	r.required(path.Child("clusterIssuer"), e.ClusterIssuer, "the cert-manager ClusterIssuer of the public certificate")
	if e.ClusterIssuer != "" {
		r.domain(path.Child("clusterIssuer"), e.ClusterIssuer)
	}
	for _, f := range []struct {
		name  string
		value *int32
	}{{"rps", e.RateLimit.RPS}, {"connections", e.RateLimit.Connections}, {"burstMultiplier", e.RateLimit.BurstMultiplier}} {
		r.atLeast(path.Child("rateLimit", f.name), f.value, 1)
	}
	r.problem(diag.IngressRetired, path.Child("type"), string(e.Type), "plan for GatewayAPI", "rests on ingress-nginx, which gets no releases and no security fixes since March 2026")
}

// maxMatches is that of a rule of an HTTPRoute (sigs.k8s.io/gateway-api v1.7, HTTPRouteRule).
const maxMatches = 64

func (r *resolver) gatewayAPI(path *field.Path, e v1alpha1.Exposure, g *Gateway) {
	if (e.GatewayClassName == "") == (e.ParentRef == nil) {
		r.problem(diag.Required, path, "", "set gatewayClassName for a Gateway of its own, or parentRef for one that is there", "must have exactly one of gatewayClassName and parentRef")
	}
	if e.CAConfigMap != "" {
		r.domain(path.Child("caConfigMap"), e.CAConfigMap)
	}
	r.parent(path, e)
	if e.GatewayClassName != "" {
		r.domain(path.Child("gatewayClassName"), e.GatewayClassName)
		r.required(path.Child("clusterIssuer"), e.ClusterIssuer, "the cert-manager ClusterIssuer of the public certificate")
		if e.ClusterIssuer != "" {
			r.domain(path.Child("clusterIssuer"), e.ClusterIssuer)
		}
		if e.ParentPresentsClientCertificate {
			r.problem(diag.NoEffect, path.Child("parentPresentsClientCertificate"), "", "remove it", "must not be set without parentRef: a Gateway of ours presents it")
		}
	}
	if slices.Contains(g.Allow, v1alpha1.CallLegacy) {
		most := len(g.Services)
		for _, d := range g.Gateway.Domains {
			most = max(most, len(d.Services))
		}
		if most+len(publicPaths(g.Allow, nil)) > maxMatches {
			r.problem(diag.OutOfRange, gatewayPath.Child("allow"), string(v1alpha1.CallLegacy), "split the services into domains", "makes a path for each service, and an HTTPRoute has room for %d", maxMatches)
		}
	}
}

// parent: whoever has a Gateway says which client certificate it presents, for all that is behind it.
func (r *resolver) parent(path *field.Path, e v1alpha1.Exposure) {
	p := e.ParentRef
	if p == nil {
		return
	}
	r.domain(path.Child("parentRef", "name"), p.Name)
	r.label(path.Child("parentRef", "namespace"), p.Namespace, maxName)
	if p.SectionName != "" {
		r.domain(path.Child("parentRef", "sectionName"), p.SectionName)
	}
	if e.ClusterIssuer != "" {
		r.problem(diag.NoEffect, path.Child("clusterIssuer"), e.ClusterIssuer, "remove it", "must not be set with parentRef: the public certificate is that of the Gateway's listener")
	}
	if !e.ParentPresentsClientCertificate {
		r.problem(diag.SharedGateway, path.Child("parentRef"), "", "set spec.tls.backend.clientCertificateRef of that Gateway to Secret "+strings.Join([]string{r.in.Namespace, r.m.clientSecret()}, "/")+
			", which it then presents to everything behind it, and acknowledge it by parentPresentsClientCertificate: true", "must not name a Gateway that may present no client certificate: every call would be refused")
	}
}

// controller returns who may connect: pods or addresses.
func (r *resolver) controller(path *field.Path, e v1alpha1.Exposure) []networkingv1.NetworkPolicyPeer {
	c := e.Controller
	switch {
	case c == nil:
		r.problem(diag.Required, path, "", "name the namespace and podSelector of the pods that connect, or their cidrs", "must be set while type is %s", or(string(e.Type), "missing"))
	case len(c.CIDRs) > 0:
		if c.Namespace != "" || c.PodSelector != nil {
			r.problem(diag.BadPeer, path.Child("cidrs"), "", "keep one of the two", "must not be set together with namespace and podSelector")
		}
		var peers []networkingv1.NetworkPolicyPeer
		for i, raw := range c.CIDRs {
			if prefix, ok := r.cidr(path.Child("cidrs").Index(i), raw); ok {
				peers = append(peers, r.narrow(path.Child("cidrs").Index(i), networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: prefix.String()}}))
			}
		}
		return peers
	case c.Namespace == "" || c.PodSelector == nil || everything(c.PodSelector):
		r.problem(diag.Required, path, "", "", "must have namespace and a podSelector that names a label, or cidrs")
	default:
		r.label(path.Child("namespace"), c.Namespace, maxName)
		r.selector(path.Child("podSelector"), c.PodSelector)
		return []networkingv1.NetworkPolicyPeer{podsIn(c.Namespace, *c.PodSelector)}
	}
	return nil
}

func (r *resolver) narrow(path *field.Path, p networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyPeer {
	if opensEverybody(p) {
		r.problem(diag.BadPeer, path, "", "name the nodes of the controller", "must not be the whole world: the gateway is behind its exposure alone")
	}
	return p
}
