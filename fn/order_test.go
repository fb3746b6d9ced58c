// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// TestOrderOfEveryCase builds the spec of every golden case for each tool, and holds what an order must be.
func TestOrderOfEveryCase(t *testing.T) {
	kinds := map[string]bool{}
	for _, c := range goldens(t) {
		if c.Fails {
			continue
		}
		for _, in := range integrations(t, c.input) {
			m, ds := generators.Resolve(&in, generators.Input{})
			if diag.HasError(ds) || in.Spec.NATS != nil && in.Spec.NATS.Account.JWT != nil {
				continue // it needs files
			}
			m.GitOps = v1alpha1.GitOpsArgoCD
			inWaves(t, c.Name, generators.Build(m))
			m.GitOps = v1alpha1.GitOpsKpt
			all := generators.Build(m)
			mustDepend(t, c.Name, all)
			for _, b := range all {
				kinds[b.ID().Kind] = true
			}
		}
	}
	for _, kind := range []string{"Namespace", "RestateCloudEnvironment", "RestateDeployment", "Deployment", "Job", "Certificate", "Consumer", "Ingress", "HTTPRoute"} {
		if !kinds[kind] {
			t.Errorf("no case has a %s", kind)
		}
	}
}

// inWaves: what guards and what is read is there before workloads, these before what registers, and the tunnel between them. Its
// environment has no annotation, which would restart it.
func inWaves(t *testing.T, name string, all []generators.Built) {
	t.Helper()
	const key = "argocd.argoproj.io/sync-wave"
	waves := map[string][]int{}
	for _, b := range all {
		text, found := b.Object.GetAnnotations()[key]
		if generators.IsCloudEnvironment(b.ID()) {
			if found {
				t.Errorf("%s: the environment has the wave %s", name, text)
			}
			text = "0"
		}
		wave, err := strconv.Atoi(text)
		if err != nil {
			t.Errorf("%s: %v has the wave %q", name, b.ID(), text)
		}
		kind := b.ID().Kind
		if b.Component == "tunnel" && (kind == "Deployment" || kind == "RestateCloudEnvironment") {
			kind = "tunnel"
		}
		waves[kind] = append(waves[kind], wave)
	}
	order := [][]string{
		{"Namespace"},
		{"NetworkPolicy"},
		{"ServiceAccount", "ConfigMap", "Certificate", "Issuer", "Stream", "Consumer", "Service", "PodDisruptionBudget"},
		{"tunnel"},
		{"Deployment", "RestateDeployment", "Ingress", "Gateway", "HTTPRoute"},
		{"Job"},
	}
	last := -1000
	for _, step := range order {
		high := last
		for _, kind := range step {
			for _, wave := range waves[kind] {
				if wave <= last {
					t.Errorf("%s: %s is in wave %d, not after %d", name, kind, wave, last)
				}
				high = max(high, wave)
			}
		}
		last = high
	}
}

// mustDepend: every dependency is an object of the same output, none waits for itself through others, and the environment waits for nothing.
func mustDepend(t *testing.T, name string, all []generators.Built) {
	t.Helper()
	needs := map[string][]string{}
	for _, b := range all {
		needs[dependency(b.ID())] = nil
	}
	for _, b := range all {
		text, found := b.Object.GetAnnotations()["config.kubernetes.io/depends-on"]
		if !found {
			if slices.Contains([]string{"Deployment", "RestateDeployment", "Job"}, b.ID().Kind) && len(all) > 1 {
				t.Errorf("%s: %v waits for nothing", name, b.ID())
			}
			continue
		}
		if generators.IsCloudEnvironment(b.ID()) {
			t.Errorf("%s: the environment waits for %s", name, text)
		}
		list := strings.Split(text, ",")
		for _, other := range list {
			if _, there := needs[other]; !there {
				t.Errorf("%s: %v waits for %s, which is not there", name, b.ID(), other)
			}
		}
		if once := slices.Compact(slices.Sorted(slices.Values(list))); len(once) != len(list) {
			t.Errorf("%s: %v waits twice: %s", name, b.ID(), text)
		}
		needs[dependency(b.ID())] = list
	}
	for one := range needs {
		if path := cycle(needs, one, nil); path != nil {
			t.Errorf("%s: waits for itself: %s", name, strings.Join(path, " -> "))
		}
	}
}

// dependency is how depends-on refers to an object (kpt.dev/book, dependencies).
func dependency(id generators.ID) string {
	if id.Namespace == "" {
		return fmt.Sprintf("%s/%s/%s", id.Group, id.Kind, id.Name)
	}
	return fmt.Sprintf("%s/namespaces/%s/%s/%s", id.Group, id.Namespace, id.Kind, id.Name)
}

func cycle(needs map[string][]string, at string, path []string) []string {
	if slices.Contains(path, at) {
		return append(path, at)
	}
	for _, next := range needs[at] {
		if found := cycle(needs, next, append(slices.Clone(path), at)); found != nil {
			return found
		}
	}
	return nil
}
