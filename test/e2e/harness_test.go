// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestHarnessCatchesBrokenManifests breaks good output and sees the stage that must notice refuse it.
func TestHarnessCatchesBrokenManifests(t *testing.T) {
	list := strings.NewReplacer("NAME", "broken", "KEY", "a", "LABEL", "a").Replace(standalone)
	deployment := func(t *testing.T) *unstructured.Unstructured {
		t.Helper()
		objects := render(t, list)
		server.namespaces(t, objects, "restricted")
		for _, o := range objects {
			if o.GetKind() == "Deployment" {
				return o
			}
		}
		t.Fatal("no Deployment rendered")
		return nil
	}
	container := func(o *unstructured.Unstructured) map[string]any {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		return list[0].(map[string]any)
	}
	t.Run("an unknown field", func(t *testing.T) {
		o := deployment(t)
		o.Object["spec"].(map[string]any)["replica"] = int64(3)
		if _, err := server.apply(t.Context(), o); err == nil || !strings.Contains(err.Error(), "replica") {
			t.Errorf("must be refused, got %v", err)
		}
	})
	t.Run("a missing capability drop", func(t *testing.T) {
		o := deployment(t)
		c := container(o)
		delete(c["securityContext"].(map[string]any), "capabilities")
		delete(c, "volumeMounts") // the pod has no volumes
		pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{"containers": []any{c}}}}
		pod.SetName("judged")
		pod.SetNamespace(o.GetNamespace())
		client, err := server.resource(pod)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err == nil || !strings.Contains(err.Error(), "PodSecurity") {
			t.Errorf("must be refused by Pod Security, got %v", err)
		}
	})
}
