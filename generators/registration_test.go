// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// jobBase registers greeter by a Job, without any finding.
func jobBase(t testing.TB) string {
	t.Helper()
	return basedOn(t, standaloneBase, `{credentials: {admin: {source: External, rolloutKey: "1"}}, services: {greeter: {registration: null}}}`)
}

func TestJobBaseHasNoFinding(t *testing.T) {
	if _, ds := Resolve(spec(t, jobBase(t)), Input{}); len(ds) > 0 {
		t.Errorf("got %q, want none: every test of Jobs rests on it", findings(ds))
	}
}

// jobs are the names of the services that have a Job, and the Jobs.
func jobs(all []Built) map[string]*job {
	out := map[string]*job{}
	for _, b := range all {
		if j, ok := b.Object.(*job); ok {
			out[strings.TrimSuffix(strings.TrimPrefix(b.Source, "spec.services["), "].registration")] = j
		}
	}
	return out
}

// greeterJob is that of greeter.
func greeterJob(t *testing.T, base string, patches ...string) *job {
	t.Helper()
	j := jobs(built(t, base, patches...))["greeter"]
	if j == nil {
		t.Fatalf("greeter has no Job: %q", patches)
	}
	return j
}

func env(t *testing.T, j *job) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range j.Spec.Template.Spec.Containers[0].Env {
		if _, twice := out[e.Name]; twice || e.ValueFrom != nil {
			t.Errorf("%s stands twice, or is a reference", e.Name)
		}
		out[e.Name] = e.Value
	}
	return out
}

// TestWhoRegisters is rule 1, mode by mode.
func TestWhoRegisters(t *testing.T) {
	const mode = "spec.services[greeter].registration.mode"
	const uid = `{spec: {tunnel: {operator: {uid: ` + testUID + `}}}}`
	admin := `{spec: {credentials: {admin: {source: External, rolloutKey: "1"}}}}`
	const none = `{spec: {credentials: {admin: null}}}`
	registration := func(s string) string {
		return `{spec: {services: {greeter: {isolate: true, registration: ` + s + `}}}}`
	}
	const external = `{spec: {services: {greeter: {deployment: null, isolate: true}}}}`
	for _, tt := range []struct {
		reason, base string
		patches      []string
		job          bool
		want         string
	}{
		{"Standalone", standaloneBase, []string{admin, registration(`null`)}, true, ""},
		{"likewise, asked for", standaloneBase, []string{admin, registration(`{mode: Job}`)}, true, ""},
		{"somebody else does", standaloneBase, []string{none, registration(`{mode: None}`)}, false, ""},
		{"the operator, what it runs", operatorBase, nil, false, ""},
		{"also when the uid is known", operatorBase, []string{uid}, false, ""},
		{"the operator cannot be told to leave it", operatorBase, []string{registration(`{mode: None}`)}, false, "error RI0206 " + mode},
		{"nor to have a Job beside it", operatorBase, []string{uid, registration(`{mode: Job}`)}, false, "error RI0206 " + mode},
		{"what it does not run, nobody, before the uid is known", operatorBase, []string{external}, false, "warning RI0503 " + mode},
		{"a Job cannot know the URL either", operatorBase, []string{external, registration(`{mode: Job}`)}, false, "error RI0206 " + mode},
		{"with the uid a Job", operatorBase, []string{uid, admin, external}, true, ""},
		{"likewise, asked for", operatorBase, []string{uid, admin, external, registration(`{mode: Job}`)}, true, ""},
		{"but for who says None", operatorBase, []string{uid, external, registration(`{mode: None}`)}, false, ""},
		{"no tunnel, no registration", noTunnelBase, []string{registration(`null`)}, false, "warning RI0503 " + mode},
		{"a Job cannot know the URL either", noTunnelBase, []string{registration(`{mode: Job}`)}, false, "error RI0206 " + mode},
		{"as everybody knows", noTunnelBase, []string{registration(`{mode: None}`)}, false, ""},
		{"through somebody else's tunnel a Job", existingBase, nil, true, ""},
		{"unless somebody else does", existingBase, []string{none, registration(`{mode: None}`)}, false, ""},
		{"there is no operator that could", existingBase, []string{none, registration(`null`), `{spec: {services: {greeter: {deployment: {image: "a/b:1"}}}}}`}, false, "error RI0206 spec.services[greeter].deployment"},
		{"not while the service is wrong: the URL would be", operatorBase, []string{external, `{spec: {services: {greeter: {port: 0}}}}`}, false, "error RI0308 spec.services[greeter].port"},
	} {
		m, ds := Resolve(spec(t, tt.base, tt.patches...), Input{})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
		if strings.HasPrefix(tt.want, "error") {
			continue
		}
		if got := jobs(Build(m))["greeter"] != nil; got != tt.job {
			t.Errorf("%s: a Job: %v, want %v", tt.reason, got, tt.job)
		}
	}
}

// TestNotRegisteredSaysWhat: the warning has all that a person needs to register by hand.
func TestNotRegisteredSaysWhat(t *testing.T) {
	external := func(s string) string {
		return `{spec: {services: {greeter: {deployment: null, isolate: true, ` + s + `}}}}`
	}
	for _, tt := range []struct{ reason, patch, want string }{
		{"the URL", external(``), "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/<uid of RestateCloudEnvironment prod>/http/greeter.shop.svc.cluster.local/9080 yourself"},
		{"and the option", external(`useHTTP11: true`), "/9080 with --use-http1.1 yourself"},
	} {
		_, ds := Resolve(spec(t, operatorBase, tt.patch), Input{})
		if len(ds) != 1 || !strings.Contains(ds[0].Hint, tt.want) {
			t.Errorf("%s: got %+v, want a hint with %q", tt.reason, ds, tt.want)
		}
	}
}

// TestRegistrationObjects are the account and the policy that all Jobs share, and a Job for each service that nobody else registers.
func TestRegistrationObjects(t *testing.T) {
	var got []string
	for _, b := range built(t, jobBase(t), `{spec: {services: {ledger: {namespace: bank, isolate: true}, mailer: {namespace: mail, isolate: true, registration: {mode: None}}}}}`) {
		if b.Component == "registration" {
			got = append(got, regexp.MustCompile(`-[0-9a-f]{8}$`).ReplaceAllString(b.ID().Kind+" "+b.ID().Namespace+"/"+b.ID().Name, "-<hash>"))
		}
	}
	want := []string{"ServiceAccount restate/prod-registration", "NetworkPolicy restate/prod-registration", "Job restate/prod-registration-greeter-<hash>", "Job restate/prod-registration-ledger-<hash>"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestRegistrationPolicy(t *testing.T) {
	pods := metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "restate-registration", "app.kubernetes.io/instance": "prod-registration"}}
	for _, tt := range []struct {
		reason, patch string
		port          int32
	}{
		{"DNS and the admin API, and nothing comes in", `{}`, 9070},
		{"the URL's own port", `{spec: {cloud: {adminURL: "https://a.restate.cloud:8443"}}}`, 8443},
		{"443 when it names none", `{spec: {cloud: {adminURL: "https://a.restate.cloud"}}}`, 443},
	} {
		want := networkingv1.NetworkPolicySpec{PodSelector: pods, PolicyTypes: bothWays, Egress: []networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(ports("TCP", tt.port), cloudPeers...)}}
		if d := cmp.Diff(want, policySpec(t, built(t, jobBase(t), tt.patch), "prod-registration")); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
	// The Owned baseline closes the pods, in Operator mode too, where no other pod of ours runs.
	all := built(t, operatorBase, `{spec: {tunnel: {operator: {uid: `+testUID+`}}, credentials: {admin: {source: External, rolloutKey: "1"}}, services: {greeter: {deployment: null, isolate: true}}}}`)
	deny := policySpec(t, all, "prod-baseline-deny")
	if l := jobs(all)["greeter"].Spec.Template.Labels; !matchesSet(&deny.PodSelector, l) {
		t.Errorf("the baseline selects %v, the pods have %v", deny.PodSelector.MatchLabels, l)
	}
}

// TestRegistrationJob goes through what running the CLI has shown a Job to need.
func TestRegistrationJob(t *testing.T) {
	j := greeterJob(t, jobBase(t))
	pod := j.Spec.Template.Spec
	c := pod.Containers[0]
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"the own namespace", "restate", j.Namespace},
		{"tunnel and service get some time to come up", []any{int32(8), int64(3600)}, []any{j.Spec.BackoffLimit, j.Spec.ActiveDeadlineSeconds}},
		{"what no retry can help fails at once, and a drained node costs no try", jobPodFailurePolicy{Rules: []jobPodFailureRule{
			{Action: "FailJob", OnExitCodes: &jobExitCodes{ContainerName: "register", Operator: "In", Values: []int32{2}}},
			{Action: "Ignore", OnPodConditions: []jobPodCondition{{Type: "DisruptionTarget", Status: "True"}}},
		}}, j.Spec.PodFailurePolicy},
		{"which needs this, and each try keeps its log", corev1.RestartPolicyNever, pod.RestartPolicy},
		{"the label of the Owned baseline beside the policy's", map[string]string{
			"app.kubernetes.io/name": "restate-registration", "app.kubernetes.io/instance": "prod-registration", "restate-integration.dev/integration": "prod",
		}, j.Spec.Template.Labels},
		{"a Job that failed for its key runs again with another", map[string]string{"restate-integration.dev/credential-digest": rollout("", "1")}, j.Spec.Template.Annotations},
		{"an account without rights", []any{"prod-registration", ptr.To(false)}, []any{pod.ServiceAccountName, pod.AutomountServiceAccountToken}},
		{"no variables of other Services, which could begin with RESTATE_", ptr.To(false), pod.EnableServiceLinks},
		{"a user that is not the image's, and a group that may read the token", &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](65532), RunAsGroup: ptr.To[int64](65532), FSGroup: ptr.To[int64](65532), FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch), SeccompProfile: &corev1.SeccompProfile{Type: "RuntimeDefault"},
		}, pod.SecurityContext},
		{"one pod alone is spread over nothing", 0, len(pod.TopologySpreadConstraints)},
		{"Pod Security restricted", restricted, c.SecurityContext},
		{"the shell stops at the first thing that is not set", []string{"/bin/sh", "-eu", "-c", registrationScript}, c.Command},
		{"a version by digest", "docker.restate.dev/restatedev/restate-cli:1.7.2@sha256:6905cd107840658f8ef0338c95e3c691dba3da450e9e0fb12066d00fd57e69f9", c.Image},
		{"the name that the failure policy has", "register", c.Name},
		{"what the script reads", map[string]string{
			"RESTATE_ADMIN_URL": "https://201j05r9g0f12ygtphdszbb4scp.env.eu.restate.cloud:9070", "RESTATE_CLI_CONFIG_HOME": "/tmp/restate-cli", "HOME": "/tmp",
			"TOKEN_FILE": "/var/run/secrets/restate.cloud/token", "SECRET": "restate/restate-admin, key token", "SERVICE": "greeter",
			"DEPLOYMENT_URL": "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/c1-restate-prod/http/greeter.shop.svc.cluster.local/9080",
			"REVISION":       "", "USE_HTTP11": "false", "FORCE": "false",
		}, env(t, j)},
		{"the key, and a place to write", []corev1.VolumeMount{{Name: "token", MountPath: "/var/run/secrets/restate.cloud", ReadOnly: true}, {Name: "tmp", MountPath: "/tmp"}}, c.VolumeMounts},
		{"of the Admin role", []corev1.Volume{keyVolume("token", "restate-admin", "token", 0o440), defaultDeploymentSpec().Template.Spec.Volumes[0]}, pod.Volumes},
		{"requests and limits", corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("50m"), "memory": resource.MustParse("64Mi")}, Limits: corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("256Mi")},
		}, c.Resources},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestRegistrationJobFields sets what a Job follows.
func TestRegistrationJobFields(t *testing.T) {
	j := greeterJob(t, jobBase(t), `{spec: {cloud: {adminURL: "https://a.restate.cloud:1"}, credentials: {admin: {name: mine, key: k}}, images: {restateCli: "r/cli:1", pullPolicy: Always}, services: {greeter: {
		path: "a'b;&(c)/v1", useHTTP11: true, registration: {revision: 1.4.2, force: true, podTemplate: {labels: {team: a}, annotations: {example.com/x: y}, nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: {nodeAffinity: {}},
		topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}], priorityClassName: high, securityContext: {runAsUser: 1000}, dnsConfig: {nameservers: [192.0.2.1]}}}}}}}`)
	pod := j.Spec.Template.Spec
	c, vars := pod.Containers[0], env(t, j)
	labels := map[string]string{"app.kubernetes.io/name": "restate-registration", "app.kubernetes.io/instance": "prod-registration"}
	for _, tt := range []struct {
		reason    string
		want, got any
	}{
		{"every value comes from the environment: the script never changes", greeterJob(t, jobBase(t)).Spec.Template.Spec.Containers[0].Command, c.Command},
		{"a shell reads none of it as its own", "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/c1-restate-prod/http/greeter.shop.svc.cluster.local/9080/a'b;&(c)/v1", vars["DEPLOYMENT_URL"]},
		{"the admin URL", "https://a.restate.cloud:1", vars["RESTATE_ADMIN_URL"]},
		{"the Secret, for messages", "restate/mine, key k", vars["SECRET"]},
		{"options", []string{"1.4.2", "true", "true"}, []string{vars["REVISION"], vars["USE_HTTP11"], vars["FORCE"]}},
		{"the Secret", "mine", pod.Volumes[0].Secret.SecretName},
		{"without a group for files, only one open to all can be read", ptr.To[int32](0o444), pod.Volumes[0].Secret.DefaultMode},
		{"image and policy", []string{"r/cli:1", "Always"}, []string{c.Image, string(c.ImagePullPolicy)}},
		{"labels stand next to the function's", []string{"a", "prod"}, []string{j.Spec.Template.Labels["team"], j.Spec.Template.Labels["restate-integration.dev/integration"]}},
		{"annotations next to the digest", []string{"y", rollout("", "1")}, []string{j.Spec.Template.Annotations["example.com/x"], j.Spec.Template.Annotations[AnnotationDigest]}},
		{"nodeSelector", map[string]string{"a": "b"}, pod.NodeSelector},
		{"tolerations", []corev1.Toleration{{Operator: "Exists"}}, pod.Tolerations},
		{"affinity", &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}, pod.Affinity},
		{"constraints", []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack", WhenUnsatisfiable: "DoNotSchedule", LabelSelector: &metav1.LabelSelector{MatchLabels: labels}}}, pod.TopologySpreadConstraints},
		{"priority class", "high", pod.PriorityClassName},
		{"the security context replaces the default one", &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000)}, pod.SecurityContext},
		{"DNS", &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.1"}}, pod.DNSConfig},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestJobName: a Job runs again exactly when it changes. Its spec is immutable, so that each has a name of its own.
func TestJobName(t *testing.T) {
	base := jobBase(t)
	first := greeterJob(t, base).Name
	if !regexp.MustCompile(`^prod-registration-greeter-[0-9a-f]{8}$`).MatchString(first) {
		t.Errorf("got %q", first)
	}
	seen := map[string]string{first: "the base"}
	registration := func(s string) string {
		return `{services: {greeter: {registration: {` + s + `}}}}`
	}
	for _, tt := range []struct{ reason, patch string }{
		{"the image", `{images: {restateCli: "r/cli:1"}}`},
		{"the pull policy", `{images: {pullPolicy: Always}}`},
		{"the revision", registration(`revision: "1"`)},
		{"another one", registration(`revision: "2"`)},
		{"force", registration(`force: true`)},
		{"the pod template", registration(`podTemplate: {nodeSelector: {a: b}}`)},
		{"another one", registration(`podTemplate: {nodeSelector: {a: c}}`)},
		{"a label of the pod", registration(`podTemplate: {labels: {a: b}}`)},
		{"the path", `{services: {greeter: {path: greeter}}}`},
		{"the Service", `{services: {greeter: {service: hello}}}`},
		{"the protocol", `{services: {greeter: {useHTTP11: true}}}`},
		{"the tunnel", `{cluster: c2}`},
		{"the admin URL", `{cloud: {adminURL: "https://a.restate.cloud"}}`},
		{"the Secret", `{credentials: {admin: {name: a}}}`},
		{"its key", `{credentials: {admin: {key: a}}}`},
		{"what is in it", `{credentials: {admin: {rolloutKey: "2"}}}`},
	} {
		name := greeterJob(t, base, `{spec: `+tt.patch+`}`).Name
		if other, found := seen[name]; found {
			t.Errorf("%s gives the same Job as %s", tt.reason, other)
		}
		seen[name] = tt.reason
	}
	for _, tt := range []struct{ reason, patch string }{
		{"common labels", `{labels: {team: a}, annotations: {example.com/x: y}}`},
		{"another service", `{services: {other: {namespace: shop, isolate: true}}}`},
		{"the service's policy", `{services: {greeter: {metricsPort: 1, targetPort: 8080, allowFrom: [{podSelector: {}}]}}}`},
		{"the tunnel's pods", `{tunnel: {replicas: 5}}`},
		{"the tunnel's key", `{credentials: {tunnel: {rolloutKey: "2"}}}`},
		{"policies", `{networkPolicy: {baseline: None, dns: {ports: [5353]}, restateCloud: {tunnelPorts: [1]}}}`},
		{"the namespace", `{namespace: {create: true}}`},
		{"the ingress URL", `{cloud: {ingressURL: "https://a.restate.cloud"}}`},
		{"handlers", `{wasmcloud: {handlers: {a: {namespace: b}}}}`},
	} {
		if got := greeterJob(t, base, `{spec: `+tt.patch+`}`).Name; got != first {
			t.Errorf("%s runs the Job again: %s, before %s", tt.reason, got, first)
		}
	}
}

// TestLongJobName: what is cut keeps the hash of the whole, and so stays different.
func TestLongJobName(t *testing.T) {
	key := strings.Repeat("k", 63)
	patch := func(revision string) string {
		return `{spec: {services: {` + key + `: {namespace: shop, isolate: true, registration: {revision: "` + revision + `"}}}}}`
	}
	names := map[string]bool{}
	for _, revision := range []string{"1", "2"} {
		j := jobs(built(t, jobBase(t), patch(revision)))[key]
		if len(j.Name) != 63 || !strings.HasPrefix(j.Name, "prod-registration-kkkk") {
			t.Errorf("revision %s: %q has %d characters", revision, j.Name, len(j.Name))
		}
		names[j.Name] = true
	}
	if len(names) != 2 {
		t.Errorf("two revisions have the names %q", slices.Sorted(maps.Keys(names)))
	}
}

// TestJobFollowsTheSecret: the digest of the ciphertext does what a rollout key does.
func TestJobFollowsTheSecret(t *testing.T) {
	name := func(digest string) string {
		admin := sealed("restate", func(s *Secret) { s.Name = "restate-admin" }, withKeys(map[string]SecretKey{"token": {Digest: digest}}))
		m := modelWith(t, Input{Secrets: []Secret{admin}}, jobBase(t), `{spec: {credentials: {admin: {source: null, rolloutKey: null}}}}`)
		return jobs(Build(m))["greeter"].Name
	}
	if a, b := name("a"), name("b"); a == b || a != name("a") {
		t.Errorf("keys a and b give %s and %s", a, b)
	}
}

func TestResolveJob(t *testing.T) {
	const path = "spec.services[greeter].registration"
	registration := func(s string) string { return `{services: {greeter: {registration: {` + s + `}}}}` }
	revision := func(s string) string { return registration(`revision: "` + s + `"`) }
	pod := func(s string) string { return registration(`podTemplate: {` + s + `}`) }
	runResolve(t, jobBase(t), []resolveCase{
		{"a version", revision("1.4.2"), ""},
		{"a commit", revision("g1a2b3c"), ""},
		{"every character that is allowed", revision("v1.4.2-rc_1+build.5"), ""},
		{"63 characters", revision(strings.Repeat("a", 63)), ""},
		{"64", revision(strings.Repeat("a", 64)), "error RI0301 " + path + ".revision"},
		{"two words are two arguments", revision("1 2"), "error RI0301 " + path + ".revision"},
		{"a newline behind", revision(`1\n`), "error RI0301 " + path + ".revision"},
		{"the sign between name and value", revision("a=b"), "error RI0301 " + path + ".revision"},
		{"an option", revision("-f"), "error RI0301 " + path + ".revision"},
		{"a final dot", revision("1."), "error RI0301 " + path + ".revision"},
		{"force is a danger", registration(`force: true`), "warning RI0507 " + path + ".force"},
		{"a version in the path that the revision does not say", `{services: {greeter: {path: greeter/v1}}}`, "warning RI0508 " + path + ".revision"},
		{"that it does", `{services: {greeter: {path: greeter/v1, registration: {revision: v1}}}}`, ""},
		{"a path without version", `{services: {greeter: {path: greeter}}}`, ""},
		{"a label that selects the pods", pod(`labels: {app.kubernetes.io/instance: a}`), "error RI0310 " + path + ".podTemplate.labels[app.kubernetes.io/instance]"},
		{"root", pod(`securityContext: {runAsUser: 0}`), "error RI0506 " + path + ".podTemplate.securityContext.runAsUser"},
		{"an image", `{images: {restateCli: "cli"}}`, "error RI0311 spec.images.restateCli"},
		{"of two services it is reported once", `{images: {restateCli: "cli"}, services: {other: {namespace: shop, isolate: true}}}`, "error RI0311 spec.images.restateCli"},
		{"the admin URL has a use", `{cloud: {adminURL: "https://a.restate.cloud"}}`, ""},
		{"and is checked", `{cloud: {adminURL: "http://a.restate.cloud"}}`, "error RI0306 spec.cloud.adminURL"},
		{
			"one run is enough to see all that is wrong", `{services: {greeter: {port: 0, registration: {revision: "a b"}}, other: {namespace: shop, isolate: true, registration: {revision: "a b"}}}}`,
			"error RI0308 spec.services[greeter].port; error RI0301 " + path + ".revision; error RI0301 spec.services[other].registration.revision",
		},
	})
	const none = "error RI0208 " + path
	runResolve(t, standaloneBase, []resolveCase{
		{"without a Job nothing reads them", registration(`revision: "1", force: true, podTemplate: {labels: {a: b}}`), none + ".revision; " + none + ".force; " + none + ".podTemplate"},
		{"the defaults say nothing", registration(`revision: "", force: false, podTemplate: {}`), ""},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the operator registers without them", registration(`revision: "1"`), none + ".revision"},
		{"the uid is written in one form", `{tunnel: {operator: {uid: ` + strings.ToUpper(testUID) + `}}}`, "error RI0301 spec.tunnel.operator.uid"},
		{"a name is no uid", `{tunnel: {operator: {uid: prod}}}`, "error RI0301 spec.tunnel.operator.uid"},
		{"a newline behind", `{tunnel: {operator: {uid: "` + testUID + `\n"}}}`, "error RI0301 spec.tunnel.operator.uid"},
		{"a uid", `{tunnel: {operator: {uid: ` + testUID + `}}}`, ""},
	})
	runResolve(t, standaloneBase, []resolveCase{{"it means nothing here", `{tunnel: {operator: {uid: ` + testUID + `}}}`, "error RI0206 spec.tunnel.operator.uid"}})
}

// TestVersions: two services on one host and port need a version in the path, or the next one has no URL to go to.
func TestVersions(t *testing.T) {
	const warning = "warning RI0508 spec.services[other].path"
	two := func(first, second string) string {
		return `{services: {greeter: {path: "` + first + `"}, other: {namespace: shop, service: greeter, path: "` + second + `", isolate: true, registration: {mode: None}}}}`
	}
	runResolve(t, standaloneBase, []resolveCase{
		{"both have one", two("greeter/v1", "other/v1"), ""},
		{"two versions of one", two("v1", "v2"), ""},
		{"a version by numbers", two("1.4.2", "1.5.0"), ""},
		{"a pre-release", two("v1beta1", "2.0-rc1"), ""},
		{"the first has none", two("", "v2"), warning},
		{"the second has none", two("v1", "other"), warning},
		{"neither has: once is enough", two("a", "b"), warning},
		{"a word that begins like one", two("v1", "vault"), warning},
		{"a number alone is no version", two("v1", "7"), warning},
		{"a part of a word is none", two("v1", "inv1"), warning},
		{"another port is another endpoint", `{services: {other: {namespace: shop, service: greeter, port: 1, isolate: true, registration: {mode: None}}}}`, ""},
		{"one URL is an error of its own", two("a", "a"), "error RI0501 spec.services[other]"},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the operator gives each version a Service", `{services: {greeter: {path: a}, other: {namespace: shop, path: b, deployment: {image: "a/b:1"}}}}`, ""},
		{"also beside one that has a Service of its own", `{services: {other: {namespace: shop, service: greeter, path: b, isolate: true, registration: {mode: None}}}}`, ""},
	})
	_, ds := Resolve(spec(t, standaloneBase, `{spec: `+two("a", "v1")+`}`), Input{})
	if text := ds[0].Text(); !strings.Contains(text, `service "greeter", and the path of "greeter" has no version`) {
		t.Errorf("got %q, want both services by name", text)
	}
}
