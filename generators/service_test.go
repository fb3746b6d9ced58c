// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func deploymentOf(t *testing.T, patch string) *restateDeployment {
	t.Helper()
	return object[*restateDeployment](t, built(t, operatorBase, `{spec: {services: {greeter: `+patch+`}}}`), "prod-service-greeter")
}

// defaultDeploymentSpec is written out whole: every change of the template is a new version that is registered anew.
func defaultDeploymentSpec() restateDeploymentSpec {
	spread := func(key string) corev1.TopologySpreadConstraint {
		return corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: "ScheduleAnyway", LabelSelector: &metav1.LabelSelector{MatchLabels: greeterPod}}
	}
	return restateDeploymentSpec{
		Replicas: 1,
		Selector: metav1.LabelSelector{MatchLabels: greeterPod},
		Restate:  restateDeploymentRestate{Register: restateRegister{Cloud: "prod"}},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: greeterPod},
			Spec: corev1.PodSpec{
				AutomountServiceAccountToken: ptr.To(false),
				EnableServiceLinks:           ptr.To(false),
				// A call that is cut off is tried again elsewhere.
				TerminationGracePeriodSeconds: ptr.To[int64](60),

				SecurityContext:           &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"}},
				TopologySpreadConstraints: []corev1.TopologySpreadConstraint{spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")},
				Containers: []corev1.Container{{
					Name: "greeter", Image: "registry.example.com/greeter:1.4.2",
					Ports:          []corev1.ContainerPort{{Name: "restate", ContainerPort: 9080, Protocol: "TCP"}},
					ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("restate")}}},
					Resources: corev1.ResourceRequirements{
						Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
						Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("512Mi")},
					},
					SecurityContext: restricted,
					VolumeMounts:    []corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}},
				}},
				Volumes: []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("64Mi"))}}}},
			},
		},
	}
}

func TestCompactDeployment(t *testing.T) {
	for _, tt := range []struct {
		reason, patch string
		change        func(*restateDeploymentSpec)
	}{
		{"the defaults", `{}`, func(*restateDeploymentSpec) {}},
		{"the pod's port, under the name that the operator looks for", `{targetPort: 8080}`, func(s *restateDeploymentSpec) {
			s.Template.Spec.Containers[0].Ports[0].ContainerPort = 8080
		}},
		{"replicas and limits of history", `{deployment: {replicas: 3, minReadySeconds: 5, revisionHistoryLimit: 2}}`, func(s *restateDeploymentSpec) {
			s.Replicas, s.MinReadySeconds, s.RevisionHistoryLimit = 3, ptr.To[int32](5), ptr.To[int32](2)
		}},
		{"zero replicas are not the default", `{deployment: {replicas: 0}}`, func(s *restateDeploymentSpec) { s.Replicas = 0 }},
		{"path and protocol of the registration", `{path: greeter/v1, useHTTP11: true}`, func(s *restateDeploymentSpec) {
			s.Restate.ServicePath, s.Restate.UseHTTP11 = "greeter/v1", true
		}},
		{"env", `{deployment: {env: [{name: A, value: "1"}]}}`, func(s *restateDeploymentSpec) {
			s.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}}
		}},
		{"resources", `{deployment: {resources: {requests: {cpu: 1}}}}`, func(s *restateDeploymentSpec) {
			s.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1")}}
		}},
		{"scheduling and metadata of the pods", `{deployment: {podTemplate: {labels: {team: a}, annotations: {example.com/x: y}, nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: {nodeAffinity: {}}, priorityClassName: high,
			topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}], securityContext: {runAsUser: 1000}, dnsConfig: {nameservers: [192.0.2.1]}}}}`, func(s *restateDeploymentSpec) {
			s.Template.Labels = map[string]string{"app.kubernetes.io/name": "greeter", "team": "a"}
			s.Template.Annotations = map[string]string{"example.com/x": "y"}
			pod := &s.Template.Spec
			pod.NodeSelector = map[string]string{"a": "b"}
			pod.Tolerations = []corev1.Toleration{{Operator: "Exists"}}
			pod.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
			pod.PriorityClassName = "high"
			pod.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: "DoNotSchedule", LabelSelector: &metav1.LabelSelector{MatchLabels: greeterPod}}}
			pod.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000)}
			pod.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.1"}}
		}},
		{"an autoscaler is the operator's to read", `{deployment: {autoscaling: {minReplicas: 1, maxReplicas: 3}}}`, func(s *restateDeploymentSpec) {
			s.Autoscaling = &runtime.RawExtension{Raw: []byte(`{"maxReplicas":3,"minReplicas":1}`)}
		}},
		{"the delay of an old version alone is no drain of a deletion", `{deployment: {drain: {delaySeconds: 0}}}`, func(s *restateDeploymentSpec) {
			s.Restate.DrainDelaySeconds = ptr.To[int64](0)
		}},
		{"how long a deletion waits", `{deployment: {drain: {timeoutSeconds: 60}}}`, func(s *restateDeploymentSpec) {
			s.Restate.Drain = &restateDrain{TimeoutSeconds: ptr.To[int64](60)}
		}},
		{"what happens then", `{deployment: {drain: {onTimeout: force}, deletePolicy: drain}}`, func(s *restateDeploymentSpec) {
			s.Restate.Drain = &restateDrain{OnTimeout: "force"}
			s.Restate.DeletePolicy = "drain"
		}},
		{"an empty block says nothing", `{deployment: {drain: {}}}`, func(*restateDeploymentSpec) {}},
		{"the pods' labels are the selector's", `{podSelector: {matchLabels: {app: g}}}`, func(s *restateDeploymentSpec) {
			l := map[string]string{"app": "g"}
			s.Selector.MatchLabels, s.Template.Labels = l, l
			for i := range s.Template.Spec.TopologySpreadConstraints {
				s.Template.Spec.TopologySpreadConstraints[i].LabelSelector.MatchLabels = l
			}
		}},
	} {
		want := defaultDeploymentSpec()
		tt.change(&want)
		if d := cmp.Diff(want, deploymentOf(t, tt.patch).Spec); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestDeploymentFollowsTheEnvironment(t *testing.T) {
	all := built(t, operatorBase, `{spec: {images: {pullPolicy: Always}, tunnel: {operator: {resourceName: old}}}}`)
	d := object[*restateDeployment](t, all, "prod-service-greeter")
	if got := d.Spec.Restate.Register.Cloud; got != "old" {
		t.Errorf("registers with %q, want old", got)
	}
	if got := d.Spec.Template.Spec.Containers[0].ImagePullPolicy; got != "Always" {
		t.Errorf("pull policy %q, want that of every container", got)
	}
	if d.Namespace != "shop" || d.APIVersion != "restate.dev/v1beta1" || d.Kind != "RestateDeployment" {
		t.Errorf("got %s %s in %q", d.APIVersion, d.Kind, d.Namespace)
	}
}

// TestStamp: every object carries labels, annotations and provenance; the environment its owner alone, which TestEnvironmentDefaults holds.
func TestStamp(t *testing.T) {
	all := built(t, standaloneBase, `{spec: {namespace: {create: true}, labels: {team: a}, annotations: {example.com/x: y}}}`)
	sources := map[string]string{
		"namespace": "spec.namespace", "tunnel": "spec.tunnel", "endpoints": "spec.cloud", "service": "spec.services[greeter]",
	}
	for _, b := range all {
		o := b.Object
		labels := map[string]string{"team": "a", "app.kubernetes.io/component": b.Component, "app.kubernetes.io/part-of": "prod", "app.kubernetes.io/managed-by": "restate-integration"}
		for key, want := range labels {
			if got := o.GetLabels()[key]; got != want {
				t.Errorf("%s: label %s is %q, want %q", o.GetName(), key, got, want)
			}
		}
		annotations := map[string]string{
			"example.com/x": "y", "restate-integration.dev/owned-by": "restate/prod",
			"restate-integration.dev/component": b.Component, "restate-integration.dev/source": b.Source,
		}
		for key, want := range annotations {
			if got := o.GetAnnotations()[key]; got != want {
				t.Errorf("%s: annotation %s is %q, want %q", o.GetName(), key, got, want)
			}
		}
		if want := sources[b.Component]; want != "" && b.Source != want && b.Source != "spec.tunnel.podDisruptionBudget" {
			t.Errorf("%s: source %q, want %q", o.GetName(), b.Source, want)
		}
		if gvk := o.GetObjectKind().GroupVersionKind(); gvk.Kind == "" || gvk.Version == "" {
			t.Errorf("%s: no kind or version: %s", o.GetName(), gvk)
		}
	}
}

// TestCommonLabelsAreInNoSelector: a selector that changes cannot be applied.
func TestCommonLabelsAreInNoSelector(t *testing.T) {
	for _, base := range []string{operatorBase, standaloneBase} {
		plain, labelled := built(t, base), built(t, base, `{spec: {labels: {team: a}, annotations: {example.com/x: y}}}`)
		for i, b := range labelled {
			if b.ID().Kind != "RestateCloudEnvironment" {
				labels, annotations := b.Object.GetLabels(), b.Object.GetAnnotations()
				delete(labels, "team")
				delete(annotations, "example.com/x")
			}
			if d := cmp.Diff(plain[i].Object, b.Object); d != "" {
				t.Errorf("%s changes beyond its metadata: (-without +with)\n%s", b.Object.GetName(), d)
			}
		}
	}
}

func TestPrecious(t *testing.T) {
	for _, tt := range []struct {
		group, kind string
		want        bool
	}{
		{"", "Namespace", true},
		{"restate.dev", "RestateCloudEnvironment", true},
		{"restate.dev", "RestateDeployment", false},
		{"", "ConfigMap", false},
		{"example.com", "Namespace", false},
		{"example.com", "RestateCloudEnvironment", false},
	} {
		if got := Precious(tt.group, tt.kind); got != tt.want {
			t.Errorf("Precious(%q, %q) = %v", tt.group, tt.kind, got)
		}
		if got := ClusterScoped(tt.group, tt.kind); got != tt.want {
			t.Errorf("ClusterScoped(%q, %q) = %v", tt.group, tt.kind, got)
		}
	}
}
