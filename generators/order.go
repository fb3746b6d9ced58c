// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Annotations by which tools order what they apply; they delete in the reverse order.
const (
	annotationSyncWave  = "argocd.argoproj.io/sync-wave"    // argo-cd.readthedocs.io, sync phases and waves
	annotationDependsOn = "config.kubernetes.io/depends-on" // sigs.k8s.io/cli-utils, kpt.dev/book, dependencies
)

// waves say what is there before what. The tunnel is wave 0, and a RestateCloudEnvironment by having none: the annotation would restart its
// pods. What is in no list is in wave -10.
var waves = []struct {
	wave  int
	kinds []string
}{
	{-30, []string{"Namespace"}},
	{-20, []string{"NetworkPolicy"}},
	{10, []string{"Deployment", restateDeploymentKind, "Ingress", "Gateway", "HTTPRoute"}},
	{20, []string{"Job"}},
}

// order writes what the tool of spec.gitops orders by. Flux has no order inside of a Kustomization, beyond that Namespaces come first.
func order(m Model, all []Built) {
	switch m.GitOps {
	case v1alpha1.GitOpsArgoCD:
		for _, b := range all {
			if !IsCloudEnvironment(b.ID()) {
				annotate(b, annotationSyncWave, strconv.Itoa(wave(b)))
			}
		}
	case v1alpha1.GitOpsKpt:
		for _, b := range all {
			if needed := dependencies(b, all); len(needed) > 0 {
				annotate(b, annotationDependsOn, strings.Join(needed, ","))
			}
		}
	}
}

func annotate(b Built, key, value string) {
	b.Object.SetAnnotations(merged(b.Object.GetAnnotations(), map[string]string{key: value}))
}

func wave(b Built) int {
	if isTunnel(b) {
		return 0
	}
	for _, w := range waves {
		if slices.Contains(w.kinds, b.ID().Kind) {
			return w.wave
		}
	}
	return -10
}

// isTunnel: what holds the way to Restate Cloud open.
func isTunnel(b Built) bool {
	id := b.ID()
	return IsCloudEnvironment(id) || b.Component == tunnelComponent.Name && id.Kind == "Deployment"
}

// dependencies are what must be there before a workload: the policies that guard it, what it reads, and the tunnel before what is
// registered through it. Nothing but workloads waits, and the tunnel itself must not carry an annotation.
func dependencies(b Built, all []Built) []string {
	kind := b.ID().Kind
	if IsCloudEnvironment(b.ID()) || !slices.Contains([]string{"Deployment", restateDeploymentKind, "Job"}, kind) {
		return nil
	}
	var out []string
	for _, other := range all {
		id := other.ID()
		// What has the same source, or one around it, is of the same service or domain.
		ours := other.Component == b.Component && strings.HasPrefix(b.Source, other.Source)
		guards := id.Group == networkingv1.GroupName && id.Kind == "NetworkPolicy" && id.Namespace == b.ID().Namespace && (ours || other.Component == baselineComponent.Name)
		carries := isTunnel(other) && kind != "Deployment"
		reads := ours && id.Kind == "Certificate" || b.Component == bridgeComponent.Name && id.Kind == "Consumer"
		if guards || carries || reads {
			out = append(out, reference(id))
		}
	}
	return out
}

// reference is the form of depends-on: <group>/namespaces/<namespace>/<kind>/<name>, without the namespace for what has none.
func reference(id ID) string {
	if id.Namespace == "" {
		return strings.Join([]string{id.Group, id.Kind, id.Name}, "/")
	}
	return strings.Join([]string{id.Group, "namespaces", id.Namespace, id.Kind, id.Name}, "/")
}
