// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var namespaceComponent = Component{
	Name:    "namespace",
	Doc:     "The namespace of the integration, with its Pod Security level.",
	Objects: namespaceObjects,
}

func namespaceObjects(m Model) []Built {
	if !m.NamespaceSpec.Create {
		return nil
	}
	level := string(m.NamespaceSpec.PodSecurity)
	ns := &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name: m.Namespace,
			// kubernetes.io/docs/concepts/security/pod-security-admission
			Labels: map[string]string{
				"pod-security.kubernetes.io/enforce": level,
				"pod-security.kubernetes.io/audit":   level,
				"pod-security.kubernetes.io/warn":    level,
			},
		},
	}
	if m.Retain {
		ns.Annotations = protection()
	}
	return []Built{{Object: ns, Source: "spec.namespace"}}
}
