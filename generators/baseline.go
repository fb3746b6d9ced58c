// SPDX-License-Identifier: Apache-2.0

package generators

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

var baselineComponent = Component{
	Name:    "baseline",
	Doc:     "Default-deny and DNS for the pods of the integration's namespace, or for ours alone.",
	Objects: baselineObjects,
}

func baselineObjects(m Model) []Built {
	var pods metav1.LabelSelector
	switch {
	case m.Policy.Baseline == v1alpha1.BaselineNamespace:
		// The empty selector: every pod of the namespace.
	case m.Policy.Baseline == v1alpha1.BaselineOwned && m.ownPods():
		pods = matchLabels(map[string]string{labelIntegration: m.Name})
	default:
		return nil
	}
	deny := newPolicy(m.Namespace, m.objectName("baseline", "deny"), pods, networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	dns := newPolicy(m.Namespace, m.objectName("baseline", "dns"), pods, networkingv1.PolicyTypeEgress)
	dns.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS}
	return []Built{
		{Object: deny, Source: "spec.networkPolicy.baseline"},
		{Object: dns, Source: "spec.networkPolicy.dns"},
	}
}
