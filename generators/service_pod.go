// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// What the pods of a service get by its uses.
const (
	envIngressURL  = "RESTATE_INGRESS_URL"
	envIngressFile = "RESTATE_INGRESS_TOKEN_FILE"
	envNATSURL     = "NATS_URL"
	ingressDir     = "/var/run/secrets/restate-ingress"
	ingressVolume  = "restate-ingress"
	inProcVolume   = "restate-tunnel"
	// inProcPrefix begins the variables by which the SDKs configure a tunnel of their own. The operator sets all but that of the
	// token, and rejects a deployment that declares one of them (restate-operator v2.6.0, in-process mode).
	inProcPrefix = "RESTATE_INPROC_"
	inProcFile   = inProcPrefix + "AUTH_TOKEN_FILE"
)

// Seconds that a pod has to end. A call that is cut off is tried again elsewhere, so that the limit costs a retry and no data; an
// in-process tunnel drains for 120 s by default (sdk-go, x/tunnel).
const (
	serviceGraceSeconds   int64 = 60
	inProcessGraceSeconds int64 = 150
)

// serviceTemplate is the pod of a RestateDeployment. Every change of it is a new version that is registered anew, so that it holds
// nothing that changes by itself: no digest either, because the mounted keys change in place.
func serviceTemplate(m Model, s Service) corev1.PodTemplateSpec {
	var template corev1.PodTemplateSpec
	if s.Deployment.Template != nil {
		template = *s.Deployment.Template.DeepCopy()
		harden(&template.Spec, s)
		if template.Spec.ImagePullSecrets == nil {
			template.Spec.ImagePullSecrets = m.pullSecrets()
		}
	} else {
		template = compactTemplate(m, s)
	}
	connect(m, s, &template.Spec)
	return template
}

// compactTemplate runs the image as a pod that passes Pod Security restricted.
func compactTemplate(m Model, s Service) corev1.PodTemplateSpec {
	d := s.Deployment
	spec := m.podFrom(d.PodTemplate, s.Labels)
	spec.TerminationGracePeriodSeconds = ptr.To(grace(s))
	spec.Containers = []corev1.Container{{
		Name:            s.Key,
		Image:           d.Image,
		ImagePullPolicy: corev1.PullPolicy(m.PullPolicy),
		Env:             d.Env,
		Resources:       *d.Resources,
		SecurityContext: restrictedContainer(),
		VolumeMounts:    []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
	}}
	if !s.InProcess() { // which listens on no port
		spec.Containers[0].Ports = []corev1.ContainerPort{{Name: v1alpha1.ServicePortName, ContainerPort: *s.TargetPort, Protocol: corev1.ProtocolTCP}}
		spec.Containers[0].ReadinessProbe = readiness(intstr.FromString(v1alpha1.ServicePortName))
	}
	// The root file system is read-only; most runtimes want a place for temporary files.
	spec.Volumes = []corev1.Volume{tmpVolume()}
	template := corev1.PodTemplateSpec{Spec: spec}
	template.Labels = merged(d.PodTemplate.Labels, s.Labels)
	template.Annotations = d.PodTemplate.Annotations
	return template
}

func grace(s Service) int64 {
	if s.InProcess() {
		return inProcessGraceSeconds
	}
	return serviceGraceSeconds
}

// readiness is TCP, because endpoints that speak HTTP/2 alone do not answer the kubelet's HTTP/1.1.
func readiness(port intstr.IntOrString) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: port}}}
}

// harden fills in what a template of the user's leaves open. What it says stays as it is, even where that is weaker.
func harden(spec *corev1.PodSpec, s Service) {
	setIfNil(&spec.EnableServiceLinks, false)
	if spec.ServiceAccountName == "" { // who names an account may need its token
		setIfNil(&spec.AutomountServiceAccountToken, false)
	}
	setIfNil(&spec.TerminationGracePeriodSeconds, grace(s))
	if spec.TopologySpreadConstraints == nil {
		spec.TopologySpreadConstraints = spread(s.Labels)
	}
	serving := &spec.Containers[servingContainer(*spec)]
	if serving.ReadinessProbe == nil && !s.InProcess() {
		serving.ReadinessProbe = readiness(intstr.FromInt32(*s.TargetPort))
	}
	if spec.OS != nil && spec.OS.Name == corev1.Windows {
		return // Pod Security asks nothing more of Windows, which has none of the fields below
	}
	hardenPod(spec)
	for i := range spec.InitContainers {
		hardenContainer(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		hardenContainer(&spec.Containers[i])
	}
}

func hardenPod(spec *corev1.PodSpec) {
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	c := spec.SecurityContext
	if ptr.Deref(c.RunAsUser, 1) != 0 {
		setIfNil(&c.RunAsNonRoot, true)
	}
	if c.SeccompProfile == nil {
		c.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
}

// hardenContainer does not close the root file system: Pod Security does not ask for it, and a program that writes would fail.
func hardenContainer(c *corev1.Container) {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	if ptr.Deref(c.SecurityContext.Privileged, false) {
		return // it means all of the below, and the API server refuses the opposite beside it
	}
	if ptr.Deref(c.SecurityContext.RunAsUser, 1) == 0 { // the pod's runAsNonRoot would keep it from starting
		setIfNil(&c.SecurityContext.RunAsNonRoot, false)
	}
	if !mayAdministrate(c.SecurityContext.Capabilities) {
		setIfNil(&c.SecurityContext.AllowPrivilegeEscalation, false)
	}
	if c.SecurityContext.Capabilities == nil {
		c.SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	}
}

// mayAdministrate reports a capability that means privilege escalation: the API server refuses the opposite beside it
// (kubernetes/kubernetes, pkg/apis/core/validation).
func mayAdministrate(c *corev1.Capabilities) bool {
	return c != nil && (slices.Contains(c.Add, "CAP_SYS_ADMIN") || slices.Contains(c.Add, "SYS_ADMIN"))
}

func setIfNil[T any](p **T, value T) {
	if *p == nil {
		*p = &value
	}
}

// servingContainer is the index of the container that the operator's Service leads to: see v1alpha1.OperatorTargetPort.
func servingContainer(spec corev1.PodSpec) int {
	named := func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == v1alpha1.ServicePortName })
	}
	if i := slices.IndexFunc(spec.Containers, named); i >= 0 {
		return i
	}
	return max(0, slices.IndexFunc(spec.Containers, func(c corev1.Container) bool { return len(c.Ports) > 0 }))
}

// connect gives the serving container the variables and keys of what the service uses.
func connect(m Model, s Service, spec *corev1.PodSpec) {
	c := &spec.Containers[servingContainer(*spec)]
	var env []corev1.EnvVar
	endpoint := func(key string) {
		env = append(env, corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: m.objectName("endpoints", "")}, Key: key,
		}}})
	}
	token := func(volume, dir, variable string, secret secretKeyRef) {
		env = append(env, corev1.EnvVar{Name: variable, Value: dir + "/" + tokenFile})
		mount(spec, c, secretVolume(volume, secret, spec.SecurityContext), dir)
	}
	if s.InProcess() {
		token(inProcVolume, tokenDir, inProcFile, m.Credentials[roleTunnel].Secret)
	}
	if s.Uses.Restate {
		endpoint(envIngressURL)
		token(ingressVolume, ingressDir, envIngressFile, m.Credentials[roleIngress].Secret)
	}
	if s.Uses.NATS {
		endpoint(envNATSURL)
	}
	for _, h := range s.Calls {
		endpoint(h.variable())
	}
	own := func(e corev1.EnvVar) bool {
		return slices.ContainsFunc(c.Env, func(o corev1.EnvVar) bool { return o.Name == e.Name })
	}
	c.Env = append(slices.DeleteFunc(env, own), c.Env...)
}

// variable is the handler's key in the endpoints ConfigMap. Keys are DNS labels, so that no two handlers have the same.
func (h Handler) variable() string {
	return "WASMCLOUD_" + strings.ToUpper(strings.ReplaceAll(h.Key, "-", "_")) + "_URL"
}
