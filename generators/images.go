// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// Image is one that the function writes when the spec names no other.
type Image struct {
	// Field below spec.images that replaces it.
	Field string
	// Ref is registry/repository:tag, with a digest where one is known.
	Ref string
	// Checked is the day on which version and configuration were run or read, Why what speaks for this version.
	Checked, Why string
}

// images is the one table of default images.
var images = []Image{
	{"tunnel", "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0", "2026-11-23", "the newest tag that takes RESTATE_BEARER_TOKEN_FILE and was run; restate-operator v3.1.0 has the same default"},
	{"envoy", "docker.io/envoyproxy/envoy:distroless-v1.40.0", "2026-11-23", "the version whose configuration was run; no older one has poll_interval and body_size_limit"},
	{"bento", "ghcr.io/warpstreamlabs/bento:1.20.0", "2026-11-23", "the version whose configuration was run"},
	{"restateCli", "docker.restate.dev/restatedev/restate-cli:1.7.2@sha256:6905cd107840658f8ef0338c95e3c691dba3da450e9e0fb12066d00fd57e69f9", "2026-11-23", "the digest that a public GitOps repository pins for Jobs of this kind, with /bin/sh; the same version was run from its npm package"},
}

// Images returns the table for the reference.
func Images() []Image { return slices.Clone(images) }

// image returns the image of a field: what the spec names as it is, else the default behind the mirror.
func (r *resolver) imageFor(field, given string) string {
	if given != "" {
		r.image(specPath.Child("images", field), given)
		return given
	}
	i := slices.IndexFunc(images, func(i Image) bool { return i.Field == field })
	return mirrored(r.spec.Images.Registry, images[i].Ref)
}

// mirrored puts the mirror in the place of the image's own registry.
func mirrored(mirror, ref string) string {
	if mirror == "" {
		return ref
	}
	_, path, _ := strings.Cut(ref, "/") // every default names its registry
	return mirror + "/" + path
}

// mirrorPattern is a registry, and a path in it (github.com/distribution/reference). The first part has a dot or a port, or is localhost: any
// other would be a name in Docker's own registry, where it may be a stranger's.
var mirrorPattern = newPattern(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+(:[0-9]{1,5})?|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?:[0-9]{1,5}|localhost)` +
	`(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)

// pulls checks where images come from, and with what key.
func (r *resolver) pulls() {
	path, i := specPath.Child("images"), r.spec.Images
	r.m.PullPolicy = string(i.PullPolicy)
	if i.Registry != "" && !mirrorPattern().MatchString(i.Registry) {
		r.problem(diag.BadImage, path.Child("registry"), "", "write registry.example.com, or registry.example.com/mirror", "must be a registry with a dot or a port in its name, and a path in it, without scheme, tag and final slash")
	}
	for n, name := range i.PullSecrets {
		r.domain(path.Child("pullSecrets").Index(n), name)
		if slices.Contains(i.PullSecrets[:n], name) {
			r.problem(diag.DuplicateKey, path.Child("pullSecrets").Index(n), name, "remove one of the two", "must stand once")
		}
		r.m.PullSecrets = append(r.m.PullSecrets, name)
	}
	if len(i.PullSecrets) > 0 && r.spec.Tunnel.Mode == v1alpha1.TunnelOperator {
		r.problem(diag.OperatorPulls, path.Child("pullSecrets"), "", "add them to imagePullSecrets of ServiceAccount default in namespace "+r.spec.Tunnel.Operator.Namespace,
			"do not reach the tunnel pods, which the operator makes: its CRD has no such field")
	}
}
