// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// edit returns the objects with one of them changed.
func edit[T Object](t *testing.T, name string, change func(T)) func([]Built) []Built {
	return func(all []Built) []Built {
		change(object[T](t, all, name))
		return all
	}
}

func without(kind string) func([]Built) []Built {
	return func(all []Built) []Built {
		return slices.DeleteFunc(all, func(b Built) bool { return b.ID().Kind == kind })
	}
}

// TestCheckLinks breaks one reference each: a check that cannot fail is none.
func TestCheckLinks(t *testing.T) {
	type np = *networkingv1.NetworkPolicy
	other := map[string]string{"app.kubernetes.io/name": "somebody-else"}
	registering := jobBase(t)
	calling := basedOn(t, usesBase(t), `{wasmcloud: {handlers: {inventory: {isolate: true}, price-list: null}}, services: {greeter: {uses: {restate: true, handlers: [inventory]}}}}`)
	const hosts = "prod-wasmcloud-wasmcloud-73a51310"
	// onJob changes the one Job, whose name has a hash.
	onJob := func(change func(*job)) func([]Built) []Built {
		return func(all []Built) []Built {
			change(jobs(all)["greeter"])
			return all
		}
	}
	variable := func(change func(*corev1.ConfigMapKeySelector)) func([]Built) []Built {
		return edit(t, "prod-service-greeter", func(d *restateDeployment) {
			change(d.Spec.Template.Spec.Containers[0].Env[0].ValueFrom.ConfigMapKeyRef)
		})
	}
	for _, tt := range []struct {
		reason, base string
		change       func([]Built) []Built
		want         string // a part of the one problem, or of each
	}{
		{"an account that is not there", standaloneBase, without("ServiceAccount"), `Deployment restate/prod-tunnel: uses ServiceAccount "prod-tunnel"`},
		{"an account of another name", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) { d.Spec.Template.Spec.ServiceAccountName = "x" }), `uses ServiceAccount "x"`},
		{"an account in another namespace", standaloneBase, edit(t, "prod-tunnel", func(a *corev1.ServiceAccount) { a.Namespace = "x" }), `uses ServiceAccount "prod-tunnel"`},
		{"a selector that leaves the template", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) { d.Spec.Selector.MatchLabels = other }), "selects other pods than its template makes"},
		{"a selector of everything", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) { d.Spec.Selector.MatchLabels = nil }), "selects other pods than its template makes"},
		{"a probe of a port that is not there", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Port = intstr.FromString("x")
		}), `probes port "x"`},
		{"a mount without volume", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Volumes[0].Name = "x" }), "volume"},
		{"another Secret than the credential's", standaloneBase, edit(t, "prod-tunnel", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Volumes[0].Secret.SecretName = "x" }), "Secret"},
		{"likewise for the operator", operatorBase, edit(t, "prod", func(e *restateCloudEnvironment) { e.Spec.Authentication.Secret.Name = "x" }), "Secret"},
		{"a Service that leads to no port", standaloneBase, edit(t, "prod-tunnel", func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromString("x") }), `leads to port "x"`},
		{"a Service without pods", standaloneBase, edit(t, "prod-tunnel", func(s *corev1.Service) { s.Spec.Selector = other }), "Service restate/prod-tunnel: selects no pod"},
		{"a Service in another namespace", standaloneBase, edit(t, "prod-tunnel", func(s *corev1.Service) { s.Namespace = "x" }), "selects no pod"},
		{"a budget without pods", operatorBase, edit(t, "prod-tunnel", func(b *policyv1.PodDisruptionBudget) { b.Spec.Selector.MatchLabels = other }), "PodDisruptionBudget restate-operator/prod-tunnel: selects no pod"},
		{"a budget in another namespace", standaloneBase, edit(t, "prod-tunnel", func(b *policyv1.PodDisruptionBudget) { b.Namespace = "x" }), "selects no pod"},
		{"a policy without pods", operatorBase, edit(t, "prod-tunnel", func(p np) { p.Spec.PodSelector.MatchLabels = other }), "NetworkPolicy restate-operator/prod-tunnel: selects no pod"},
		{"a service's policy without pods", operatorBase, edit(t, "prod-service-greeter", func(p np) { p.Spec.PodSelector.MatchLabels = other }), "NetworkPolicy shop/prod-service-greeter: selects no pod"},
		{"a policy in another namespace", operatorBase, edit(t, "prod-service-greeter", func(p np) { p.Namespace = "x" }), "selects no pod"},
		{"a baseline without pods", standaloneBase, edit(t, "prod-baseline-deny", func(p np) { p.Spec.PodSelector.MatchLabels = other }), "NetworkPolicy restate/prod-baseline-deny: selects no pod"},
		{"a policy opens a port that no container has", standaloneBase, edit(t, "prod-tunnel", func(p np) { p.Spec.Ingress[0].Ports[0].Port = ptr.To(intstr.FromInt32(1)) }), "opens port 1,"},
		{"the service does not admit the tunnel", operatorBase, edit(t, "prod-service-greeter", func(p np) { p.Spec.Ingress[0].From[0].PodSelector.MatchLabels = other }), "admit"},
		{"the service admits the tunnel of another namespace", operatorBase, edit(t, "prod-service-greeter", func(p np) {
			p.Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels = map[string]string{"kubernetes.io/metadata.name": "x"}
		}), "admit"},
		{"the service admits the tunnel to another port", operatorBase, edit(t, "prod-service-greeter", func(p np) { p.Spec.Ingress[0].Ports[0].Port = ptr.To(intstr.FromInt32(1)) }), "admit"},
		{"the tunnel cannot reach the service", operatorBase, edit(t, "prod-tunnel", func(p np) { p.Spec.Egress[2].To[0].PodSelector.MatchLabels = other }), "reach"},
		{"the tunnel looks for it elsewhere", operatorBase, edit(t, "prod-tunnel", func(p np) {
			p.Spec.Egress[2].To[0].NamespaceSelector.MatchLabels = map[string]string{"kubernetes.io/metadata.name": "x"}
		}), "reach"},
		{"the tunnel knocks at another port", standaloneBase, edit(t, "prod-tunnel", func(p np) { p.Spec.Egress[2].Ports[0].Port = ptr.To(intstr.FromInt32(1)) }), "reach"},
		{"an environment that is not there", operatorBase, without("RestateCloudEnvironment"), `registers with RestateCloudEnvironment "prod", which is not there`},
		{"another environment", operatorBase, edit(t, "prod-service-greeter", func(d *restateDeployment) { d.Spec.Restate.Register.Cloud = "x" }), `registers with RestateCloudEnvironment "x"`},
		{"a RestateDeployment's selector", operatorBase, edit(t, "prod-service-greeter", func(d *restateDeployment) { d.Spec.Selector.MatchLabels = other }), "RestateDeployment shop/prod-service-greeter: selects other pods than its template makes"},
		{"a RestateDeployment's labels", operatorBase, edit(t, "prod-service-greeter", func(d *restateDeployment) { d.Spec.Template.Labels = other }), "selects other pods than its template makes"},
		{"a Job's account", registering, onJob(func(j *job) { j.Spec.Template.Spec.ServiceAccountName = "x" }), `uses ServiceAccount "x"`},
		{"no account at all", registering, without("ServiceAccount"), `uses ServiceAccount "prod-registration"`},
		{"a Job that mounts another Secret", registering, onJob(func(j *job) { j.Spec.Template.Spec.Volumes[0].Secret.SecretName = "x" }), "mounts another Secret"},
		{"or another key of it", registering, onJob(func(j *job) { j.Spec.Template.Spec.Volumes[0].Secret.Items[0].Key = "x" }), "mounts another Secret"},
		{"a Job's mount without volume", registering, onJob(func(j *job) { j.Spec.Template.Spec.Containers[0].VolumeMounts[1].Name = "x" }), `mounts volume "x"`},
		{"a Job's pods outside of their policy", registering, onJob(func(j *job) { j.Spec.Template.Labels = other }), "NetworkPolicy restate/prod-registration: selects no pod"},
		{"likewise from the other side", registering, edit(t, "prod-registration", func(p np) { p.Spec.PodSelector.MatchLabels = other }), "NetworkPolicy restate/prod-registration: selects no pod"},
		{"a variable that no ConfigMap has", calling, variable(func(r *corev1.ConfigMapKeySelector) { r.Key = "NATS_URLS" }), `reads NATS_URLS of ConfigMap "prod-endpoints"`},
		{"a variable without ConfigMap", calling, without("ConfigMap"), `reads RESTATE_INGRESS_URL of ConfigMap "prod-endpoints"`},
		{"the service cannot reach the handler", calling, edit(t, "prod-service-greeter", func(p np) { p.Spec.Egress[2].To[0].PodSelector.MatchLabels = other }), `NetworkPolicy shop/prod-service-greeter: does not reach handler "inventory"`},
		{"it knocks at another port", calling, edit(t, "prod-service-greeter", func(p np) { p.Spec.Egress[2].Ports[0].Port = ptr.To(intstr.FromInt32(80)) }), `does not reach handler "inventory"`},
		{"the hosts do not admit the service", calling, edit(t, hosts, func(p np) { p.Spec.Ingress[0].From[0].PodSelector.MatchLabels = other }), `NetworkPolicy wasmcloud/` + hosts + `: does not admit service "greeter"`},
		{"to another port alone", calling, edit(t, hosts, func(p np) { p.Spec.Ingress[0].Ports[0].Port = ptr.To(intstr.FromInt32(80)) }), `does not admit service "greeter"`},
		{"a policy that selects no hosts", calling, edit(t, hosts, func(p np) { p.Spec.PodSelector.MatchLabels = other }), "NetworkPolicy wasmcloud/" + hosts + ": selects no pod"},
		{"one object twice", operatorBase, func(all []Built) []Built { return append(all, all[0]) }, "RestateCloudEnvironment /prod: stands twice"},
	} {
		m := model(t, tt.base)
		before := CheckLinks(m, Build(m))
		if len(before) > 0 {
			t.Fatalf("%s: dangling before: %q", tt.reason, before)
		}
		got := CheckLinks(m, tt.change(Build(m)))
		if !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, tt.want) }) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestCheckLinksKnowsTheUsersSelectors: what only the user knows is not a defect of the function.
func TestCheckLinksKnowsTheUsersSelectors(t *testing.T) {
	for _, tt := range []struct{ reason, base, patch string }{
		{"a selector by expression", standaloneBase, `{services: {greeter: {podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}}}}`},
		{"labels and expressions", standaloneBase, `{services: {greeter: {podSelector: {matchLabels: {app: a}, matchExpressions: [{key: tier, operator: Exists}]}}}}`},
		{"one pod behind two services", standaloneBase, `{services: {other: {namespace: shop, isolate: true, podSelector: {matchLabels: {app.kubernetes.io/name: greeter}}}}}`},
		{"metrics of a container that names no such port", operatorBase, `{services: {greeter: {metricsPort: 9464}}}`},
		{"the standalone tunnel's namespace", standaloneBase, `{services: {greeter: {namespace: restate}}}`},
		{"hosts by expression", operatorBase, `{wasmcloud: {handlers: {a: {namespace: w, isolate: true, podSelector: {matchExpressions: [{key: wasmcloud.com/hostgroup, operator: In, values: [a, b]}]}}}}, services: {greeter: {uses: {handlers: [a]}}}}`},
		{"a caller by expression", standaloneBase, `{wasmcloud: {handlers: {a: {namespace: w, isolate: true}}}, services: {greeter: {podSelector: {matchExpressions: [{key: app, operator: Exists}]}, uses: {handlers: [a]}}}}`},
		{"a variable from a ConfigMap of one's own", operatorBase, `{services: {greeter: {deployment: {env: [{name: A, valueFrom: {configMapKeyRef: {name: a, key: b}}}]}}}}`},
		{"a Secret of one's own in a template", operatorBase, `{services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: a}], volumes: [{name: v, secret: {secretName: x}}]}}}}}}`},
		{"a baseline of every pod", standaloneBase, `{networkPolicy: {baseline: Namespace}}`},
	} {
		t.Run(tt.reason, func(t *testing.T) { built(t, tt.base, `{spec: `+tt.patch+`}`) })
	}
}
