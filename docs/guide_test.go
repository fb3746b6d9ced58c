// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
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
