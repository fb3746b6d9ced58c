// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CheckLinks reports every reference between objects that leads nowhere: a selector that matches no pod, a port that no
// container has, an account or environment that is not there. It is empty for every valid Model; anything else is a defect of
// the function, found before it reaches a cluster.
func CheckLinks(m Model, built []Built) []string {
	l := &links{m: m, exists: map[ID]bool{}, issued: map[string]bool{}, data: map[ID]map[string]string{}, pods: expectedPods(m)}
	for _, b := range built {
		if l.exists[b.ID()] {
			l.dangling(b, "stands twice")
		}
		l.exists[b.ID()] = true
		switch o := b.typedObject().(type) {
		case *certificate:
			l.issued[o.Spec.SecretName] = true
		case *corev1.ConfigMap:
			l.data[b.ID()] = o.Data
		case *appsv1.Deployment:
			l.pods = append(l.pods, pods{o.Namespace, o.Spec.Template.Labels, containerPorts(o.Spec.Template.Spec)})
		case *job:
			l.pods = append(l.pods, pods{o.Namespace, o.Spec.Template.Labels, containerPorts(o.Spec.Template.Spec)})
		}
	}
	for _, b := range built {
		l.check(b)
	}
	l.tunnelPaths(m, built)
	l.usePaths(m, built)
	return l.problems
}

// pods are pods that exist once the objects are applied. Unknown ports (nil) match every port.
type pods struct {
	namespace string
	labels    labels.Set
	ports     map[string]int32
}

// expectedPods are those that others make: the operator from the RestateCloudEnvironment and the RestateDeployments, and
// whoever runs the remaining services.
func expectedPods(m Model) []pods {
	var out []pods
	if t := m.Tunnel; t != nil && t.Environment != "" {
		out = append(out, pods{t.Namespace, t.PodLabels, nil})
	}
	if t := m.Tunnel; t != nil && len(t.APIServer) > 0 {
		out = append(out, pods{t.Namespace, labels.Set{operatorLabel: operatorName}, nil})
	}
	for _, s := range m.Services {
		if d := s.Deployment; d != nil && d.Template != nil {
			out = append(out, pods{s.Namespace, d.Template.Labels, nil})
		} else if s.Labels != nil {
			out = append(out, pods{s.Namespace, s.Labels, nil})
		}
	}
	for _, h := range m.Handlers {
		if len(h.PodSelector.MatchExpressions) == 0 {
			out = append(out, pods{h.Namespace, h.PodSelector.MatchLabels, nil})
		}
	}
	return out
}

func containerPorts(spec corev1.PodSpec) map[string]int32 {
	ports := map[string]int32{}
	for _, c := range spec.Containers {
		for _, p := range c.Ports {
			ports[p.Name] = p.ContainerPort
		}
	}
	return ports
}

type links struct {
	m      Model
	exists map[ID]bool
	// issued are the Secrets that certificates of ours make.
	issued map[string]bool
	// data of the ConfigMaps.
	data     map[ID]map[string]string
	pods     []pods
	problems []string
}

func (l *links) dangling(b Built, format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf("%s %s/%s: ", b.ID().Kind, b.ID().Namespace, b.ID().Name)+fmt.Sprintf(format, args...))
}

func (l *links) check(b Built) {
	switch o := b.typedObject().(type) {
	case *appsv1.Deployment:
		l.deployment(b, o)
	case *corev1.Service:
		l.service(b, o)
	case *policyv1.PodDisruptionBudget:
		l.selects(b, o.Namespace, o.Spec.Selector)
	case *networkingv1.NetworkPolicy:
		l.policy(b, o)
	case *restateCloudEnvironment:
		if o.Spec.Authentication.Secret != l.m.Credentials[roleTunnel].Secret {
			l.dangling(b, "reads another Secret than the credential's")
		}
	case *restateDeployment:
		if !l.exists[ID{"restate.dev", restateCloudEnvironmentKind, "", o.Spec.Restate.Register.Cloud}] {
			l.dangling(b, "registers with RestateCloudEnvironment %q, which is not there", o.Spec.Restate.Register.Cloud)
		}
		l.matches(b, &o.Spec.Selector, o.Spec.Template.Labels)
		l.endpoints(b, o)
		l.credentialVolumes(b, o.Spec.Template.Spec)
	case *job:
		l.account(b, o.Namespace, o.Spec.Template.Spec)
		l.volumes(b, o.Spec.Template.Spec)
	default:
		l.exposed(b)
	}
}

// endpoints follows the variables that are read from the endpoints ConfigMap; those from others are the user's.
func (l *links) endpoints(b Built, d *restateDeployment) {
	name := l.m.objectName("endpoints", "")
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.ValueFrom == nil || e.ValueFrom.ConfigMapKeyRef == nil || e.ValueFrom.ConfigMapKeyRef.Name != name {
				continue
			}
			if key := e.ValueFrom.ConfigMapKeyRef.Key; l.data[ID{"", "ConfigMap", d.Namespace, name}][key] == "" {
				l.dangling(b, "reads %s of ConfigMap %q, which is not there", key, name)
			}
		}
	}
}

func (l *links) account(b Built, namespace string, spec corev1.PodSpec) {
	if !l.exists[ID{"", "ServiceAccount", namespace, spec.ServiceAccountName}] {
		l.dangling(b, "uses ServiceAccount %q, which is not there", spec.ServiceAccountName)
	}
}

func (l *links) deployment(b Built, d *appsv1.Deployment) {
	spec := d.Spec.Template.Spec
	l.account(b, d.Namespace, spec)
	l.matches(b, d.Spec.Selector, d.Spec.Template.Labels)
	l.volumes(b, spec)
	ports := containerPorts(spec)
	for _, c := range spec.Containers {
		if p := c.ReadinessProbe; p != nil && p.HTTPGet != nil && ports[p.HTTPGet.Port.StrVal] == 0 {
			l.dangling(b, "probes port %q, which no container has", p.HTTPGet.Port.StrVal)
		}
	}
}

// credentialVolumes are those that uses and the tunnel in the process mount beside the user's own.
func (l *links) credentialVolumes(b Built, spec corev1.PodSpec) {
	for _, v := range spec.Volumes {
		if (v.Name == ingressVolume || v.Name == inProcVolume) && v.Secret != nil && !l.named(v.Secret) {
			l.dangling(b, "mounts another Secret than the spec names")
		}
	}
}

func (l *links) volumes(b Built, spec corev1.PodSpec) {
	names := map[string]bool{}
	for _, v := range spec.Volumes {
		names[v.Name] = true
		if s := v.Secret; s != nil && !l.named(s) {
			l.dangling(b, "mounts another Secret than the spec names")
		}
		if c := v.ConfigMap; c != nil && !l.exists[ID{"", "ConfigMap", b.ID().Namespace, c.Name}] {
			l.dangling(b, "mounts ConfigMap %q, which is not there", c.Name)
		}
	}
	for _, c := range spec.Containers {
		for _, mount := range c.VolumeMounts {
			if !names[mount.Name] {
				l.dangling(b, "mounts volume %q, which is not there", mount.Name)
			}
		}
	}
}

// named: each key that is mounted is that of a credential, of TLS to NATS, or of a gateway.
func (l *links) named(s *corev1.SecretVolumeSource) bool {
	for _, item := range s.Items {
		if ref := (secretKeyRef{s.SecretName, item.Key}); !l.credential(ref) && !l.natsTLS(ref) && !l.gatewaySecret(ref) {
			return false
		}
	}
	return len(s.Items) > 0
}

func (l *links) natsTLS(ref secretKeyRef) bool {
	if l.m.NATS == nil || l.m.NATS.TLS == nil {
		return false
	}
	ca, client := l.m.NATS.TLS.CASecretRef, l.m.NATS.TLS.CertSecretRef
	return ref == secretKeyRef{ca.Name, ca.Key} || client != nil && ref.Name == client.Name && (ref.Key == corev1.TLSCertKey || ref.Key == corev1.TLSPrivateKeyKey)
}

func (l *links) credential(ref secretKeyRef) bool {
	for _, c := range l.m.Credentials {
		if c.Secret == ref {
			return true
		}
	}
	return false
}

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
				case np.Namespace == s.Namespace && np.Name == m.objectName("service", s.Key) && !reaches(np.Spec.Egress, h.Namespace, h.PodSelector.MatchLabels, *h.TargetPort):
					l.dangling(b, "does not reach handler %q", h.Key)
				case h.Isolate && np.Namespace == h.Namespace && np.Name == m.hostsPolicyName(h) && s.Labels != nil && !admits(np.Spec.Ingress, s.Namespace, s.Labels, *h.TargetPort):
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
		if tunnel != nil && s.Labels != nil && !reaches(tunnel.Spec.Egress, s.Namespace, s.Labels, *s.TargetPort) {
			l.dangling(b, "does not reach service %q", s.Key)
		}
		if sb, np := policy(s.Namespace, m.objectName("service", s.Key)); np != nil && s.Isolated && !admits(np.Spec.Ingress, t.Namespace, t.PodLabels, *s.TargetPort) {
			l.dangling(sb, "does not admit the tunnel")
		}
	}
}

func reaches(rules []networkingv1.NetworkPolicyEgressRule, namespace string, podLabels map[string]string, port int32) bool {
	return slices.ContainsFunc(rules, func(r networkingv1.NetworkPolicyEgressRule) bool {
		return covers(r.To, r.Ports, namespace, podLabels, port)
	})
}

func admits(rules []networkingv1.NetworkPolicyIngressRule, namespace string, podLabels map[string]string, port int32) bool {
	return slices.ContainsFunc(rules, func(r networkingv1.NetworkPolicyIngressRule) bool {
		return covers(r.From, r.Ports, namespace, podLabels, port)
	})
}

// covers reports whether a rule names the pods and the port.
func covers(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, namespace string, podLabels map[string]string, port int32) bool {
	opened := slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port != nil && p.Port.IntVal == port })
	return opened && slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		return matchesSet(p.NamespaceSelector, map[string]string{corev1.LabelMetadataName: namespace}) && matchesSet(p.PodSelector, podLabels)
	})
}

func matchesSet(selector *metav1.LabelSelector, set map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector) // nil selects nothing
	return err == nil && s.Matches(labels.Set(set))
}

func (l *links) service(b Built, s *corev1.Service) {
	selector := matchLabels(s.Spec.Selector)
	for _, p := range l.selected(s.Namespace, &selector) {
		for _, port := range s.Spec.Ports {
			if p.ports != nil && p.ports[port.TargetPort.StrVal] == 0 {
				l.dangling(b, "leads to port %q, which no container has", port.TargetPort.StrVal)
			}
		}
	}
	l.selects(b, s.Namespace, &selector)
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
				if port.Port != nil && p.ports != nil && !hasPort(p.ports, *port.Port) {
					l.dangling(b, "opens port %s, which no container has", port.Port.String())
				}
			}
		}
	}
}

func hasPort(ports map[string]int32, want intstr.IntOrString) bool {
	for _, number := range ports {
		if number == want.IntVal {
			return true
		}
	}
	return false
}

func (l *links) matches(b Built, selector *metav1.LabelSelector, podLabels map[string]string) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || s.Empty() || !s.Matches(labels.Set(podLabels)) {
		l.dangling(b, "selects other pods than its template makes")
	}
}

func (l *links) selects(b Built, namespace string, selector *metav1.LabelSelector) {
	if len(l.selected(namespace, selector)) == 0 {
		l.dangling(b, "selects no pod")
	}
}

func (l *links) selected(namespace string, selector *metav1.LabelSelector) []pods {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil
	}
	var out []pods
	for _, p := range l.pods {
		if p.namespace == namespace && s.Matches(p.labels) {
			out = append(out, p)
		}
	}
	return out
}
