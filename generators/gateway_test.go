// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// gatewayBase is a spec without any finding.
func gatewayBase(t testing.TB) string {
	t.Helper()
	return string(merge(t, noTunnelBase, `
spec:
  credentials: {ingress: {source: External}}
  gateway:
    tls: {issuerRef: {group: cert-manager.io, kind: ClusterIssuer, name: internal}}
    auth: {apiKeys: {secretRef: {source: External}}}
    expose:
      type: GatewayAPI
      host: api.example.com
      clusterIssuer: letsencrypt
      gatewayClassName: eg
      controller: {namespace: edge, podSelector: {matchLabels: {app: envoy}}}
    services: [Order]
`))
}

const (
	jwtAuthority = `{issuer: "https://idp.example.com/", audiences: [restate], jwksURI: "https://idp.example.com/keys"}`
	withJWT      = `{spec: {gateway: {auth: {jwt: ` + jwtAuthority + `}}}}`
	onlyJWT      = `{spec: {gateway: {auth: {apiKeys: null, jwt: ` + jwtAuthority + `}}}}`
	twoDomains   = `{spec: {gateway: {services: null, expose: {host: null}, domains: {billing: {services: [Invoice], host: billing.example.com}, orders: {services: [Order], host: orders.example.com, apiKeys: {secretRef: {name: orders-keys, source: External}}}}}}}`
)

func TestGatewayBaseHasNoFinding(t *testing.T) {
	if _, ds := Resolve(spec(t, gatewayBase(t)), Input{}); len(ds) > 0 {
		t.Errorf("got %q, want none: every other test rests on it", findings(ds))
	}
}

// gatewayDeploymentOf is the one of a gateway without domains.
func gatewayDeploymentOf(t *testing.T, patches ...string) *appsv1.Deployment {
	t.Helper()
	return object[*appsv1.Deployment](t, built(t, gatewayBase(t), patches...), "prod-gateway")
}

// gatewayConfigOf is its ConfigMap, whose name has a hash.
func gatewayConfigOf(t *testing.T, all []Built) *corev1.ConfigMap {
	t.Helper()
	i := slices.IndexFunc(all, func(b Built) bool { c, ok := b.Object.(*corev1.ConfigMap); return ok && c.Data["bootstrap.yaml"] != "" })
	if i < 0 {
		t.Fatalf("no configuration in %q", ids(all))
	}
	return all[i].Object.(*corev1.ConfigMap)
}

func TestGatewayObjects(t *testing.T) {
	kinds := func(patch string) string {
		var out []string
		for _, b := range built(t, gatewayBase(t), patch) {
			if strings.HasPrefix(b.Source, "spec.gateway") {
				out = append(out, b.ID().Kind)
			}
		}
		return strings.Join(out, " ")
	}
	const one, exposed = "ServiceAccount ConfigMap Deployment Service NetworkPolicy Certificate PodDisruptionBudget", " Certificate Gateway HTTPRoute BackendTLSPolicy"
	const single = "ServiceAccount ConfigMap Deployment Service NetworkPolicy Certificate"
	for _, tt := range []struct{ reason, patch, want string }{
		{"two replicas may be evicted one by one", `{}`, one + exposed},
		{"a budget of one replica could hold up every drain", `{spec: {gateway: {replicas: 1}}}`, single + exposed},
		{"switched off", `{spec: {gateway: {replicas: 0}}}`, single + exposed},
		{"an autoscaler has two or more", `{spec: {gateway: {autoscaled: true}}}`, one + exposed},
		{"a gateway for each domain, one way in", twoDomains, one + " " + one + exposed + " HTTPRoute BackendTLSPolicy"},
		{"no gateway", `{spec: {gateway: null, credentials: null}}`, ""},
	} {
		if got := kinds(tt.patch); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
}

// TestGatewaySources: each object says which field it comes from.
func TestGatewaySources(t *testing.T) {
	got := map[string]bool{}
	for _, b := range built(t, gatewayBase(t), twoDomains) {
		if strings.HasPrefix(b.Source, "spec.gateway") {
			got[b.ID().Kind+" "+b.ID().Name+" "+b.Source] = true
		}
	}
	for _, want := range []string{
		"Deployment prod-gateway-billing spec.gateway.domains[billing]", "Certificate prod-gateway-orders spec.gateway.domains[orders]",
		"Certificate prod-gateway-client spec.gateway.expose", "HTTPRoute prod-gateway-orders spec.gateway.expose",
	} {
		if !got[want] {
			t.Errorf("%s is not among %q", want, slices.Sorted(maps.Keys(got)))
		}
	}
}

func TestGatewayPolicy(t *testing.T) {
	exposure, login := peer("edge", map[string]string{"app": "envoy"}), peer("identity", map[string]string{"app": "login"})
	collector := peer("observability", nil)
	collector.PodSelector = nil
	in := []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 8443), exposure), ingress(ports("TCP", 9102), prometheus)}
	cloud := egress(ports("TCP", 8080), cloudPeers...)
	for _, tt := range []struct {
		reason, patch string
		in            []networkingv1.NetworkPolicyIngressRule
		out           []networkingv1.NetworkPolicyEgressRule
	}{
		{"keys alone", `{}`, in, []networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud}},
		{"the port of another URL", `{cloud: {ingressURL: "https://x.restate.cloud"}}`, in, []networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(ports("TCP", 443), cloudPeers...)}},
		{"an issuer on the internet", `{gateway: {auth: {jwt: ` + jwtAuthority + `}}}`, in, []networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud, egress(ports("TCP", 443), cloudPeers...)}},
		{
			"whose addresses are not those of a private Restate Cloud", `{networkPolicy: {restateCloud: {cidrs: [10.1.0.0/16]}}, gateway: {auth: {jwt: ` + jwtAuthority + `}}}`, in,
			// The defaults of except, which lie in 10.1.0.0/16 nowhere.
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(ports("TCP", 8080), block("10.1.0.0/16")), egress(ports("TCP", 443), cloudPeers...)},
		},
		{
			"an issuer in the cluster", `{gateway: {auth: {jwt: {issuer: a, audiences: [b], jwksURI: "https://login.identity.svc:8443/k", peer: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: identity}}, podSelector: {matchLabels: {app: login}}}}}}}`, in,
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud, egress(ports("TCP", 8443), login)},
		},
		{
			"a collector in the cluster", `{observability: {otlp: {endpoint: "otel.observability.svc.cluster.local:4317"}}}`, in,
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud, egress(ports("TCP", 4317), collector)},
		},
		{
			"one elsewhere", `{observability: {otlp: {endpoint: "otel.example.com:4318", peer: {ipBlock: {cidr: 192.0.2.0/24}}}}}`, in,
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud, egress(ports("TCP", 4318), block("192.0.2.0/24"))},
		},
		{
			"a controller in the host network", `{gateway: {expose: {controller: {namespace: null, podSelector: null, cidrs: [10.0.0.0/16, "2001:db8::/32"]}}}}`,
			[]networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 8443), block("10.0.0.0/16"), block("2001:db8::/32")), in[1]},
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud},
		},
		{
			"the pods of ingress-nginx by default", `{gateway: {expose: {type: Ingress, gatewayClassName: null, controller: null}}}`,
			[]networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 8443), peer("ingress-nginx", map[string]string{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"})), in[1]},
			[]networkingv1.NetworkPolicyEgressRule{dnsEgress, cloud},
		},
	} {
		want := networkingv1.NetworkPolicySpec{
			PodSelector: matchLabels(map[string]string{"app.kubernetes.io/name": "restate-gateway", "app.kubernetes.io/instance": "prod-gateway"}), PolicyTypes: bothWays, Ingress: tt.in, Egress: tt.out,
		}
		if d := cmp.Diff(want, policySpec(t, built(t, gatewayBase(t), `{spec: `+tt.patch+`}`), "prod-gateway")); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestGatewayDomainsAreApart: no Service, policy or budget of one domain selects the pods of another, and each pod reads its own keys.
func TestGatewayDomainsAreApart(t *testing.T) {
	all := built(t, gatewayBase(t), twoDomains, `{spec: {gateway: {domains: {billing: {credential: {name: billing, source: External}}}}}}`)
	for _, key := range []string{"billing", "orders"} {
		name := "prod-gateway-" + key
		pods := labels.Set(object[*appsv1.Deployment](t, all, name).Spec.Template.Labels)
		for _, other := range []string{"billing", "orders"} {
			selectors := map[string]map[string]string{
				"Service":             object[*corev1.Service](t, all, "prod-gateway-"+other).Spec.Selector,
				"NetworkPolicy":       policySpec(t, all, "prod-gateway-"+other).PodSelector.MatchLabels,
				"PodDisruptionBudget": object[*policyv1.PodDisruptionBudget](t, all, "prod-gateway-"+other).Spec.Selector.MatchLabels,
				"Deployment":          object[*appsv1.Deployment](t, all, "prod-gateway-"+other).Spec.Selector.MatchLabels,
			}
			for kind, selector := range selectors {
				if labels.SelectorFromSet(selector).Matches(pods) != (key == other) {
					t.Errorf("%s of %s and the pods of %s: selected: %t", kind, other, key, key != other)
				}
			}
		}
	}
	want := map[string]string{"billing": "billing restate-gateway-keys prod-gateway-tls-billing", "orders": "restate-ingress orders-keys prod-gateway-tls-orders"}
	for key, want := range want {
		secrets := map[string]string{}
		for _, v := range object[*appsv1.Deployment](t, all, "prod-gateway-"+key).Spec.Template.Spec.Volumes {
			if v.Secret != nil {
				secrets[v.Name] = v.Secret.SecretName
			}
		}
		if got := secrets["token"] + " " + secrets["api-keys"] + " " + secrets["tls"]; got != want {
			t.Errorf("%s reads %s, want %s", key, got, want)
		}
	}
}

// TestGatewayFiles holds the paths in the configuration against the mounts: Envoy starts without a file, is ready, and refuses all calls.
func TestGatewayFiles(t *testing.T) {
	const tls, client, jwks = "/var/run/secrets/gateway-tls/", "/var/run/secrets/gateway-client-ca/", "/var/run/secrets/gateway-jwks-ca/"
	base := map[string]string{
		tls + "tls.crt": "prod-gateway-tls tls.crt", tls + "tls.key": "prod-gateway-tls tls.key", "/var/run/secrets/restate-ingress/token": "restate-ingress token",
		"/etc/envoy/bootstrap.yaml": "config", "/etc/envoy/server.xds.yaml": "config", "/etc/envoy/client-ca.xds.yaml": "config", "/etc/envoy/restate-token.xds.yaml": "config",
	}
	with := func(more map[string]string) map[string]string {
		out := maps.Clone(base)
		maps.Copy(out, more)
		return out
	}
	keys := map[string]string{"/var/run/secrets/gateway-keys/api-key-auth.xds.yaml": "restate-gateway-keys api-key-auth.xds.yaml", tls + "ca.crt": "prod-gateway-tls ca.crt"}
	for _, tt := range []struct {
		reason, patch string
		want          map[string]string // path: Secret and key
	}{
		{"API keys", `{}`, with(keys)},
		{"a file of keys by another name", `{gateway: {auth: {apiKeys: {secretRef: {name: k, key: f.yaml}}}}}`, with(map[string]string{
			"/var/run/secrets/gateway-keys/api-key-auth.xds.yaml": "k f.yaml", tls + "ca.crt": "prod-gateway-tls ca.crt",
		})},
		{"tokens", `{gateway: {auth: {apiKeys: null, jwt: ` + jwtAuthority + `}}}`, with(map[string]string{tls + "ca.crt": "prod-gateway-tls ca.crt"})},
		{"an issuer with a CA of its own", `{gateway: {auth: {apiKeys: null, jwt: {issuer: a, audiences: [b], jwksURI: "https://a.example.com", caSecretRef: {name: ca, key: root.pem}}}}}`, with(map[string]string{
			tls + "ca.crt": "prod-gateway-tls ca.crt", jwks + "ca.crt": "ca root.pem",
		})},
		{"another CA for clients: an issuer may leave ca.crt out", `{gateway: {auth: {apiKeys: null, jwt: ` + jwtAuthority + `}, tls: {clientCA: {name: edge, key: root.pem}}}}`, with(map[string]string{client + "ca.crt": "edge root.pem"})},
	} {
		all := built(t, gatewayBase(t), `{spec: `+tt.patch+`}`)
		pod := object[*appsv1.Deployment](t, all, "prod-gateway").Spec.Template.Spec
		config := gatewayConfigOf(t, all)
		mounted := map[string]string{}
		for _, mount := range pod.Containers[0].VolumeMounts {
			v := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })]
			if !mount.ReadOnly || mount.SubPath != "" {
				t.Errorf("%s: %s must be read-only, and whole: a subPath never changes", tt.reason, mount.MountPath)
			}
			if v.Secret != nil {
				for _, item := range v.Secret.Items {
					mounted[mount.MountPath+"/"+item.Path] = v.Secret.SecretName + " " + item.Key
				}
				continue
			}
			if v.ConfigMap.Name != config.Name {
				t.Errorf("%s: mounts ConfigMap %s, want %s", tt.reason, v.ConfigMap.Name, config.Name)
			}
			for key := range config.Data {
				mounted[mount.MountPath+"/"+key] = "config"
			}
		}
		if d := cmp.Diff(tt.want, mounted); d != "" {
			t.Errorf("%s: mounts (-want +got)\n%s", tt.reason, d)
		}
		named := map[string]bool{"/etc/envoy/bootstrap.yaml": true}
		for _, text := range config.Data {
			for _, path := range regexp.MustCompile(`/(?:var/run/secrets|etc/envoy)/[a-z-]+[a-z./-]*\.[a-z]+|/var/run/secrets/[a-z-]+/token`).FindAllString(text, -1) {
				named[path] = true
			}
		}
		if d := cmp.Diff(slices.Sorted(maps.Keys(tt.want)), slices.Sorted(maps.Keys(named))); d != "" {
			t.Errorf("%s: paths in the configuration (-mounted +named)\n%s", tt.reason, d)
		}
	}
}

// TestGatewayRollout: another configuration has another name and makes new pods; what Envoy reads anew makes none.
func TestGatewayRollout(t *testing.T) {
	config := func(patch string) (string, corev1.PodTemplateSpec) {
		all := built(t, gatewayBase(t), withJWT, `{spec: `+patch+`}`)
		c := gatewayConfigOf(t, all)
		if c.Immutable == nil || !*c.Immutable {
			t.Errorf("%s: a configuration that changes under its name would reach some pods and not others", patch)
		}
		return c.Name, object[*appsv1.Deployment](t, all, "prod-gateway").Spec.Template
	}
	name, before := config(`{}`)
	if !regexp.MustCompile(`^prod-gateway-[0-9a-f]{8}$`).MatchString(name) {
		t.Errorf("the configuration is called %s", name)
	}
	for _, tt := range []struct {
		reason, patch string
		renames       bool
		rolls         bool
	}{
		{"a service more", `{gateway: {services: [Order, Payment]}}`, true, true},
		{"in another order", `{gateway: {allow: [call, send]}}`, false, false},
		{"other callers", `{gateway: {auth: {jwt: {audiences: [other]}}}}`, true, true},
		{"another limit", `{gateway: {rateLimit: {perClient: {requestsPerSecond: 1, burst: 1}}}}`, true, true},
		{"another client", `{gateway: {tls: {allowedClientSANs: [a.example.com]}}}`, true, true},
		{"another region", `{cloud: {region: us}}`, true, true},
		{"the CA of the clients is another file", `{gateway: {tls: {clientCA: {name: a, key: b}}}}`, true, true},
		{"an issuer with a CA of its own", `{gateway: {auth: {jwt: {caSecretRef: {name: a, key: b}}}}}`, true, true},
		{"longer calls", `{gateway: {upstream: {timeout: 90s}}}`, true, true},
		{"traces", `{observability: {otlp: {endpoint: "otel.obs.svc:4317"}}}`, true, true},
		{"more memory, and so another limit of the heap", `{gateway: {resources: {limits: {memory: 512Mi}}}}`, true, true},
		{"another image", `{images: {envoy: "mirror.example/envoy:v1.40.1"}}`, false, true},
		{"the keys are in another Secret", `{gateway: {auth: {apiKeys: {secretRef: {name: other}}}}}`, false, true},
		{"so is the key of Restate Cloud", `{credentials: {ingress: {name: other}}}`, false, true},
		{"a certificate that lives longer", `{gateway: {tls: {duration: 48h, renewBefore: 10h}}}`, false, false},
		{"another issuer", `{gateway: {tls: {issuerRef: {name: other}}}}`, false, false},
		{"more replicas", `{gateway: {replicas: 3}}`, false, false},
		{"another host, which Envoy does not look at", `{gateway: {expose: {host: b.example.com}}}`, false, false},
		{"another controller", `{gateway: {expose: {controller: {namespace: other}}}}`, false, false},
	} {
		got, after := config(tt.patch)
		if renames := got != name; renames != tt.renames {
			t.Errorf("%s: renames the configuration: %t, want %t", tt.reason, renames, tt.renames)
		}
		if rolls := cmp.Diff(before, after) != ""; rolls != tt.rolls {
			t.Errorf("%s: rolls the pods: %t, want %t", tt.reason, rolls, tt.rolls)
		}
	}
}

// TestGatewaySecretsDoNotRoll: a key in sight that is rotated changes no pod, because Envoy reads its file anew.
func TestGatewaySecretsDoNotRoll(t *testing.T) {
	template := func(digest string) corev1.PodTemplateSpec {
		s := sealed("restate", withKeys(map[string]SecretKey{"token": {Digest: digest, Size: 44}}))
		s.Name = "restate-ingress"
		m := modelWith(t, Input{Secrets: []Secret{s}}, gatewayBase(t), `{spec: {credentials: {ingress: {source: SOPS}}}}`)
		if len(m.Credentials["ingress"].Digests) == 0 {
			t.Fatal("the Secret is not that of the gateway")
		}
		return object[*appsv1.Deployment](t, Build(m), "prod-gateway").Spec.Template
	}
	if d := cmp.Diff(template("a"), template("b")); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
}

// TestGatewayDrain: a pod that stops goes on for as long as the longest call, and the kubelet waits longer.
func TestGatewayDrain(t *testing.T) {
	for _, tt := range []struct {
		patch        string
		sleep, grace int64
	}{
		{`{}`, 75, 90}, // 60 s for a call, 15 s for the endpoints
		{`{upstream: {timeout: 2m}}`, 135, 150},
		{`{upstream: {timeout: 1s}}`, 16, 31},
		{`{upstream: {timeout: 24h}}`, 86415, 86430},
		{`{upstream: {streaming: true}}`, 75, 90},
	} {
		pod := gatewayDeploymentOf(t, `{spec: {gateway: `+tt.patch+`}}`).Spec.Template.Spec
		if got := pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds; got != tt.sleep {
			t.Errorf("%s: stops after %d s, want %d", tt.patch, got, tt.sleep)
		}
		if got := *pod.TerminationGracePeriodSeconds; got != tt.grace {
			t.Errorf("%s: %d s of grace, want %d", tt.patch, got, tt.grace)
		}
	}
}

// TestGatewaySize: Envoy's own limits are those of its container, or it would be killed before it sheds load.
func TestGatewaySize(t *testing.T) {
	for _, tt := range []struct {
		reason, patch string
		threads, heap int64
	}{
		{"the defaults", `{}`, 1, 214748364}, // four fifths of 256Mi, whole bytes
		{"two CPUs and 1Gi", `{limits: {cpu: "2", memory: 1Gi}}`, 2, 858993456},
		{"a part of a CPU is a thread", `{limits: {cpu: 1500m}}`, 2, 214748364},
		{"a little is one as well", `{limits: {cpu: 100m}}`, 1, 214748364},
		{"without a limit it is what was asked for", `{limits: {cpu: null}, requests: {cpu: "3"}}`, 3, 214748364},
		{"without either it is one", `{limits: {cpu: null}, requests: {cpu: null}}`, 1, 214748364},
	} {
		const base = `{spec: {gateway: {resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: "1", memory: 256Mi}}}}}`
		all := built(t, gatewayBase(t), base, `{spec: {gateway: {resources: `+tt.patch+`}}}`)
		args := strings.Join(object[*appsv1.Deployment](t, all, "prod-gateway").Spec.Template.Spec.Containers[0].Args, " ")
		if want := fmt.Sprintf(" --concurrency %d ", tt.threads); !strings.Contains(args, want) {
			t.Errorf("%s: no %q in %q", tt.reason, want, args)
		}
		if want := fmt.Sprintf(" max_heap_size_bytes: %d\n", tt.heap); !strings.Contains(gatewayConfigOf(t, all).Data["bootstrap.yaml"], want) {
			t.Errorf("%s: no %q", tt.reason, want)
		}
	}
}

// TestGatewayPod holds what no golden case would explain.
func TestGatewayPod(t *testing.T) {
	d := gatewayDeploymentOf(t)
	pod, c := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
	if ready, alive := c.ReadinessProbe.HTTPGet, c.LivenessProbe.HTTPGet; ready.Path != "/ready" || alive.Path != "/healthz" || ready.Port != alive.Port {
		t.Errorf("a file of keys that is refused must end readiness, never the pod: %v %v", ready, alive)
	}
	if args := strings.Join(c.Args, " "); !strings.Contains(args, "--component-log-level config:error") || !strings.Contains(args, "--config-path /etc/envoy/bootstrap.yaml") {
		t.Errorf("args: %s", args)
	}
	if *pod.SecurityContext.RunAsUser != 65532 || *d.Spec.Replicas != 2 {
		t.Errorf("user %d, %d replicas", *pod.SecurityContext.RunAsUser, *d.Spec.Replicas)
	}
	if len(c.Env) > 0 {
		t.Errorf("no secret may stand in the environment: %v", c.Env)
	}
	for _, v := range pod.Volumes {
		if v.Secret != nil && (*v.Secret.DefaultMode != 0o440 || len(v.Secret.Items) == 0) {
			t.Errorf("%s: mode %o, items %v: Envoy would start without a key that is missing", v.Name, *v.Secret.DefaultMode, v.Secret.Items)
		}
	}
	for _, v := range gatewayDeploymentOf(t, `{spec: {gateway: {podTemplate: {securityContext: {runAsNonRoot: true}}}}}`).Spec.Template.Spec.Volumes {
		if v.Secret != nil && *v.Secret.DefaultMode != 0o444 {
			t.Errorf("without fsGroup the user could not read %s: mode %o", v.Name, *v.Secret.DefaultMode)
		}
	}
	if d := gatewayDeploymentOf(t, `{spec: {gateway: {autoscaled: true}}}`); d.Spec.Replicas != nil {
		t.Errorf("%d replicas would undo what the autoscaler does", *d.Spec.Replicas)
	}
	own := gatewayDeploymentOf(t, `{spec: {images: {envoy: "mirror.example/envoy:v1.40.1", pullPolicy: Always}, gateway: {podTemplate: {labels: {a: b}, annotations: {c: d}, priorityClassName: edge}}}}`).Spec.Template
	if own.Labels["a"] != "b" || own.Annotations["c"] != "d" || own.Spec.PriorityClassName != "edge" || own.Spec.Containers[0].Image != "mirror.example/envoy:v1.40.1" || own.Spec.Containers[0].ImagePullPolicy != "Always" {
		t.Errorf("the pod template is not followed: %+v", own)
	}
}

// TestGatewayService leads to the port that asks for a certificate, and to no other.
func TestGatewayService(t *testing.T) {
	s := object[*corev1.Service](t, built(t, gatewayBase(t)), "prod-gateway").Spec
	if len(s.Ports) != 1 || s.Ports[0].Port != 443 || s.Ports[0].TargetPort.StrVal != "https" || s.Type != corev1.ServiceTypeClusterIP {
		t.Errorf("got %+v", s)
	}
}

// TestLongGatewayNames takes the longest integration and key that are allowed through every object. The hashes were made with sha256sum.
func TestLongGatewayNames(t *testing.T) {
	name, key := strings.Repeat("n", 40), strings.Repeat("k", 63)
	all := built(t, gatewayBase(t), `{metadata: {name: `+name+`}}`, `{spec: {gateway: {services: null, domains: {`+key+`: {services: [Order]}}}}}`)
	cut := name + "-gateway-" + strings.Repeat("k", 5) + "-0f130654"
	for _, kind := range []string{"ServiceAccount", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "Certificate", "HTTPRoute", "BackendTLSPolicy"} {
		if id := kind + " restate/" + cut; !has(all, id) {
			t.Errorf("no %s among %q", id, ids(all))
		}
	}
	if got := gatewayConfigOf(t, all).Name; len(got) != 63 || !strings.HasPrefix(got, name+"-gate-0f130654-") {
		t.Errorf("the configuration is called %q", got)
	}
	if got := object[*certificate](t, all, cut).Spec.SecretName; got != name+"-gateway-tls-k-65b20d1c" {
		t.Errorf("the certificate is in %q", got)
	}
}

// TestGatewayNamesNeverMeet: whatever the domains are called, no two objects, and no two Secrets of certificates, have one name.
func TestGatewayNamesNeverMeet(t *testing.T) {
	words := []string{"a", "tls", "client", "public", "public-tls", "client-tls", "gateway", "endpoints", "bridge", strings.Repeat("k", 54), strings.Repeat("k", 55), strings.Repeat("k", 63)}
	accepted := 0
	for range 25 {
		in := spec(t, gatewayBase(t), `{spec: {gateway: {services: null, expose: {host: null}, domains: {}}}}`)
		in.Name = []string{"p", "prod", strings.Repeat("n", 40)}[rand.IntN(3)]
		domains := map[string]string{}
		for i := range 1 + rand.IntN(4) {
			key := words[rand.IntN(len(words))]
			if rand.IntN(2) == 0 && len(key) < 40 {
				key += "-" + words[rand.IntN(9)]
			}
			domains[key] = fmt.Sprintf("h%d.example.com", i)
		}
		var patch []string
		for key, host := range domains {
			patch = append(patch, key+": {services: [Order], host: "+host+"}")
		}
		in.Spec.Gateway.Domains = spec(t, gatewayBase(t), `{spec: {gateway: {domains: {`+strings.Join(patch, ", ")+`}}}}`).Spec.Gateway.Domains
		m, ds := Resolve(in, Input{})
		if diag.HasError(ds) {
			if _, client := domains["client"]; !client {
				t.Errorf("%v: got %q", domains, findings(ds))
			}
			continue
		}
		accepted++
		valid(t, m) // no object twice
		secrets := map[string]bool{m.clientSecret(): true}
		for _, d := range m.Gateway.Domains {
			for _, name := range []string{m.serverSecret(d), m.publicSecret(d)} {
				if secrets[name] {
					t.Errorf("%v: two certificates are in Secret %s", domains, name)
				}
				secrets[name] = true
			}
		}
	}
	if accepted < 8 {
		t.Errorf("only %d specs were accepted", accepted)
	}
}
