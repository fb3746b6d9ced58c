// SPDX-License-Identifier: Apache-2.0

package gitops_test

import (
	"bytes"
	"os"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// kustomizations are the two of the example, read by Flux's own types.
func kustomizations(t *testing.T) map[string]kustomizev1.Kustomization {
	t.Helper()
	text, err := os.ReadFile(examples + "flux/kustomizations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]kustomizev1.Kustomization{}
	for part := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var k kustomizev1.Kustomization
		if err := yaml.UnmarshalStrict(part, &k); err != nil {
			t.Fatal(err)
		}
		if k.APIVersion != kustomizev1.GroupVersion.String() || k.Kind != kustomizev1.KustomizationKind {
			t.Errorf("%s is a %s of %s", k.Name, k.Kind, k.APIVersion)
		}
		out[k.Name] = k
	}
	return out
}

// TestFluxWaits: Flux evaluates expressions, and a dependency waits, only for a Kustomization that asks for health.
func TestFluxWaits(t *testing.T) {
	all := kustomizations(t)
	if len(all) != 2 {
		t.Fatalf("%d Kustomizations, and 2 are meant", len(all))
	}
	for name, k := range all {
		if !k.Spec.Wait && len(k.Spec.HealthChecks) == 0 {
			t.Errorf("%s asks for the health of nothing", name)
		}
		if k.Spec.Timeout == nil || !k.Spec.Prune {
			t.Errorf("%s has no timeout, or does not prune", name)
		}
		for _, d := range k.Spec.DependsOn {
			if _, found := all[d.Name]; !found {
				t.Errorf("%s depends on %s, which is not there", name, d.Name)
			}
		}
	}
	if len(all["restate-services"].Spec.DependsOn) != 1 {
		t.Error("the services do not wait for the tunnel")
	}
}

// TestFluxHealth evaluates the expressions as kustomize-controller does. An error makes it look again until the timeout.
func TestFluxHealth(t *testing.T) {
	checks := kustomizations(t)["restate-services"].Spec.HealthCheckExprs
	if len(checks) != 1 || checks[0].Kind != "RestateDeployment" {
		t.Fatalf("the checks are %+v", checks)
	}
	evaluator, err := cel.NewStatusEvaluator(&checks[0].HealthCheckExpressions)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range healthCases {
		t.Run(c.what, func(t *testing.T) {
			got := "error"
			if result, err := evaluator.Evaluate(t.Context(), &unstructured.Unstructured{Object: c.object}); err == nil {
				got = string(result.Status)
			}
			if got != c.flux {
				t.Errorf("is %s, and must be %s", got, c.flux)
			}
		})
	}
}
