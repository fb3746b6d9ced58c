// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// lastApplied is where kubectl apply keeps the whole object, the plain values of a Secret included (kubernetes.io, "Declarative
// management of Kubernetes objects using configuration files").
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// hostPrefixes are reserved for kustomize, kpt and kyaml.
var hostPrefixes = []string{"internal.config.kubernetes.io/", "internal.kpt.dev/"}

// hostAnnotations are what hosts set besides (sigs.k8s.io/kustomize/kyaml, kio/kioutil; sigs.k8s.io/kustomize/api, resource and
// internal/plugins/utils). The other annotations of these prefixes are the user's, and some act: local-config keeps the Secret out
// of the cluster, needs-hash renames it, function makes it a function config. So a prefix is not enough to leave one out.
var hostAnnotations = []string{
	"alpha.config.kubernetes.io/transformations",
	"config.k8s.io/id",
	"config.kubernetes.io/index",
	"config.kubernetes.io/merge-source",
	"config.kubernetes.io/origin",
	"config.kubernetes.io/path",
	"kustomize.config.k8s.io/id",
}

// annotations keeps the keys for the check against the allow-list, which is the caller's. The one of kubectl is on no list, and is
// reported here.
func (r *reader) annotations(n *yaml.Node) {
	if present(n) && n.Kind != yaml.MappingNode {
		r.report(diag.NotOneSecret, "metadata.annotations must be a mapping, and is "+kindOf(n), "")
	}
	for key := range pairs(n) {
		switch {
		case key.Value == lastApplied:
			r.report(diag.SecretMetadata, "metadata.annotations must not have "+lastApplied+", which holds the values in plain text",
				"remove it, and rotate the values if it was committed")
		case !setByHost(key.Value):
			r.secret.Annotations = append(r.secret.Annotations, key.Value)
		}
	}
	slices.Sort(r.secret.Annotations)
}

// setByHost reports whether the annotation comes from the host of the function, and not from the user.
func setByHost(key string) bool {
	return slices.Contains(hostAnnotations, key) ||
		slices.ContainsFunc(hostPrefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}
