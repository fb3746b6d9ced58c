// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// gatewayDomains checks what the gateway block says for all once, at its own place, and of each domain what is its own.
func (r *resolver) gatewayDomains(g *Gateway) {
	auth := gatewayPath.Child("auth")
	shared := GatewayDomain{
		Host: g.Expose.Host, APIKeys: apiKeys(g.Auth.APIKeys), JWT: r.gatewayJWT(auth.Child("jwt"), g.Auth.JWT),
		RateLimit: r.gatewayRateLimit(gatewayPath.Child("rateLimit"), g.RateLimit, v1alpha1.GatewayRateLimit{}),
	}
	r.gatewayHost(gatewayPath.Child("expose", "host"), shared.Host, g.Expose.Type)
	if len(g.Gateway.Domains) == 0 {
		r.gatewayServices(gatewayPath.Child("services"), g.Services)
		r.authenticated(auth, shared)
		if shared.Host == "" && g.Expose.Type != v1alpha1.ExposureNone {
			r.required(gatewayPath.Child("expose", "host"), "", "the public DNS name")
		}
		shared.Services, shared.Role = sortedNames(g.Services), roleIngress
		g.Domains = []GatewayDomain{shared}
		return
	}
	if len(g.Services) > 0 {
		r.problem(diag.NoEffect, gatewayPath.Child("services"), "", "move them into the domains", "must not be set with domains, which name their own")
	}
	for _, key := range sortedKeys(g.Gateway.Domains) {
		g.Domains = append(g.Domains, r.gatewayDomain(entry(gatewayPath.Child("domains"), key), key, g, shared))
	}
	r.sharedKeys(g.Domains)
	r.uninherited(g)
}

func (r *resolver) gatewayDomain(path *field.Path, key string, g *Gateway, out GatewayDomain) GatewayDomain {
	d := g.Gateway.Domains[key]
	r.label(path, key, maxName)
	if key == clientKey {
		r.problem(diag.BadName, path, key, "rename it", "must not have the name of the client certificate")
	}
	r.gatewayServices(path.Child("services"), d.Services)
	r.gatewayHost(path.Child("host"), d.Host, g.Expose.Type)
	out.Key, out.Services, out.Role, out.Host = key, sortedNames(d.Services), roleIngress, or(d.Host, out.Host)
	r.ownHost(path.Child("host"), g, out)
	if d.APIKeys != nil {
		out.APIKeys = apiKeys(d.APIKeys)
	}
	if d.JWT != nil {
		out.JWT = r.gatewayJWT(path.Child("jwt"), d.JWT)
	}
	if d.RateLimit != nil {
		out.RateLimit = r.gatewayRateLimit(path.Child("rateLimit"), *d.RateLimit, out.RateLimit)
	}
	if d.Credential != nil {
		out.Role = gatewayRole(key)
	}
	r.authenticated(path, out)
	return out
}

// ownHost: an exposure leads a host to one gateway.
func (r *resolver) ownHost(path *field.Path, g *Gateway, d GatewayDomain) {
	switch i := slices.IndexFunc(g.Domains, func(other GatewayDomain) bool { return other.Host == d.Host }); {
	case g.Expose.Type == v1alpha1.ExposureNone:
	case d.Host == "":
		r.required(path, "", "the public DNS name")
	case i >= 0:
		r.problem(diag.SameHost, path, d.Host, "give each domain a host", "must not be the host of domain %q as well", g.Domains[i].Key)
	}
}

// uninherited refuses what the gateway block says for domains that all say it themselves.
func (r *resolver) uninherited(g *Gateway) {
	var host, keys, jwt bool
	for _, d := range g.Gateway.Domains {
		host, keys, jwt = host || d.Host == "", keys || d.APIKeys == nil, jwt || d.JWT == nil
	}
	for _, f := range []struct {
		path           *field.Path
		set, inherited bool
	}{
		{gatewayPath.Child("expose", "host"), g.Expose.Host != "" && g.Expose.Type != v1alpha1.ExposureNone, host},
		{gatewayPath.Child("auth", "apiKeys"), g.Auth.APIKeys != nil, keys},
		{gatewayPath.Child("auth", "jwt"), g.Auth.JWT != nil, jwt},
	} {
		if f.set && !f.inherited {
			r.problem(diag.NoEffect, f.path, "", "remove it", "must not be set while every domain has its own")
		}
	}
}

// apiKeys refers to the callers, whose Secret is checked with those of the other roles.
func apiKeys(k *v1alpha1.GatewayAPIKeys) *secretKeyRef {
	if k == nil {
		return nil
	}
	return &secretKeyRef{Name: k.SecretRef.Name, Key: k.SecretRef.Key}
}

// authenticated: otherwise whoever holds a client certificate could call, and the exposure holds one for everybody.
func (r *resolver) authenticated(path *field.Path, d GatewayDomain) {
	if d.APIKeys == nil && d.JWT == nil {
		r.problem(diag.Required, path, "", "set apiKeys, jwt or both", "must say how callers prove who they are")
	}
}

func (r *resolver) gatewayHost(path *field.Path, host string, exposure v1alpha1.ExposureType) {
	switch {
	case host == "":
	case exposure == v1alpha1.ExposureNone:
		r.problem(diag.NoEffect, path, host, "remove it", "must not be set while spec.gateway.expose.type is None")
	case !isDNSName(host) || !strings.Contains(host, "."):
		r.problem(diag.BadName, path, host, "", "must be a DNS name like api.example.com")
	}
}

// gatewayRateLimit returns the limits with those of outer where there are none.
func (r *resolver) gatewayRateLimit(path *field.Path, l, outer v1alpha1.GatewayRateLimit) v1alpha1.GatewayRateLimit {
	for _, f := range []struct {
		name  string
		limit **v1alpha1.RateLimit
		outer *v1alpha1.RateLimit
	}{{"perReplica", &l.PerReplica, outer.PerReplica}, {"perClient", &l.PerClient, outer.PerClient}} {
		if *f.limit == nil {
			*f.limit = f.outer
			continue
		}
		given := **f.limit
		r.atLeast(path.Child(f.name, "requestsPerSecond"), &given.RequestsPerSecond, 1)
		if least := max(1, given.RequestsPerSecond); given.Burst < least {
			r.problem(diag.OutOfRange, path.Child(f.name, "burst"), strconv.Itoa(int(given.Burst)), "", "must be at least %d, the requests of one second", least)
		}
	}
	return l
}

// sharedKeys says which domains take each other's callers.
func (r *resolver) sharedKeys(domains []GatewayDomain) {
	first := map[secretKeyRef]string{}
	for _, d := range domains {
		if d.APIKeys == nil {
			continue
		}
		if other, shared := first[*d.APIKeys]; shared {
			r.problem(diag.SharedCallers, entry(gatewayPath.Child("domains"), d.Key), "", "set apiKeys.secretRef on one of the two to part them", "takes the API keys of domain %q, so that a caller of one may call both", other)
		} else {
			first[*d.APIKeys] = d.Key
		}
	}
}

func sortedNames(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *resolver) gatewayServices(path *field.Path, services []string) {
	if len(services) == 0 {
		r.problem(diag.Required, path, "", "list them as in [Invoice, Payment]", "must name the Restate services that may be called")
	}
	for i, name := range services {
		if slices.Contains(services[:i], name) {
			r.problem(diag.DuplicateKey, path.Index(i), name, "remove one of the two", "must stand once")
		}
		if !restateName().MatchString(name) {
			r.problem(diag.BadName, path.Index(i), name, "", "must be a name of Restate: letters, digits, -, _ or ., beginning with a letter")
		}
		if name == "restate" { // /restate/<anything> would be a call of it in the legacy form
			r.problem(diag.BadName, path.Index(i), name, "rename the service", "must not be the first part of Restate's own paths")
		}
	}
}

func (r *resolver) gatewayJWT(path *field.Path, j *v1alpha1.GatewayJWT) *GatewayJWT {
	if j == nil {
		return nil
	}
	r.required(path.Child("issuer"), j.Issuer, "the claim iss of the tokens")
	if len(j.Audiences) == 0 || slices.Contains(j.Audiences, "") {
		r.problem(diag.Required, path.Child("audiences"), "", "write what the issuer puts into the claim aud", "must name at least one audience, or a token that was made for somebody else would do")
	}
	r.oneLine(path.Child("issuer"), j.Issuer)
	for i, audience := range j.Audiences {
		r.oneLine(path.Child("audiences").Index(i), audience)
	}
	out := &GatewayJWT{GatewayJWT: *j}
	if j.CASecretRef != nil {
		r.localSecretKey(path.Child("caSecretRef"), *j.CASecretRef)
	}
	u, err := url.Parse(j.JWKSURI)
	if err != nil || u.Scheme != "https" || !isDNSName(u.Hostname()) || u.User != nil || u.Fragment != "" || !validURLPort(u) || !isPrintableASCII(j.JWKSURI) {
		r.problem(diag.BadURL, path.Child("jwksURI"), "", "write https://host/path", "must be an https URL with a DNS name")
		return out
	}
	out.Host, out.Port = u.Hostname(), urlPort(j.JWKSURI)
	switch {
	case j.Peer != nil:
		r.sharedPeer(path.Child("peer"), *j.Peer)
		out.Peers = []networkingv1.NetworkPolicyPeer{*j.Peer}
	case strings.HasSuffix(out.Host, ".svc") || strings.HasSuffix(out.Host, "."+r.spec.ClusterDomain):
		r.problem(diag.Required, path.Child("peer"), "", "name its pods", "must be set for a host of this cluster, whose pods the default does not open")
	default:
		out.Peers = r.publicAddresses()
	}
	return out
}

// isPrintableASCII: Envoy takes a URI as it is on the wire, without blanks.
func isPrintableASCII(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}

// breaksLine: besides control characters Unicode has two that YAML takes for the end of a line.
func breaksLine(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }

// oneLine: YAML has a form for a text of several lines that begins with a tab which no reader takes back.
func (r *resolver) oneLine(path *field.Path, text string) {
	if strings.ContainsFunc(text, breaksLine) {
		r.problem(diag.BadName, path, "", "", "must be one line without control characters")
	}
}
