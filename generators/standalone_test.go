// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

var standaloneLabels = map[string]string{"app.kubernetes.io/name": "restate-cloud-tunnel-client", "app.kubernetes.io/instance": "prod-tunnel"}

func standalone(t *testing.T, patches ...string) *appsv1.Deployment {
	t.Helper()
	return object[*appsv1.Deployment](t, built(t, standaloneBase, patches...), "prod-tunnel")
}

// restricted is the container's part of Pod Security restricted, with a closed root file system besides.
var restricted = &corev1.SecurityContext{
	RunAsNonRoot: ptr.To(true), AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
	Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"},
}

// TestStandaloneContainer goes through what running the client has shown it to need.
func TestStandaloneContainer(t *testing.T) {
	c := standalone(t).Spec.Template.Spec.Containers[0]
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"0.6.0 knows no other name of the token's variable, and true is its own default of the proxy", []corev1.EnvVar{
			{Name: "RESTATE_TUNNEL_NAME", Value: "c1-restate-prod"},
			{Name: "RESTATE_ENVIRONMENT_ID", Value: testEnvironment},
			{Name: "RESTATE_SIGNING_PUBLIC_KEY", Value: testKey},
			{Name: "RESTATE_CLOUD_REGION", Value: "eu"},
			{Name: "RESTATE_BEARER_TOKEN_FILE", Value: "/var/run/secrets/restate.cloud/token"},
			{Name: "RESTATE_REMOTE_PROXY", Value: "false"},
		}, c.Env},
		{"without the proxy, 8080 and 9070 are not there", []corev1.ContainerPort{{Name: "health", ContainerPort: 9090, Protocol: "TCP"}}, c.Ports},
		{"ready once a tunnel was open", &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("health")}}}, c.ReadinessProbe},
		{"/health answers 500 until then, and a restart would not help", (*corev1.Probe)(nil), c.LivenessProbe},
		{"nor would a start-up probe", (*corev1.Probe)(nil), c.StartupProbe},
		{"the client takes no arguments", 0, len(c.Args) + len(c.Command)},
		{"a mount with a subPath never sees a changed Secret", []corev1.VolumeMount{{Name: "token", MountPath: "/var/run/secrets/restate.cloud", ReadOnly: true}}, c.VolumeMounts},
		{"Pod Security restricted", restricted, c.SecurityContext},
		{"the default image", "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0", c.Image},
		{"requests and limits", 4, len(c.Resources.Requests) + len(c.Resources.Limits)},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestStandalonePod(t *testing.T) {
	d := standalone(t)
	pod := d.Spec.Template.Spec
	spread := func(key string) corev1.TopologySpreadConstraint {
		return corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: "ScheduleAnyway", LabelSelector: &metav1.LabelSelector{MatchLabels: standaloneLabels}}
	}
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"the client waits 300 s for running requests", ptr.To[int64](310), pod.TerminationGracePeriodSeconds},
		{"no token of Kubernetes", ptr.To(false), pod.AutomountServiceAccountToken},
		{"no variables of other Services, which could begin with RESTATE_", ptr.To(false), pod.EnableServiceLinks},
		{"an account of its own", "prod-tunnel", pod.ServiceAccountName},
		{"the user of the image, and a group that may read the token", &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](65532), RunAsGroup: ptr.To[int64](65532), FSGroup: ptr.To[int64](65532),
			FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch), SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"},
		}, pod.SecurityContext},
		{"hosts first, then zones, and never unschedulable", []corev1.TopologySpreadConstraint{spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")}, pod.TopologySpreadConstraints},
		{"the one key that is needed", []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: "restate-identity", DefaultMode: ptr.To[int32](0o440), Items: []corev1.KeyToPath{{Key: "token", Path: "token"}},
		}}}}, pod.Volumes},
		{"one container", 1, len(pod.Containers) + len(pod.InitContainers)},
		{"the own namespace", "restate", d.Namespace},
		{"two replicas", ptr.To[int32](2), d.Spec.Replicas},
		{"the selector can never change", &metav1.LabelSelector{MatchLabels: standaloneLabels}, d.Spec.Selector},
		{"the pods carry the label of the Owned baseline", merged(standaloneLabels, map[string]string{"restate-integration.dev/integration": "prod"}), d.Spec.Template.Labels},
		{"a changed credential restarts the pods", map[string]string{"restate-integration.dev/credential-digest": rollout("", "1")}, d.Spec.Template.Annotations},
		{"a rollout never narrows the tunnel", &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1))}, d.Spec.Strategy.RollingUpdate},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestStandalonePodTemplate(t *testing.T) {
	pod := standalone(t, `{spec: {credentials: {tunnel: {name: other, key: api-key}}, images: {tunnel: "m/t:1", pullPolicy: Never}, tunnel: {env: [{name: RUST_LOG, value: debug}], podTemplate: {
		labels: {team: a}, annotations: {example.com/x: y}, nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: {nodeAffinity: {}},
		topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}, {maxSkew: 1, topologyKey: room, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {team: a}}}], priorityClassName: high, securityContext: {runAsUser: 1000}, dnsConfig: {nameservers: [192.0.2.1]}}}}}`).Spec.Template
	c := pod.Spec.Containers[0]
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"labels stand next to the function's", "a", pod.Labels["team"]},
		{"which stay", "prod-tunnel", pod.Labels["app.kubernetes.io/instance"]},
		{"annotations", "y", pod.Annotations["example.com/x"]},
		{"next to the digest", rollout("", "1"), pod.Annotations["restate-integration.dev/credential-digest"]},
		{"nodeSelector", map[string]string{"a": "b"}, pod.Spec.NodeSelector},
		{"tolerations", []corev1.Toleration{{Operator: "Exists"}}, pod.Spec.Tolerations},
		{"affinity", &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}, pod.Spec.Affinity},
		{"constraints replace the default ones; one without a selector would count no pod", []corev1.TopologySpreadConstraint{
			{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: "DoNotSchedule", LabelSelector: &metav1.LabelSelector{MatchLabels: standaloneLabels}},
			{MaxSkew: 1, TopologyKey: "room", WhenUnsatisfiable: "ScheduleAnyway", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}},
		}, pod.Spec.TopologySpreadConstraints},
		{"priority class", "high", pod.Spec.PriorityClassName},
		{"the security context replaces the default one", &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000)}, pod.Spec.SecurityContext},
		{"and the container stays restricted", restricted, c.SecurityContext},
		{"without fsGroup, only a file open to all can be read", ptr.To[int32](0o444), pod.Spec.Volumes[0].Secret.DefaultMode},
		{"the Secret", "other", pod.Spec.Volumes[0].Secret.SecretName},
		{"its key, at the same path", []corev1.KeyToPath{{Key: "api-key", Path: "token"}}, pod.Spec.Volumes[0].Secret.Items},
		{"DNS", &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.1"}}, pod.Spec.DNSConfig},
		{"image", "m/t:1", c.Image},
		{"pull policy", corev1.PullNever, c.ImagePullPolicy},
		{"env stands behind what the function sets", corev1.EnvVar{Name: "RUST_LOG", Value: "debug"}, c.Env[len(c.Env)-1]},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestStandaloneProxy(t *testing.T) {
	all := built(t, standaloneBase, `{spec: {cloud: {adminURL: "https://a.restate.cloud"}, tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}}}}`)
	c := object[*appsv1.Deployment](t, all, "prod-tunnel").Spec.Template.Spec.Containers[0]
	s := object[*corev1.Service](t, all, "prod-tunnel")
	h2c := ptr.To("kubernetes.io/h2c")
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"the client reads only true and false", corev1.EnvVar{Name: "RESTATE_REMOTE_PROXY", Value: "true"}, c.Env[5]},
		{"only what is overridden is said", []corev1.EnvVar{{Name: "RESTATE_ADMIN_URI", Value: "https://a.restate.cloud"}}, c.Env[6:]},
		{"three ports", []corev1.ContainerPort{{Name: "health", ContainerPort: 9090, Protocol: "TCP"}, {Name: "ingress", ContainerPort: 8080, Protocol: "TCP"}, {Name: "admin", ContainerPort: 9070, Protocol: "TCP"}}, c.Ports},
		{"the Service has the names of the operator's", []corev1.ServicePort{
			{Name: "ingress", Port: 8080, TargetPort: intstr.FromString("ingress"), Protocol: "TCP", AppProtocol: h2c},
			{Name: "admin", Port: 9070, TargetPort: intstr.FromString("admin"), Protocol: "TCP", AppProtocol: h2c},
			{Name: "health", Port: 9090, TargetPort: intstr.FromString("health"), Protocol: "TCP"},
		}, s.Spec.Ports},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestStandaloneServiceAndAccount(t *testing.T) {
	all := built(t, standaloneBase)
	s := object[*corev1.Service](t, all, "prod-tunnel")
	want := corev1.ServiceSpec{Type: "ClusterIP", Selector: standaloneLabels, Ports: []corev1.ServicePort{{Name: "health", Port: 9090, TargetPort: intstr.FromString("health"), Protocol: "TCP"}}}
	if d := cmp.Diff(want, s.Spec); d != "" || s.Namespace != "restate" {
		t.Errorf("Service in %q: (-want +got)\n%s", s.Namespace, d)
	}
	account := object[*corev1.ServiceAccount](t, all, "prod-tunnel")
	if account.Namespace != "restate" || ptr.Deref(account.AutomountServiceAccountToken, true) {
		t.Errorf("ServiceAccount in %q with token %v, want restate and false", account.Namespace, account.AutomountServiceAccountToken)
	}
}

// TestKindsOfEachMode writes kinds and names out by hand: what each mode gives is part of the API.
func TestKindsOfEachMode(t *testing.T) {
	for _, tt := range []struct {
		base string
		want []string
	}{
		{operatorBase, []string{
			"RestateCloudEnvironment /prod", "PodDisruptionBudget restate-operator/prod-tunnel", "NetworkPolicy restate-operator/prod-tunnel",
			"ConfigMap restate/prod-endpoints", "ConfigMap shop/prod-endpoints", "NetworkPolicy shop/prod-service-greeter", "RestateDeployment shop/prod-service-greeter",
		}},
		{standaloneBase, []string{
			"NetworkPolicy restate/prod-baseline-deny", "NetworkPolicy restate/prod-baseline-dns",
			"ServiceAccount restate/prod-tunnel", "Deployment restate/prod-tunnel", "Service restate/prod-tunnel", "PodDisruptionBudget restate/prod-tunnel", "NetworkPolicy restate/prod-tunnel",
			"ConfigMap restate/prod-endpoints", "ConfigMap shop/prod-endpoints", "NetworkPolicy shop/prod-service-greeter",
		}},
		{noTunnelBase, []string{"ConfigMap restate/prod-endpoints", "ConfigMap shop/prod-endpoints", "NetworkPolicy shop/prod-service-greeter"}},
	} {
		if d := cmp.Diff(tt.want, ids(built(t, tt.base))); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
}
