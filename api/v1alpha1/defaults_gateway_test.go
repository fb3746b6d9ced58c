// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// withGateway is the smallest spec with a gateway.
func withGateway(g *Gateway) *RestateIntegration {
	in := small()
	in.Spec.Gateway = g
	return in
}

func smallGateway() *Gateway {
	return &Gateway{
		TLS: GatewayTLS{IssuerRef: IssuerRef{Name: "step"}}, Auth: GatewayAuth{APIKeys: &GatewayAPIKeys{}}, Expose: Exposure{Type: ExposureIngress},
		Domains: map[string]GatewayDomain{"a": {APIKeys: &GatewayAPIKeys{}, Credential: &Credential{}}, "b": {}},
	}
}

// TestGatewayDefaults writes out every default of the block, which the reference shows.
func TestGatewayDefaults(t *testing.T) {
	keys := &GatewayAPIKeys{SecretRef: Credential{Name: "restate-gateway-keys", Key: "api-key-auth.xds.yaml", Source: SourceSOPS}}
	want := &Gateway{
		Replicas: ptr.To[int32](2),
		Resources: &corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("256Mi")},
		},
		PodDisruptionBudget: &PodDisruptionBudget{MaxUnavailable: ptr.To(intstr.FromInt32(1))},
		Upstream:            GatewayUpstream{Timeout: &metav1.Duration{Duration: time.Minute}, MaxRequestBytes: ptr.To[int64](1 << 20)},
		TLS: GatewayTLS{
			IssuerRef: IssuerRef{Group: "certmanager.step.sm", Kind: "StepClusterIssuer", Name: "step"},
			Duration:  &metav1.Duration{Duration: 24 * time.Hour}, RenewBefore: &metav1.Duration{Duration: 8 * time.Hour},
		},
		Auth:      GatewayAuth{APIKeys: keys},
		RateLimit: GatewayRateLimit{PerReplica: &RateLimit{200, 400}, PerClient: &RateLimit{25, 50}},
		Expose: Exposure{
			Type: ExposureIngress, ClassName: "nginx",
			RateLimit: &ExposureRateLimit{RPS: ptr.To[int32](20), Connections: ptr.To[int32](20), BurstMultiplier: ptr.To[int32](3)},
			Controller: &ExposureController{Namespace: "ingress-nginx", PodSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
			}},
		},
		Allow: []GatewayCall{CallCall, CallSend},
		// What a domain leaves out is that of the block, which Resolve fills in: here it would look as if the domain had said it.
		Domains: map[string]GatewayDomain{"a": {APIKeys: keys, Credential: &Credential{Name: "restate-ingress-a", Key: "token", Source: SourceSOPS}}, "b": {}},
	}
	in := withGateway(smallGateway())
	Default(in)
	if d := cmp.Diff(want, in.Spec.Gateway); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	once := clone(t, in)
	Default(in)
	if d := cmp.Diff(once, clone(t, in)); d != "" {
		t.Errorf("a second time changes it (-once +twice)\n%s", d)
	}
}

// TestGatewayDefaultsThatDepend: a default of what means nothing would be refused as if somebody had written it.
func TestGatewayDefaultsThatDepend(t *testing.T) {
	for _, tt := range []struct {
		reason string
		change func(*Gateway)
		got    func(*Gateway) any
		want   any
	}{
		{"an autoscaler has the number of replicas", func(g *Gateway) { g.Autoscaled = true }, func(g *Gateway) any { return g.Replicas }, (*int32)(nil)},
		{"streaming lifts the timeout", func(g *Gateway) { g.Upstream.Streaming = true }, func(g *Gateway) any { return g.Upstream.Timeout }, (*metav1.Duration)(nil)},
		{"no kind of call is not the default", func(g *Gateway) { g.Allow = []GatewayCall{} }, func(g *Gateway) any { return len(g.Allow) }, 0},
		{"nobody asked for API keys", func(g *Gateway) { g.Auth.APIKeys = nil }, func(g *Gateway) any { return g.Auth.APIKeys }, (*GatewayAPIKeys)(nil)},
		{"only an Ingress has a class", func(g *Gateway) { g.Expose.Type = ExposureGatewayAPI }, func(g *Gateway) any { return g.Expose }, Exposure{Type: ExposureGatewayAPI}},
		{"without an exposure nobody is let in", func(g *Gateway) { g.Expose.Type = ExposureNone }, func(g *Gateway) any { return g.Expose }, Exposure{Type: ExposureNone}},
		{"nodes have no labels", func(g *Gateway) { g.Expose.Controller = &ExposureController{CIDRs: []string{"10.0.0.0/16"}} }, func(g *Gateway) any { return *g.Expose.Controller }, ExposureController{CIDRs: []string{"10.0.0.0/16"}}},
		{"pods of another namespace have the same labels", func(g *Gateway) { g.Expose.Controller = &ExposureController{Namespace: "edge"} }, func(g *Gateway) any {
			return g.Expose.Controller.Namespace + " " + g.Expose.Controller.PodSelector.MatchLabels["app.kubernetes.io/name"]
		}, "edge ingress-nginx"},
		{"other pods are in the same namespace", func(g *Gateway) { g.Expose.Controller = &ExposureController{PodSelector: &metav1.LabelSelector{}} }, func(g *Gateway) any { return *g.Expose.Controller }, ExposureController{Namespace: "ingress-nginx", PodSelector: &metav1.LabelSelector{}}},
		{"one limit that was written, and the others", func(g *Gateway) { g.Expose.RateLimit = &ExposureRateLimit{RPS: ptr.To[int32](0)} }, func(g *Gateway) any {
			return []int32{*g.Expose.RateLimit.RPS, *g.Expose.RateLimit.Connections, *g.Expose.RateLimit.BurstMultiplier}
		}, []int32{0, 20, 3}},
		{"a limit that was written stays whole", func(g *Gateway) { g.RateLimit.PerClient = &RateLimit{} }, func(g *Gateway) any { return *g.RateLimit.PerClient }, RateLimit{}},
		{"resources that were written stay whole", func(g *Gateway) { g.Resources = &corev1.ResourceRequirements{} }, func(g *Gateway) any { return *g.Resources }, corev1.ResourceRequirements{}},
	} {
		g := smallGateway()
		tt.change(g)
		Default(withGateway(g))
		if d := cmp.Diff(tt.want, tt.got(g)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}
