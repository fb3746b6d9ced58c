// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// usePaths follows each call of a handler: the service may reach the hosts, and isolated hosts admit the service.
func (l *links) usePaths(m Model, built []Built) {
	for _, s := range m.Services {
		for _, h := range s.Calls {
			if len(h.PodSelector.MatchExpressions) > 0 {
				continue // a selector of the user's own, which no labels answer to
			}
			for _, b := range built {
				np, ok := b.typedObject().(*networkingv1.NetworkPolicy)
				switch {
				case !ok:
				case np.Namespace == s.Namespace && np.Name == m.objectName("service", s.Key) && !l.reaches(np, pods{h.Namespace, h.PodSelector.MatchLabels, nil}, *h.TargetPort):
					l.dangling(b, "does not reach handler %q", h.Key)
				case h.Isolate && np.Namespace == h.Namespace && np.Name == m.hostsPolicyName(h) && s.Labels != nil && !l.admits(np, pods{h.Namespace, h.PodSelector.MatchLabels, nil}, pods{s.Namespace, s.Labels, nil}, *h.TargetPort):
					l.dangling(b, "does not admit service %q", s.Key)
				}
			}
		}
	}
}

// tunnelPaths follows each call: the tunnel may reach the service, and an isolated service admits the tunnel.
func (l *links) tunnelPaths(m Model, built []Built) {
	t := m.Tunnel
	if t == nil || len(t.Pods.MatchExpressions) > 0 {
		return // a selector of the user's own, which no labels answer to
	}
	policies := map[ID]Built{}
	for _, b := range built {
		policies[b.ID()] = b
	}
	policy := func(namespace, name string) (Built, *networkingv1.NetworkPolicy) {
		b := policies[ID{networkingv1.GroupName, "NetworkPolicy", namespace, name}]
		np, _ := b.typedObject().(*networkingv1.NetworkPolicy)
		return b, np
	}
	b, tunnel := policy(t.Namespace, m.objectName("tunnel", ""))
	for _, s := range m.Services {
		if s.InProcess() {
			continue
		}
		if tunnel != nil && s.Labels != nil && !l.reaches(tunnel, pods{s.Namespace, s.Labels, nil}, *s.TargetPort) {
			l.dangling(b, "does not reach service %q", s.Key)
		}
		if sb, np := policy(s.Namespace, m.objectName("service", s.Key)); np != nil && s.Isolated && !l.admits(np, pods{s.Namespace, s.Labels, nil}, pods{t.Namespace, t.PodLabels, nil}, *s.TargetPort) {
			l.dangling(sb, "does not admit the tunnel")
		}
	}
}

// reaches reports whether the pods of a policy may call the port of others.
func (l *links) reaches(np *networkingv1.NetworkPolicy, callee pods, port int32) bool {
	return slices.ContainsFunc(np.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool {
		return namesPods(np.Namespace, r.To, callee) && l.opens(r.Ports, callee, port)
	})
}

// admits reports whether the pods of a policy, which are the callee's, may be called at the port by others.
func (l *links) admits(np *networkingv1.NetworkPolicy, callee, caller pods, port int32) bool {
	return slices.ContainsFunc(np.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool {
		return namesPods(np.Namespace, r.From, caller) && l.opens(r.Ports, callee, port)
	})
}

// namesPods: no peer is every peer, and one without a selector of namespaces means the policy's own. Addresses are no pods.
func namesPods(own string, peers []networkingv1.NetworkPolicyPeer, p pods) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(peer networkingv1.NetworkPolicyPeer) bool {
		if peer.IPBlock != nil {
			return false
		}
		namespace := peer.NamespaceSelector == nil && own == p.namespace || matchesSet(peer.NamespaceSelector, map[string]string{corev1.LabelMetadataName: p.namespace})
		return namespace && (peer.PodSelector == nil || matchesSet(peer.PodSelector, p.labels))
	})
}

// opens: no port is every port. A name stands for the number that the callee gives it; where its containers are not known, for any.
func (l *links) opens(ports []networkingv1.NetworkPolicyPort, callee pods, port int32) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		switch {
		case p.Protocol != nil && *p.Protocol != corev1.ProtocolTCP:
			return false
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			selector := matchLabels(callee.labels)
			return slices.ContainsFunc(l.selected(callee.namespace, &selector), func(known pods) bool {
				return known.ports == nil || slices.ContainsFunc(known.ports, func(c corev1.ContainerPort) bool { return c.Name == p.Port.StrVal && c.ContainerPort == port })
			})
		default:
			return inRange(p, port)
		}
	})
}

// inRange: endPort makes the number the first of a range.
func inRange(p networkingv1.NetworkPolicyPort, port int32) bool {
	last := p.Port.IntVal
	if p.EndPort != nil {
		last = *p.EndPort
	}
	return p.Port.IntVal <= port && port <= last
}

// policy checks the pods that a policy selects and, where we know their containers, the ports that it opens.
func (l *links) policy(b Built, np *networkingv1.NetworkPolicy) {
	if len(np.Spec.PodSelector.MatchLabels) == 0 || len(np.Spec.PodSelector.MatchExpressions) > 0 {
		return // every pod of the namespace, or a selector of the user's own
	}
	l.selects(b, np.Namespace, &np.Spec.PodSelector)
	for _, p := range l.selected(np.Namespace, &np.Spec.PodSelector) {
		for _, rule := range np.Spec.Ingress {
			for _, port := range rule.Ports {
				if port.Port != nil && p.ports != nil && !opensAny(port, p.ports) {
					l.dangling(b, "opens port %s, which no container has", port.Port.String())
				}
			}
		}
	}
}

// opensAny reports whether a rule's port, or its range, is that of a container.
func opensAny(rule networkingv1.NetworkPolicyPort, ports []corev1.ContainerPort) bool {
	if rule.Port.Type == intstr.String {
		return hasPort(ports, *rule.Port)
	}
	return slices.ContainsFunc(ports, func(c corev1.ContainerPort) bool { return inRange(rule, c.ContainerPort) })
}
