// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Facts of the tunnel client v0.6.0 that the Deployment rests on.
const (
	// tokenDir and tokenFile are where the token is mounted.
	tokenDir  = "/var/run/secrets/restate.cloud"
	tokenFile = "token"
	// tunnelGraceSeconds lets running requests end: the client waits 300 s after SIGTERM.
	tunnelGraceSeconds int64 = 310
)

// standaloneObjects runs the tunnel client without the operator.
func standaloneObjects(m Model, t *Tunnel) []Built {
	return []Built{
		{Object: serviceAccount(t.Namespace, m.objectName("tunnel", "")), Source: "spec.tunnel"},
		{Object: standaloneDeployment(m, t), Source: "spec.tunnel"},
		{Object: standaloneService(m, t), Source: "spec.tunnel"},
	}
}

func standaloneDeployment(m Model, t *Tunnel) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: m.objectName("tunnel", ""), Labels: map[string]string{labelName: tunnelClient}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(t.Replicas),
			Selector: ptr.To(matchLabels(t.PodLabels)),
			Strategy: gradually(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      m.tunnelLabels(t),
					Annotations: merged(t.PodTemplate.Annotations, m.digestAnnotation(roleTunnel, t.Namespace)),
				},
				Spec: standalonePod(m, t),
			},
		},
	}
}

func standalonePod(m Model, t *Tunnel) corev1.PodSpec {
	pod := m.podFrom(nonRoot(t.PodTemplate), t.PodLabels)
	pod.ServiceAccountName = m.objectName("tunnel", "")
	pod.TerminationGracePeriodSeconds = ptr.To(tunnelGraceSeconds)
	pod.Containers = []corev1.Container{tunnelContainer(m, t)}
	pod.Volumes = []corev1.Volume{secretVolume("token", m.Credentials[roleTunnel].Secret, pod.SecurityContext)}
	return pod
}

// tunnelContainer has a readiness probe and no liveness probe: /health answers 500 until a tunnel was open once, so that it
// would restart the pod for as long as Restate Cloud cannot be reached. The client exits by itself when it cannot go on.
func tunnelContainer(m Model, t *Tunnel) corev1.Container {
	c := corev1.Container{
		Name:            tunnelClient,
		Image:           t.Image,
		ImagePullPolicy: corev1.PullPolicy(t.PullPolicy),
		Env: []corev1.EnvVar{
			{Name: "RESTATE_TUNNEL_NAME", Value: t.Name},
			{Name: "RESTATE_ENVIRONMENT_ID", Value: m.Cloud.EnvironmentID},
			{Name: "RESTATE_SIGNING_PUBLIC_KEY", Value: m.Cloud.SigningPublicKey},
			{Name: "RESTATE_CLOUD_REGION", Value: m.Cloud.Region},
			// 0.6.0 knows this name only; RESTATE_AUTH_TOKEN_FILE is that of later builds.
			{Name: "RESTATE_BEARER_TOKEN_FILE", Value: tokenDir + "/" + tokenFile},
			// Never left out: the bare client's own default is true.
			{Name: "RESTATE_REMOTE_PROXY", Value: strconv.FormatBool(t.Proxy.Enabled)},
		},
		Ports:           []corev1.ContainerPort{{Name: "health", ContainerPort: portHealth, Protocol: corev1.ProtocolTCP}},
		ReadinessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("health")}}},
		Resources:       *t.Resources,
		SecurityContext: restrictedContainer(),
		VolumeMounts:    []corev1.VolumeMount{{Name: "token", MountPath: tokenDir, ReadOnly: true}},
	}
	if t.Proxy.Enabled {
		c.Ports = append(c.Ports,
			corev1.ContainerPort{Name: "ingress", ContainerPort: portIngress, Protocol: corev1.ProtocolTCP},
			corev1.ContainerPort{Name: "admin", ContainerPort: portAdmin, Protocol: corev1.ProtocolTCP})
	}
	c.Env = append(append(c.Env, proxyURLs(m)...), t.Env...)
	return c
}

// standaloneService has the health port and, with the remote proxy, its two ports, named as the operator names them.
func standaloneService(m Model, t *Tunnel) *corev1.Service {
	port := func(name string, number int32, protocol *string) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Port: number, TargetPort: intstr.FromString(name), Protocol: corev1.ProtocolTCP, AppProtocol: protocol}
	}
	ports := []corev1.ServicePort{port("health", portHealth, nil)}
	if t.Proxy.Enabled {
		h2c := ptr.To("kubernetes.io/h2c")
		ports = append([]corev1.ServicePort{port("ingress", portIngress, h2c), port("admin", portAdmin, h2c)}, ports...)
	}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: m.objectName("tunnel", ""), Labels: map[string]string{labelName: tunnelClient}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: t.PodLabels, Ports: ports},
	}
}
