// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// podFrom is a pod without containers: what the template says and, where it is silent, what passes Pod Security restricted and
// spreads over hosts and zones. selector has the labels that select the workload's pods.
func (m Model) podFrom(t v1alpha1.PodTemplate, selector map[string]string) corev1.PodSpec {
	spec := corev1.PodSpec{
		ImagePullSecrets:             m.pullSecrets(),
		AutomountServiceAccountToken: ptr.To(false),
		EnableServiceLinks:           ptr.To(false),
		SecurityContext:              t.SecurityContext,
		NodeSelector:                 t.NodeSelector,
		Tolerations:                  t.Tolerations,
		Affinity:                     t.Affinity,
		TopologySpreadConstraints:    slices.Clone(t.TopologySpreadConstraints),
		PriorityClassName:            t.PriorityClassName,
		DNSConfig:                    t.DNSConfig,
	}
	if spec.SecurityContext == nil {
		spec.SecurityContext = restrictedPod()
	}
	if spec.TopologySpreadConstraints == nil {
		spec.TopologySpreadConstraints = spread(selector)
	}
	for i := range spec.TopologySpreadConstraints {
		if c := &spec.TopologySpreadConstraints[i]; c.LabelSelector == nil { // none would count no pod
			c.LabelSelector = ptr.To(matchLabels(selector))
		}
	}
	return spec
}

func (m Model) pullSecrets() []corev1.LocalObjectReference {
	var out []corev1.LocalObjectReference
	for _, name := range m.PullSecrets {
		out = append(out, corev1.LocalObjectReference{Name: name})
	}
	return out
}

// restrictedPod leaves the user to the image or the platform.
func restrictedPod() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// nonRootUser is the user of the tunnel client's image (gcr.io/distroless/static:nonroot). The other programs run as any.
const nonRootUser int64 = 65532

// nonRoot gives the pods of a program of ours a user where the template names none, and a group that may read its keys.
func nonRoot(t v1alpha1.PodTemplate) v1alpha1.PodTemplate {
	if t.SecurityContext == nil {
		t.SecurityContext = restrictedPod()
		t.SecurityContext.RunAsUser = ptr.To(nonRootUser)
		t.SecurityContext.RunAsGroup = ptr.To(nonRootUser)
		t.SecurityContext.FSGroup = ptr.To(nonRootUser)
		t.SecurityContext.FSGroupChangePolicy = ptr.To(corev1.FSGroupChangeOnRootMismatch)
	}
	return t
}

// secretVolume mounts the key of a credential: see fileVolume.
func secretVolume(name string, secret secretKeyRef, pod *corev1.PodSecurityContext) corev1.Volume {
	return fileVolume(name, secret.Name, pod, corev1.KeyToPath{Key: secret.Key, Path: tokenFile})
}

// fileVolume mounts keys as a whole volume: a subPath would never see a changed Secret. Without a group of its own for files, the
// pod's user could not read a file that is closed to others.
func fileVolume(name, secret string, pod *corev1.PodSecurityContext, items ...corev1.KeyToPath) corev1.Volume {
	mode := int32(0o440)
	if pod == nil || pod.FSGroup == nil {
		mode = 0o444
	}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: &mode, Items: items}}}
}

// configVolume mounts every key of a ConfigMap of ours.
func configVolume(name string) corev1.Volume {
	return corev1.Volume{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, DefaultMode: ptr.To[int32](0o444),
	}}}
}

// mount adds a volume to the pod, and to the container at dir.
func mount(pod *corev1.PodSpec, c *corev1.Container, volume corev1.Volume, dir string) {
	pod.Volumes = append(pod.Volumes, volume)
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volume.Name, MountPath: dir, ReadOnly: true})
}

// tmpVolume is a place for temporary files beside a root file system that is read-only.
func tmpVolume() corev1.Volume {
	return corev1.Volume{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("64Mi"))}}}
}

// restrictedContainer passes Pod Security restricted whatever the pod's own context says, and closes the root file system.
func restrictedContainer() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsNonRoot:             ptr.To(true),
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// spread keeps replicas on different hosts and zones where that is possible, and never blocks scheduling.
func spread(pods map[string]string) []corev1.TopologySpreadConstraint {
	over := func(key string) corev1.TopologySpreadConstraint {
		return corev1.TopologySpreadConstraint{
			MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: ptr.To(matchLabels(pods)),
		}
	}
	return []corev1.TopologySpreadConstraint{over(corev1.LabelHostname), over(corev1.LabelTopologyZone)}
}

// serviceAccount has no rights and no token: it keeps a workload off the namespace's default account, which others may extend.
func serviceAccount(namespace, name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   metav1.ObjectMeta{Namespace: namespace, Name: name},
		AutomountServiceAccountToken: ptr.To(false),
	}
}

// gradually brings a new pod to readiness before an old one goes, so that a rollout never narrows the way.
func gradually() appsv1.DeploymentStrategy {
	return appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1))},
	}
}

// disruptionBudget never keeps a node from being drained for the sake of a pod that is not ready anyhow.
func disruptionBudget(namespace, name string, pods map[string]string, b v1alpha1.PodDisruptionBudget) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: b.MaxUnavailable, MinAvailable: b.MinAvailable, Selector: ptr.To(matchLabels(pods)), UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}
