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

// podSecurityPrefix is that of the labels of Pod Security (kubernetes.io/docs/concepts/security/pod-security-admission).
const podSecurityPrefix = "pod-security.kubernetes.io/"

func namespaceObjects(m Model) []Built {
	if !m.NamespaceSpec.Create {
		return nil
	}
	level := string(m.NamespaceSpec.PodSecurity)
	ns := &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name: m.Namespace,
			Labels: map[string]string{
				podSecurityPrefix + "enforce": level,
				podSecurityPrefix + "audit":   level,
				podSecurityPrefix + "warn":    level,
			},
		},
	}
	if m.Retain {
		ns.Annotations = protection()
	}
	return []Built{{Object: ns, Source: "spec.namespace"}}
}
