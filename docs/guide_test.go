// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/generators"
)

// TestNetworkFragments expands every part of a spec that the page on network policies shows.
func TestNetworkFragments(t *testing.T) {
	const rest = `apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate, annotations: {config.kubernetes.io/local-config: "true"}}
spec:
  cloud: {environmentId: env_1, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
  services: {greeter: {namespace: shop, isolate: true, registration: {mode: None}}}
`
	blocks := fenced(t, read(t, "docs/guide/network.md"), "yaml")
	if len(blocks) < 5 {
		t.Errorf("the page shows %d parts only", len(blocks))
	}
	for _, block := range blocks {
		expand(t, rest+"  "+strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n  ")+"\n")
	}
}

// TestGatewaySpecs expands what docs/guide/gateway.md shows, and the patches of docs/guide/gitops.md over it.
func TestGatewaySpecs(t *testing.T) {
	const rest = `apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata: {name: prod, namespace: restate, annotations: {config.kubernetes.io/local-config: "true"}}
spec:
  cloud: {environmentId: env_1, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
  tunnel: {mode: None}
`
	ofSpec := func(page, begin string) string {
		for _, block := range fenced(t, read(t, page), "yaml") {
			if body, found := strings.CutPrefix(block, "spec:\n"); found && strings.HasPrefix(body, begin) {
				return body
			}
		}
		t.Fatalf("%s shows no spec that begins with %q", page, begin)
		return ""
	}
	one := ofSpec("docs/guide/gateway.md", "  gateway:\n    tls:")
	expand(t, rest+one)
	expand(t, rest+one+ofSpec("docs/guide/gitops.md", "  patches:"))
	domains, _ := strings.CutPrefix(ofSpec("docs/guide/gateway.md", "  gateway:\n    domains:"), "  gateway:\n")
	several := regexp.MustCompile(`(?m)^(    services|      host): .*\n`).ReplaceAllString(one, "")
	expand(t, rest+several+domains)
}

// TestOverlaysShowTheExample: the patch on the page is the one that stands in the example.
func TestOverlaysShowTheExample(t *testing.T) {
	for _, block := range fenced(t, read(t, "docs/guide/overlays.md"), "yaml") {
		if !strings.Contains(read(t, "examples/environments/overlays/staging/kustomization.yaml"), block) {
			t.Errorf("the example does not have\n%s", block)
		}
	}
}

// TestGuideKnowsEveryImage holds the table of default images in docs/guide/gitops.md against the function's own.
func TestGuideKnowsEveryImage(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/guide/gitops.md"), "\n## Images\n")
	want := ""
	for _, i := range generators.Images() {
		want += "| `images." + i.Field + "` | `" + i.Ref + "` |\n"
	}
	if !strings.Contains(section, "|---|---|\n"+want+"\n") {
		t.Errorf("the table of images must be\n%s", want)
	}
}
