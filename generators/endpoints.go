// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var endpointsComponent = Component{
	Name:    "endpoints",
	Doc:     "A ConfigMap with the URLs that workloads call, in each namespace that has a service.",
	Objects: endpointsObjects,
}

// endpointsObjects gives the ConfigMap a name without a hash: workloads refer to it, so that a URL changes in one place.
func endpointsObjects(m Model) []Built {
	namespaces := []string{m.Namespace}
	for _, s := range m.Services {
		namespaces = append(namespaces, s.Namespace)
	}
	slices.Sort(namespaces)
	var out []Built
	for _, namespace := range slices.Compact(namespaces) {
		out = append(out, Built{Source: "spec.cloud", Object: &corev1.ConfigMap{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: m.objectName("endpoints", "")},
			Data:       endpointsData(m),
		}})
	}
	return out
}

func endpointsData(m Model) map[string]string {
	data := map[string]string{envIngressURL: m.Cloud.IngressURL}
	if m.NATS != nil {
		data[envNATSURL] = m.NATS.URL
	}
	for _, h := range m.Handlers {
		data[h.variable()] = h.url()
	}
	return data
}
