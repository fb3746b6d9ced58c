// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestQuickstart holds what the example yields against a list written by hand, so that no update of a golden blesses a loss.
func TestQuickstart(t *testing.T) {
	const example = "../examples/quickstart"
	config, err := os.ReadFile(example + "/integration.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(example)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	out := runFiles(list(string(config), string(config)), root)
	if out.code != 0 {
		t.Fatal(out.stderr)
	}
	var got []string
	for _, o := range out.objects(t) {
		got = append(got, o.id())
	}
	want := []string{
		"Namespace restate",
		"NetworkPolicy restate/prod-baseline-deny",
		"NetworkPolicy restate/prod-baseline-dns",
		"RestateCloudEnvironment prod",
		"PodDisruptionBudget restate-operator/prod-tunnel",
		"NetworkPolicy restate-operator/prod-tunnel",
		"ConfigMap restate/prod-endpoints",
		"ConfigMap shop/prod-endpoints",
		"NetworkPolicy shop/prod-service-greeter",
		"RestateDeployment shop/prod-service-greeter",
		"Secret restate-operator/restate-identity",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
	secret, err := os.ReadFile(example + "/secrets/restate-identity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.stdout, indent(2, string(secret))[2:]) {
		t.Error("the Secret of files did not leave byte for byte")
	}
}

// hashSuffix ends the names of what must not change once it is there.
var hashSuffix = regexp.MustCompile(`-[0-9a-f]{8}$`)

// TestNames pins every form of a generated name: they are API, because renaming an object orphans its predecessor.
func TestNames(t *testing.T) {
	out := succeeds(t, list(integration(`cluster: eu1
tunnel: {mode: Standalone}
services: {greeter: {namespace: shop, isolate: true}}
wasmcloud: {handlers: {inventory: {namespace: wasmcloud, isolate: true}}}
`+quiet)))
	var got []string
	for _, o := range out.objects(t) {
		got = append(got, o.id())
	}
	want := []string{
		"NetworkPolicy restate/prod-baseline-deny",
		"NetworkPolicy restate/prod-baseline-dns",
		"ServiceAccount restate/prod-tunnel",
		"Deployment restate/prod-tunnel",
		"Service restate/prod-tunnel",
		"PodDisruptionBudget restate/prod-tunnel",
		"NetworkPolicy restate/prod-tunnel",
		"ConfigMap restate/prod-endpoints",
		"ConfigMap shop/prod-endpoints",
		"NetworkPolicy wasmcloud/prod-wasmcloud-wasmcloud-73a51310", // wasmcloud.com/name=hostgroup
		"NetworkPolicy shop/prod-service-greeter",
		"ServiceAccount restate/prod-registration",
		"NetworkPolicy restate/prod-registration",
		"Job restate/prod-registration-greeter-<8 hex digits of its spec's hash>",
	}
	last := &got[len(got)-1]
	*last = hashSuffix.ReplaceAllString(*last, "-<8 hex digits of its spec's hash>")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
}

// TestLongNames pins the cut: limit-9 characters, "-", and 8 hex digits of the sha256 of the full name. The hashes below were made
// with sha256sum.
func TestLongNames(t *testing.T) {
	for _, tt := range []struct{ reason, key, policy, deployment string }{
		{
			"50 characters: the longest name of a RestateDeployment that is whole", strings.Repeat("k", 37),
			"prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
		},
		{
			"51 characters: cut to 41, and the hash", strings.Repeat("k", 38),
			"prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkk-4853a728",
		},
		{
			"63 characters: the longest name that is whole", strings.Repeat("k", 50),
			"prod-service-" + strings.Repeat("k", 50), "prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkk-019db648",
		},
		{
			"64 characters: cut to 54, and the hash", strings.Repeat("k", 51),
			"prod-service-" + strings.Repeat("k", 41) + "-4b809293", "prod-service-kkkkkkkkkkkkkkkkkkkkkkkkkkkk-4b809293",
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := succeeds(t, list(integration("services: {"+tt.key+`: {namespace: shop, deployment: {image: "r.example.com/a:1"}}}`+"\n"+quiet)))
			out.get(t, "NetworkPolicy shop/"+tt.policy)
			out.get(t, "RestateDeployment shop/"+tt.deployment)
		})
	}
}

// TestRegistrationURL pins each form of the URL for good: it identifies running workflows.
func TestRegistrationURL(t *testing.T) {
	const prefix = "https://tunnel.eu.restate.cloud:9080/201j05r9g0f12ygtphdszbb4scp/"
	for _, tt := range []struct{ reason, spec, want string }{
		{
			"Standalone, every default", "cluster: eu1\ntunnel: {mode: Standalone}\nservices: {greeter: {namespace: shop}}\n",
			prefix + "eu1-restate-prod/http/greeter.shop.svc.cluster.local/9080",
		},
		{
			"Standalone, everything set", `clusterDomain: k8s.example.com
tunnel: {mode: Standalone, name: My_tunnel.1}
services: {greeter: {namespace: shop, service: greeter-v2, scheme: https, port: 443, targetPort: 8443, path: "restate/v2;a=1"}}
`,
			prefix + "My_tunnel.1/https/greeter-v2.shop.svc.k8s.example.com/443/restate/v2;a=1",
		},
		{
			"Operator: the tunnel is named by the uid", "tunnel: {operator: {resourceName: prod-eu, uid: " + uid + "}}\nservices: {greeter: {namespace: shop, path: v1}}\n",
			prefix + uid + "/http/greeter.shop.svc.cluster.local/9080/v1",
		},
		{
			"the default name of a tunnel is cut as every name", "cluster: " + strings.Repeat("c", 63) + "\ntunnel: {mode: Standalone}\nservices: {greeter: {namespace: shop}}\n",
			prefix + strings.Repeat("c", 54) + "-b52b5c8c/http/greeter.shop.svc.cluster.local/9080",
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := succeeds(t, list(integration(tt.spec+quiet)))
			if !strings.Contains(out.stdout, "- name: DEPLOYMENT_URL\n            value: "+tt.want+"\n") {
				t.Errorf("no Job for %s in:\n%s", tt.want, out.stdout)
			}
		})
	}
	out := succeeds(t, list(integration("tunnel: {operator: {resourceName: prod-eu}}\nservices: {greeter: {namespace: shop, path: v1}}\n"+quiet)))
	if want := "register " + prefix + "<uid of RestateCloudEnvironment prod-eu>/http/greeter.shop.svc.cluster.local/9080/v1 "; !strings.Contains(out.stderr, want) {
		t.Errorf("before the first apply the uid is not known, and the warning says what to register:\n%s", out.stderr)
	}
}
