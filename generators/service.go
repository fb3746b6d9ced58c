// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var serviceComponent = Component{
	Name:    "service",
	Doc:     "For each service a network policy and, with deployment, the RestateDeployment that runs and registers it.",
	Objects: serviceObjects,
}

func serviceObjects(m Model) []Built {
	var out []Built
	for _, s := range m.Services {
		source := fmt.Sprintf("spec.services[%s]", s.Key)
		if s.Isolated || s.ClosedEgress {
			out = append(out, Built{Object: servicePolicy(m, s), Source: source})
		}
		if s.Deployment != nil {
			out = append(out, Built{Object: serviceDeployment(m, s), Source: source + ".deployment"})
		}
	}
	return out
}

// servicePolicy admits the tunnel, the named peers and the scraper, each to its port alone. Where a tunnel runs in the service
// itself, nobody dials it.
func servicePolicy(m Model, s Service) *networkingv1.NetworkPolicy {
	np := newPolicy(s.Namespace, m.objectName("service", s.Key), *s.PodSelector)
	np.Labels = map[string]string{labelName: s.Key}
	if s.Isolated {
		np.Spec.PolicyTypes = append(np.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
		var peers []networkingv1.NetworkPolicyPeer
		if t := m.Tunnel; t != nil && !s.InProcess() {
			peers = append(peers, t.Peer())
		}
		if peers = append(peers, s.AllowFrom...); len(peers) > 0 { // a rule without peers would admit everybody
			np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(*s.TargetPort), peers...))
		}
		if s.MetricsPort != 0 {
			np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(s.MetricsPort), m.Policy.Scraper))
		}
	}
	if s.ClosedEgress {
		np.Spec.PolicyTypes = append(np.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		np.Spec.Egress = append(serviceEgress(m, s), withProtocol(s.EgressTo)...)
	}
	return np
}

// serviceEgress opens DNS and what the service uses.
func serviceEgress(m Model, s Service) []networkingv1.NetworkPolicyEgressRule {
	rules := []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS}
	if s.InProcess() {
		rules = append(rules, to(tcp(m.Policy.TunnelPorts...), m.Policy.Cloud...))
	}
	if s.Uses.Restate {
		rules = append(rules, to(tcp(urlPort(m.Cloud.IngressURL)), m.Policy.Cloud...))
	}
	if s.Uses.NATS {
		for _, server := range m.NATS.Servers {
			rules = append(rules, to(tcp(server.Port), server.Peer))
		}
	}
	for _, h := range s.Calls {
		rules = append(rules, to(tcp(*h.TargetPort), h.Hosts()))
	}
	return rules
}

func serviceDeployment(m Model, s Service) *restateDeployment {
	d := s.Deployment
	out := &restateDeployment{
		TypeMeta: metav1.TypeMeta{APIVersion: restateV1beta1, Kind: restateDeploymentKind},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: limitName(m.fullName("service", s.Key), maxDeploymentName),
			Labels: map[string]string{labelName: s.Key},
		},
		Spec: restateDeploymentSpec{
			Replicas:             *d.Replicas,
			MinReadySeconds:      d.MinReadySeconds,
			RevisionHistoryLimit: d.RevisionHistoryLimit,
			Selector:             *s.PodSelector,
			Autoscaling:          d.Autoscaling,
			Restate: restateDeploymentRestate{
				Register:     restateRegister{Cloud: m.Tunnel.Environment},
				ServicePath:  s.Path,
				UseHTTP11:    s.UseHTTP11,
				DeletePolicy: string(d.DeletePolicy),
			},
			Template: serviceTemplate(m, s),
		},
	}
	if s.InProcess() {
		out.Spec.Restate.TunnelMode = "in-process"
	}
	if drain := d.Drain; drain != nil {
		out.Spec.Restate.DrainDelaySeconds = drain.DelaySeconds
		if drain.TimeoutSeconds != nil || drain.OnTimeout != "" {
			out.Spec.Restate.Drain = &restateDrain{TimeoutSeconds: drain.TimeoutSeconds, OnTimeout: string(drain.OnTimeout)}
		}
	}
	return out
}

// RegistrationURL is what Restate Cloud knows a service by. It never ends in a slash: with and without one are two deployments.
// The tunnel's name is a placeholder where it is known only after the first apply.
func (m Model) RegistrationURL(s Service) string {
	tunnel := fmt.Sprintf("<uid of RestateCloudEnvironment %s>", m.Tunnel.Environment)
	if m.Tunnel.Name != "" {
		tunnel = m.Tunnel.Name
	}
	url := fmt.Sprintf("https://tunnel.%s.restate.cloud:9080/%s/%s/%s/%s.%s.svc.%s/%d",
		m.Cloud.Region, m.Cloud.ID(), tunnel, s.Scheme, s.Service.Service, s.Namespace, m.ClusterDomain, *s.Port)
	if s.Path != "" {
		url += "/" + s.Path
	}
	return url
}
