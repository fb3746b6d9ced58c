// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Where ingress-nginx runs, and the labels of its pods (github.com/kubernetes/ingress-nginx, deploy/static).
const (
	IngressNGINXNamespace = "ingress-nginx"
	ingressNGINXName      = "ingress-nginx"
	ingressNGINXComponent = "controller"
)

func defaultGateway(g *Gateway) {
	if g == nil {
		return
	}
	if !g.Autoscaled {
		setPtr(&g.Replicas, 2)
	}
	if g.Resources == nil { // Envoy takes 70 MB at rest (run: Envoy 1.40)
		g.Resources = &corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("256Mi")},
		}
	}
	if g.PodDisruptionBudget == nil {
		g.PodDisruptionBudget = &PodDisruptionBudget{MaxUnavailable: ptr.To(intstr.FromInt32(1))}
	}
	if !g.Upstream.Streaming {
		setPtr(&g.Upstream.Timeout, metav1.Duration{Duration: time.Minute})
	}
	setPtr(&g.Upstream.MaxRequestBytes, 1<<20)
	set(&g.TLS.IssuerRef.Group, "certmanager.step.sm")
	set(&g.TLS.IssuerRef.Kind, "StepClusterIssuer")
	setPtr(&g.TLS.Duration, metav1.Duration{Duration: 24 * time.Hour})
	setPtr(&g.TLS.RenewBefore, metav1.Duration{Duration: 8 * time.Hour})
	if g.Allow == nil {
		g.Allow = []GatewayCall{CallCall, CallSend}
	}
	defaultAPIKeys(g.Auth.APIKeys)
	setPtr(&g.RateLimit.PerReplica, RateLimit{RequestsPerSecond: 200, Burst: 400})
	setPtr(&g.RateLimit.PerClient, RateLimit{RequestsPerSecond: 25, Burst: 50})
	defaultExposure(&g.Expose)
	for key, d := range g.Domains {
		defaultAPIKeys(d.APIKeys)
		if d.Credential != nil {
			d.Credential.Default("restate-ingress-"+key, "token")
		}
		g.Domains[key] = d
	}
}

func defaultAPIKeys(k *GatewayAPIKeys) {
	if k != nil {
		k.SecretRef = k.Defaulted()
	}
}

// Defaulted is the Secret with what the spec leaves out.
func (k GatewayAPIKeys) Defaulted() Credential {
	c := k.SecretRef
	c.Default("restate-gateway-keys", "api-key-auth.xds.yaml")
	return c
}

func defaultExposure(e *Exposure) {
	if e.Type != ExposureIngress {
		return
	}
	set(&e.ClassName, "nginx")
	if e.RateLimit == nil {
		e.RateLimit = &ExposureRateLimit{}
	}
	setPtr(&e.RateLimit.RPS, 20)
	setPtr(&e.RateLimit.Connections, 20)
	setPtr(&e.RateLimit.BurstMultiplier, 3)
	if e.Controller == nil {
		e.Controller = &ExposureController{}
	}
	if c := e.Controller; len(c.CIDRs) == 0 {
		set(&c.Namespace, IngressNGINXNamespace)
		if c.PodSelector == nil {
			c.PodSelector = &metav1.LabelSelector{MatchLabels: map[string]string{LabelName: ingressNGINXName, "app.kubernetes.io/component": ingressNGINXComponent}}
		}
	}
}
