// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const kptPackage = "/package"

// kpt is an object with the annotations that kpt adds.
func kpt(path, object string) string {
	notes := "    internal.config.kubernetes.io/package-path: '" + kptPackage + "'\n" +
		"    internal.config.kubernetes.io/path: '" + path + "'\n    internal.config.kubernetes.io/index: '0'\n"
	if strings.Contains(object, "  annotations:\n") {
		return strings.Replace(object, "  annotations:\n", "  annotations:\n"+notes, 1)
	}
	return strings.Replace(object, "metadata:\n", "metadata:\n  annotations:\n"+notes, 1)
}

func configMap(namespace, name string, annotations ...string) string {
	out := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n  namespace: " + namespace + "\n"
	if len(annotations) > 0 {
		out += "  annotations:\n"
	}
	for _, a := range annotations {
		out += "    " + a + "\n"
	}
	return out
}

const (
	noTunnel = "tunnel: {mode: None}\n"
	adopt    = "restate-integration.dev/adopt: restate/prod"
	ownedBy  = "restate-integration.dev/owned-by: restate/prod"
)

// stable runs the function on its own output, and wants the same bytes.
func stable(t *testing.T, input string) output {
	t.Helper()
	first := succeeds(t, input)
	second := succeeds(t, first.stdout)
	if d := cmp.Diff(strings.SplitAfter(first.stdout, "\n"), strings.SplitAfter(second.stdout, "\n")); d != "" {
		t.Errorf("the second run differs (-first +second):\n%s", d)
	}
	if first.stderr != second.stderr {
		t.Errorf("the second run says\n%s\nthe first\n%s", second.stderr, first.stderr)
	}
	return first
}

func ids(t *testing.T, out output) []string {
	t.Helper()
	var list []string
	for _, o := range out.objects(t) {
		list = append(list, o.id())
	}
	return list
}

// TestAdoptedObjectIsOursFromThenOn hands over objects at different places; the next run must know each as its own.
func TestAdoptedObjectIsOursFromThenOn(t *testing.T) {
	for _, tt := range []struct{ reason, config, path string }{
		{"in the directory of the config", "integration.yaml", "generated/x.yaml"},
		{"below it", "restate/integration.yaml", "restate/old/x.yaml"},
		{"elsewhere in the package", "restate/integration.yaml", "old/x.yaml"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			config := kpt(tt.config, integration(noTunnel))
			out := stable(t, list(config, config, kpt(tt.path, configMap("restate", "prod-endpoints", adopt))))
			if n := strings.Count(out.stdout, "kind: ConfigMap"); n != 1 {
				t.Errorf("%d ConfigMaps", n)
			}
		})
	}
	stable(t, list(integration(noTunnel), configMap("restate", "prod-endpoints", adopt)))
}

// TestAdoptBesideOurOwn has the object twice: what we wrote, and what was handed over.
func TestAdoptBesideOurOwn(t *testing.T) {
	own, other := configMap("restate", "prod-endpoints", ownedBy), configMap("restate", "prod-endpoints", adopt)
	for _, items := range [][]string{{own, other}, {other, own}} {
		out := run(list(integration(noTunnel), items...))
		if out.code == 0 && strings.Count(out.stdout, "kind: ConfigMap") != 1 {
			t.Errorf("the object stands twice:\n%s", out.stdout)
		}
		if out.code == 0 {
			stable(t, out.stdout)
		}
	}
	if a, b := run(list(integration(noTunnel), own, other)).code, run(list(integration(noTunnel), other, own)).code; a != b {
		t.Errorf("exit code %d, in the other order %d", a, b)
	}
}

// TestAdoptNamesTheIntegration refuses a request that names another one.
func TestAdoptNamesTheIntegration(t *testing.T) {
	out := run(list(integration(noTunnel), configMap("restate", "prod-endpoints", strings.Replace(adopt, "prod", "other", 1))))
	if out.code != 1 || !slices.Contains(out.codes(), "RI0701") || !strings.Contains(out.stderr, adopt) {
		t.Errorf("exit code %d:\n%s", out.code, out.stderr)
	}
}

// TestCopiesOfOurOutput keeps one of several copies.
func TestCopiesOfOurOutput(t *testing.T) {
	own := configMap("restate", "prod-endpoints", ownedBy)
	out := stable(t, list(integration(noTunnel), own, own, own))
	if d := cmp.Diff([]string{"ConfigMap restate/prod-endpoints"}, ids(t, out)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestLastIntegrationLeaves removes the only integration of a list: what it made goes as that of any other that leaves.
func TestLastIntegrationLeaves(t *testing.T) {
	const retained = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: restate\n  annotations: {restate-integration.dev/owned-by: restate/prod, client.lifecycle.config.k8s.io/deletion: detach}\n"
	out := stable(t, list("", configMap("shop", "foreign"), configMap("restate", "prod-endpoints", ownedBy), retained))
	if d := cmp.Diff([]string{"ConfigMap shop/foreign", "Namespace restate"}, ids(t, out)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestDepartedOwnerIsKeptForOneConfig leaves the objects of others alone where one integration is expanded: whether theirs still
// exists is not known.
func TestDepartedOwnerIsKeptForOneConfig(t *testing.T) {
	out := stable(t, list(integration(noTunnel), configMap("lab", "lab-endpoints", "restate-integration.dev/owned-by: lab/lab")))
	if !slices.Contains(ids(t, out), "ConfigMap lab/lab-endpoints") {
		t.Errorf("got %v", ids(t, out))
	}
}

// TestConfigAmongTheItems counts the integration once where the host sends it twice, and keeps the item.
func TestConfigAmongTheItems(t *testing.T) {
	out := stable(t, list(integration(noTunnel), integration(noTunnel), configMap("shop", "foreign")))
	if strings.Count(out.resultList(), "RI0704") != 1 {
		t.Errorf("results:\n%s", out.resultList())
	}
	if strings.Count(out.stdout, "kind: RestateIntegration\n  metadata") != 2 {
		t.Error("the item of the config is gone")
	}
}

// TestEvaluatedConfigHasThePlaceOfItsCopy sends the config without a file, as kpt fn eval does, and wants new objects beside its copy
// among the items. Where that could be one of two, nothing is expanded.
func TestEvaluatedConfigHasThePlaceOfItsCopy(t *testing.T) {
	config := integration(noTunnel)
	copyIn := func(dir string) string { return kpt(dir+"/integration.yaml", config) }
	with := func(old, changed string) string {
		return kpt("b/integration.yaml", strings.Replace(config, old, changed, 1))
	}
	for _, tt := range []struct {
		reason, items, dir string
		ambiguous          bool
	}{
		{"no copy", configMap("shop", "foreign"), "", false},
		{"a copy", copyIn("a"), "a", false},
		{"a copy without a file", config, "", false},
		{"a copy, and others", with("name: prod", "name: lab") + "---\n" + copyIn("a") + "---\n" + with("namespace: restate", "namespace: lab"), "a", false},
		{"an integration of another name", with("name: prod", "name: lab"), "", false},
		{"an integration of another namespace", with("namespace: restate", "namespace: lab"), "", false},
		{"another kind of the name", kpt("b/map.yaml", configMap("restate", "prod")), "", false},
		{"two copies", copyIn("a") + "---\n" + copyIn("b"), "", true},
		{"a copy that differs", with("region: eu", "region: us"), "", true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := run(list(config, strings.Split(tt.items, "---\n")...))
			if tt.ambiguous {
				if out.code != 1 || !slices.Contains(out.codes(), "RI0702") {
					t.Errorf("exit code %d:\n%s", out.code, out.stderr)
				}
				return
			}
			wantPlace(t, out, tt.dir)
		})
	}
}

// wantPlace wants the ConfigMap in the file that is its own in a directory, or without one where the directory is empty.
func wantPlace(t *testing.T, out output, dir string) {
	t.Helper()
	want := ""
	if dir != "" {
		want = dir + "/generated/prod/restate/configmap-prod-endpoints.yaml"
	}
	if got := out.get(t, "ConfigMap restate/prod-endpoints").Metadata.Annotations["internal.config.kubernetes.io/path"]; got != want {
		t.Errorf("must be in %q, got %q", want, got)
	}
}

// TestFileOfAnItem reads the annotation of older hosts too, and the newer one first.
func TestFileOfAnItem(t *testing.T) {
	const legacy = "  annotations:\n    config.kubernetes.io/path: old/integration.yaml\n"
	item := strings.Replace(integration(noTunnel), "  annotations:\n", legacy, 1)
	wantPlace(t, stable(t, list("", item)), "old")
	wantPlace(t, stable(t, list("", kpt("new/integration.yaml", item))), "new")
}

// TestFunctionConfigs tells which configs expand every integration of the list.
func TestFunctionConfigs(t *testing.T) {
	item := integration(noTunnel)
	for _, tt := range []struct {
		reason, config string
		ok             bool
	}{
		{"none", "", true},
		{"a ConfigMap without data", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", true},
		{"with data that has nothing in it", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}\n", true},
		{"with null data", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: null\n", true},
		{"with data", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n", false},
		{"with binary data", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData: {a: YQ==}\n", false},
		{"another kind", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", false},
		{"our kind in another group", "apiVersion: example.com/v1alpha1\nkind: RestateIntegration\nmetadata: {name: a}\n", false},
		{"a ConfigMap of another group", "apiVersion: example.com/v1\nkind: ConfigMap\nmetadata: {name: a}\n", false},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			out := run(list(tt.config, item))
			if (out.code == 0) != tt.ok || !tt.ok && !slices.Contains(out.codes(), "RI0103") {
				t.Errorf("exit code %d:\n%s", out.code, out.stderr)
			}
			if got := strings.Contains(out.stdout, "prod-endpoints"); got != tt.ok {
				t.Errorf("expanded: %t", got)
			}
		})
	}
	for reason, config := range map[string]string{"null": "functionConfig: null\n", "empty": "functionConfig: {}\n"} {
		if out := succeeds(t, list("", item)+config); !strings.Contains(out.stdout, "prod-endpoints") {
			t.Errorf("%s functionConfig: nothing is expanded", reason)
		}
	}
}

// TestForeignItemsKeepTheirBytes sends items that no encoder would write this way.
func TestForeignItemsKeepTheirBytes(t *testing.T) {
	const foreign = `# SPDX-License-Identifier: CC0-1.0

-   apiVersion:   v1   # v1
    kind: "ConfigMap"
    metadata: {"name": 'x',    namespace: shop  }
    data:
        # a comment in between
        a: >+
            folded


        b: "\u00e9 é"
        c: ! 0x1F
        d: &d |2-
              indented
        e: *d

# of the next one
-   {apiVersion: v1, kind: Secret, metadata: {name: other, namespace: shop}, data: {a: cGxhaW4=}}
-   apiVersion: restate.dev/v1beta1
    kind: RestateDeployment
    metadata: {name: theirs, namespace: shop}
`
	input := head + "items:\n" + foreign + "functionConfig:\n" + indent(2, integration(noTunnel))
	out := stable(t, input)
	if !strings.Contains(out.stdout, "items:\n"+foreign) {
		t.Errorf("foreign items have changed:\n%s", out.stdout)
	}
	if slices.Contains(out.codes(), "RI0105") {
		t.Error("the list took the full parser")
	}
}
