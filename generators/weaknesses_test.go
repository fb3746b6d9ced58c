// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// strongPod is a pod without any weakness.
func strongPod() *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		SecurityContext: restrictedPod(),
		InitContainers:  []corev1.Container{{Name: "init", SecurityContext: restrictedContainer()}},
		Containers:      []corev1.Container{{Name: "main", SecurityContext: restrictedContainer()}},
		Volumes:         []corev1.Volume{tmpVolume()},
	}}
}

// TestWeaknesses changes one thing each. That Pod Security sees the same is held by test/e2e, with the API server's own checks.
func TestWeaknesses(t *testing.T) {
	type template = *corev1.PodTemplateSpec
	main := func(change func(c *corev1.Container)) func(template) {
		return func(p template) { change(&p.Spec.Containers[0]) }
	}
	context := func(change func(s *corev1.SecurityContext)) func(template) {
		return main(func(c *corev1.Container) { change(c.SecurityContext) })
	}
	const is = `container "main": `
	for _, tt := range []struct {
		reason string
		change func(template)
		want   []string
	}{
		{"restricted", func(template) {}, nil},
		{"the host's network", func(p template) { p.Spec.HostNetwork = true }, []string{"hostNetwork"}},
		{"its processes", func(p template) { p.Spec.HostPID = true }, []string{"hostPID"}},
		{"its memory", func(p template) { p.Spec.HostIPC = true }, []string{"hostIPC"}},
		{"root for all", func(p template) { p.Spec.SecurityContext.RunAsUser = ptr.To[int64](0) }, []string{"runAsUser is root"}},
		{"another user", func(p template) { p.Spec.SecurityContext.RunAsUser = ptr.To[int64](1) }, nil},
		{"may be root, whatever the containers say", func(p template) { p.Spec.SecurityContext.RunAsNonRoot = ptr.To(false) }, []string{"runAsNonRoot is false"}},
		{"no context of the pod, and all in the containers", func(p template) { p.Spec.SecurityContext = nil }, nil},
		{"no seccomp for all", func(p template) { p.Spec.SecurityContext.SeccompProfile.Type = "Unconfined" }, []string{"seccomp is off"}},
		{"a profile of the node", func(p template) { p.Spec.SecurityContext.SeccompProfile.Type = "Localhost" }, nil},
		{"no AppArmor", func(p template) {
			p.Spec.SecurityContext.AppArmorProfile = &corev1.AppArmorProfile{Type: "Unconfined"}
		}, []string{"AppArmor is off"}},
		{"AppArmor of the node", func(p template) {
			p.Spec.SecurityContext.AppArmorProfile = &corev1.AppArmorProfile{Type: "Localhost"}
		}, nil},
		{"no AppArmor by the old annotation", func(p template) {
			p.Annotations = map[string]string{"container.apparmor.security.beta.kubernetes.io/main": "unconfined"}
		}, []string{"AppArmor is off"}},
		{"AppArmor by the old annotation", func(p template) {
			p.Annotations = map[string]string{"container.apparmor.security.beta.kubernetes.io/main": "localhost/a", "a": "unconfined"}
		}, nil},
		{"a type of SELinux", func(p template) {
			p.Spec.SecurityContext.SELinuxOptions = &corev1.SELinuxOptions{Type: "spc_t"}
		}, []string{"SELinux options"}},
		{"a role of SELinux", func(p template) {
			p.Spec.SecurityContext.SELinuxOptions = &corev1.SELinuxOptions{Role: "a"}
		}, []string{"SELinux options"}},
		{"a user of SELinux", func(p template) {
			p.Spec.SecurityContext.SELinuxOptions = &corev1.SELinuxOptions{User: "a"}
		}, []string{"SELinux options"}},
		{"a type that is allowed", func(p template) {
			p.Spec.SecurityContext.SELinuxOptions = &corev1.SELinuxOptions{Type: "container_t", Level: "s0"}
		}, nil},
		{"a process of a Windows host", func(p template) {
			p.Spec.SecurityContext.WindowsOptions = &corev1.WindowsSecurityContextOptions{HostProcess: ptr.To(true)}
		}, []string{"a host process"}},
		{"a sysctl", func(p template) { p.Spec.SecurityContext.Sysctls = []corev1.Sysctl{{Name: "kernel.msgmax"}} }, []string{`sysctl "kernel.msgmax"`}},
		{"a safe one", func(p template) {
			p.Spec.SecurityContext.Sysctls = []corev1.Sysctl{{Name: "net.ipv4.tcp_syncookies"}}
		}, nil},
		{"a directory of the host", func(p template) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}}}
		}, []string{`volume "v" is of a kind that is not allowed`}},
		{"another kind of volume", func(p template) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{}}}}
		}, []string{`volume "v" is of a kind that is not allowed`}},
		{"a container without context", main(func(c *corev1.Container) { c.SecurityContext = nil }), []string{
			is + "allowPrivilegeEscalation is not false", is + "does not drop all capabilities", is + "the root file system can be written",
		}},
		{"nothing says that it is not root", func(p template) {
			p.Spec.SecurityContext.RunAsNonRoot, p.Spec.Containers[0].SecurityContext.RunAsNonRoot = nil, nil
		}, []string{is + "runAsNonRoot is not set"}},
		{"nor has seccomp", func(p template) {
			p.Spec.SecurityContext.SeccompProfile, p.Spec.Containers[0].SecurityContext.SeccompProfile = nil, nil
		}, []string{is + "no seccomp profile"}},
		{"privileged", context(func(s *corev1.SecurityContext) { s.Privileged = ptr.To(true) }), []string{is + "privileged"}},
		{"not privileged", context(func(s *corev1.SecurityContext) { s.Privileged = ptr.To(false) }), nil},
		{"escalation", context(func(s *corev1.SecurityContext) { s.AllowPrivilegeEscalation = ptr.To(true) }), []string{is + "allowPrivilegeEscalation is not false"}},
		{"may be root", context(func(s *corev1.SecurityContext) { s.RunAsNonRoot = ptr.To(false) }), []string{is + "runAsNonRoot is false"}},
		{"root", context(func(s *corev1.SecurityContext) { s.RunAsUser = ptr.To[int64](0) }), []string{is + "runAsUser is root"}},
		{"no seccomp", context(func(s *corev1.SecurityContext) { s.SeccompProfile.Type = "Unconfined" }), []string{is + "seccomp is off"}},
		{"no AppArmor in one", context(func(s *corev1.SecurityContext) { s.AppArmorProfile = &corev1.AppArmorProfile{Type: "Unconfined"} }), []string{is + "AppArmor is off"}},
		{"SELinux in one", context(func(s *corev1.SecurityContext) { s.SELinuxOptions = &corev1.SELinuxOptions{Type: "spc_t"} }), []string{is + "SELinux options"}},
		{"a host process in one", context(func(s *corev1.SecurityContext) {
			s.WindowsOptions = &corev1.WindowsSecurityContextOptions{HostProcess: ptr.To(true)}
		}), []string{is + "a host process"}},
		{"all of /proc", context(func(s *corev1.SecurityContext) { s.ProcMount = ptr.To(corev1.UnmaskedProcMount) }), []string{is + "procMount"}},
		{"the usual /proc", context(func(s *corev1.SecurityContext) { s.ProcMount = ptr.To(corev1.DefaultProcMount) }), nil},
		{"some capabilities dropped", context(func(s *corev1.SecurityContext) { s.Capabilities.Drop = []corev1.Capability{"NET_RAW"} }), []string{is + "does not drop all capabilities"}},
		{"a capability", context(func(s *corev1.SecurityContext) { s.Capabilities.Add = []corev1.Capability{"NET_BIND_SERVICE", "CHOWN"} }), []string{is + "adds capabilities"}},
		{"the one that is allowed", context(func(s *corev1.SecurityContext) { s.Capabilities.Add = []corev1.Capability{"NET_BIND_SERVICE"} }), nil},
		{"it may write", context(func(s *corev1.SecurityContext) { s.ReadOnlyRootFilesystem = ptr.To(false) }), []string{is + "the root file system can be written"}},
		{"a port of the host", main(func(c *corev1.Container) { c.Ports = []corev1.ContainerPort{{ContainerPort: 1, HostPort: 1}} }), []string{is + "hostPort"}},
		{"a probe of another host", main(func(c *corev1.Container) {
			c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: "a"}}}
		}), []string{is + "a probe or lifecycle handler that names a host"}},
		{"a handler of another host", main(func(c *corev1.Container) {
			c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{TCPSocket: &corev1.TCPSocketAction{Host: "a"}}}
		}), []string{is + "a probe or lifecycle handler that names a host"}},
		{"a probe of its own", main(func(c *corev1.Container) {
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}}}
			c.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{}}}
		}), nil},
		{"an init container is one as well", func(p template) { p.Spec.InitContainers[0].SecurityContext.Privileged = ptr.To(true) }, []string{`container "init": privileged`}},
	} {
		p := strongPod()
		tt.change(p)
		if d := cmp.Diff(tt.want, weaknesses(p)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
	if got := weaknesses(nil); got != nil {
		t.Errorf("what has no pod: %q", got)
	}
}

// TestOwnPodsHaveNoWeakness: every pod that the function writes itself.
func TestOwnPodsHaveNoWeakness(t *testing.T) {
	pods := 0
	for _, base := range []string{standaloneBase, jobBase(t), bridgeBase(t), operatorBase} {
		for _, b := range built(t, base) {
			if template := podOf(b); template != nil {
				pods++
				if got := weaknesses(template); got != nil {
					t.Errorf("%v: %q", b.ID(), got)
				}
			}
		}
	}
	if pods < 5 {
		t.Errorf("only %d pods were looked at", pods)
	}
}
