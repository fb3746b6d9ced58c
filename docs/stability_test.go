// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/generators"
)

// stable has the check of each row of docs/reference/stability.md. It gets the row's second cell.
var stable = map[string]func(t *testing.T, form string){
	"Registered URL":                              stableURL,
	"Names of objects":                            stableNames,
	"Names of RestateDeployments":                 stableDeploymentNames,
	"Name of the RestateCloudEnvironment":         stableEnvironment,
	"Name of a standalone tunnel":                 stableTunnel,
	"Selectors of our pods":                       stableSelectors,
	"Label of all our pods":                       stableLabel,
	"Annotations":                                 stableAnnotations,
	"Metadata of a version that a Job registered": stableRevision,
	"Keys of the ConfigMaps `<name>-endpoints`":   stableEndpoints,
	"Durable consumers of the bridge":             stableConsumers,
	"Diagnostic codes":                            stableCodes,
	"API":                                         stableAPI,
}

// TestStability holds every row of the page against the code.
func TestStability(t *testing.T) {
	seen := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^\| (.+) \| (.+) \|$`).FindAllStringSubmatch(read(t, "docs/reference/stability.md"), -1) {
		if match[1] == "What" {
			continue
		}
		seen[match[1]] = true
		check, found := stable[match[1]]
		if !found {
			t.Errorf("nothing holds the row %q against the code", match[1])
			continue
		}
		t.Run(match[1], func(t *testing.T) { check(t, match[2]) })
	}
	for what := range stable {
		if !seen[what] {
			t.Errorf("the page has no row %q", what)
		}
	}
}

// codes are what stands between backticks.
func codes(cell string) []string {
	var out []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		out = append(out, match[1])
	}
	return out
}

// fill puts values into the places <like this> of a form.
func fill(form string, values map[string]string) string {
	for key, value := range values {
		form = strings.ReplaceAll(form, "<"+key+">", value)
	}
	return strings.NewReplacer("[", "", "]", "").Replace(form)
}

// cut is what a row says of a name that is too long.
func cut(t *testing.T, cell, whole string) string {
	t.Helper()
	var limit, kept, digits int
	match := regexp.MustCompile("over .*? hex digits").FindString(cell)
	if _, err := fmt.Sscanf(match, "over %d characters cut to %d and `-` and %d hex digits", &limit, &kept, &digits); err != nil {
		t.Fatalf("the row does not say how names are cut: %v", err)
	}
	if len(whole) <= limit {
		return whole
	}
	return whole[:kept] + "-" + hash(whole)[:digits]
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// stableSpec is an integration with a Standalone tunnel and a service that a Job registers; %s are name, tunnel, key and path.
const stableSpec = `apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: %s, namespace: restate, annotations: {config.kubernetes.io/local-config: "true"}}
spec:
  cloud: {environmentId: env_1, region: us, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
  clusterDomain: example.internal
  credentials: {tunnel: {source: External, rolloutKey: "1"}, admin: {source: External, rolloutKey: "1"}}
  networkPolicy: {restateCloud: {tunnelPorts: [9090]}}
  tunnel: {mode: Standalone}
  %s
  services:
    %s: {namespace: shop, service: greeter, port: 80, targetPort: 8080, isolate: true, path: "%s"}
`

func stableURL(t *testing.T, cell string) {
	form := codes(cell)[0]
	values := map[string]string{
		"region": "us", "id": "1", "tunnel": "c1-restate-prod", "scheme": "http", "service": "greeter", "namespace": "shop", "clusterDomain": "example.internal",
		"port": "80", "path": "v1/greeter",
	}
	for path, form := range map[string]string{"v1/greeter": form, "": strings.Replace(form, "[/<path>]", "", 1)} {
		job := only(t, expand(t, fmt.Sprintf(stableSpec, "prod", "cluster: c1", "greeter", path)), "Job")
		if got, want := variable(job, "DEPLOYMENT_URL"), fill(form, values); got != want {
			t.Errorf("registers\n%s, and the page says\n%s", got, want)
		}
	}
}

// only is the one object of a kind.
func only(t *testing.T, items []object, kind string) object {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(items), func(o object) bool { return o["kind"] != kind })
	if len(found) != 1 {
		t.Fatalf("%d objects are of kind %s", len(found), kind)
	}
	return found[0]
}

// at is what stands at a path of keys in an object, and nil when nothing does.
func at(o any, path ...string) any {
	for _, key := range path {
		m, _ := o.(map[string]any)
		o = m[key]
	}
	return o
}

func variable(workload object, name string) string {
	for _, container := range at(workload, "spec", "template", "spec", "containers").([]any) {
		for _, e := range at(container, "env").([]any) {
			if at(e, "name") == name {
				return fmt.Sprint(at(e, "value"))
			}
		}
	}
	return ""
}

// output is every object of ours in the goldens of the function.
func output(t *testing.T) []object {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "testdata/golden/*/want.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []object
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Items []object }
		if err := yaml.Unmarshal(text, &list); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, o := range list.Items {
			if owner(o) != "" && at(o, "metadata", "annotations", generators.AnnotationComponent) != nil { // others are input of a case
				out = append(out, o)
			}
		}
	}
	if len(out) < 300 {
		t.Fatalf("the goldens have %d objects of ours only", len(out))
	}
	return out
}

// owner is the name of the integration that an object comes from.
func owner(o object) string {
	by, _ := at(o, "metadata", "annotations", generators.AnnotationOwnedBy).(string)
	return by[strings.Index(by, "/")+1:]
}

func name(o object) string { return fmt.Sprint(at(o, "metadata", "name")) }

// stableNames: every name begins as the form does, and one that is too long is cut as the page says.
func stableNames(t *testing.T, cell string) {
	first := map[string]bool{"operator": true} // the policy of the operator's own pods, which the component tunnel makes
	for _, c := range generators.Components() {
		first[c.Name] = true
	}
	named := []string{"Namespace", "RestateCloudEnvironment"} // as the spec says
	for _, o := range output(t) {
		rest, found := strings.CutPrefix(name(o), owner(o)+"-")
		component, _, _ := strings.Cut(rest, "-")
		if !slices.Contains(named, fmt.Sprint(o["kind"])) && (!found || !first[component] && component != "") {
			t.Errorf("%s of %s has no name of the form %s", identity(o), owner(o), codes(cell)[0])
		}
	}
	long, key := strings.Repeat("a", 40), strings.Repeat("k", 60)
	whole := fill(codes(cell)[0], map[string]string{"name": long, "component": "service", "key": key})
	items := expand(t, fmt.Sprintf(stableSpec, long, "cluster: c1", key, ""))
	if !slices.ContainsFunc(items, func(o object) bool { return identity(o) == "NetworkPolicy shop/"+cut(t, cell, whole) }) {
		t.Errorf("no policy is named %s", cut(t, cell, whole))
	}
}

func stableDeploymentNames(t *testing.T, cell string) {
	for _, key := range []string{"greeter", strings.Repeat("k", 60)} {
		spec := strings.Replace(read(t, "examples/quickstart/integration.yaml"), "greeter:\n", key+":\n", 1)
		whole := fill(codes(cell)[0], map[string]string{"name": "prod", "key": key})
		if got, want := name(only(t, expand(t, spec), "RestateDeployment")), cut(t, cell, whole); got != want {
			t.Errorf("is named %s, and the page says %s", got, want)
		}
	}
}

func stableEnvironment(t *testing.T, cell string) {
	if d := cmp.Diff([]string{"tunnel.operator.resourceName", "metadata.name"}, codes(cell)); d != "" {
		t.Fatal(d)
	}
	spec := read(t, "examples/quickstart/integration.yaml")
	for field, want := range map[string]string{"": "prod", "  tunnel: {operator: {resourceName: blue}}\n": "blue"} {
		if got := name(only(t, expand(t, spec+field), "RestateCloudEnvironment")); got != want {
			t.Errorf("with %q is named %s", field, got)
		}
	}
}

func stableTunnel(t *testing.T, cell string) {
	long := strings.Repeat("c", 60)
	for _, c := range []struct{ name, cluster string }{{"prod", "c1"}, {"prod", long}} {
		whole := fill(codes(cell)[1], map[string]string{"cluster": c.cluster, "namespace": "restate", "name": c.name})
		deployment := only(t, expand(t, fmt.Sprintf(stableSpec, c.name, "cluster: "+c.cluster, "greeter", "")), "Deployment")
		if got, want := variable(deployment, "RESTATE_TUNNEL_NAME"), cut(t, cell, whole); got != want {
			t.Errorf("is %s, and the page says %s", got, want)
		}
	}
	named := strings.Replace(stableSpec, "mode: Standalone", "mode: Standalone, name: blue", 1)
	if got := variable(only(t, expand(t, fmt.Sprintf(named, "prod", "", "greeter", "")), "Deployment"), "RESTATE_TUNNEL_NAME"); got != "blue" {
		t.Errorf("with tunnel.name is %s", got)
	}
}

func stableSelectors(t *testing.T, cell string) {
	for _, o := range output(t) {
		path := map[any][]string{"Deployment": {"spec", "selector", "matchLabels"}, "PodDisruptionBudget": {"spec", "selector", "matchLabels"}, "Service": {"spec", "selector"}}[o["kind"]]
		if path == nil {
			continue
		}
		selector, _ := at(o, path...).(map[string]any)
		if d := cmp.Diff(slices.Sorted(slices.Values(codes(cell))), slices.Sorted(maps.Keys(selector))); d != "" {
			t.Errorf("%s selects by other labels (-page +code):\n%s", identity(o), d)
		}
		if instance := selector["app.kubernetes.io/instance"]; o["kind"] == "Deployment" && instance != name(o) {
			t.Errorf("%s selects the instance %s", identity(o), instance)
		}
	}
}

func stableLabel(t *testing.T, cell string) {
	pods := 0
	for _, o := range output(t) {
		if o["kind"] != "Deployment" && o["kind"] != "Job" {
			continue
		}
		pods++
		if got := at(o, "spec", "template", "metadata", "labels", codes(cell)[0]); got != owner(o) {
			t.Errorf("the pods of %s have the label %v", identity(o), got)
		}
	}
	if pods < 20 {
		t.Errorf("looked at the pods of %d workloads only", pods)
	}
}

// stableAnnotations: those of the page are those that the function writes, and the one that it reads.
func stableAnnotations(t *testing.T, cell string) {
	found := map[string]bool{generators.AnnotationAdopt: true}
	for _, o := range output(t) {
		for _, path := range [][]string{{"metadata", "annotations"}, {"spec", "template", "metadata", "annotations"}} {
			annotations, _ := at(o, path...).(map[string]any)
			for key := range annotations {
				if strings.HasPrefix(key, "restate-integration.dev/") {
					found[key] = true
				}
			}
		}
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(codes(cell))), slices.Sorted(maps.Keys(found))); d != "" {
		t.Errorf("annotations (-page +code):\n%s", d)
	}
}

func stableRevision(t *testing.T, cell string) {
	job, err := yaml.Marshal(only(t, expand(t, fmt.Sprintf(stableSpec, "prod", "cluster: c1", "greeter", "")), "Job"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(job), `--metadata "`+codes(cell)[0]+`=$REVISION"`) {
		t.Error("the Job sets no such metadata")
	}
}

func stableEndpoints(t *testing.T, cell string) {
	forms := map[string]*regexp.Regexp{}
	for _, form := range codes(cell) {
		forms[form] = regexp.MustCompile("^" + strings.ReplaceAll(form, "<NAME>", "[A-Z][A-Z0-9_]*") + "$")
	}
	seen := map[string]bool{}
	for _, o := range output(t) {
		if name(o) != owner(o)+"-endpoints" {
			continue
		}
		for key := range at(o, "data").(map[string]any) {
			known := false
			for form, pattern := range forms {
				if pattern.MatchString(key) {
					known, seen[form] = true, true
				}
			}
			if !known {
				t.Errorf("%s has the key %s, which the page does not know", identity(o), key)
			}
		}
	}
	if len(seen) != len(forms) {
		t.Errorf("of the page's forms only %v occur", slices.Sorted(maps.Keys(seen)))
	}
}

// stableConsumers: NACK makes one for each subject of the bridge's routes.
func stableConsumers(t *testing.T, cell string) {
	consumers := 0
	for _, o := range output(t) {
		if o["kind"] != "Consumer" {
			continue
		}
		consumers++
		subject := fmt.Sprint(at(o, "spec", "filterSubject"))
		if got, want := at(o, "spec", "durableName"), codes(cell)[0]+hash(subject)[:8]; got != want {
			t.Errorf("%s of the subject %s is the durable consumer %s, and the page says %s", identity(o), subject, got, want)
		}
	}
	if consumers == 0 {
		t.Error("the goldens have no Consumer")
	}
}

// stableCodes: their form. test/release holds the codes of the last release against the present ones.
func stableCodes(t *testing.T, cell string) {
	form := regexp.MustCompile("^## " + strings.ReplaceAll(codes(cell)[0], "n", "[0-9]") + "$")
	headings := regexp.MustCompile(`(?m)^## .*$`).FindAllString(read(t, "docs/reference/diagnostics.md"), -1)
	headings = slices.DeleteFunc(headings, func(h string) bool { return !strings.HasPrefix(h, "## RI") })
	if len(headings) < 90 {
		t.Errorf("the catalogue has %d codes only", len(headings))
	}
	for _, h := range headings {
		if !form.MatchString(h) {
			t.Errorf("%q is no code of the form %s", h, codes(cell)[0])
		}
	}
}

// stableAPI: the version. test/release holds fields and defaults of the last release against the present ones.
func stableAPI(t *testing.T, cell string) {
	if !strings.Contains(read(t, "docs/reference/spec.md"), "`apiVersion: "+codes(cell)[0]+"`") {
		t.Errorf("the reference is of another version than %s", codes(cell)[0])
	}
}
