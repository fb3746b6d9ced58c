// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const inProcess = `{services: {greeter: {deployment: {tunnelMode: InProcess}}}}`

// TestInProcess: the operator sets every variable of the tunnel but that of the token, and dials nobody.
func TestInProcess(t *testing.T) {
	token := corev1.EnvVar{Name: "RESTATE_INPROC_AUTH_TOKEN_FILE", Value: "/var/run/secrets/restate.cloud/token"}
	mount := corev1.VolumeMount{Name: "restate-tunnel", MountPath: "/var/run/secrets/restate.cloud", ReadOnly: true}
	volume := keyVolume("restate-tunnel", "restate-identity", "token", 0o444)
	for _, tt := range []struct {
		reason, patch string
		change        func(*restateDeploymentSpec)
	}{
		{"an image listens on no port, so that nothing can be probed", `{}`, func(s *restateDeploymentSpec) {
			c := &s.Template.Spec.Containers[0]
			c.Ports, c.ReadinessProbe = nil, nil
			c.Env = []corev1.EnvVar{token}
			c.VolumeMounts = append(c.VolumeMounts, mount)
			s.Template.Spec.Volumes = append(s.Template.Spec.Volumes, volume)
		}},
		{"beside the key for calls", `{uses: {restate: true}}`, func(s *restateDeploymentSpec) {
			c := &s.Template.Spec.Containers[0]
			c.Ports, c.ReadinessProbe = nil, nil
			c.Env = []corev1.EnvVar{token, fromEndpoints("RESTATE_INGRESS_URL"), {Name: "RESTATE_INGRESS_TOKEN_FILE", Value: "/var/run/secrets/restate-ingress/token"}}
			c.VolumeMounts = append(c.VolumeMounts, mount, corev1.VolumeMount{Name: "restate-ingress", MountPath: "/var/run/secrets/restate-ingress", ReadOnly: true})
			s.Template.Spec.Volumes = append(s.Template.Spec.Volumes, volume, keyVolume("restate-ingress", "restate-ingress", "token", 0o444))
		}},
		{"a whole template is not probed either", `{deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: {containers: [{name: main, image: m}]}}}}`, func(s *restateDeploymentSpec) {
			s.Template.Spec = defaultTemplateSpec()
			c := &s.Template.Spec.Containers[0]
			c.ReadinessProbe = nil
			c.Env, c.VolumeMounts, s.Template.Spec.Volumes = []corev1.EnvVar{token}, []corev1.VolumeMount{mount}, []corev1.Volume{volume}
		}},
	} {
		want := defaultDeploymentSpec()
		tt.change(&want)
		want.Restate.TunnelMode = "in-process"
		want.Template.Spec.TerminationGracePeriodSeconds = ptr.To[int64](150) // the tunnel drains for 120 s
		all := built(t, basedOn(t, operatorBase, inProcess), `{spec: {services: {greeter: `+tt.patch+`}}}`)
		if d := cmp.Diff(want, object[*restateDeployment](t, all, "prod-service-greeter").Spec); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestInProcessPolicies(t *testing.T) {
	base := basedOn(t, operatorBase, inProcess)
	want := networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: greeterPod}, PolicyTypes: bothWays,
		Egress: []networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(ports("TCP", 19080), cloudPeers...)},
	}
	all := built(t, base)
	if d := cmp.Diff(want, policySpec(t, all, "prod-service-greeter")); d != "" {
		t.Errorf("nothing comes in, and DNS and the tunnel servers are open: (-want +got)\n%s", d)
	}
	if d := cmp.Diff(defaultTunnelPolicy().Egress[:2], policySpec(t, all, "prod-tunnel").Egress); d != "" {
		t.Errorf("the tunnel of others has nothing to reach there: (-want +got)\n%s", d)
	}
	want.Ingress = []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 9464), prometheus)}
	if d := cmp.Diff(want, policySpec(t, built(t, base, `{spec: {services: {greeter: {metricsPort: 9464}}}}`), "prod-service-greeter")); d != "" {
		t.Errorf("but the scraper: (-want +got)\n%s", d)
	}
	want.Ingress, want.Egress[1].Ports = nil, []networkingv1.NetworkPolicyPort{{Protocol: ptr.To(corev1.ProtocolTCP)}}
	if d := cmp.Diff(want, policySpec(t, built(t, base, `{spec: {networkPolicy: {restateCloud: {tunnelPorts: null}}}}`), "prod-service-greeter")); d != "" {
		t.Errorf("without known ports, all of TCP: (-want +got)\n%s", d)
	}
}

func TestResolveInProcess(t *testing.T) {
	const path = "spec.services[greeter]"
	const closed = "info RI0505 " + path + ".egressTo"
	base := basedOn(t, operatorBase, inProcess)
	field := func(s string) string { return `{services: {greeter: {` + s + `}}}` }
	template := func(podSpec string) string {
		return field(`deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: ` + podSpec + `}}`)
	}
	const spec = path + ".deployment.template.spec"
	const at = "/var/run/secrets/restate.cloud"
	runResolve(t, base, []resolveCase{
		{"closed egress is said", `{}`, closed},
		{"who may call a port that is not there?", field(`allowFrom: [{podSelector: {}}]`), "error RI0206 " + path + ".allowFrom; " + closed},
		{"the operator rejects what it sets itself", field(`deployment: {env: [{name: A}, {name: RESTATE_INPROC_TUNNEL_NAME, value: a}]}`), "error RI0506 " + path + ".deployment.env[1].name; " + closed},
		{"and the token's file is the function's", field(`deployment: {env: [{name: RESTATE_INPROC_AUTH_TOKEN_FILE, value: a}]}`), "error RI0506 " + path + ".deployment.env[0].name; " + closed},
		{"a neighbour of the prefix", field(`deployment: {env: [{name: RESTATE_INPROCESS, value: a}]}`), closed},
		{"in a container", template(`{containers: [{name: a}, {name: b, env: [{name: RESTATE_INPROC_CLOUD_REGION}]}]}`), "error RI0506 " + spec + ".containers[1].env[0].name; " + closed},
		{"in an init container, where the operator sets them too", template(`{initContainers: [{name: i, env: [{name: RESTATE_INPROC_CLOUD_REGION}]}], containers: [{name: a}]}`), "error RI0506 " + spec + ".initContainers[0].env[0].name; " + closed},
		{"a volume of the function's name", template(`{containers: [{name: a}], volumes: [{name: restate-tunnel, emptyDir: {}}]}`), "error RI0506 " + spec + ".volumes[0].name; " + closed},
		{"a mount where the key is", template(`{initContainers: [{name: i, volumeMounts: [{name: v, mountPath: ` + at + `}]}], containers: [{name: a}], volumes: [{name: v, emptyDir: {}}]}`), "error RI0506 " + spec + ".initContainers[0].volumeMounts[0].mountPath; " + closed},
		{"the place of a key that is not mounted", template(`{containers: [{name: a, volumeMounts: [{name: v, mountPath: /var/run/secrets/restate-ingress}]}], volumes: [{name: v, emptyDir: {}}]}`), closed},
		{"back to the tunnel of others", field(`deployment: {tunnelMode: External}`), ""},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the variables are free where the tunnel is elsewhere", field(`deployment: {env: [{name: RESTATE_INPROC_TUNNEL_NAME, value: a}]}`), ""},
		{"so are volume and place", template(`{containers: [{name: a, env: [{name: RESTATE_INPROC_X}], volumeMounts: [{name: restate-tunnel, mountPath: ` + at + `}]}], volumes: [{name: restate-tunnel, emptyDir: {}}]}`), ""},
		{"and peers", field(`allowFrom: [{podSelector: {}}]`), ""},
	})
}

// TestInProcessSecrets: each service's namespace needs a Secret of its own, and a missing one is named.
func TestInProcessSecrets(t *testing.T) {
	const path = "spec.credentials.tunnel"
	base := basedOn(t, operatorBase, `{credentials: {tunnel: {source: null, rolloutKey: null}}, services: {greeter: {deployment: {tunnelMode: InProcess}}, teller: {namespace: bank, deployment: {image: "a/b:1", tunnelMode: InProcess}}}}`)
	for _, tt := range []struct {
		reason  string
		secrets []Secret
		want    []string // the texts of errors and warnings, a part of each
	}{
		{"all there", []Secret{sealed("restate-operator"), sealed("shop"), sealed("bank")}, nil},
		{"one is missing", []Secret{sealed("restate-operator"), sealed("bank")}, []string{path + ".name: leads to Secret shop/restate-identity, which is not in sight, so that it was not checked; "}},
		{"that of the operator restarts pods", []Secret{sealed("shop"), sealed("bank")}, []string{path + ".name: leads to Secret restate-operator/restate-identity, which is not in sight, so that it was not checked and a rotation"}},
		{"nobody reads it there", []Secret{sealed("restate-operator"), sealed("shop"), sealed("bank"), sealed("mail")}, []string{path + `.name: must be in namespace "bank", "restate-operator", "shop"`}},
	} {
		_, ds := Resolve(spec(t, base), Input{Secrets: tt.secrets})
		var got []string
		for _, d := range ds {
			if strings.HasPrefix(d.Path, path) {
				got = append(got, d.Path+": "+d.Text())
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: got %q, want %q", tt.reason, got[i], want)
			}
		}
	}
}
