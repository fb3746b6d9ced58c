// SPDX-License-Identifier: Apache-2.0

package generators

// Images that the function writes when the spec names no other, with the day on which each was checked.
const (
	// The newest tag that takes RESTATE_BEARER_TOKEN_FILE and was run (2026-11-23; restate-operator v3.1.0 has the same default).
	imageTunnel = "ghcr.io/restatedev/restate-cloud-tunnel-client:0.6.0"
)
