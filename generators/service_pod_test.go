// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// basedOn is a base with a patch below spec, for the tests that patch it further.
func basedOn(t testing.TB, base, patch string) string {
	t.Helper()
	return string(merge(t, base, `{spec: `+patch+`}`))
}

// templateOf is what becomes of a whole template with this pod spec.
func templateOf(t *testing.T, podSpec string) corev1.PodTemplateSpec {
	t.Helper()
	return deploymentOf(t, `{deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: `+podSpec+`}}}`).Spec.Template
}

func tcpProbe(port int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}}}
}

// hardened is what a container without a context of its own gets. Its root file system stays open.
func hardened() *corev1.SecurityContext {
	return &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
}

// defaultTemplateSpec is a template that says nothing but its image, filled in.
func defaultTemplateSpec() corev1.PodSpec {
	return corev1.PodSpec{
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To[int64](60),
		SecurityContext:               &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"}},
		TopologySpreadConstraints:     defaultDeploymentSpec().Template.Spec.TopologySpreadConstraints,
		Containers:                    []corev1.Container{{Name: "main", Image: "m", ReadinessProbe: tcpProbe(9080), SecurityContext: hardened()}},
	}
}

// TestWholeTemplate is filled in where it is silent, and never changed where it speaks.
func TestWholeTemplate(t *testing.T) {
	// pod has fields of the pod besides its container, container those of the container.
	pod := func(fields string) string { return `{` + fields + `, containers: [{name: main, image: m}]}` }
	container := func(fields string) string { return `{containers: [{name: main, image: m, ` + fields + `}]}` }
	context := func(fields string) string { return container(`securityContext: {` + fields + `}`) }
	type spec = *corev1.PodSpec
	for _, tt := range []struct {
		reason, template string
		change           func(spec)
	}{
		{"it says nothing", `{containers: [{name: main, image: m}]}`, func(spec) {}},
		{"what is not of Pod Security is passed on", pod(`hostname: x, hostNetwork: true, dnsPolicy: Default`), func(p spec) {
			p.Hostname, p.HostNetwork, p.DNSPolicy = "x", true, "Default"
		}},
		{"who names an account may need its token", pod(`serviceAccountName: greeter`), func(p spec) {
			p.ServiceAccountName, p.AutomountServiceAccountToken = "greeter", nil
		}},
		{"a token that is asked for", pod(`automountServiceAccountToken: true`), func(p spec) { p.AutomountServiceAccountToken = ptr.To(true) }},
		{"variables of Services that are asked for", pod(`enableServiceLinks: true`), func(p spec) { p.EnableServiceLinks = ptr.To(true) }},
		{"a grace period", pod(`terminationGracePeriodSeconds: 5`), func(p spec) { p.TerminationGracePeriodSeconds = ptr.To[int64](5) }},
		{"a spread", pod(`topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]`), func(p spec) {
			p.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: "DoNotSchedule"}}
		}},
		{"no spread, asked for", pod(`topologySpreadConstraints: []`), func(p spec) { p.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{} }},

		{"root, which runAsNonRoot would keep from starting", pod(`securityContext: {runAsUser: 0}`), func(p spec) {
			p.SecurityContext.RunAsUser, p.SecurityContext.RunAsNonRoot = ptr.To[int64](0), nil
		}},
		{"another user", pod(`securityContext: {runAsUser: 1000}`), func(p spec) { p.SecurityContext.RunAsUser = ptr.To[int64](1000) }},
		{"perhaps root", pod(`securityContext: {runAsNonRoot: false}`), func(p spec) { p.SecurityContext.RunAsNonRoot = ptr.To(false) }},
		{"no seccomp", pod(`securityContext: {seccompProfile: {type: Unconfined}}`), func(p spec) { p.SecurityContext.SeccompProfile.Type = "Unconfined" }},
		{"a group for files stands beside it", pod(`securityContext: {fsGroup: 7}`), func(p spec) { p.SecurityContext.FSGroup = ptr.To[int64](7) }},

		{"one container as root, which the pod's runAsNonRoot would keep from starting", context(`runAsUser: 0`), func(p spec) {
			p.Containers[0].SecurityContext.RunAsUser, p.Containers[0].SecurityContext.RunAsNonRoot = ptr.To[int64](0), ptr.To(false)
		}},
		{"a contradiction of the user's own stays one", context(`runAsUser: 0, runAsNonRoot: true`), func(p spec) {
			p.Containers[0].SecurityContext.RunAsUser, p.Containers[0].SecurityContext.RunAsNonRoot = ptr.To[int64](0), ptr.To(true)
		}},
		{"privileged means all that is closed elsewhere", context(`privileged: true`), func(p spec) {
			p.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
		}},
		{"not privileged", context(`privileged: false`), func(p spec) { p.Containers[0].SecurityContext.Privileged = ptr.To(false) }},
		{"escalation", context(`allowPrivilegeEscalation: true`), func(p spec) { p.Containers[0].SecurityContext.AllowPrivilegeEscalation = ptr.To(true) }},
		{"capabilities", context(`capabilities: {add: [NET_BIND_SERVICE]}`), func(p spec) {
			p.Containers[0].SecurityContext.Capabilities = &corev1.Capabilities{Add: []corev1.Capability{"NET_BIND_SERVICE"}}
		}},
		{"a capability that means escalation", context(`capabilities: {add: [SYS_ADMIN]}`), func(p spec) {
			p.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_ADMIN"}}}
		}},
		{"likewise; the API server refuses this spelling beside allowPrivilegeEscalation false", context(`capabilities: {add: [CAP_SYS_ADMIN]}`), func(p spec) {
			p.Containers[0].SecurityContext = &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_SYS_ADMIN"}}}
		}},
		{"a closed root file system", context(`readOnlyRootFilesystem: true`), func(p spec) { p.Containers[0].SecurityContext.ReadOnlyRootFilesystem = ptr.To(true) }},

		{"a probe", container(`readinessProbe: {exec: {command: [a]}}`), func(p spec) {
			p.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"a"}}}}
		}},
		{"other probes are the user's to add", container(`livenessProbe: {exec: {command: [a]}}`), func(p spec) {
			p.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"a"}}}}
		}},
		{"the port of the pod is probed", container(`ports: [{containerPort: 8080}]`), func(p spec) {
			p.Containers[0].Ports, p.Containers[0].ReadinessProbe = []corev1.ContainerPort{{ContainerPort: 8080}}, tcpProbe(8080)
		}},
		{"only the container that serves is probed, and every one hardened", `{containers: [{name: side, image: s, ports: [{containerPort: 1}]}, {name: main, image: m, ports: [{name: metrics, containerPort: 2}, {name: restate, containerPort: 8081}]}]}`, func(p spec) {
			p.Containers = []corev1.Container{
				{Name: "side", Image: "s", Ports: []corev1.ContainerPort{{ContainerPort: 1}}, SecurityContext: hardened()},
				{Name: "main", Image: "m", Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 2}, {Name: "restate", ContainerPort: 8081}}, ReadinessProbe: tcpProbe(8081), SecurityContext: hardened()},
			}
		}},
		{"without a port of that name the first container with a port serves", `{containers: [{name: side, image: s}, {name: main, image: m, ports: [{containerPort: 8080}]}]}`, func(p spec) {
			p.Containers = []corev1.Container{
				{Name: "side", Image: "s", SecurityContext: hardened()},
				{Name: "main", Image: "m", Ports: []corev1.ContainerPort{{ContainerPort: 8080}}, ReadinessProbe: tcpProbe(8080), SecurityContext: hardened()},
			}
		}},
		{"init containers", pod(`initContainers: [{name: a, image: a}, {name: b, image: b, securityContext: {privileged: true}}]`), func(p spec) {
			p.InitContainers = []corev1.Container{{Name: "a", Image: "a", SecurityContext: hardened()}, {Name: "b", Image: "b", SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(true)}}}
		}},
		{"Windows has none of these", pod(`os: {name: windows}`), func(p spec) {
			p.OS = &corev1.PodOS{Name: "windows"}
			p.SecurityContext, p.Containers[0].SecurityContext = nil, nil
		}},
		{"Linux has", pod(`os: {name: linux}`), func(p spec) { p.OS = &corev1.PodOS{Name: "linux"} }},
	} {
		want := defaultTemplateSpec()
		tt.change(&want)
		if d := cmp.Diff(want, templateOf(t, tt.template).Spec); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestWholeTemplateMetadata: labels and annotations stay as they are, the selector is the spec's, and policies have the pod's port.
func TestWholeTemplateMetadata(t *testing.T) {
	all := built(t, operatorBase, `{spec: {services: {greeter: {deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter, version: "2"}, annotations: {a: b}},
		spec: {containers: [{name: main, image: m, ports: [{name: restate, containerPort: 8081}]}]}}}}}}}`)
	d := object[*restateDeployment](t, all, "prod-service-greeter")
	want := metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": "greeter", "version": "2"}, Annotations: map[string]string{"a": "b"}}
	if d := cmp.Diff(want, d.Spec.Template.ObjectMeta); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff(metav1.LabelSelector{MatchLabels: greeterPod}, d.Spec.Selector); d != "" {
		t.Errorf("selector: (-want +got)\n%s", d)
	}
	if d := cmp.Diff(ports("TCP", 8081), policySpec(t, all, "prod-service-greeter").Ingress[0].Ports); d != "" {
		t.Errorf("policy: (-want +got)\n%s", d)
	}
}

// usesPatch has everything that a service can use, and no finding of its own.
const usesPatch = `{credentials: {ingress: {source: External}}, nats: {servers: ["tls://nats.nats.svc"]},
	wasmcloud: {handlers: {inventory: {namespace: wasmcloud}, price-list: {namespace: wasmcloud}}}}`

func usesBase(t testing.TB) string {
	t.Helper()
	return basedOn(t, operatorBase, usesPatch)
}

// fromEndpoints is a variable that is read from the endpoints ConfigMap.
func fromEndpoints(key string) corev1.EnvVar {
	return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "prod-endpoints"}, Key: key,
	}}}
}

// keyVolume mounts one key of a Secret as a file.
func keyVolume(name, secret, key string, mode int32) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: secret, DefaultMode: ptr.To(mode), Items: []corev1.KeyToPath{{Key: key, Path: "token"}},
	}}}
}

// TestUses: the serving container gets the URLs by reference, so that they change in one place, and the key as a file.
func TestUses(t *testing.T) {
	var (
		tokenFile = corev1.EnvVar{Name: "RESTATE_INGRESS_TOKEN_FILE", Value: "/var/run/secrets/restate-ingress/token"}
		mount     = corev1.VolumeMount{Name: "restate-ingress", MountPath: "/var/run/secrets/restate-ingress", ReadOnly: true}
		tmp       = corev1.VolumeMount{Name: "tmp", MountPath: "/tmp"}
		volume    = keyVolume("restate-ingress", "restate-ingress", "token", 0o444)
		tmpDir    = defaultDeploymentSpec().Template.Spec.Volumes[0]
	)
	template := func(podSpec string) string {
		return `deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: ` + podSpec + `}}`
	}
	for _, tt := range []struct {
		reason, patch string
		container     int
		env           []corev1.EnvVar
		mounts        []corev1.VolumeMount
		volumes       []corev1.Volume
	}{
		{"nothing", `uses: {}`, 0, nil, []corev1.VolumeMount{tmp}, []corev1.Volume{tmpDir}},
		{"Restate: URL and key", `uses: {restate: true}`, 0, []corev1.EnvVar{fromEndpoints("RESTATE_INGRESS_URL"), tokenFile}, []corev1.VolumeMount{tmp, mount}, []corev1.Volume{tmpDir, volume}},
		{"NATS has no key of its own here", `uses: {nats: true}`, 0, []corev1.EnvVar{fromEndpoints("NATS_URL")}, []corev1.VolumeMount{tmp}, []corev1.Volume{tmpDir}},
		{"handlers, in the order of their keys", `uses: {handlers: [price-list, inventory]}`, 0, []corev1.EnvVar{fromEndpoints("WASMCLOUD_INVENTORY_URL"), fromEndpoints("WASMCLOUD_PRICE_LIST_URL")}, []corev1.VolumeMount{tmp}, []corev1.Volume{tmpDir}},
		{
			"env of one's own stands behind, and wins", `uses: {restate: true, nats: true}, deployment: {env: [{name: A, value: b}, {name: NATS_URL, value: mine}]}`, 0,
			[]corev1.EnvVar{fromEndpoints("RESTATE_INGRESS_URL"), tokenFile, {Name: "A", Value: "b"}, {Name: "NATS_URL", Value: "mine"}},
			[]corev1.VolumeMount{tmp, mount},
			[]corev1.Volume{tmpDir, volume},
		},
		{
			"with a group for files the key is closed to others", `uses: {restate: true}, deployment: {podTemplate: {securityContext: {fsGroup: 7}}}`, 0,
			[]corev1.EnvVar{fromEndpoints("RESTATE_INGRESS_URL"), tokenFile},
			[]corev1.VolumeMount{tmp, mount},
			[]corev1.Volume{tmpDir, keyVolume("restate-ingress", "restate-ingress", "token", 0o440)},
		},
		{
			"a whole template: behind what it mounts", `uses: {restate: true}, ` + template(`{containers: [{name: a, env: [{name: A, value: b}], volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}`), 0,
			[]corev1.EnvVar{fromEndpoints("RESTATE_INGRESS_URL"), tokenFile, {Name: "A", Value: "b"}},
			[]corev1.VolumeMount{{Name: "v", MountPath: "/v"}, mount},
			[]corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}, volume},
		},
		{
			"the container that serves", `uses: {restate: true}, ` + template(`{containers: [{name: side}, {name: main, ports: [{name: restate, containerPort: 9080}]}]}`), 1,
			[]corev1.EnvVar{fromEndpoints("RESTATE_INGRESS_URL"), tokenFile},
			[]corev1.VolumeMount{mount},
			[]corev1.Volume{volume},
		},
		{
			"and no other", `uses: {restate: true}, ` + template(`{containers: [{name: side}, {name: main, ports: [{name: restate, containerPort: 9080}]}]}`), 0,
			nil, nil,
			[]corev1.Volume{volume},
		},
	} {
		all := built(t, usesBase(t), `{spec: {credentials: {ingress: null}, services: {greeter: {`+tt.patch+`}}}}`)
		pod := object[*restateDeployment](t, all, "prod-service-greeter").Spec.Template.Spec
		c := pod.Containers[tt.container]
		if d := cmp.Diff(tt.env, c.Env); d != "" {
			t.Errorf("%s: env: (-want +got)\n%s", tt.reason, d)
		}
		if d := cmp.Diff(tt.mounts, c.VolumeMounts); d != "" {
			t.Errorf("%s: mounts: (-want +got)\n%s", tt.reason, d)
		}
		if d := cmp.Diff(tt.volumes, pod.Volumes); d != "" {
			t.Errorf("%s: volumes: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestUsesAnotherSecret follows credentials.ingress.
func TestUsesAnotherSecret(t *testing.T) {
	all := built(t, usesBase(t), `{spec: {credentials: {ingress: {name: mine, key: api-key}}, services: {greeter: {uses: {restate: true}}}}}`)
	got := object[*restateDeployment](t, all, "prod-service-greeter").Spec.Template.Spec.Volumes[1]
	if d := cmp.Diff(keyVolume("restate-ingress", "mine", "api-key", 0o444), got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestARotationMakesNoNewVersion: the pods read the mounted key anew, and each change of a template is registered anew.
func TestARotationMakesNoNewVersion(t *testing.T) {
	render := func(digest string) *restateDeployment {
		ingress := sealed("shop", func(s *Secret) { s.Name = "restate-ingress" }, withKeys(map[string]SecretKey{"token": {Digest: digest}}))
		m := modelWith(t, Input{Secrets: []Secret{ingress}}, usesBase(t), `{spec: {credentials: {ingress: {source: null}}, services: {greeter: {uses: {restate: true}}}}}`)
		return object[*restateDeployment](t, Build(m), "prod-service-greeter")
	}
	if d := cmp.Diff(render("a"), render("b")); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
}

func TestResolveUses(t *testing.T) {
	const path = "spec.services[greeter]"
	const closed = "info RI0505 " + path + ".egressTo"
	uses := func(s string) string { return `{services: {greeter: {uses: {` + s + `}}}}` }
	runResolve(t, usesBase(t), []resolveCase{
		{"nothing leaves the egress open", uses(``), "error RI0208 spec.credentials.ingress"},
		{"Restate", uses(`restate: true`), closed},
		{"NATS", `{credentials: {ingress: null}, services: {greeter: {uses: {nats: true}}}}`, closed},
		{"a handler", `{credentials: {ingress: null}, services: {greeter: {uses: {handlers: [inventory]}}}}`, closed},
		{"NATS that is nowhere", `{credentials: {ingress: null}, nats: null, services: {greeter: {uses: {nats: true}}}}`, "error RI0208 " + path + ".uses.nats; " + closed},
		{"a handler that is nowhere", uses(`restate: true, handlers: [inventory, stock]`), "error RI0207 " + path + ".uses.handlers[1]; " + closed},
		{"a handler twice", uses(`restate: true, handlers: [inventory, price-list, inventory]`), "error RI0202 " + path + ".uses.handlers[2]; " + closed},
		{"no block of wasmCloud at all", `{wasmcloud: null, services: {greeter: {uses: {restate: true, handlers: [inventory]}}}}`, "error RI0207 " + path + ".uses.handlers[0]; " + closed},
		{"an image runs with what it is given", `{services: {greeter: {uses: {restate: true}, deployment: {env: [{name: RESTATE_INPROC_X, value: a}]}}}}`, closed},
	})

	template := func(service, podSpec string) string {
		return `{services: {greeter: {` + service + `, deployment: {image: null, template: {metadata: {labels: {app.kubernetes.io/name: greeter}}, spec: ` + podSpec + `}}}}}`
	}
	const spec = path + ".deployment.template.spec"
	const at = "/var/run/secrets/restate-ingress"
	runResolve(t, usesBase(t), []resolveCase{
		{"a volume of the function's name", template(`uses: {restate: true}`, `{containers: [{name: a}], volumes: [{name: a, emptyDir: {}}, {name: restate-ingress, emptyDir: {}}]}`), "error RI0506 " + spec + ".volumes[1].name; " + closed},
		{"which is free where the function adds none", template(`uses: {handlers: [inventory]}`, `{containers: [{name: a}], volumes: [{name: restate-ingress, emptyDir: {}}]}`), "error RI0208 spec.credentials.ingress; " + closed},
		{"a mount where the key is", template(`uses: {restate: true}`, `{containers: [{name: a, volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: `+at+`}]}], volumes: [{name: v, emptyDir: {}}]}`), "error RI0506 " + spec + ".containers[0].volumeMounts[1].mountPath; " + closed},
		{"another spelling of the place", template(`uses: {restate: true}`, `{containers: [{name: a, volumeMounts: [{name: v, mountPath: `+at+`/}]}], volumes: [{name: v, emptyDir: {}}]}`), "error RI0506 " + spec + ".containers[0].volumeMounts[0].mountPath; " + closed},
		{"which is free likewise", template(`uses: {nats: true}`, `{containers: [{name: a, volumeMounts: [{name: v, mountPath: `+at+`}]}], volumes: [{name: v, emptyDir: {}}]}`), "error RI0208 spec.credentials.ingress; " + closed},
	})
}

// TestUnusedCredentials: a key that nothing reads is a mistake, or a service that lacks uses.
func TestUnusedCredentials(t *testing.T) {
	const ingress, admin = "error RI0208 spec.credentials.ingress", "error RI0208 spec.credentials.admin"
	runResolve(t, operatorBase, []resolveCase{
		{"nobody calls Restate", `{credentials: {ingress: {name: a}}}`, ingress},
		{"nobody registers by Job", `{credentials: {admin: {source: External}}}`, admin},
		{"empty blocks say nothing", `{credentials: {ingress: {files: []}, admin: {}}}`, ""},
		{"no digest of this key goes anywhere", `{credentials: {ingress: {source: External, rolloutKey: "1"}}, services: {greeter: {uses: {restate: true}}}}`, ingress + ".rolloutKey; info RI0505 spec.services[greeter].egressTo"},
		{"nor is its absence missed", `{credentials: {ingress: {source: External}}, services: {greeter: {uses: {restate: true}}}}`, "info RI0505 spec.services[greeter].egressTo"},
		{"an image that runs nowhere", `{images: {restateCli: "r/c:1"}}`, "error RI0208 spec.images.restateCli"},
	})
	runResolve(t, noTunnelBase, []resolveCase{
		{"addresses that no policy opens", `{networkPolicy: {restateCloud: {cidrs: [192.0.2.0/24]}}}`, "error RI0208 spec.networkPolicy.restateCloud"},
		{"exceptions of them", `{networkPolicy: {restateCloud: {except: [10.0.0.0/8]}}}`, "error RI0208 spec.networkPolicy.restateCloud"},
		{"a service calls them", `{credentials: {ingress: {source: External}}, networkPolicy: {restateCloud: {cidrs: [192.0.2.0/24]}}, services: {greeter: {uses: {restate: true}}}}`, "info RI0505 spec.services[greeter].egressTo"},
		{"private addresses must be named, or the rule would open all", `{cloud: {region: x1.byoc}, credentials: {ingress: {source: External}}, services: {greeter: {uses: {restate: true}}}}`, "error RI0801 spec.networkPolicy.restateCloud.cidrs; info RI0505 spec.services[greeter].egressTo"},
		{"nobody calls them", `{cloud: {region: x1.byoc}}`, ""},
	})
}
