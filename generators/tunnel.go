// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

var tunnelComponent = Component{
	Name:    "tunnel",
	Doc:     "The tunnel to Restate Cloud, through Restate's operator or standalone, and what guards its pods.",
	Objects: tunnelObjects,
}

// Ports of the tunnel client (github.com/restatedev/restate-cloud-tunnel-client v0.6.0, src/options.rs).
const (
	portHealth  int32 = 9090 // GET /health and /metrics
	portIngress int32 = 8080 // the remote proxy's ingress
	portAdmin   int32 = 9070 // the remote proxy's admin API
)

// tunnelClient is the name that the operator gives the container and the label app.kubernetes.io/name of its tunnel pods
// (restate-operator, restatecloudenvironment/tunnel.rs).
const tunnelClient = "restate-cloud-tunnel-client"

func tunnelObjects(m Model) []Built {
	t := m.Tunnel
	if t == nil || t.Mode == v1alpha1.TunnelExisting {
		return nil
	}
	var out []Built
	if t.Mode == v1alpha1.TunnelOperator {
		out = append(out, Built{Object: cloudEnvironment(m, t), Source: "spec.tunnel"})
	} else {
		out = append(out, standaloneObjects(m, t)...)
	}
	if t.Replicas > 1 {
		out = append(out, Built{Object: disruptionBudget(t.Namespace, m.objectName("tunnel", ""), t.PodLabels, t.Budget), Source: "spec.tunnel.podDisruptionBudget"})
	}
	if len(t.APIServer) > 0 {
		out = append(out, Built{Object: operatorPolicy(m, t), Source: "spec.tunnel.operator.apiServer"})
	}
	return append(out, Built{Object: tunnelPolicy(m, t), Source: "spec.tunnel"})
}

// Facts of restate-operator v3.1.0 (charts/restate-operator-helm): the label of its pods, and the port of its probes and metrics.
const (
	operatorLabel       = "app"
	operatorName        = "restate-operator"
	portOperator  int32 = 8080
)

// operatorPolicy closes the operator's own pods to all but what they need: the API server, and the admin API of Restate Cloud, where they
// register.
func operatorPolicy(m Model, t *Tunnel) *networkingv1.NetworkPolicy {
	np := newPolicy(t.Namespace, m.objectName("operator", ""), matchLabels(map[string]string{operatorLabel: operatorName}), networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	np.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{from(tcp(portOperator), m.Policy.Scraper)}
	np.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS, to(tcp(t.APIServerPorts...), t.APIServer...), to(tcp(urlPort(m.Cloud.AdminURL)), m.Policy.Cloud...)}
	return np
}

// tunnelPolicy is the only control over what the tunnel reaches: the client has no allow-list of its own, so that whoever may
// register a URL could call anything.
func tunnelPolicy(m Model, t *Tunnel) *networkingv1.NetworkPolicy {
	np := newPolicy(t.Namespace, m.objectName("tunnel", ""), matchLabels(t.PodLabels), networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(portHealth), m.Policy.Scraper))
	if t.Proxy.Enabled {
		np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(portIngress), t.Proxy.AllowFrom...))
		if len(t.Proxy.AdminFrom) > 0 {
			np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(portAdmin), t.Proxy.AdminFrom...))
		}
	}
	np.Spec.Egress = append(np.Spec.Egress, m.Policy.DNS, to(tcp(m.tunnelCloudPorts()...), m.Policy.Cloud...))
	for _, s := range m.Services {
		if s.InProcess() {
			continue // it dials Restate Cloud itself
		}
		np.Spec.Egress = append(np.Spec.Egress, to(tcp(*s.TargetPort), podsIn(s.Namespace, *s.PodSelector)))
	}
	np.Spec.Egress = append(np.Spec.Egress, withProtocol(t.EgressTo)...)
	return np
}

// tunnelCloudPorts are the ports that the tunnel may open at Restate Cloud: those of the tunnel servers and, with the remote
// proxy, of the two URLs behind it. None means every port.
func (m Model) tunnelCloudPorts() []int32 {
	ports := m.Policy.TunnelPorts
	if len(ports) == 0 || !m.Tunnel.Proxy.Enabled {
		return ports
	}
	return sortedUnique(append([]int32{urlPort(m.Cloud.IngressURL), urlPort(m.Cloud.AdminURL)}, ports...))
}

// cloudEnvironment carries nothing but owner, protection and digest: see stamp.
func cloudEnvironment(m Model, t *Tunnel) *restateCloudEnvironment {
	e := &restateCloudEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: restateV1beta1, Kind: restateCloudEnvironmentKind},
		ObjectMeta: metav1.ObjectMeta{Name: t.Environment, Labels: t.PodTemplate.Labels, Annotations: merged(t.PodTemplate.Annotations, m.digestAnnotation(roleTunnel, t.Namespace))},
		Spec: cloudEnvironmentSpec{
			EnvironmentID:    m.Cloud.EnvironmentID,
			Region:           m.Cloud.Region,
			SigningPublicKey: m.Cloud.SigningPublicKey,
			Authentication:   cloudAuthentication{Secret: m.Credentials[roleTunnel].Secret},
			Tunnel: cloudEnvironmentTunnel{
				Replicas:        t.Replicas,
				RemoteProxy:     t.Proxy.Enabled,
				Image:           t.Image,
				ImagePullPolicy: t.PullPolicy,
				Env:             append(proxyURLs(m), t.Env...),
				Resources:       t.Resources,
				DNSConfig:       t.PodTemplate.DNSConfig,
				NodeSelector:    t.PodTemplate.NodeSelector,
				Tolerations:     t.PodTemplate.Tolerations,
				Affinity:        t.PodTemplate.Affinity,
			},
		},
	}
	if e.Spec.Tunnel.Affinity == nil {
		e.Spec.Tunnel.Affinity = preferSpread(t.PodLabels)
	}
	if m.Retain {
		e.Annotations = merged(e.Annotations, protection())
	}
	return e
}

// digestAnnotation makes new pods when a role's credential changes: the programs that carry it read their token once, at start.
func (m Model) digestAnnotation(role, namespace string) map[string]string {
	digest := m.Credentials[role].Digests[namespace]
	if digest == "" {
		return nil
	}
	return map[string]string{AnnotationDigest: digest}
}

// proxyURLs leads the remote proxy to overridden URLs; without an override the client derives the same ones itself.
func proxyURLs(m Model) []corev1.EnvVar {
	if !m.Tunnel.Proxy.Enabled {
		return nil
	}
	derived := v1alpha1.RestateIntegration{Spec: v1alpha1.RestateIntegrationSpec{Cloud: v1alpha1.Cloud{EnvironmentID: m.Cloud.EnvironmentID, Region: m.Cloud.Region}}}
	v1alpha1.Default(&derived)
	var env []corev1.EnvVar
	if m.Cloud.IngressURL != derived.Spec.Cloud.IngressURL {
		env = append(env, corev1.EnvVar{Name: "RESTATE_INGRESS_URI", Value: m.Cloud.IngressURL})
	}
	if m.Cloud.AdminURL != derived.Spec.Cloud.AdminURL {
		env = append(env, corev1.EnvVar{Name: "RESTATE_ADMIN_URI", Value: m.Cloud.AdminURL})
	}
	return env
}

// preferSpread keeps replicas on different hosts and, less strongly, in different zones. The operator's CRD has no topology
// spread constraints, and the operator sets no affinity of its own.
func preferSpread(pods map[string]string) *corev1.Affinity {
	term := func(weight int32, key string) corev1.WeightedPodAffinityTerm {
		return corev1.WeightedPodAffinityTerm{Weight: weight, PodAffinityTerm: corev1.PodAffinityTerm{
			TopologyKey: key, LabelSelector: ptr.To(matchLabels(pods)),
		}}
	}
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
			term(100, corev1.LabelHostname), term(50, corev1.LabelTopologyZone),
		},
	}}
}
