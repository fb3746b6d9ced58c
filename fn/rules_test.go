// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/generators"
)

// wants runs a spec and compares the codes of its errors and warnings.
func wants(t *testing.T, spec string, codes ...string) output {
	t.Helper()
	out := run(list(integration(spec)))
	var got []string
	for _, m := range codePattern.FindAllStringSubmatch(out.stderr, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	slices.Sort(codes)
	if d := cmp.Diff(codes, slices.Compact(got)); d != "" {
		t.Errorf("codes (-want +got):\n%s%s", d, out.stderr)
	}
	return out
}

func TestRegistrationIsNeverSilentlyAbsent(t *testing.T) {
	for _, tt := range []struct {
		reason, spec string
		codes        []string
	}{
		{"the operator registers what it runs", `services: {a: {namespace: shop, deployment: {image: "r.example.com/a:1"}}}`, nil},
		{"and nothing else", `services: {a: {namespace: shop}}`, []string{"RI0503"}},
		{"unless somebody else does", `services: {a: {namespace: shop, registration: {mode: None}}}`, nil},
		{"without the operator a Job does, with a key of its own", "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {a: {namespace: shop}}", []string{"RI0409"}},
		{"so it does when the uid is known", "tunnel: {operator: {uid: " + uid + "}}\nservices: {a: {namespace: shop}}", []string{"RI0409"}},
		{"and not before", `services: {a: {namespace: shop, registration: {mode: Job}}}`, []string{"RI0206"}},
		{"without a tunnel nobody can", "tunnel: {mode: None}\nservices: {a: {namespace: shop}}", []string{"RI0503"}},
		{"which is what deployment needs", "cluster: eu1\ntunnel: {mode: Standalone}\n" + `services: {a: {namespace: shop, deployment: {image: "r.example.com/a:1"}}}`, []string{"RI0206"}},
		{"at port 9080", `services: {a: {namespace: shop, port: 8080, deployment: {image: "r.example.com/a:1"}}}`, []string{"RI0502"}},
		{"and registers in any case", `services: {a: {namespace: shop, registration: {mode: None}, deployment: {image: "r.example.com/a:1"}}}`, []string{"RI0206"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			rest := quiet
			if strings.Contains(tt.spec, "mode: None}\nservices") { // which has nothing that could be quiet
				rest = ""
			}
			wants(t, tt.spec+"\n"+rest, tt.codes...)
		})
	}
	out := wants(t, "services: {a: {namespace: shop}, b: {namespace: shop}}\n"+quiet, "RI0503")
	for _, name := range []string{"spec.services[a].", "spec.services[b]."} {
		if !strings.Contains(out.stderr, name) {
			t.Errorf("stderr does not name %s:\n%s", name, out.stderr)
		}
	}
}

// uid is that of a RestateCloudEnvironment.
const uid = "0d3b1c5e-0000-4000-8000-000000000000"

// jobs are the names of the Jobs in an output.
func (o output) jobs(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, obj := range o.objects(t) {
		if obj.Kind == "Job" {
			names = append(names, obj.Metadata.Name)
		}
	}
	return names
}

// TestRegistrationRunsExactlyWhenItChanges is the part of rule 13 that shows in manifests: a Job cannot be changed, and a green one
// proves nothing about the next version. What the Job's script does is run in test/e2e/restate.
func TestRegistrationRunsExactlyWhenItChanges(t *testing.T) {
	const standalone = "cluster: eu1\ntunnel: {mode: Standalone}\n"
	service := func(registration string) string {
		return standalone + "services: {a: {namespace: shop, registration: {" + registration + "}}}\n" + quiet
	}
	first := succeeds(t, list(integration(service(`revision: "1"`))))
	if len(first.jobs(t)) != 1 {
		t.Fatalf("Jobs %q, want one", first.jobs(t))
	}
	// next runs the function on its own output, with another spec.
	next := func(spec string) []string {
		t.Helper()
		items, _, _ := strings.Cut(first.stdout, "\nfunctionConfig:")
		return succeeds(t, items+"\nfunctionConfig:\n"+indent(2, integration(spec))).jobs(t)
	}
	for _, tt := range []struct {
		reason, spec string
		again        bool
	}{
		{"nothing has changed", service(`revision: "1"`), false},
		{"labels", "labels: {team: a}\n" + service(`revision: "1"`), false},
		{"another revision", service(`revision: "2"`), true},
		{"another image", `images: {restateCli: "r.example.com/cli:1"}` + "\n" + service(`revision: "1"`), true},
		{"another key", strings.Replace(service(`revision: "1"`), "credentials: {", `credentials: {admin: {source: External, rolloutKey: "2"}, `, 1), true},
	} {
		got := next(tt.spec)
		if len(got) != 1 || (got[0] != first.jobs(t)[0]) != tt.again {
			t.Errorf("%s: Jobs %q, before %q: another one: %t", tt.reason, got, first.jobs(t), tt.again)
		}
	}
	if got := next(standalone + quiet); len(got) != 0 {
		t.Errorf("without the service: Jobs %q", got)
	}
}

// fixture is an encrypted Secret restate-operator/restate-identity.
func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../internal/sopsfile/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRotation(t *testing.T) {
	digest := func(spec, secret string) string {
		t.Helper()
		out := succeeds(t, list(integration(spec), fixture(t, secret)))
		return out.get(t, "RestateCloudEnvironment prod").Metadata.Annotations[generators.AnnotationDigest]
	}
	want := digest("", "sealed.yaml")
	if want == "" {
		t.Fatal("no digest of a Secret in sight")
	}
	for _, tt := range []struct {
		reason, spec, secret string
		changes              bool
	}{
		{"a new token", "", "edited.yaml", true},
		{"another recipient", "", "updatekeys.yaml", false},
		{"another label", "", "relabelled.yaml", false},
		{"another layout", "", "reindented.yaml", false},
		{"a rollout key beside it", `credentials: {tunnel: {rolloutKey: "1"}}` + "\n", "sealed.yaml", true},
	} {
		if got := digest(tt.spec, tt.secret); (got != want) != tt.changes {
			t.Errorf("%s: digest %s, before %s", tt.reason, got, want)
		}
	}
	if digest("", "two-keys.yaml") != digest("", "two-keys-edited.yaml") {
		t.Error("another key of the Secret changes the digest")
	}
	external := func(key string) string {
		out := succeeds(t, list(integration(strings.ReplaceAll(quiet, `"1"`, key))))
		return out.get(t, "RestateCloudEnvironment prod").Metadata.Annotations[generators.AnnotationDigest]
	}
	if a, b := external(`"1"`), external(`"2"`); a == "" || a == b {
		t.Errorf("rollout keys 1 and 2 give the digests %q and %q", a, b)
	}
	out := succeeds(t, list(integration("cluster: eu1\ntunnel: {mode: Standalone}\n"+quiet)))
	template := out.get(t, "Deployment restate/prod-tunnel").Spec["template"].(map[string]any)
	annotations := template["metadata"].(map[string]any)["annotations"].(map[string]any)
	if got := annotations[generators.AnnotationDigest]; got != external(`"1"`) {
		t.Errorf("the pods of the standalone tunnel have the digest %v", got)
	}
}

// TestOnlyTheCredentialRollsTheTunnel holds the metadata of the RestateCloudEnvironment, which the operator copies to the pods,
// equal over every other change of the spec.
func TestOnlyTheCredentialRollsTheTunnel(t *testing.T) {
	metadata := func(spec string) any {
		t.Helper()
		return succeeds(t, list(integration(spec+quiet))).get(t, "RestateCloudEnvironment prod").Metadata
	}
	want := metadata("")
	for _, spec := range []string{
		"clusterDomain: k8s.example.com\n",
		"namespace: {create: true, podSecurity: baseline}\n",
		"labels: {team: platform}\n",
		"annotations: {example.com/team: platform}\n",
		`images: {tunnel: "r.example.com/tunnel:1", pullPolicy: Always}` + "\n",
		"images: {registry: mirror.example.com, pullSecrets: [mirror]}\n",
		"gitops: {tool: ArgoCD}\n",
		"gitops: {tool: Kpt}\n",
		"gitops: {tool: Flux}\n",
		"patches: [{target: {component: tunnel, kind: NetworkPolicy}, patch: '{metadata: {labels: {a: b}, annotations: {c/d: e}}}'}]\n",
		"tunnel: {operator: {apiServer: {cidrs: [192.0.2.1/32]}}}\n",
		"tunnel: {replicas: 5, podDisruptionBudget: {maxUnavailable: 2}}\n",
		"tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}}\n",
		"tunnel: {egressTo: [{to: [{podSelector: {}}]}], resources: {limits: {cpu: 2}}, env: [{name: RUST_LOG, value: debug}]}\n",
		"tunnel: {podTemplate: {nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: {}, dnsConfig: {}}}\n",
		"tunnel: {operator: {namespace: elsewhere}}\n",
		`services: {a: {namespace: shop, deployment: {image: "r.example.com/a:1"}}, b: {namespace: shop, registration: {mode: None}}}` + "\n",
		"observability: {scrapeFrom: {namespaceSelector: {matchLabels: {a: b}}}}\n",
		"secrets: {requireMacOnlyEncrypted: false, allowedAnnotations: [a/b]}\n",
	} {
		if d := cmp.Diff(want, metadata(spec)); d != "" {
			t.Errorf("%s changes the metadata (-before +after):\n%s", spec, d)
		}
	}
	if d := cmp.Diff(want, metadata("tunnel: {podTemplate: {labels: {a: b}, annotations: {c/d: e}}}\n")); d == "" {
		t.Error("labels and annotations of the pod template do not reach the pods")
	}
	if d := cmp.Diff(want, metadata("patches: [{target: {kind: RestateCloudEnvironment}, patch: '{metadata: {labels: {a: b}}}'}]\n")); d == "" {
		t.Error("a patch of the environment itself does not reach the pods")
	}
	// The one exception, and it warns.
	out := wants(t, "deletionPolicy: Delete\n"+quiet, "RI0705")
	for key := range out.get(t, "RestateCloudEnvironment prod").Metadata.Annotations {
		if key != generators.AnnotationOwnedBy && key != generators.AnnotationDigest {
			t.Errorf("the environment has the annotation %s", key)
		}
	}
}

const ownEnvironment = `apiVersion: restate.dev/v1beta1
kind: RestateCloudEnvironment
metadata:
  name: prod
  annotations: {restate-integration.dev/owned-by: restate/prod}
`

func TestEnvironmentIsNeverRemovedUnasked(t *testing.T) {
	for _, tt := range []struct {
		reason, spec string
		kept         bool
	}{
		{"the spec yields no environment any more", "tunnel: {mode: None}\n", true},
		{"it yields one of another name", "tunnel: {operator: {resourceName: other}}\n" + quiet, true},
		{"under Delete it goes", "deletionPolicy: Delete\ntunnel: {mode: None}\n", false},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := succeeds(t, list(integration(tt.spec), ownEnvironment))
			var names []string
			for _, o := range out.objects(t) {
				if o.Kind == "RestateCloudEnvironment" {
					names = append(names, o.Metadata.Name)
				}
			}
			if got := slices.Contains(names, "prod"); got != tt.kept {
				t.Errorf("environments %v", names)
			}
			if got := slices.Contains(out.codes(), "RI0703"); got != tt.kept {
				t.Errorf("a warning that it was kept: %t", got)
			}
		})
	}
}

func TestSecretWhereItIsRead(t *testing.T) {
	elsewhere := strings.Replace(fixture(t, "sealed.yaml"), "namespace: restate-operator", "namespace: shop", 1)
	out := run(list(integration(""), fixture(t, "sealed.yaml"), elsewhere))
	if out.code != 1 || !strings.Contains(out.stderr, "RI0413") || !strings.Contains(out.stderr, "shop/restate-identity") || !strings.Contains(out.stderr, `"restate-operator"`) {
		t.Errorf("exit code %d:\n%s", out.code, out.stderr)
	}
	standalone := strings.Replace(elsewhere, "namespace: shop", "namespace: restate", 1)
	succeeds(t, list(integration("cluster: eu1\ntunnel: {mode: Standalone}\n"), standalone))
	if out := run(list(integration("cluster: eu1\ntunnel: {mode: Standalone}\n"), fixture(t, "sealed.yaml"))); !strings.Contains(out.stderr, "RI0413") {
		t.Errorf("without the operator nothing reads its namespace:\n%s", out.stderr)
	}
}

// TestSecretOfTwoRoles: one Secret with a key for each of two roles is read once and passed on once, and both keys roll their pods.
func TestSecretOfTwoRoles(t *testing.T) {
	secret := strings.Replace(fixture(t, "two-keys.yaml"), "namespace: restate-operator", "namespace: restate", 1)
	spec := func(files string) string {
		return "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {a: {namespace: shop}}\ncredentials: {tunnel: {" + files + "}, admin: {name: restate-identity, key: note" + strings.Replace(files, "files", ", files", 1) + "}}\nnetworkPolicy: {restateCloud: {tunnelPorts: [9090]}}\nsecrets: {minRecipients: 1}\n"
	}
	config := integration(spec("files: [secrets/a.yaml]"))
	generator := runFiles(list(config, config), fstest.MapFS{"secrets/a.yaml": {Data: []byte(secret)}})
	for reason, out := range map[string]output{
		"as an item":  run(list(integration(spec("")), secret)),
		"from a file": generator,
	} {
		if out.code != 0 || strings.Count(out.stderr, "\n") != 1 || !strings.Contains(out.stderr, "RI0429") { // the note is short
			t.Errorf("%s: exit code %d:\n%s", reason, out.code, out.stderr)
			continue
		}
		if n := strings.Count(out.stdout, "kind: Secret\n"); n != 1 {
			t.Errorf("%s: %d Secrets, want one", reason, n)
		}
		if n := strings.Count(out.stdout, generators.AnnotationDigest+": "); n != 2 {
			t.Errorf("%s: %d digests, want that of the tunnel and that of the Job", reason, n)
		}
	}
}

// TestRemovalOrder is the end of a service's life: the finalizer of its RestateDeployment needs the environment and its key.
func TestRemovalOrder(t *testing.T) {
	deployment := func(name, owner string) string {
		return "apiVersion: restate.dev/v1beta1\nkind: RestateDeployment\nmetadata:\n  name: " + name + "\n  namespace: shop\n  annotations: {restate-integration.dev/owned-by: " + owner + "}\n"
	}
	const ours, gone = "restate/prod", "tunnel: {mode: None}\n"
	const remove = "deletionPolicy: Delete\n"
	for _, tt := range []struct {
		reason, spec string
		items        []string
		code         int
		left         []string
	}{
		{"both at once", remove + gone, []string{ownEnvironment, deployment("prod-service-a", ours)}, 1, []string{"RestateCloudEnvironment prod", "RestateDeployment shop/prod-service-a"}},
		{"in whatever order they stand", remove + gone, []string{deployment("prod-service-a", ours), ownEnvironment}, 1, []string{"RestateDeployment shop/prod-service-a", "RestateCloudEnvironment prod"}},
		{"the environment is kept", gone, []string{ownEnvironment, deployment("prod-service-a", ours)}, 0, []string{"RestateCloudEnvironment prod", "ConfigMap restate/prod-endpoints"}},
		{"what another integration yields needs another environment", remove + gone, []string{ownEnvironment, deployment("b-service-a", "restate/b")}, 0, []string{"RestateDeployment shop/b-service-a", "ConfigMap restate/prod-endpoints"}},
		{"what somebody else wrote is not ours to remove", remove + gone, []string{ownEnvironment, strings.Replace(deployment("c", ours), "restate-integration.dev/owned-by", "example.com/a", 1)}, 0, []string{"RestateDeployment shop/c", "ConfigMap restate/prod-endpoints"}},
		{"the environment alone: the second step", remove + gone, []string{ownEnvironment}, 0, []string{"ConfigMap restate/prod-endpoints"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			input := list(integration(tt.spec), tt.items...)
			out := run(input)
			var left []string
			for _, o := range out.objects(t) {
				left = append(left, o.id())
			}
			if out.code != tt.code || slices.Contains(out.codes(), "RI0706") != (tt.code == 1) {
				t.Errorf("exit code %d, want %d:\n%s", out.code, tt.code, out.stderr)
			}
			if d := cmp.Diff(tt.left, left); d != "" {
				t.Errorf("left (-want +got):\n%s", d)
			}
			if tt.code == 1 && !strings.HasPrefix(out.stdout, input) {
				t.Errorf("the input did not leave as it came:\n%s", out.stdout)
			}
		})
	}
	// The first step: the service goes while the tunnel stays.
	out := succeeds(t, list(integration(remove+quiet), ownEnvironment, deployment("prod-service-a", ours)))
	out.get(t, "RestateCloudEnvironment prod")
	for _, o := range out.objects(t) {
		if o.Kind == "RestateDeployment" {
			t.Errorf("%s is left", o.id())
		}
	}
	// A deployment that stays is registered through the environment that comes instead.
	out = succeeds(t, list(integration(remove+`tunnel: {operator: {resourceName: other}}
services: {a: {namespace: shop, deployment: {image: "r.example.com/a:1"}}}
`+quiet), ownEnvironment, deployment("prod-service-a", ours)))
	out.get(t, "RestateCloudEnvironment other")
	out.get(t, "RestateDeployment shop/prod-service-a")
	// An integration that left the list takes its objects along, in the same order.
	out = run(list("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", ownEnvironment, deployment("prod-service-a", ours)))
	if out.code != 1 || !slices.Contains(out.codes(), "RI0706") || !strings.Contains(out.stderr, "RestateDeployment shop/prod-service-a") {
		t.Errorf("exit code %d:\n%s", out.code, out.stderr)
	}
}

func TestRemoteProxyIsGuarded(t *testing.T) {
	const peer = "{podSelector: {matchLabels: {app: a}}}"
	for _, tt := range []struct {
		reason, proxy string
		codes         []string
	}{
		{"off by default", "{}", nil},
		{"on with a peer, and a warning", "{enabled: true, allowFrom: [" + peer + "]}", []string{"RI0604"}},
		{"on without peers", "{enabled: true}", []string{"RI0603", "RI0604"}},
		{"adminFrom does not open the ingress", "{enabled: true, adminFrom: [" + peer + "]}", []string{"RI0603", "RI0604"}},
		{"every namespace", "{enabled: true, allowFrom: [{namespaceSelector: {}}]}", []string{"RI0603", "RI0604"}},
		{"every pod of every namespace", "{enabled: true, allowFrom: [{namespaceSelector: {}, podSelector: {}}]}", []string{"RI0603", "RI0604"}},
		{"every address", "{enabled: true, allowFrom: [{ipBlock: {cidr: 0.0.0.0/0}}]}", []string{"RI0603", "RI0604"}},
		{"every address in two halves", "{enabled: true, allowFrom: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]}", []string{"RI0603", "RI0604"}},
		{"peers of what is off", "{allowFrom: [" + peer + "]}", []string{"RI0208"}},
	} {
		t.Run(tt.reason, func(t *testing.T) { wants(t, "tunnel: {remoteProxy: "+tt.proxy+"}\n"+quiet, tt.codes...) })
	}
	// 9070 is for adminFrom alone.
	for proxy, want := range map[string]string{
		"{}": "[9090]",
		"{enabled: true, allowFrom: [" + peer + "]}":                            "[9090 8080]",
		"{enabled: true, allowFrom: [" + peer + "], adminFrom: [" + peer + "]}": "[9090 8080 9070]",
	} {
		out := succeeds(t, list(integration("tunnel: {remoteProxy: "+proxy+"}\n"+quiet)))
		if got := fmt.Sprint(ports(out.get(t, "NetworkPolicy restate-operator/prod-tunnel"), "ingress")); got != want {
			t.Errorf("%s: open are %s, want %s", proxy, got, want)
		}
	}
}

// ports are those of a policy's rules, in order.
func ports(policy object, direction string) []any {
	var out []any
	rules, _ := policy.Spec[direction].([]any)
	for _, r := range rules {
		list, _ := r.(map[string]any)["ports"].([]any)
		for _, p := range list {
			out = append(out, p.(map[string]any)["port"])
		}
	}
	return out
}

func TestPlaintextNeverPasses(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	const value = "a-value-that-must-not-be-seen"
	for _, tt := range []struct{ reason, secret, code, key string }{
		{"plain text", strings.Replace(sealed, "stringData:\n", "stringData:\n  note: "+value+"\n", 1), "RI0402", "note"},
		{"plain data", strings.Replace(sealed, "stringData:\n", "data: {note: "+value+"}\nstringData:\n", 1), "RI0402", "note"},
		{"a rest behind the ciphertext", strings.Replace(sealed, "type:str]\ntype:", "type:str]"+value+"\ntype:", 1), "RI0412", "token"},
		{"a number", strings.Replace(sealed, "stringData:\n", "stringData:\n  note: 4711\n", 1), "RI0402", "note"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			if tt.secret == sealed {
				t.Fatal("the fixture has another form")
			}
			out := run(list(integration(""), tt.secret))
			if out.code != 1 || !slices.Contains(out.codes(), tt.code) || !strings.Contains(out.stderr, "["+tt.key+"]") {
				t.Errorf("exit code %d, want %s for %s:\n%s", out.code, tt.code, tt.key, out.stderr)
			}
			for _, hidden := range []string{value, "4711", "AES256_GCM"} {
				if strings.Contains(out.stderr+out.resultList(), hidden) {
					t.Errorf("%q is printed:\n%s", hidden, out.stderr)
				}
			}
		})
	}
}

func TestPoliciesNamePodPorts(t *testing.T) {
	out := succeeds(t, list(integration("services: {a: {namespace: shop, port: 80, targetPort: 8080, isolate: true}}\n"+quiet)))
	if got := fmt.Sprint(ports(out.get(t, "NetworkPolicy shop/prod-service-a"), "ingress")); got != "[8080]" {
		t.Errorf("the service's policy opens %s, want the pod's port", got)
	}
	// DNS, the tunnel servers, the service.
	if got := fmt.Sprint(ports(out.get(t, "NetworkPolicy restate-operator/prod-tunnel"), "egress")); got != "[53 53 9090 8080]" {
		t.Errorf("the tunnel's policy opens %s", got)
	}
	if !strings.Contains(out.stderr, "/http/a.shop.svc.cluster.local/80 ") {
		t.Errorf("the URL does not have the Service's port:\n%s", out.stderr)
	}
}

func TestExceptionsLieInsideOfTheirCIDR(t *testing.T) {
	const credentials = `credentials: {tunnel: {source: External, rolloutKey: "1"}}` + "\n"
	blocks := func(cidrs string) string {
		t.Helper()
		out := succeeds(t, list(integration("networkPolicy: {restateCloud: {tunnelPorts: [9090], "+cidrs+"}}\n"+credentials)))
		rules := out.get(t, "NetworkPolicy restate-operator/prod-tunnel").Spec["egress"].([]any)
		return fmt.Sprint(rules[1].(map[string]any)["to"])
	}
	for _, tt := range []struct{ reason, cidrs, want string }{
		{"only those inside", "cidrs: [10.0.0.0/8], except: [10.1.0.0/16, 192.168.0.0/16]", "[map[ipBlock:map[cidr:10.0.0.0/8 except:[10.1.0.0/16]]]]"},
		{"an exception as large as the CIDR is no exception of it", "cidrs: [10.0.0.0/8], except: [10.0.0.0/8]", "[map[ipBlock:map[cidr:10.0.0.0/8]]]"},
		{"the default exceptions of an own CIDR", "cidrs: [203.0.113.0/24]", "[map[ipBlock:map[cidr:203.0.113.0/24]]]"},
	} {
		if got := blocks(tt.cidrs); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
	for _, cidr := range []string{`"2001:db8::/32"`, `"::/0"`, "10.0.0.1/8", "10.0.0.0", "10.0.0.0/33"} {
		out := run(list(integration("networkPolicy: {restateCloud: {tunnelPorts: [9090], cidrs: [" + cidr + "]}}\n" + credentials)))
		if !slices.Contains(out.codes(), "RI0312") {
			t.Errorf("%s is accepted:\n%s", cidr, out.stderr)
		}
	}
}

func TestTunnelNamesThatBreakTheClient(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "eu1-restate": true, "v1.5": true, "1e5": true, "0d3b1c5e-0000-4000-8000-000000000000": true, "a_B.c": true,
		"123": false, "1.5": false, "-5": false, "true": false, "false": false, "[a]": false, "{a}": false, "a b": false, "a/b": false, "a\\nb": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		out := run(list(integration("tunnel: {mode: Standalone, name: \"" + name + "\"}\n" + quiet)))
		if got := out.code == 0; got != ok {
			t.Errorf("name %q: accepted: %t, want %t\n%s", name, got, ok, out.stderr)
		}
		if !ok && !slices.Contains(out.codes(), "RI0601") {
			t.Errorf("name %q: another error:\n%s", name, out.stderr)
		}
	}
	wants(t, "tunnel: {mode: Standalone}\n"+quiet, "RI0601")
}

// TestTunnelsOfOneName: Restate Cloud takes two tunnels of one name in one environment for one.
func TestTunnelsOfOneName(t *testing.T) {
	const same = "tunnel: {mode: Standalone, name: shared}\n"
	other := func(spec string) string {
		return strings.Replace(integration(spec+quiet), "name: prod\n  namespace: restate", "name: lab\n  namespace: lab", 1)
	}
	for _, tt := range []struct {
		reason, second string
		refused        bool
	}{
		{"the same name", other(same), true},
		{"a name that is derived to the same", other("cluster: shared\ntunnel: {mode: Standalone, name: shared}\n"), true},
		{"another name", other("tunnel: {mode: Standalone, name: shared-2}\n"), false},
		{"another environment", strings.Replace(other(same), "env_201j05r9g0f12ygtphdszbb4scp", "env_other", 1), false},
		{"a tunnel of the operator is named by its uid", other("tunnel: {operator: {resourceName: shared, uid: " + uid + "}}\n"), false},
		{"somebody else's tunnel is used by both", other("tunnel: {mode: Existing, existing: {namespace: a, podSelector: {matchLabels: {a: b}}, name: shared}}\n"), false},
		{"no tunnel", other("tunnel: {mode: None}\n"), false},
	} {
		out := run(list("", integration(same+quiet), tt.second))
		if got := slices.Contains(out.codes(), "RI0601"); got != tt.refused || tt.refused && (out.code != 1 || !strings.Contains(out.stderr, "RestateIntegration lab/lab: spec.tunnel.name")) {
			t.Errorf("%s: refused: %t, want %t\n%s", tt.reason, got, tt.refused, out.stderr)
		}
	}
}

func TestSigningKeyLength(t *testing.T) {
	// base58 of 31, 33 and 32 bytes, and of what is no base58 (0, O, I, l).
	for key, ok := range map[string]bool{
		"publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk": true,
		"publickeyv1_11111111111111111111111111111111":             true,
		"publickeyv1_1111111111111111111111111111111":              false,
		"publickeyv1_111111111111111111111111111111111":            false,
		"publickeyv1_0OIl": false,
		"BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk": false,
	} {
		out := run(strings.Replace(list(integration(quiet)), "publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk", key, 1))
		if got := out.code == 0; got != ok || got == slices.Contains(out.codes(), "RI0305") {
			t.Errorf("%s: accepted: %t, want %t\n%s", key, got, ok, out.stderr)
		}
	}
}

func TestReadinessNotLiveness(t *testing.T) {
	out := succeeds(t, list(integration("cluster: eu1\ntunnel: {mode: Standalone}\n"+quiet)))
	pod := podSpec(t, out.get(t, "Deployment restate/prod-tunnel"))
	c := pod["containers"].([]any)[0].(map[string]any)
	if c["readinessProbe"] == nil || c["livenessProbe"] != nil || c["startupProbe"] != nil {
		t.Errorf("probes: readiness %v, liveness %v, startup %v", c["readinessProbe"], c["livenessProbe"], c["startupProbe"])
	}
	if grace, _ := pod["terminationGracePeriodSeconds"].(int); grace < 310 {
		t.Errorf("a grace period of %d s ends before the client's own wait of 300 s", grace)
	}
}

func podSpec(t *testing.T, o object) map[string]any {
	t.Helper()
	template, _ := o.Spec["template"].(map[string]any)
	spec, _ := template["spec"].(map[string]any)
	if spec == nil {
		t.Fatalf("%s has no pod template", o.id())
	}
	return spec
}

// TestPodSecurityRestricted holds every pod that the function writes itself against Pod Security restricted and what goes beyond it.
func TestPodSecurityRestricted(t *testing.T) {
	pods := 0
	for _, c := range goldens(t) {
		if c.Fails {
			continue
		}
		users := templates(t, c.input)
		for _, o := range c.objects(t) {
			if o.Kind != "Deployment" && o.Kind != "RestateDeployment" && o.Kind != "Job" || o.Metadata.Annotations[generators.AnnotationOwnedBy] == "" || users[o.id()] {
				continue
			}
			if strings.Contains(c.stderr, "makes "+o.Kind+" "+o.Metadata.Name+" weaker") { // which a patch asks for, and RI1104 says
				continue
			}
			pods++
			for _, problem := range unrestricted(podSpec(t, o)) {
				t.Errorf("%s: %s: %s", c.Name, o.id(), problem)
			}
		}
	}
	if pods < 5 {
		t.Errorf("only %d pods were looked at", pods)
	}
}

// templates are the RestateDeployments with a whole template of the user's, which may ask for more.
func templates(t *testing.T, input []byte) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, in := range integrations(t, input) {
		for key, s := range in.Spec.Services {
			if s.Deployment != nil && s.Deployment.Template != nil {
				out["RestateDeployment "+s.Namespace+"/"+in.Name+"-service-"+key] = true
			}
		}
	}
	return out
}

func unrestricted(pod map[string]any) []string {
	var problems []string
	want := func(what string, got, want any) {
		if d := cmp.Diff(want, got); d != "" {
			problems = append(problems, what+" (-want +got):\n"+d)
		}
	}
	want("automountServiceAccountToken", pod["automountServiceAccountToken"], false)
	want("enableServiceLinks", pod["enableServiceLinks"], false)
	for _, host := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		want(host, pod[host], nil)
	}
	if pod["topologySpreadConstraints"] == nil && pod["restartPolicy"] != "Never" { // a Job's one pod
		problems = append(problems, "no spread over hosts and zones")
	}
	volumes, _ := pod["volumes"].([]any)
	for _, v := range volumes {
		if v.(map[string]any)["hostPath"] != nil {
			problems = append(problems, "a hostPath volume")
		}
	}
	for _, c := range pod["containers"].([]any) {
		c := c.(map[string]any)
		want("securityContext", c["securityContext"], map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
			"capabilities": map[string]any{"drop": []any{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		})
		if c["resources"] == nil {
			problems = append(problems, "no resources")
		}
	}
	return problems
}

func TestNobodyRedirectsAKey(t *testing.T) {
	const proxy = "tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {}}]}}\n" + quiet
	for _, tt := range []struct{ url, allowed, code string }{
		{"https://a.restate.cloud", "", ""},
		{"https://a.b.restate.cloud:443/base", "", ""},
		{"https://restate.cloud.example.com", "", "RI0307"},
		{"https://xrestate.cloud", "", "RI0307"},
		{"https://example.com", "", "RI0307"},
		{"https://example.com", "example.com", ""},
		{"https://sub.example.com", "example.com", "RI0307"},
		{"http://a.restate.cloud", "", "RI0306"},
		{"https://user:password@a.restate.cloud", "", "RI0306"},
		{"https://a.restate.cloud?x=y", "", "RI0306"},
		{"https://a.restate.cloud#x", "", "RI0306"},
		{"https://a.restate.cloud:0", "", "RI0306"},
		{"https://a.restate.cloud:", "", "RI0306"},
		{"https://", "", "RI0306"},
		{`https://evil.example.com\\@a.restate.cloud`, "", "RI0306"},
		{"//a.restate.cloud", "", "RI0306"},
	} {
		for _, field := range []string{"ingressURL", "adminURL"} {
			input := strings.Replace(list(integration(proxy)), "region: eu\n", "region: eu\n      "+field+": \""+tt.url+"\"\n      allowedHosts: ["+tt.allowed+"]\n", 1)
			out := run(input)
			if got := out.code != 0; got != (tt.code != "") || tt.code != "" && !slices.Contains(out.codes(), tt.code) {
				t.Errorf("%s %s, allowed %q: want %q, got:\n%s", field, tt.url, tt.allowed, tt.code, out.stderr)
			}
			if strings.Contains(out.stderr, "password") {
				t.Errorf("a password is printed:\n%s", out.stderr)
			}
		}
	}
	for name, ok := range map[string]bool{
		"RUST_LOG": true, "SSL_CERT_FILE": true, "RESTATE_POOLS_PER_TUNNEL": true,
		"RESTATE_CLOUD_SUFFIX": false, "RESTATE_TUNNEL_SERVERS": false, "RESTATE_TUNNEL_SERVERS_SRV": false, "RESTATE_INGRESS_URI": false, "RESTATE_ADMIN_URI": false,
		"RESTATE_AUTH_TOKEN": false, "RESTATE_BEARER_TOKEN_FILE": false, "RESTATE_REMOTE_PROXY": false, "CONFIG": false, "HTTPS_PROXY": false, "LD_PRELOAD": false, "rust_log": false,
	} {
		out := run(list(integration("tunnel: {env: [{name: " + name + ", value: \"1\"}]}\n" + quiet)))
		if got := !slices.Contains(out.codes(), "RI0602"); got != ok || (out.code == 0) != ok {
			t.Errorf("variable %s: accepted: %t, want %t\n%s", name, got, ok, out.stderr)
		}
	}
	for path, ok := range map[string]bool{"v1": true, "a/b": true, "~a": true, "%20": true, "$HOME": false, "`id`": false, "/a": false, "a/": false, "a//b": false, "..": false, "a b": false, "é": false, "a\\nb": false} {
		out := run(list(integration("services: {a: {namespace: shop, path: \"" + path + "\", registration: {mode: None}}}\n" + quiet)))
		if got := out.code == 0; got != ok {
			t.Errorf("path %q: accepted: %t, want %t\n%s", path, got, ok, out.stderr)
		}
	}
}

// fieldValues has a value for each field that has a meaning in some modes only.
var fieldValues = map[string]string{
	"spec.cluster":                                      "eu1",
	"spec.images.tunnel":                                `"r.example.com/tunnel:1"`,
	"spec.credentials.tunnel":                           `{source: External, rolloutKey: "1"}`,
	"spec.networkPolicy.restateCloud.tunnelPorts":       "[9090]",
	"spec.tunnel.name":                                  "mine",
	"spec.tunnel.replicas":                              "2",
	"spec.tunnel.remoteProxy":                           "{enabled: true, allowFrom: [{podSelector: {matchLabels: {a: b}}}]}",
	"spec.tunnel.egressTo":                              "[{to: [{podSelector: {}}]}]",
	"spec.tunnel.resources":                             "{limits: {cpu: 1}}",
	"spec.tunnel.env":                                   "[{name: RUST_LOG, value: a}]",
	"spec.tunnel.podTemplate":                           "{nodeSelector: {a: b}}",
	"spec.tunnel.podTemplate.topologySpreadConstraints": "[{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]",
	"spec.tunnel.podTemplate.priorityClassName":         "high",
	"spec.tunnel.podTemplate.securityContext":           "{runAsNonRoot: true}",
	"spec.tunnel.podDisruptionBudget":                   "{maxUnavailable: 1}",
	"spec.tunnel.operator.namespace":                    "elsewhere",
	"spec.tunnel.operator.resourceName":                 "other",
	"spec.tunnel.operator.uid":                          uid,
	"spec.tunnel.operator.apiServer":                    "{cidrs: [192.0.2.1/32]}",
	"spec.tunnel.existing":                              existing,
	"spec.services.*.deployment":                        `{image: "r.example.com/a:1"}`,
}

// existing is somebody else's tunnel.
const existing = "{namespace: platform, podSelector: {matchLabels: {a: b}}, name: shared}"

// TestFieldsOutsideOfTheirMode sets each field of the table in each mode: it is refused exactly where it means nothing.
func TestFieldsOutsideOfTheirMode(t *testing.T) {
	for _, rule := range generators.FieldRules() {
		if rule.Modes == nil {
			continue
		}
		value, found := fieldValues[rule.Path]
		if !found {
			t.Errorf("no value to try for %s", rule.Path)
		}
		for _, mode := range []string{"Operator", "Standalone", "Existing", "None"} {
			meant := false
			for _, m := range rule.Modes {
				meant = meant || string(m) == mode
			}
			spec := at(rule.Path, value)
			set(spec, mode, "tunnel", "mode")
			for _, s := range mapAt(spec, "services") {
				set(s.(map[string]any), "shop", "namespace")
			}
			if mode == "Standalone" && rule.Path != "spec.cluster" && rule.Path != "spec.tunnel.name" {
				set(spec, "eu1", "cluster")
			}
			if mode == "Existing" {
				set(spec, existing, "tunnel", "existing")
			}
			out := run(list(integration(flow(spec))))
			path := strings.ReplaceAll(rule.Path, ".*", "[greeter]")
			got := strings.Contains(out.stderr, " "+path+": must not be set when spec.tunnel.mode is "+mode)
			if got == meant || (out.code == 0) != meant {
				t.Errorf("%s in mode %s: refused: %t, exit code %d:\n%s", rule.Path, mode, got, out.code, out.stderr)
			}
		}
	}
	for path := range maps.Keys(fieldValues) {
		if !slices.ContainsFunc(generators.FieldRules(), func(r generators.FieldRule) bool { return r.Path == path }) {
			t.Errorf("%s is not in the table any more", path)
		}
	}
}

// at is a tree with one value, whose text is YAML in flow style.
func at(path, value string) map[string]any {
	tree := map[string]any{}
	set(tree, value, strings.Split(strings.ReplaceAll(path, "*", "greeter"), ".")[1:]...)
	return tree
}

func set(tree map[string]any, value string, keys ...string) {
	for _, key := range keys[:len(keys)-1] {
		tree = mapAt(tree, key)
	}
	if tree[keys[len(keys)-1]] == nil {
		tree[keys[len(keys)-1]] = value
	}
}

func mapAt(tree map[string]any, key string) map[string]any {
	if tree[key] == nil {
		tree[key] = map[string]any{}
	}
	return tree[key].(map[string]any)
}

// flow writes a tree as the fields of a mapping, one a line.
func flow(tree map[string]any) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if len(mapOf(tree[key])) == 0 && tree[key] != nil {
			if _, isMap := tree[key].(map[string]any); isMap {
				continue
			}
		}
		fmt.Fprintf(&b, "%s: %s\n", key, inline(tree[key]))
	}
	return b.String()
}

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }

func inline(v any) string {
	m, isMap := v.(map[string]any)
	if !isMap {
		return v.(string)
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+": "+inline(m[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// TestNoSpecIsADefect tries specs whose parts are valid one by one, and that do not fit together: the user's error, never ours.
func TestNoSpecIsADefect(t *testing.T) {
	for reason, spec := range map[string]string{
		"a service is named like the tunnel's pods":       "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {restate-cloud-tunnel-client: {namespace: restate, isolate: true, registration: {mode: None}}}\n",
		"a service selects a label of the tunnel's pods":  "cluster: eu1\ntunnel: {mode: Standalone, podTemplate: {labels: {app: a}}}\nservices: {x: {namespace: restate, podSelector: {matchLabels: {app: a}}, isolate: true, registration: {mode: None}}}\n",
		"the same with a selector that is an expression":  "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {x: {namespace: restate, podSelector: {matchExpressions: [{key: app.kubernetes.io/instance, operator: Exists}]}, isolate: true, registration: {mode: None}}}\n",
		"a deployment selects the operator's tunnel pods": "services: {restate-cloud-tunnel-client: {namespace: restate-operator, deployment: {image: \"a/b:1\"}}}\n",
		"two services with the same pods":                 "services: {a: {namespace: shop, isolate: true, registration: {mode: None}}, b: {namespace: shop, podSelector: {matchLabels: {app.kubernetes.io/name: a}}, port: 81, isolate: true, registration: {mode: None}}}\n",
		"a service in the operator's namespace":           "services: {tunnel: {namespace: restate-operator, isolate: true, registration: {mode: None}}}\n",
		"the integration is named after a component":      "services: {deny: {namespace: restate, isolate: true, registration: {mode: None}}, dns: {namespace: restate, isolate: true, registration: {mode: None}}}\n",
	} {
		out := run(list(integration(spec + quiet)))
		if slices.Contains(out.codes(), "RI0106") {
			t.Errorf("%s:\n%s", reason, out.stderr)
		}
	}
	out := run(list(integration(`services: {a: {namespace: shop, deployment: {image: "a/b:1", env: [{name: A, value: "1", valueFrom: {secretKeyRef: {name: a, key: b}}}]}}}` + "\n" + quiet)))
	if out.code == 0 {
		t.Error("a variable with two values is accepted, and refused by the API server")
	}
}
