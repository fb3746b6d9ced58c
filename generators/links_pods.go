// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"path"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// images: a strategic merge adds a container whose name is not there, which then has nothing but what the patch says. One of a user's own
// template may have none.
func (l *links) images(b Built) {
	template := podOf(b)
	if template == nil {
		return
	}
	before := l.before(b)
	for _, c := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
		was := containerNamed(slices.Concat(before.InitContainers, before.Containers), c.Name)
		switch {
		case c.Image != "" || was != nil && was.Image == "":
		case was == nil:
			l.dangling(b, "container %q has no image: no container had that name", c.Name)
		default:
			l.dangling(b, "container %q has no image any more", c.Name)
		}
	}
}

// before is the pod of a workload before any patch.
func (l *links) before(b Built) corev1.PodSpec {
	if t := l.original[b.ID()]; t != nil {
		return t.Spec
	}
	return corev1.PodSpec{}
}

// account is ours, or one that a patch names, of the user's own.
func (l *links) account(b Built, namespace string, spec corev1.PodSpec) {
	own := spec.ServiceAccountName == l.before(b).ServiceAccountName || spec.ServiceAccountName == ""
	if own && !l.exists[ID{"", "ServiceAccount", namespace, spec.ServiceAccountName}] {
		l.dangling(b, "uses ServiceAccount %q, which is not there", spec.ServiceAccountName)
	}
}

func (l *links) deployment(b Built, d *appsv1.Deployment) {
	spec := d.Spec.Template.Spec
	l.account(b, d.Namespace, spec)
	l.matches(b, d.Spec.Selector, d.Spec.Template.Labels)
	l.volumes(b, spec)
	for _, c := range spec.Containers {
		for _, port := range probedPorts(c) {
			// A number need not be declared: only where a container declares ports is it held to them.
			if (port.Type == intstr.String || len(c.Ports) > 0) && !hasPort(c.Ports, port) {
				l.dangling(b, "probes port %q, which no container has", port.String())
			}
		}
	}
}

func probedPorts(c corev1.Container) []intstr.IntOrString {
	var out []intstr.IntOrString
	for _, p := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		switch {
		case p == nil:
		case p.HTTPGet != nil:
			out = append(out, p.HTTPGet.Port)
		case p.TCPSocket != nil:
			out = append(out, p.TCPSocket.Port)
		}
	}
	return out
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
		was := volumeNamed(l.before(b).Volumes, v.Name)
		if was == nil {
			continue // the user's own
		}
		if s := v.Secret; s != nil && !l.named(s) {
			l.dangling(b, "mounts another Secret than the spec names")
		}
		if c := v.ConfigMap; c != nil && !l.exists[ID{"", "ConfigMap", b.ID().Namespace, c.Name}] {
			l.dangling(b, "mounts ConfigMap %q, which is not there", c.Name)
		} else if c == nil && was.ConfigMap != nil {
			l.dangling(b, "volume %q is no ConfigMap any more", v.Name)
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, mount := range c.VolumeMounts {
			if !names[mount.Name] {
				l.dangling(b, "mounts volume %q, which is not there", mount.Name)
			}
		}
		l.mounts(b, c)
	}
}

func volumeNamed(all []corev1.Volume, name string) *corev1.Volume {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// mounts: where a container reads a Secret or a ConfigMap of ours, no other volume may be, and none on top of it.
func (l *links) mounts(b Built, c corev1.Container) {
	was := containerNamed(l.before(b).Containers, c.Name)
	if was == nil {
		return
	}
	for _, old := range was.VolumeMounts {
		if v := volumeNamed(l.before(b).Volumes, old.Name); v == nil || v.Secret == nil && v.ConfigMap == nil {
			continue
		}
		same := func(m corev1.VolumeMount) bool {
			return m.Name == old.Name && m.MountPath == old.MountPath && m.SubPath == old.SubPath && m.SubPathExpr == old.SubPathExpr
		}
		if !slices.ContainsFunc(c.VolumeMounts, same) {
			l.dangling(b, "container %q no longer mounts volume %q", c.Name, old.Name)
		}
		for _, m := range c.VolumeMounts {
			if inside := strings.HasPrefix(path.Clean(m.MountPath), path.Clean(old.MountPath)+"/"); inside && m.Name != old.Name {
				l.dangling(b, "container %q mounts volume %q over volume %q", c.Name, m.Name, old.Name)
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
