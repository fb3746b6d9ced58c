// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
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

// servicePolicy admits the tunnel, the named peers and the scraper, each to its port alone.
func servicePolicy(m Model, s Service) *networkingv1.NetworkPolicy {
	np := newPolicy(s.Namespace, m.objectName("service", s.Key), *s.PodSelector)
	np.Labels = map[string]string{labelName: s.Key}
	if s.Isolated {
		np.Spec.PolicyTypes = append(np.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
		var peers []networkingv1.NetworkPolicyPeer
		if t := m.Tunnel; t != nil {
			peers = append(peers, podsIn(t.Namespace, matchLabels(t.PodLabels)))
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
		np.Spec.Egress = append([]networkingv1.NetworkPolicyEgressRule{m.Policy.DNS}, s.EgressTo...)
	}
	return np
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
			Restate: restateDeploymentRestate{
				Register:    restateRegister{Cloud: m.Tunnel.Environment},
				ServicePath: s.Path,
				UseHTTP11:   s.UseHTTP11,
			},
		},
	}
	if d.Template != nil {
		out.Spec.Template = *d.Template
	} else {
		out.Spec.Template = compactTemplate(m, s)
	}
	return out
}

// compactTemplate runs the image as a pod that passes Pod Security restricted. Its labels are the selector's alone: every change
// of the template is a new version that is registered anew.
func compactTemplate(m Model, s Service) corev1.PodTemplateSpec {
	d := s.Deployment
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: s.Labels},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			TopologySpreadConstraints: spread(s.Labels),
			Containers: []corev1.Container{{
				Name:            s.Key,
				Image:           d.Image,
				ImagePullPolicy: corev1.PullPolicy(m.PullPolicy),
				Env:             d.Env,
				Ports:           []corev1.ContainerPort{{Name: v1alpha1.ServicePortName, ContainerPort: *s.TargetPort, Protocol: corev1.ProtocolTCP}},
				// TCP, because endpoints that speak HTTP/2 alone do not answer the kubelet's HTTP/1.1.
				ReadinessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString(v1alpha1.ServicePortName)}}},
				Resources:       *d.Resources,
				SecurityContext: restrictedContainer(),
				VolumeMounts:    []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
			}},
			// The root file system is read-only; most runtimes want a place for temporary files.
			Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("64Mi"))},
			}}},
		},
	}
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
