// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// ordered are the objects of specs that together have every component but the gateway's, which fn's TestOrderOfEveryCase has.
func ordered(t *testing.T, tool v1alpha1.GitOpsTool) map[string][]Built {
	t.Helper()
	out := map[string][]Built{}
	for name, base := range map[string]string{
		"operator": basedOn(t, operatorBase, `{namespace: {create: true}, tunnel: {operator: {uid: `+testUID+`}}, services: {ledger: {namespace: shop, isolate: true}}}`),
		"bridge":   bridgeBase(t), "standalone": jobBase(t), "none": noTunnelBase,
	} {
		out[name] = built(t, base, `{spec: {gitops: {tool: `+string(tool)+`}}}`)
	}
	return out
}

// TestWaves are written out: Argo CD applies them from the lowest, and deletes from the highest.
func TestWaves(t *testing.T) {
	want := map[string]string{
		"operator": `Namespace -30, NetworkPolicy -20, RestateCloudEnvironment none, PodDisruptionBudget -10, ConfigMap -10, RestateDeployment 10, ServiceAccount -10, Job 20`,
		"bridge":   `NetworkPolicy -20, ConfigMap -10, Stream -10, Consumer -10, ServiceAccount -10, Deployment 10, PodDisruptionBudget -10`,
		// The tunnel is up before what is registered through it.
		"standalone": `NetworkPolicy -20, ServiceAccount -10, Deployment 0, Service -10, PodDisruptionBudget -10, ConfigMap -10, Job 20`,
		"none":       `ConfigMap -10, NetworkPolicy -20`,
	}
	for name, all := range ordered(t, v1alpha1.GitOpsArgoCD) {
		var got []string
		for _, b := range all {
			wave, found := b.Object.GetAnnotations()["argocd.argoproj.io/sync-wave"]
			if !found {
				wave = "none"
			}
			got = append(got, b.ID().Kind+" "+wave)
			if _, err := strconv.Atoi(wave); err != nil && b.ID().Kind != "RestateCloudEnvironment" {
				t.Errorf("%s: %v has the wave %q", name, b.ID(), wave)
			}
		}
		var once []string
		for _, g := range got {
			if !slices.Contains(once, g) {
				once = append(once, g)
			}
		}
		if d := cmp.Diff(want[name], strings.Join(once, ", ")); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
}

// TestNoWaveOfTheUsers: an annotation for every object would put all of them into one wave.
func TestNoWaveOfTheUsers(t *testing.T) {
	for _, b := range built(t, jobBase(t), `{spec: {gitops: {tool: ArgoCD}, annotations: {argocd.argoproj.io/sync-wave: "99"}}}`) {
		if b.Object.GetAnnotations()["argocd.argoproj.io/sync-wave"] == "99" {
			t.Errorf("%v is in the user's wave", b.ID())
		}
	}
}

func TestDependsOn(t *testing.T) {
	const np = "networking.k8s.io/namespaces/"
	want := map[string]map[string][]string{
		"operator": {
			"RestateDeployment shop/prod-service-greeter": {"restate.dev/RestateCloudEnvironment/prod", np + "shop/NetworkPolicy/prod-service-greeter"},
			"Job restate/prod-registration-ledger":        {np + "restate/NetworkPolicy/prod-baseline-deny", np + "restate/NetworkPolicy/prod-baseline-dns", "restate.dev/RestateCloudEnvironment/prod", np + "restate/NetworkPolicy/prod-registration"},
		},
		"bridge": {
			"Deployment restate/prod-bridge": {np + "restate/NetworkPolicy/prod-baseline-deny", np + "restate/NetworkPolicy/prod-baseline-dns", "jetstream.nats.io/namespaces/nats/Consumer/prod-bridge-c3d41d59", np + "restate/NetworkPolicy/prod-bridge"},
		},
		"standalone": {
			"Deployment restate/prod-tunnel":        {np + "restate/NetworkPolicy/prod-baseline-deny", np + "restate/NetworkPolicy/prod-baseline-dns", np + "restate/NetworkPolicy/prod-tunnel"},
			"Job restate/prod-registration-greeter": {np + "restate/NetworkPolicy/prod-baseline-deny", np + "restate/NetworkPolicy/prod-baseline-dns", "apps/namespaces/restate/Deployment/prod-tunnel", np + "restate/NetworkPolicy/prod-registration"},
		},
		"none": {},
	}
	for name, all := range ordered(t, v1alpha1.GitOpsKpt) {
		got := map[string][]string{}
		for _, b := range all {
			if list := b.Object.GetAnnotations()["config.kubernetes.io/depends-on"]; list != "" {
				id := ids([]Built{b})[0]
				if b.ID().Kind == "Job" {
					id = strings.TrimRight(id, "0123456789abcdef")
					id = strings.TrimSuffix(id, "-")
				}
				got[id] = strings.Split(list, ",")
			}
		}
		if d := cmp.Diff(want[name], got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
}

// TestOrderOfOthers: without a tool, and with Flux, nothing orders.
func TestOrderOfOthers(t *testing.T) {
	for _, tool := range []v1alpha1.GitOpsTool{v1alpha1.GitOpsAny, v1alpha1.GitOpsFlux} {
		for name, all := range ordered(t, tool) {
			for _, b := range all {
				for _, key := range []string{"argocd.argoproj.io/sync-wave", "config.kubernetes.io/depends-on"} {
					if value, found := b.Object.GetAnnotations()[key]; found {
						t.Errorf("%s, %s: %v has %s: %s", tool, name, b.ID(), key, value)
					}
				}
			}
		}
	}
	_, ds := Resolve(spec(t, operatorBase, `{spec: {gitops: {tool: Flux}}}`), Input{})
	if d := cmp.Diff([]string{"info RI0707 spec.gitops.tool"}, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestProtectionStays, whatever the tool: deleting an environment cannot be undone.
func TestProtectionStays(t *testing.T) {
	for _, tool := range v1alpha1.GitOpsAny.Values() {
		for _, b := range built(t, operatorBase, `{spec: {namespace: {create: true}, gitops: {tool: `+tool+`}}}`) {
			for key, value := range protection() {
				if got := b.Object.GetAnnotations()[key]; Precious(b.ID().Group, b.ID().Kind) && got != value {
					t.Errorf("%s: %v has %s: %q", tool, b.ID(), key, got)
				}
			}
		}
	}
}
