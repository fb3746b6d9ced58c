// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Cloud names a Restate Cloud environment and how to reach it.
type Cloud struct {
	// EnvironmentID begins with env_, as the Restate Cloud console shows it. The name of the field is that of Restate's own
	// RestateCloudEnvironment.
	EnvironmentID string `json:"environmentId"`
	// Region is us, eu, or <id>.byoc for an environment in your own cloud account.
	Region string `json:"region"`
	// SigningPublicKey begins with publickeyv1_ and is the base58 form of exactly 32 bytes. It is not a secret: the tunnel
	// verifies with it that requests come from this environment.
	SigningPublicKey string `json:"signingPublicKey"`
	// IngressURL is where services call Restate: https only. Default: https://<id>.env.<region>.restate.cloud:8080.
	// +optional
	IngressURL string `json:"ingressURL,omitempty"`
	// AdminURL is Restate's admin API: https only. Default: https://<id>.env.<region>.restate.cloud:9070.
	// +optional
	AdminURL string `json:"adminURL,omitempty"`
	// AllowedHosts names the hosts outside of *.restate.cloud that ingressURL and adminURL may lead to: they receive the API key.
	// +optional
	AllowedHosts []string `json:"allowedHosts,omitempty"`
}
