// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func tunnelPodLabels(rce string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": "restate-cloud-tunnel-client", "app.kubernetes.io/instance": "tunnel-" + rce}
}

func environment(t *testing.T, patches ...string) *restateCloudEnvironment {
	t.Helper()
	var found *restateCloudEnvironment
	for _, b := range built(t, operatorBase, patches...) {
		if e, ok := b.Object.(*restateCloudEnvironment); ok {
			found = e
		}
	}
	if found == nil {
		t.Fatal("no RestateCloudEnvironment")
	}
	return found
}

// defaultEnvironment is written out whole: each difference rolls every tunnel in the world at the next upgrade.
func defaultEnvironment() *restateCloudEnvironment {
	term := func(weight int32, key string) corev1.WeightedPodAffinityTerm {
		return corev1.WeightedPodAffinityTerm{Weight: weight, PodAffinityTerm: corev1.PodAffinityTerm{
			TopologyKey: key, LabelSelector: &metav1.LabelSelector{MatchLabels: tunnelPodLabels("prod")},
		}}
	}
	return &restateCloudEnvironment{
		TypeMeta: metav1.TypeMeta{APIVersion: "restate.dev/v1beta1", Kind: "RestateCloudEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Annotations: map[string]string{
			"restate-integration.dev/owned-by":          "restate/prod",
			"argocd.argoproj.io/sync-options":           "Prune=false",
			"kustomize.toolkit.fluxcd.io/prune":         "disabled",
			"client.lifecycle.config.k8s.io/deletion":   "detach",
			"restate-integration.dev/credential-digest": rollout("", "1"),
		}},
		Spec: cloudEnvironmentSpec{
			EnvironmentID:    testEnvironment,
			Region:           "eu",
			SigningPublicKey: testKey,
			Authentication:   cloudAuthentication{Secret: secretKeyRef{Name: "restate-identity", Key: "token"}},
			Tunnel: cloudEnvironmentTunnel{
				Replicas: 2,
				Image:    "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0",
				Resources: &corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
					Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("512Mi")},
				},
				Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
					term(100, "kubernetes.io/hostname"), term(50, "topology.kubernetes.io/zone"),
				}}},
			},
		},
	}
}

func TestEnvironmentDefaults(t *testing.T) {
	if d := cmp.Diff(defaultEnvironment(), environment(t)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestEnvironmentFields changes one field of the spec each.
func TestEnvironmentFields(t *testing.T) {
	for _, tt := range []struct {
		reason, patch string
		change        func(*restateCloudEnvironment)
	}{
		{"its own name, which its pods' labels follow", `{tunnel: {operator: {resourceName: old}}}`, func(e *restateCloudEnvironment) {
			e.Name = "old"
			for _, term := range e.Spec.Tunnel.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
				term.PodAffinityTerm.LabelSelector.MatchLabels["app.kubernetes.io/instance"] = "tunnel-old"
			}
		}},
		{"replicas", `{tunnel: {replicas: 3}}`, func(e *restateCloudEnvironment) { e.Spec.Tunnel.Replicas = 3 }},
		{"zero replicas are not the default", `{tunnel: {replicas: 0}}`, func(e *restateCloudEnvironment) { e.Spec.Tunnel.Replicas = 0 }},
		{"image", `{images: {tunnel: "mirror.example/tunnel:9"}}`, func(e *restateCloudEnvironment) { e.Spec.Tunnel.Image = "mirror.example/tunnel:9" }},
		{"a mirror", `{images: {registry: mirror.example.com}}`, func(e *restateCloudEnvironment) {
			e.Spec.Tunnel.Image = "mirror.example.com/restatedev/restate-cloud-tunnel-client:0.6.0"
		}},
		{"pull policy", `{images: {pullPolicy: Always}}`, func(e *restateCloudEnvironment) { e.Spec.Tunnel.ImagePullPolicy = "Always" }},
		{"Secret and key", `{credentials: {tunnel: {name: other, key: api-key}}}`, func(e *restateCloudEnvironment) {
			e.Spec.Authentication.Secret = secretKeyRef{Name: "other", Key: "api-key"}
		}},
		{"env", `{tunnel: {env: [{name: RUST_LOG, value: debug}]}}`, func(e *restateCloudEnvironment) {
			e.Spec.Tunnel.Env = []corev1.EnvVar{{Name: "RUST_LOG", Value: "debug"}}
		}},
		{"what the CRD can carry of a pod template", `{tunnel: {podTemplate: {nodeSelector: {a: b}, tolerations: [{key: k, operator: Exists}], dnsConfig: {options: [{name: ndots, value: "1"}]}, affinity: {nodeAffinity: {}}}}}`, func(e *restateCloudEnvironment) {
			e.Spec.Tunnel.NodeSelector = map[string]string{"a": "b"}
			e.Spec.Tunnel.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Exists"}}
			e.Spec.Tunnel.DNSConfig = &corev1.PodDNSConfig{Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: ptr.To("1")}}}
			e.Spec.Tunnel.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
		}},
		{"labels and annotations of the pods", `{tunnel: {podTemplate: {labels: {team: a}, annotations: {example.com/x: y}}}}`, func(e *restateCloudEnvironment) {
			e.Labels = map[string]string{"team": "a"}
			e.Annotations["example.com/x"] = "y"
		}},
		{"the remote proxy, at the URLs that the client derives itself", `{tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}}}`, func(e *restateCloudEnvironment) {
			e.Spec.Tunnel.RemoteProxy = true
		}},
		{"the remote proxy follows overridden URLs", `{cloud: {ingressURL: "https://i.restate.cloud", adminURL: "https://a.restate.cloud:1/"}, tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}}}`, func(e *restateCloudEnvironment) {
			e.Spec.Tunnel.RemoteProxy = true
			e.Spec.Tunnel.Env = []corev1.EnvVar{{Name: "RESTATE_INGRESS_URI", Value: "https://i.restate.cloud"}, {Name: "RESTATE_ADMIN_URI", Value: "https://a.restate.cloud:1"}}
		}},
		{"the deletion policy, the one exception of rule 2", `{deletionPolicy: Delete}`, func(e *restateCloudEnvironment) {
			for _, key := range []string{"argocd.argoproj.io/sync-options", "kustomize.toolkit.fluxcd.io/prune", "client.lifecycle.config.k8s.io/deletion"} {
				delete(e.Annotations, key)
			}
		}},
		{"no digest when nothing is known of the credential", `{credentials: {tunnel: {source: null, rolloutKey: null}}}`, func(e *restateCloudEnvironment) {
			delete(e.Annotations, "restate-integration.dev/credential-digest")
		}},
	} {
		want := defaultEnvironment()
		tt.change(want)
		if d := cmp.Diff(want, environment(t, `{spec: `+tt.patch+`}`)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestEnvironmentStaysTheSame is rule 2: the operator copies metadata and spec to the tunnel's pods, so that no other change of
// the integration may reach them.
func TestEnvironmentStaysTheSame(t *testing.T) {
	for _, tt := range []struct{ reason, patch string }{
		{"common labels", `{labels: {team: a}}`},
		{"common annotations", `{annotations: {example.com/x: y}}`},
		{"another service", `{services: {second: {namespace: shop, registration: {mode: None}}}}`},
		{"no service", `{services: null}`},
		{"a service's policy", `{services: {greeter: {isolate: false}}}`},
		{"a service's image", `{services: {greeter: {deployment: {image: "a/b:2"}}}}`},
		{"the namespace", `{namespace: {create: true}}`},
		{"the namespace's level", `{namespace: {create: true, podSecurity: baseline}}`},
		{"the baseline", `{networkPolicy: {baseline: None}}`},
		{"DNS", `{networkPolicy: {dns: {ports: [5353]}}}`},
		{"tunnel ports", `{networkPolicy: {restateCloud: {tunnelPorts: [1]}}}`},
		{"CIDRs", `{networkPolicy: {restateCloud: {cidrs: [192.0.2.0/24], except: []}}}`},
		{"the scraper", `{observability: {scrapeFrom: {namespaceSelector: {}}}}`},
		{"egress", `{tunnel: {egressTo: [{to: [{podSelector: {}}]}]}}`},
		{"the budget", `{tunnel: {podDisruptionBudget: {minAvailable: 1}}}`},
		{"the cluster's domain", `{clusterDomain: k8s.example}`},
		{"its own uid", `{tunnel: {operator: {uid: ` + testUID + `}}}`},
		{"a service registered by a Job", `{tunnel: {operator: {uid: ` + testUID + `}}, services: {second: {namespace: shop}}}`},
		{"a service with a tunnel of its own", `{services: {greeter: {deployment: {tunnelMode: InProcess}}}}`},
		{"what services use", `{nats: {}, wasmcloud: {handlers: {a: {namespace: b, isolate: true}}}, services: {greeter: {uses: {restate: true, nats: true, handlers: [a]}}}}`},
		{"the ingress URL, which the tunnel does not use", `{cloud: {ingressURL: "https://x.restate.cloud"}}`},
		{"hosts", `{cloud: {allowedHosts: [proxy.example]}}`},
		{"the order of Argo CD", `{gitops: {tool: ArgoCD}}`},
		{"the order of kpt", `{gitops: {tool: Kpt}}`},
		{"pull Secrets, which the operator does not know", `{images: {pullSecrets: [a]}}`},
		{"other images", `{services: {second: {namespace: shop}}, tunnel: {operator: {uid: ` + testUID + `}}, images: {restateCli: "a/b:1"}}`},
		{"the operator's own policy", `{tunnel: {operator: {apiServer: {cidrs: [192.0.2.1/32]}}}}`},
		{"how Secrets are checked", `{secrets: {requireMacOnlyEncrypted: false, allowedAnnotations: [a]}}`},
	} {
		if d := cmp.Diff(defaultEnvironment(), environment(t, `{spec: `+tt.patch+`}`)); d != "" {
			t.Errorf("%s restarts the tunnel: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestTunnelBudget(t *testing.T) {
	for _, tt := range []struct {
		reason, base, patch string
		namespace           string
		want                *policyv1.PodDisruptionBudgetSpec
	}{
		{"one pod may go at a time", operatorBase, `{}`, "restate-operator", &policyv1.PodDisruptionBudgetSpec{MaxUnavailable: ptr.To(intstr.FromInt32(1))}},
		{"standalone pods live in the own namespace", standaloneBase, `{}`, "restate", &policyv1.PodDisruptionBudgetSpec{MaxUnavailable: ptr.To(intstr.FromInt32(1))}},
		{"another value", operatorBase, `{podDisruptionBudget: {minAvailable: 50%}}`, "restate-operator", &policyv1.PodDisruptionBudgetSpec{MinAvailable: ptr.To(intstr.FromString("50%"))}},
		{"none for one replica: it would block every drain", operatorBase, `{replicas: 1}`, "", nil},
		{"none for no replica", standaloneBase, `{replicas: 0}`, "", nil},
	} {
		all := built(t, tt.base, `{spec: {tunnel: `+tt.patch+`}}`)
		if tt.want == nil {
			for _, id := range ids(all) {
				if id == "PodDisruptionBudget restate-operator/prod-tunnel" || id == "PodDisruptionBudget restate/prod-tunnel" {
					t.Errorf("%s: got %s", tt.reason, id)
				}
			}
			continue
		}
		got := object[*policyv1.PodDisruptionBudget](t, all, "prod-tunnel")
		tt.want.UnhealthyPodEvictionPolicy = ptr.To(policyv1.AlwaysAllow)
		instance := "prod"
		if tt.base == standaloneBase {
			instance = "" // its labels are those of the Deployment
			tt.want.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "restate-cloud-tunnel-client", "app.kubernetes.io/instance": "prod-tunnel"}}
		}
		if instance != "" {
			tt.want.Selector = &metav1.LabelSelector{MatchLabels: tunnelPodLabels(instance)}
		}
		if d := cmp.Diff(*tt.want, got.Spec); d != "" || got.Namespace != tt.namespace {
			t.Errorf("%s: in %q, want %q; (-want +got)\n%s", tt.reason, got.Namespace, tt.namespace, d)
		}
	}
}
