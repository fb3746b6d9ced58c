// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"encoding/hex"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

var bridgeComponent = Component{
	Name:    "bridge",
	Doc:     "The event bridge: Bento takes events from NATS and sends each to the handler that its route names.",
	Objects: bridgeObjects,
}

// bridgeName is the label app.kubernetes.io/name of the bridge's pods, and the name of its container.
const bridgeName = "restate-bridge"

// What the bridge's pods mount.
const (
	bridgeConfigDir        = "/etc/bento"
	bridgeConfigFile       = "bridge.yaml"
	natsDir                = "/var/run/secrets/nats"
	natsCADir              = "/etc/nats/ca"
	natsCertDir            = "/etc/nats/client"
	portBridge       int32 = 4195 // /ready and /metrics (github.com/warpstreamlabs/bento, http component)
	// bridgeGraceSeconds is above shutdown_timeout of the configuration.
	bridgeGraceSeconds int64 = 30
)

func bridgeObjects(m Model) []Built {
	if m.NATS == nil || m.NATS.Bridge == nil {
		return nil
	}
	const source = "spec.nats.bridge"
	name := m.objectName("bridge", "")
	text := bridgeConfig(m)
	config := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name, Labels: map[string]string{labelName: bridgeName}},
		Data:       map[string]string{bridgeConfigFile: text},
	}
	out := []Built{
		{Object: serviceAccount(m.Namespace, name), Source: source},
		{Object: config, Source: source},
		{Object: bridgeDeployment(m, text), Source: source},
		{Object: bridgePolicy(m), Source: source},
	}
	if *m.NATS.Bridge.Replicas > 1 {
		budget := v1alpha1.PodDisruptionBudget{MaxUnavailable: ptr.To(intstr.FromInt32(1))}
		out = append(out, Built{Source: source, Object: disruptionBudget(m.Namespace, name, m.bridgeLabels(), budget)})
	}
	return out
}

func (m Model) bridgeLabels() map[string]string {
	return map[string]string{labelName: bridgeName, labelInstance: m.objectName("bridge", "")}
}

// bridgePolicy opens DNS, the NATS servers and the ingress of Restate Cloud, and lets the scraper in.
func bridgePolicy(m Model) *networkingv1.NetworkPolicy {
	np := newPolicy(m.Namespace, m.objectName("bridge", ""), matchLabels(m.bridgeLabels()), networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	np.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{from(tcp(portBridge), m.Policy.Scraper)}
	np.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS}
	for _, s := range m.NATS.Servers {
		np.Spec.Egress = append(np.Spec.Egress, to(tcp(s.Port), s.Peer))
	}
	np.Spec.Egress = append(np.Spec.Egress, to(tcp(urlPort(m.Cloud.IngressURL)), m.Policy.Cloud...))
	return np
}

func bridgeDeployment(m Model, config string) *appsv1.Deployment {
	b := m.NATS.Bridge
	sum := sha256.Sum256([]byte(config))
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.objectName("bridge", ""), Labels: map[string]string{labelName: bridgeName}},
		Spec: appsv1.DeploymentSpec{
			Replicas: b.Replicas,
			Selector: ptr.To(matchLabels(m.bridgeLabels())),
			Strategy: gradually(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: merged(b.PodTemplate.Labels, m.bridgeLabels(), map[string]string{labelIntegration: m.Name}),
					// The seed is read at start. The key for Restate is read for each request, and needs no new pods.
					Annotations: merged(b.PodTemplate.Annotations, m.digestAnnotation(roleNATS, m.Namespace), map[string]string{AnnotationConfigDigest: hex.EncodeToString(sum[:])}),
				},
				Spec: bridgePod(m),
			},
		},
	}
}

func bridgePod(m Model) corev1.PodSpec {
	b := m.NATS.Bridge
	pod := m.podFrom(nonRoot(b.PodTemplate), m.bridgeLabels())
	pod.ServiceAccountName = m.objectName("bridge", "")
	pod.TerminationGracePeriodSeconds = ptr.To(bridgeGraceSeconds)
	c := corev1.Container{
		Name:            bridgeName,
		Image:           b.Image,
		ImagePullPolicy: corev1.PullPolicy(m.PullPolicy),
		Args:            []string{"-c", bridgeConfigDir + "/" + bridgeConfigFile},
		Ports:           []corev1.ContainerPort{{Name: "http", ContainerPort: portBridge, Protocol: corev1.ProtocolTCP}},
		// No liveness probe: /ready stays 200 while the NATS client is dead, and /ping always is. The idle limit of the configuration
		// replaces the client instead.
		ReadinessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromString("http")}}},
		Resources:       *b.Resources,
		SecurityContext: restrictedContainer(),
	}
	mount(&pod, &c, configVolume(m.objectName("bridge", "")), bridgeConfigDir)
	mount(&pod, &c, secretVolume("token", m.Credentials[roleIngress].Secret, pod.SecurityContext), ingressDir)
	mount(&pod, &c, secretVolume("nats", m.Credentials[roleNATS].Secret, pod.SecurityContext), natsDir)
	if tls := m.NATS.TLS; tls != nil {
		mount(&pod, &c, fileVolume("nats-ca", tls.CASecretRef.Name, pod.SecurityContext, corev1.KeyToPath{Key: tls.CASecretRef.Key, Path: corev1.ServiceAccountRootCAKey}), natsCADir)
		if tls.CertSecretRef != nil {
			mount(&pod, &c, fileVolume("nats-client", tls.CertSecretRef.Name, pod.SecurityContext,
				corev1.KeyToPath{Key: corev1.TLSCertKey, Path: corev1.TLSCertKey}, corev1.KeyToPath{Key: corev1.TLSPrivateKeyKey, Path: corev1.TLSPrivateKeyKey}), natsCertDir)
		}
	}
	pod.Containers = []corev1.Container{c}
	return pod
}
