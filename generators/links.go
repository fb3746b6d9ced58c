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
func CheckLinks(m Model, built []Built) []string { return checkPatched(m, built, built) }

// checkPatched is CheckLinks for objects that patches have changed. What a patch refers to of the user's own is not among the objects, because
// no patch can add one: only references that the function wrote must still lead where they did.
func checkPatched(m Model, original, built []Built) []string {
	l := &links{
		m: m, exists: map[ID]bool{}, issued: map[string]bool{}, data: map[ID]map[string]string{}, services: map[ID]*corev1.Service{}, original: map[ID]*corev1.PodTemplateSpec{},
		pods: expectedPods(m),
	}
	for i, b := range original { // a patched Job has another name, at the same place
		l.original[built[i].ID()] = podOf(b)
	}
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
		case *corev1.Service:
			l.services[b.ID()] = o
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
	ports     []corev1.ContainerPort
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

// containerPorts are those of the containers that go on running; without any they are known, and none.
func containerPorts(spec corev1.PodSpec) []corev1.ContainerPort {
	ports := []corev1.ContainerPort{}
	for _, c := range spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			ports = append(ports, c.Ports...)
		}
	}
	for _, c := range spec.Containers {
		ports = append(ports, c.Ports...)
	}
	return ports
}

// hasPort reports whether a name or a number is that of one of the ports.
func hasPort(ports []corev1.ContainerPort, want intstr.IntOrString) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool {
		if want.Type == intstr.String {
			return p.Name == want.StrVal && want.StrVal != ""
		}
		return p.ContainerPort == want.IntVal
	})
}

type links struct {
	m      Model
	exists map[ID]bool
	// issued are the Secrets that certificates of ours make.
	issued map[string]bool
	// data of the ConfigMaps.
	data     map[ID]map[string]string
	services map[ID]*corev1.Service
	// original has the pod of each workload as it was before any patch.
	original map[ID]*corev1.PodTemplateSpec
	pods     []pods
	problems []string
}

func (l *links) dangling(b Built, format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf("%s %s/%s: ", b.ID().Kind, b.ID().Namespace, b.ID().Name)+fmt.Sprintf(format, args...))
}

func (l *links) check(b Built) {
	l.images(b)
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

func matchesSet(selector *metav1.LabelSelector, set map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector) // nil selects nothing
	return err == nil && s.Matches(labels.Set(set))
}

func (l *links) service(b Built, s *corev1.Service) {
	selector := matchLabels(s.Spec.Selector)
	for _, p := range l.selected(s.Namespace, &selector) {
		for _, port := range s.Spec.Ports {
			target := port.TargetPort
			if target == (intstr.IntOrString{}) {
				target = intstr.FromInt32(port.Port) // the default of Kubernetes
			}
			if p.ports != nil && !hasPort(p.ports, target) {
				l.dangling(b, "leads to port %q, which no container has", target.String())
			}
		}
	}
	l.selects(b, s.Namespace, &selector)
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
