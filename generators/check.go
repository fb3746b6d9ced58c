// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// The checks in this file are those of single values: names, ports, labels, peers, images, resources.

func (r *resolver) required(path *field.Path, value, what string) {
	if value == "" {
		r.problem(diag.Required, path, "", "", "must be set: %s", what)
	}
}

// label checks a DNS-1123 label; an empty one is the business of required.
func (r *resolver) label(path *field.Path, name string, limit int) {
	switch {
	case name == "":
	case len(validation.IsDNS1123Label(name)) > 0 && len(name) <= maxName:
		r.problem(diag.BadName, path, name, "", "must consist of lower-case letters, digits and hyphens, and begin and end with a letter or digit")
	case len(name) > limit:
		r.problem(diag.BadName, path, name, "", "must be at most %d characters long, not %d", limit, len(name))
	}
}

// serviceName checks the name of a Service, which must begin with a letter.
func (r *resolver) serviceName(path *field.Path, name string) {
	if len(validation.IsDNS1035Label(name)) > 0 {
		r.problem(diag.BadName, path, name, "", "must consist of at most 63 lower-case letters, digits and hyphens, begin with a letter and end with a letter or digit")
	}
}

// domain checks a DNS-1123 subdomain.
func (r *resolver) domain(path *field.Path, name string) {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		r.problem(diag.BadName, path, name, "", "must be a DNS name: lower-case labels separated by dots")
	}
}

func (r *resolver) port(path *field.Path, port int32) {
	if len(validation.IsValidPortNum(int(port))) > 0 {
		r.problem(diag.BadPort, path, strconv.Itoa(int(port)), "", "must be between 1 and 65535")
	}
}

// atLeast checks a number that may be absent.
func (r *resolver) atLeast(path *field.Path, value *int32, min int32) {
	if value != nil && *value < min {
		r.problem(diag.OutOfRange, path, strconv.Itoa(int(*value)), "", "must be at least %d", min)
	}
}

// reservedLabels are set by the function itself.
var reservedLabels = []string{labelName, labelInstance, labelComponent, labelPartOf, labelManagedBy}

func (r *resolver) commonLabels(path *field.Path, labels map[string]string) {
	for _, key := range sortedKeys(labels) {
		if slices.Contains(reservedLabels, key) || strings.HasPrefix(key, annotationPrefix) || strings.HasPrefix(key, podSecurityPrefix) {
			r.problem(diag.BadMetadata, entry(path, key), "", "remove it", "is a label that the function sets itself")
		}
	}
	r.labels(path, labels)
}

func (r *resolver) labels(path *field.Path, labels map[string]string) {
	for _, key := range sortedKeys(labels) {
		if len(validation.IsQualifiedName(key)) > 0 {
			r.problem(diag.BadMetadata, entry(path, key), "", "", "must have a key like example.com/name")
		}
		if len(validation.IsValidLabelValue(labels[key])) > 0 {
			r.problem(diag.BadMetadata, entry(path, key), "", "", "must be at most 63 letters, digits, -, _ or ., and begin and end with a letter or digit")
		}
	}
}

// reservedAnnotations begin with what the hosts and the function keep for themselves.
var reservedAnnotations = []string{
	annotationPrefix, "config.kubernetes.io/", "internal.config.kubernetes.io/", "config.k8s.io/", "internal.kpt.dev/",
	"kustomize.config.k8s.io/", annotationArgoSync, annotationFluxPrune, AnnotationKptDeletion, "kubectl.kubernetes.io/last-applied-configuration",
	nginxPrefix, certManagerGroup + "/",
}

func (r *resolver) commonAnnotations(path *field.Path, annotations map[string]string) {
	for _, key := range sortedKeys(annotations) {
		if key == nginxPrefix+"backend-protocol" && strings.HasPrefix(annotations[key], "GRPC") {
			r.problem(diag.GRPCUpstream, entry(path, key), annotations[key], "call over HTTP, or use spec.gateway.expose.type GatewayAPI",
				"must not be set: ingress-nginx presents no client certificate to gRPC upstreams, which the gateway refuses")
		} else if slices.ContainsFunc(reservedAnnotations, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			r.problem(diag.BadMetadata, entry(path, key), "", "remove it", "is an annotation that the function or its host sets itself")
		} else if len(validation.IsQualifiedName(strings.ToLower(key))) > 0 {
			r.problem(diag.BadMetadata, entry(path, key), "", "", "must have a key like example.com/name")
		}
	}
}

func (r *resolver) selector(path *field.Path, s *metav1.LabelSelector) {
	if s == nil {
		return
	}
	r.labels(path.Child("matchLabels"), s.MatchLabels)
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		r.problem(diag.BadPeer, path, "", "", "must be a valid label selector")
	}
}

// peers checks NetworkPolicy peers. An empty list is the caller's business: in a rule it means everybody.
func (r *resolver) peers(path *field.Path, peers []networkingv1.NetworkPolicyPeer) {
	for i, p := range peers {
		r.peer(path.Index(i), p)
	}
}

func (r *resolver) peer(path *field.Path, p networkingv1.NetworkPolicyPeer) {
	selects := p.PodSelector != nil || p.NamespaceSelector != nil
	switch {
	case p.IPBlock == nil && !selects:
		r.problem(diag.BadPeer, path, "", "", "must have podSelector, namespaceSelector or ipBlock")
	case p.IPBlock != nil && selects:
		r.problem(diag.BadPeer, path, "", "use two entries", "must not have ipBlock together with a selector")
	case p.IPBlock != nil:
		r.ipBlock(path.Child("ipBlock"), *p.IPBlock)
	}
	r.selector(path.Child("podSelector"), p.PodSelector)
	r.selector(path.Child("namespaceSelector"), p.NamespaceSelector)
}

func (r *resolver) ipBlock(path *field.Path, b networkingv1.IPBlock) {
	outer, ok := r.cidr(path.Child("cidr"), b.CIDR)
	for i, e := range b.Except {
		p := path.Child("except").Index(i)
		if inner, valid := r.cidr(p, e); ok && valid && !strictlyInside(inner, outer) {
			r.problem(diag.BadPeer, p, "", "", "must lie inside of cidr, and be smaller")
		}
	}
}

// cidr wants the masked form: 10.0.0.1/8 would be accepted by Kubernetes with a warning.
func (r *resolver) cidr(path *field.Path, raw string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(raw)
	switch {
	case err != nil:
		r.problem(diag.BadPeer, path, "", "", "must be a CIDR like 203.0.113.0/24")
	case p != p.Masked():
		r.problem(diag.BadPeer, path, "", "write "+p.Masked().String(), "must have no bits set after the prefix length")
	default:
		return p, true
	}
	return netip.Prefix{}, false
}

func strictlyInside(inner, outer netip.Prefix) bool {
	return inner.Bits() > outer.Bits() && outer.Contains(inner.Addr())
}

// egressRules checks rules that name their peers: a rule without peers would open the way to everybody.
func (r *resolver) egressRules(path *field.Path, rules []networkingv1.NetworkPolicyEgressRule) {
	for i, rule := range rules {
		p := path.Index(i)
		if len(rule.To) == 0 {
			r.problem(diag.BadPeer, p.Child("to"), "", "name them by podSelector, namespaceSelector or ipBlock", "must name at least one peer; none would allow every address")
		}
		r.peers(p.Child("to"), rule.To)
		for j, port := range rule.Ports {
			r.policyPort(p.Child("ports").Index(j), port)
		}
	}
}

func (r *resolver) policyPort(path *field.Path, p networkingv1.NetworkPolicyPort) {
	if p.Protocol != nil && !slices.Contains([]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}, *p.Protocol) {
		r.problem(diag.UnknownValue, path.Child("protocol"), string(*p.Protocol), "", "must be TCP, UDP or SCTP")
	}
	switch {
	case p.Port == nil:
		if p.EndPort != nil {
			r.problem(diag.BadPort, path.Child("endPort"), "", "", "must not be set without port")
		}
	case p.Port.Type == intstr.String:
		if len(validation.IsValidPortName(p.Port.StrVal)) > 0 || p.EndPort != nil {
			r.problem(diag.BadPort, path.Child("port"), "", "", "must be a number, or the name of a container port without endPort")
		}
	default:
		r.port(path.Child("port"), p.Port.IntVal)
		if p.EndPort != nil && (*p.EndPort < p.Port.IntVal || *p.EndPort > 65535) {
			r.problem(diag.BadPort, path.Child("endPort"), strconv.Itoa(int(*p.EndPort)), "", "must be between port and 65535")
		}
	}
}

// imagePattern is the grammar of github.com/distribution/reference, as far as it tells a slip of the keyboard from an image.
var imagePattern = newPattern(
	`^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?[a-z0-9][a-z0-9._-]*(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[a-f0-9]+)?$`)

// sha256Hex is the length of a digest.
const sha256Hex = 64

func (r *resolver) image(path *field.Path, ref string) {
	if ref == "" {
		return
	}
	last := ref[strings.LastIndex(ref, "/")+1:]
	_, digest, pinned := strings.Cut(last, "@sha256:")
	if !imagePattern().MatchString(ref) || !strings.ContainsAny(last, ":@") || pinned && len(digest) != sha256Hex {
		r.problem(diag.BadImage, path, "", "write registry/repository:tag or registry/repository@sha256:digest", "must be an image with a tag or a digest")
	}
}

func (r *resolver) resources(path *field.Path, res *corev1.ResourceRequirements) {
	if res == nil {
		return
	}
	for _, list := range []struct {
		name string
		list corev1.ResourceList
	}{{"requests", res.Requests}, {"limits", res.Limits}} {
		for _, name := range sortedKeys(asStrings(list.list)) {
			if q := list.list[corev1.ResourceName(name)]; q.Sign() < 0 {
				r.problem(diag.BadResources, entry(path.Child(list.name), name), q.String(), "", "must not be negative")
			}
		}
	}
	for _, name := range sortedKeys(asStrings(res.Requests)) {
		request := res.Requests[corev1.ResourceName(name)]
		if limit, ok := res.Limits[corev1.ResourceName(name)]; ok && request.Cmp(limit) > 0 {
			r.problem(diag.BadResources, entry(path.Child("requests"), name), request.String(), "", "must not be more than the limit of %s", limit.String())
		}
	}
}

func asStrings(list corev1.ResourceList) map[string]resource.Quantity {
	out := make(map[string]resource.Quantity, len(list))
	for k, v := range list {
		out[string(k)] = v
	}
	return out
}

// env checks names, and that none stands twice.
func (r *resolver) env(path *field.Path, env []corev1.EnvVar) {
	seen := map[string]bool{}
	for i, e := range env {
		p := path.Index(i).Child("name")
		switch {
		case len(validation.IsCIdentifier(e.Name)) > 0:
			r.problem(diag.BadName, p, e.Name, "", "must be the name of an environment variable")
		case seen[e.Name]:
			r.problem(diag.DuplicateKey, p, e.Name, "remove one of the two", "must stand once")
		case e.Value != "" && e.ValueFrom != nil:
			r.problem(diag.NoEffect, path.Index(i).Child("valueFrom"), "", "remove one of the two", "must not be set together with value")
		}
		seen[e.Name] = true
	}
}

// quoted lists names for a message.
func quoted(names []string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%q", redact.Text(n))
	}
	return strings.Join(parts, ", ")
}
