// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

var gatewayPath = specPath.Child("gateway")

func (r *resolver) gateway() {
	g := r.spec.Gateway
	if g == nil {
		return
	}
	r.servicePrefix("with a gateway")
	out := &Gateway{Gateway: *g, Image: r.imageFor("envoy", r.spec.Images.Envoy)}
	r.m.Gateway = out
	r.gatewayPods(out)
	r.gatewayUpstream(out)
	r.gatewayTLS(gatewayPath.Child("tls"), g.TLS)
	r.exposure(gatewayPath.Child("expose"), out)
	r.gatewayCalls(g)
	r.gatewayDomains(out)
	out.OTLP = r.collector(specPath.Child("observability", "otlp"), r.spec.Observability.OTLP)
}

// unreadByGateway refuses what means something for a gateway alone. It runs before Default.
func (r *resolver) unreadByGateway() {
	g := r.spec.Gateway
	if g == nil {
		for _, f := range []struct {
			path *field.Path
			set  bool
		}{{specPath.Child("images", "envoy"), r.spec.Images.Envoy != ""}, {specPath.Child("observability", "otlp"), r.spec.Observability.OTLP != nil}} {
			if f.set {
				r.problem(diag.NoEffect, f.path, "", "remove it", "must not be set without spec.gateway")
			}
		}
		return
	}
	if g.Autoscaled && g.Replicas != nil {
		r.problem(diag.NoEffect, gatewayPath.Child("replicas"), "", "remove it", "must not be set while autoscaled leaves it to an autoscaler")
	}
	if g.Upstream.Streaming && g.Upstream.Timeout != nil {
		r.problem(diag.NoEffect, gatewayPath.Child("upstream", "timeout"), "", "remove one of the two", "must not be set while streaming lifts it")
	}
	r.unreadByExposure(gatewayPath.Child("expose"), g)
}

func (r *resolver) gatewayPods(g *Gateway) {
	r.atLeast(gatewayPath.Child("replicas"), g.Replicas, 0)
	r.resources(gatewayPath.Child("resources"), g.Resources)
	r.podTemplate(gatewayPath.Child("podTemplate"), g.PodTemplate, map[string]string{labelName: "", labelInstance: ""})
	replicas := 2 // an autoscaler's least, for what the budget is held against
	if g.Replicas != nil {
		replicas = int(*g.Replicas)
	}
	r.budget(gatewayPath.Child("podDisruptionBudget"), *g.PodDisruptionBudget, replicas)
	memory, limited := g.Resources.Limits[corev1.ResourceMemory]
	if !limited || memory.Value() < minGatewayMemory {
		r.problem(diag.BadResources, gatewayPath.Child("resources", "limits", "memory"), "", "use 256Mi", "must be at least 128Mi: Envoy sheds load before it reaches the limit, and takes 70 MB at rest")
	}
	g.HeapBytes = memory.Value() / 5 * 4
	cpu, limited := g.Resources.Limits[corev1.ResourceCPU]
	if !limited {
		cpu = g.Resources.Requests[corev1.ResourceCPU]
	}
	g.Threads = max(1, (cpu.MilliValue()+999)/1000)
}

const minGatewayMemory = 128 << 20

func (r *resolver) gatewayUpstream(g *Gateway) {
	path := gatewayPath.Child("upstream")
	u, err := url.Parse(r.m.Cloud.IngressURL)
	if err == nil {
		g.UpstreamHost, g.UpstreamPort = u.Hostname(), urlPort(r.m.Cloud.IngressURL)
	}
	if given := r.given.IngressURL; given != "" && (err != nil || u.Path != "" || !isDNSName(u.Hostname())) {
		r.problem(diag.BadURL, specPath.Child("cloud", "ingressURL"), "", "write https://host:port", "must have a DNS name and no path with a gateway, which passes paths on as they are")
	}
	if t := g.Upstream.Timeout; t != nil && (t.Duration < time.Second || t.Duration > 24*time.Hour) {
		r.problem(diag.OutOfRange, path.Child("timeout"), t.Duration.String(), "set streaming for calls of any length", "must be between 1s and 24h")
	}
	if n := *g.Upstream.MaxRequestBytes; n < 1 {
		r.problem(diag.OutOfRange, path.Child("maxRequestBytes"), strconv.FormatInt(n, 10), "", "must be at least 1")
	}
}

// isDNSName: an address has no name that TLS could ask for.
func isDNSName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && len(validation.IsDNS1123Subdomain(host)) == 0
}

// Bounds of cert-manager (github.com/cert-manager/cert-manager, pkg/apis/certmanager/v1, MinimumCertificateDuration and
// MinimumRenewBefore), and the longest that step-ca issues by default (github.com/smallstep/certificates, authority/config).
const (
	minCertificate = time.Hour
	minRenewal     = 5 * time.Minute
	stepCADuration = 24 * time.Hour
)

func (r *resolver) gatewayTLS(path *field.Path, t v1alpha1.GatewayTLS) {
	issuer := path.Child("issuerRef")
	r.required(issuer.Child("name"), t.IssuerRef.Name, "the cert-manager issuer of the internal certificates")
	if t.IssuerRef.Name != "" {
		r.domain(issuer.Child("name"), t.IssuerRef.Name)
	}
	r.domain(issuer.Child("group"), t.IssuerRef.Group)
	if !kindPattern().MatchString(t.IssuerRef.Kind) {
		r.problem(diag.BadName, issuer.Child("kind"), t.IssuerRef.Kind, "write StepClusterIssuer or ClusterIssuer", "must be a kind: letters and digits, beginning with a capital")
	}
	life, renew := t.Duration.Duration, t.RenewBefore.Duration
	switch {
	case life < minCertificate:
		r.problem(diag.OutOfRange, path.Child("duration"), life.String(), "use 24h", "must be at least 1h")
	case t.IssuerRef.Group == stepGroup && life > stepCADuration:
		r.problem(diag.LongCertificate, path.Child("duration"), duration(life), "set maxTLSCertDuration of the provisioner, or use 24h", "is more than the 24h that step-ca issues by default")
	}
	if renew < minRenewal || renew >= life {
		r.problem(diag.OutOfRange, path.Child("renewBefore"), renew.String(), "use a third of duration", "must be at least 5m and less than duration")
	}
	if t.IssuerRef.Group != certManagerGroup {
		r.problem(diag.CertificateApproval, issuer, "", "allow cert-manager to approve "+signerName(t.IssuerRef)+", or check that a policy does",
			"needs approval that cert-manager gives by itself to its own issuers alone")
	}
	if ref := t.ClientCA; ref != nil {
		r.localSecretKey(path.Child("clientCA"), *ref)
	}
	for i, san := range t.AllowedClientSANs {
		if !isDNSName(san) {
			r.problem(diag.BadName, path.Child("allowedClientSANs").Index(i), san, "", "must be a DNS name, without wildcard")
		}
	}
}

// Groups of issuers (github.com/cert-manager/cert-manager, github.com/smallstep/step-issuer).
const (
	certManagerGroup = "cert-manager.io"
	stepGroup        = "certmanager.step.sm"
)

// signerName is what cert-manager's approver is allowed for (cert-manager.io/docs, approval): <plural>.<group>/<name>.
func signerName(ref v1alpha1.IssuerRef) string {
	return strings.ToLower(ref.Kind) + "s." + ref.Group + "/" + ref.Name
}

// localSecretKey is a key of a Secret in the integration's namespace, where alone the pods may read it.
func (r *resolver) localSecretKey(path *field.Path, ref v1alpha1.SecretKeyRef) {
	r.secretKeyName(path, ref.Name, ref.Key)
	if ref.Namespace != "" {
		r.problem(diag.NoEffect, path.Child("namespace"), ref.Namespace, "remove it", "must not be set: pods read Secrets of their own namespace alone")
	}
}

func (r *resolver) secretKeyName(path *field.Path, name, key string) {
	r.domain(path.Child("name"), name)
	if len(validation.IsConfigMapKey(key)) > 0 {
		r.problem(diag.BadName, path.Child("key"), key, "", "must be a key of a Secret: letters, digits, -, _ or .")
	}
}

// gatewayCalls warns of calls whose paths name no service.
func (r *resolver) gatewayCalls(g *v1alpha1.Gateway) {
	path := gatewayPath.Child("allow")
	if len(g.Allow) == 0 {
		r.problem(diag.Required, path, "", "leave it out for call and send", "must name at least one kind of call")
	}
	for i, call := range g.Allow {
		switch call {
		case v1alpha1.CallAttach, v1alpha1.CallOutput, v1alpha1.CallLookup, v1alpha1.CallAwakeables:
			r.problem(diag.UnboundCalls, path.Index(i), string(call), "leave it out, or trust all callers alike", "reaches invocations of every service of the environment, because its path names none")
		}
		if slices.Contains(g.Allow[:i], call) {
			r.problem(diag.DuplicateKey, path.Index(i), string(call), "remove one of the two", "must stand once")
		}
	}
}

// publicAddresses are the public addresses, whatever those of Restate Cloud are.
func (r *resolver) publicAddresses() []networkingv1.NetworkPolicyPeer {
	return r.blocks(nil, v1alpha1.PublicIPv4())
}

// collector reads host and port of an OTLP endpoint.
func (r *resolver) collector(path *field.Path, o *v1alpha1.OTLP) *Collector {
	if o == nil || r.spec.Gateway == nil {
		return nil
	}
	host, port, found := strings.Cut(o.Endpoint, ":")
	number, err := strconv.Atoi(port)
	if !found || err != nil || number < 1 || number > 65535 || !isDNSName(host) {
		r.problem(diag.BadURL, path.Child("endpoint"), "", "write <service>.<namespace>.svc:4317", "must be host:port of a collector, without scheme and path")
		return nil
	}
	if n := *o.SamplingPercent; n < 0 || n > 100 {
		r.problem(diag.OutOfRange, path.Child("samplingPercent"), strconv.Itoa(int(n)), "", "must be between 0 and 100")
	}
	out := &Collector{Host: host, Port: int32(number), SamplingPercent: *o.SamplingPercent}
	namespace, inCluster := r.serviceNamespace(host)
	switch {
	case o.Peer != nil:
		r.sharedPeer(path.Child("peer"), *o.Peer)
		out.Peer = *o.Peer
	case inCluster:
		out.Peer = networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}}
	default:
		r.problem(diag.Required, path.Child("peer"), "", "name its pods or addresses", "must be set unless endpoint is a Service of this cluster, <service>.<namespace>.svc:<port>")
	}
	return out
}
