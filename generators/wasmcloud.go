// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var wasmCloudComponent = Component{
	Name:    "wasmcloud",
	Doc:     "A network policy for each isolated group of wasmCloud hosts.",
	Objects: wasmCloudObjects,
}

func wasmCloudObjects(m Model) []Built {
	var out []Built
	seen := map[string]bool{}
	for _, h := range m.Handlers {
		if name := m.hostsPolicyName(h); h.Isolate && !seen[name] {
			seen[name] = true
			out = append(out, Built{Object: hostsPolicy(m, h), Source: fmt.Sprintf("spec.wasmcloud.handlers[%s]", h.Key)})
		}
	}
	return out
}

// hostsPolicyName is the same for all handlers behind one selector, whatever their keys, so that adding one renames nothing.
func (m Model) hostsPolicyName(h Handler) string {
	return m.objectName("wasmcloud", h.Namespace+"-"+hash8([]byte(metav1.FormatLabelSelector(h.PodSelector))))
}

// hostsPolicy admits the callers of every handler whose hosts it selects, each to the handler's port.
func hostsPolicy(m Model, isolated Handler) *networkingv1.NetworkPolicy {
	np := newPolicy(isolated.Namespace, m.hostsPolicyName(isolated), *isolated.PodSelector, networkingv1.PolicyTypeIngress)
	for _, h := range m.Handlers {
		if !isolated.shares(h) {
			continue
		}
		var callers []networkingv1.NetworkPolicyPeer
		for _, s := range m.Services {
			if s.calls(h) {
				callers = append(callers, podsIn(s.Namespace, *s.PodSelector))
			}
		}
		if len(callers) > 0 { // a rule without peers would admit everybody
			np.Spec.Ingress = append(np.Spec.Ingress, from(tcp(*h.TargetPort), callers...))
		}
	}
	return np
}

// shares reports whether hosts of the other handler are among those that this one's selector finds.
func (h Handler) shares(other Handler) bool {
	return h.Namespace == other.Namespace && (metav1.FormatLabelSelector(h.PodSelector) == metav1.FormatLabelSelector(other.PodSelector) ||
		len(other.PodSelector.MatchExpressions) == 0 && matchesSet(h.PodSelector, other.PodSelector.MatchLabels))
}

func (s Service) calls(h Handler) bool {
	for _, called := range s.Calls {
		if called.Key == h.Key {
			return true
		}
	}
	return false
}

// url has the short form of the host: wasmCloud v2 hosts route by the Host header and know <service>.<namespace> and
// <service>.<namespace>.svc alone (github.com/wasmCloud/wasmCloud, runtime-operator, workload_controller.go). Port 80 is left out,
// because some clients would put it into that header.
func (h Handler) url() string {
	url := fmt.Sprintf("http://%s.%s.svc", h.Service, h.Namespace)
	if *h.Port != 80 {
		url += fmt.Sprintf(":%d", *h.Port)
	}
	return url
}
