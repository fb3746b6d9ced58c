// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// existingBase uses a tunnel that somebody else runs.
const existingBase = `
apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate}
spec:
  cloud: {environmentId: ` + testEnvironment + `, region: eu, signingPublicKey: ` + testKey + `}
  credentials: {admin: {source: External, rolloutKey: "1"}}
  tunnel: {mode: Existing, existing: {namespace: platform, podSelector: {matchLabels: {app: shared}}, name: shared-eu1}}
  services:
    greeter: {namespace: shop, isolate: true}
`

// TestExistingTunnel makes what is on the side of the services, and nothing of a tunnel.
func TestExistingTunnel(t *testing.T) {
	if _, ds := Resolve(spec(t, existingBase), Input{}); len(ds) > 0 {
		t.Errorf("got %q, want no finding", findings(ds))
	}
	all := built(t, existingBase)
	var got []string
	for _, id := range ids(all) {
		got = append(got, strings.TrimRight(id, "0123456789abcdef"))
	}
	if d := cmp.Diff([]string{
		"NetworkPolicy restate/prod-baseline-deny", "NetworkPolicy restate/prod-baseline-dns", "ConfigMap restate/prod-endpoints", "ConfigMap shop/prod-endpoints",
		"NetworkPolicy shop/prod-service-greeter", "ServiceAccount restate/prod-registration", "NetworkPolicy restate/prod-registration", "Job restate/prod-registration-greeter-",
	}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	const url = "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/shared-eu1/http/greeter.shop.svc.cluster.local/9080"
	if got := env(t, greeterJob(t, existingBase))["DEPLOYMENT_URL"]; got != url {
		t.Errorf("the Job registers %s, want %s", got, url)
	}
	if m := model(t, existingBase); m.TunnelID() != "" {
		t.Errorf("the tunnel is another's to name, got %q", m.TunnelID())
	}
}

// TestExistingTunnelIsAdmitted by its whole selector.
func TestExistingTunnelIsAdmitted(t *testing.T) {
	for _, tt := range []struct {
		selector string
		want     metav1.LabelSelector
	}{
		{`{matchLabels: {app: shared}}`, metav1.LabelSelector{MatchLabels: map[string]string{"app": "shared"}}},
		{`{matchLabels: null, matchExpressions: [{key: a, operator: In, values: [b, c]}]}`, metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "In", Values: []string{"b", "c"}}}}},
		{`{matchExpressions: [{key: a, operator: Exists}]}`, metav1.LabelSelector{
			MatchLabels: map[string]string{"app": "shared"}, MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Exists"}},
		}},
	} {
		np := policySpec(t, built(t, existingBase, `{spec: {tunnel: {existing: {podSelector: `+tt.selector+`}}}}`), "prod-service-greeter")
		want := []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 9080), networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "platform"}}, PodSelector: &tt.want,
		})}
		if d := cmp.Diff(want, np.Ingress); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.selector, d)
		}
	}
}

func TestResolveExistingTunnel(t *testing.T) {
	const at = "spec.tunnel.existing"
	runResolve(t, existingBase, []resolveCase{
		{"without saying which", `{tunnel: {existing: null}}`, "error RI0204 " + at},
		{"no namespace", `{tunnel: {existing: {namespace: null}}}`, "error RI0204 " + at + ".namespace"},
		{"no name of a namespace", `{tunnel: {existing: {namespace: a.b}}}`, "error RI0301 " + at + ".namespace"},
		{"no name", `{tunnel: {existing: {name: null}}}`, "error RI0204 " + at + ".name"},
		{"the uid of an environment is a name", `{tunnel: {existing: {name: ` + testUID + `}}}`, ""},
		{"a name that reads as a number", `{tunnel: {existing: {name: "12"}}}`, "error RI0601 " + at + ".name"},
		{"every pod of the namespace", `{tunnel: {existing: {podSelector: null}}}`, "error RI0312 " + at + ".podSelector"},
		{"a selector that is none", `{tunnel: {existing: {podSelector: {matchExpressions: [{key: a, operator: Near}]}}}}`, "error RI0312 " + at + ".podSelector"},
		{"a label that is none", `{tunnel: {existing: {podSelector: {matchLabels: {app: "a b"}}}}}`, "error RI0310 " + at + ".podSelector.matchLabels[app]; error RI0312 " + at + ".podSelector"},
		{"one's own admin URL, which the Job calls", `{cloud: {adminURL: "https://a.restate.cloud"}}`, ""},
		{"a key of a tunnel", `{credentials: {tunnel: {name: a}}}`, "error RI0206 spec.credentials.tunnel"},
		{"an image of a tunnel", `{images: {tunnel: "a/b:1"}}`, "error RI0206 spec.images.tunnel"},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"another's tunnel beside one's own", `{tunnel: {existing: {namespace: a, podSelector: {matchLabels: {a: b}}, name: c}}}`, "error RI0206 " + at},
	})
}
