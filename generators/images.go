// SPDX-License-Identifier: Apache-2.0

package generators

// Images that the function writes when the spec names no other, with the day on which each was checked.
const (
	// The newest tag that takes RESTATE_BEARER_TOKEN_FILE and was run (2026-11-23; restate-operator v3.1.0 has the same default).
	imageTunnel = "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0"
	// The version whose configuration was run (2026-11-23).
	imageBento = "ghcr.io/warpstreamlabs/bento:1.20.0"
	// The version whose configuration was run (2026-11-23), without a shell. No older one has poll_interval and body_size_limit.
	imageEnvoy = "docker.io/envoyproxy/envoy:distroless-v1.40.0"
	// The digest that a public GitOps repository pins for Jobs of this kind, with /bin/sh (2026-11-23). The same version of the CLI was
	// run from its npm package.
	imageRestateCLI = "docker.restate.dev/restatedev/restate-cli:1.7.2@sha256:6905cd107840658f8ef0338c95e3c691dba3da450e9e0fb12066d00fd57e69f9"
)
