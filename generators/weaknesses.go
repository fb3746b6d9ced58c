// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// newWeaknesses are those that the pods of a workload, or what a Namespace admits, have after a patch and had not before. A test holds them against the Pod Security
// admission of the API server, whose checks (k8s.io/pod-security-admission) are too large for the function.
func newWeaknesses(before, after Built) []string {
	had := weaknesses(podOf(before))
	found := slices.DeleteFunc(weaknesses(podOf(after)), func(w string) bool { return slices.Contains(had, w) })
	if is := admitted(after); is > admitted(before) {
		found = append(found, podSecurityPrefix+"enforce admits pods of level "+podSecurityLevels[is])
	}
	return found
}

// podSecurityLevels go from the strictest to the one that a namespace without the label has (k8s.io/pod-security-admission, the default of
// the API server).
var podSecurityLevels = []string{"restricted", "baseline", "privileged"}

// admitted is the index of the level that a Namespace enforces. A level that nobody knows is none.
func admitted(b Built) int {
	ns, ok := b.typedObject().(*corev1.Namespace)
	if !ok {
		return 0
	}
	if i := slices.Index(podSecurityLevels, ns.Labels[podSecurityPrefix+"enforce"]); i >= 0 {
		return i
	}
	return len(podSecurityLevels) - 1
}

func podOf(b Built) *corev1.PodTemplateSpec {
	switch o := b.typedObject().(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *job:
		return &o.Spec.Template
	case *restateDeployment:
		return &o.Spec.Template
	}
	return nil
}

// weak collects weaknesses.
type weak struct{ found []string }

func (w *weak) add(is bool, format string, args ...any) {
	if is {
		w.found = append(w.found, fmt.Sprintf(format, args...))
	}
}

// weaknesses are what Pod Security restricted refuses (kubernetes.io/docs/concepts/security/pod-security-standards), in the oldest version
// that is in use, and a root file system that can be written.
func weaknesses(template *corev1.PodTemplateSpec) []string {
	if template == nil {
		return nil
	}
	w, pod := &weak{}, template.Spec
	w.add(pod.HostNetwork, "hostNetwork")
	w.add(pod.HostPID, "hostPID")
	w.add(pod.HostIPC, "hostIPC")
	for _, key := range sortedKeys(template.Annotations) {
		value := template.Annotations[key]
		allowed := value == "" || value == corev1.DeprecatedAppArmorBetaProfileRuntimeDefault || strings.HasPrefix(value, corev1.DeprecatedAppArmorBetaProfileNamePrefix)
		w.add(strings.HasPrefix(key, corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix) && !allowed, "AppArmor is off")
	}
	for _, v := range pod.Volumes {
		w.add(!safeVolume(v), "volume %q is of a kind that is not allowed", v.Name)
	}
	shared := &corev1.SecurityContext{}
	if s := pod.SecurityContext; s != nil {
		for _, sysctl := range s.Sysctls {
			w.add(!slices.Contains(safeSysctls, sysctl.Name), "sysctl %q", sysctl.Name)
		}
		shared = &corev1.SecurityContext{
			RunAsNonRoot: s.RunAsNonRoot, RunAsUser: s.RunAsUser, SeccompProfile: s.SeccompProfile,
			AppArmorProfile: s.AppArmorProfile, SELinuxOptions: s.SELinuxOptions, WindowsOptions: s.WindowsOptions,
		}
	}
	w.context("", shared)
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		w.container(c, shared)
	}
	return w.found
}

// What Pod Security allows of SELinux types and, in every version, of sysctls.
var (
	seLinuxTypes = []string{"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
	safeSysctls  = []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
		"net.ipv4.ip_unprivileged_port_start",
	}
)

func safeVolume(v corev1.Volume) bool {
	return v.ConfigMap != nil || v.CSI != nil || v.DownwardAPI != nil || v.EmptyDir != nil || v.Ephemeral != nil || v.PersistentVolumeClaim != nil || v.Projected != nil || v.Secret != nil || v.Image != nil
}

// context is what a pod and a container say in the same words.
func (w *weak) context(whose string, s *corev1.SecurityContext) {
	w.add(s.RunAsNonRoot != nil && !*s.RunAsNonRoot, "%srunAsNonRoot is false", whose)
	w.add(s.RunAsUser != nil && *s.RunAsUser == 0, "%srunAsUser is root", whose)
	if p := s.SeccompProfile; p != nil {
		w.add(p.Type != corev1.SeccompProfileTypeRuntimeDefault && p.Type != corev1.SeccompProfileTypeLocalhost, "%sseccomp is off", whose)
	}
	if p := s.AppArmorProfile; p != nil {
		w.add(p.Type != corev1.AppArmorProfileTypeRuntimeDefault && p.Type != corev1.AppArmorProfileTypeLocalhost, "%sAppArmor is off", whose)
	}
	if o := s.SELinuxOptions; o != nil {
		w.add(o.User != "" || o.Role != "" || !slices.Contains(seLinuxTypes, o.Type), "%sSELinux options", whose)
	}
	w.add(s.WindowsOptions != nil && s.WindowsOptions.HostProcess != nil && *s.WindowsOptions.HostProcess, "%sa host process", whose)
}

func (w *weak) container(c corev1.Container, pod *corev1.SecurityContext) {
	s, whose := c.SecurityContext, fmt.Sprintf("container %q: ", c.Name)
	if s == nil {
		s = &corev1.SecurityContext{}
	}
	w.context(whose, s)
	w.add(s.RunAsNonRoot == nil && (pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot), "%srunAsNonRoot is not set", whose)
	w.add(s.SeccompProfile == nil && pod.SeccompProfile == nil, "%sno seccomp profile", whose)
	w.add(s.Privileged != nil && *s.Privileged, "%sprivileged", whose)
	w.add(s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation, "%sallowPrivilegeEscalation is not false", whose)
	w.add(s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount, "%sprocMount", whose)
	w.add(s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL"), "%sdoes not drop all capabilities", whose)
	w.add(s.Capabilities != nil && slices.ContainsFunc(s.Capabilities.Add, func(c corev1.Capability) bool { return c != "NET_BIND_SERVICE" }), "%sadds capabilities", whose)
	w.add(s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem, "%sthe root file system can be written", whose)
	w.add(slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 }), "%shostPort", whose)
	w.add(dialsHost(c), "%sa probe or lifecycle handler that names a host", whose)
}

// dialsHost: the kubelet would call that host, from the node.
func dialsHost(c corev1.Container) bool {
	named := func(get *corev1.HTTPGetAction, socket *corev1.TCPSocketAction) bool {
		return get != nil && get.Host != "" || socket != nil && socket.Host != ""
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil && named(p.HTTPGet, p.TCPSocket) {
			return true
		}
	}
	if c.Lifecycle == nil {
		return false
	}
	for _, h := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if h != nil && named(h.HTTPGet, h.TCPSocket) {
			return true
		}
	}
	return false
}
