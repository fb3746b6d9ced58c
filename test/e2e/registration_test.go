// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// registering has one service that a Job registers.
const registering = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: registering, namespace: registering}
  spec:
    cluster: test
    images: {restateCli: "IMAGE"}
    cloud:
      environmentId: env_201j05r9g0f12ygtphdszbb4scp
      region: eu
      signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
    credentials:
      tunnel: {source: External, rolloutKey: "1"}
      admin: {source: External, rolloutKey: "KEY"}
    tunnel: {mode: Standalone}
    networkPolicy: {restateCloud: {tunnelPorts: [19080]}}
    services: {greeter: {namespace: shop, path: v1, registration: {revision: "REVISION"}}}
`

// TestJobsOfTwoRendersApply shows that a Job, which nobody can change, is never asked to: what differs from the last render is a
// Job of its own, and what does not is left alone.
func TestJobsOfTwoRendersApply(t *testing.T) {
	applied := map[string]string{} // name: resource version
	for _, s := range []struct {
		reason, image, revision, key string
		jobs                         int
	}{
		{"the first render", "", "1", "2026-q3", 1},
		{"the same spec again", "", "1", "2026-q3", 1},
		{"another revision", "", "2", "2026-q3", 2},
		{"another image", "registry.example.com/restate-cli:1.7.3", "2", "2026-q3", 3},
		{"a rotated key", "registry.example.com/restate-cli:1.7.3", "2", "2026-q4", 4},
		{"back to the first", "", "1", "2026-q3", 4},
	} {
		job := jobOf(t, strings.NewReplacer("IMAGE", s.image, "REVISION", s.revision, "KEY", s.key).Replace(registering))
		got, err := server.apply(t.Context(), job)
		if err != nil {
			t.Fatalf("%s: %v", s.reason, err)
		}
		before, known := applied[job.GetName()]
		if known && got.GetResourceVersion() != before {
			t.Errorf("%s: applying %s again changes it", s.reason, describe(job))
		}
		if !known {
			t.Cleanup(func() { server.remove(t, job) })
		}
		applied[job.GetName()] = got.GetResourceVersion()
		if len(applied) != s.jobs {
			t.Errorf("%s: must leave %d Jobs, got %d", s.reason, s.jobs, len(applied))
		}
	}
}

// TestJobOfOneNameIsRefused shows what the hash in the name is for.
func TestJobOfOneNameIsRefused(t *testing.T) {
	first := jobOf(t, strings.NewReplacer("IMAGE", "", "REVISION", "1", "KEY", "a").Replace(registering))
	second := jobOf(t, strings.NewReplacer("IMAGE", "", "REVISION", "2", "KEY", "a").Replace(registering))
	if _, err := server.apply(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.remove(t, first) })
	second.SetName(first.GetName())
	if _, err := server.apply(t.Context(), second); err == nil || !strings.Contains(err.Error(), "immutable") {
		t.Errorf("must be refused as immutable, got %v", err)
	}
}

func jobOf(t *testing.T, list string) *unstructured.Unstructured {
	t.Helper()
	objects := render(t, list)
	server.namespaces(t, objects, "restricted")
	for _, o := range objects {
		if o.GetKind() == "Job" {
			return o
		}
	}
	t.Fatal("no Job rendered")
	return nil
}
