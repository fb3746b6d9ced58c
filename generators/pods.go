// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

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
