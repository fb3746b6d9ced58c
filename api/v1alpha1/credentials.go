// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Credentials has one Secret per role.
type Credentials struct {
	// Tunnel is the Full-role key of the tunnel. Its Secret lives in the operator's namespace in Operator mode, in
	// metadata.namespace in Standalone mode. Default name: restate-identity.
	// +optional
	// +kubebuilder:default={}
	Tunnel Credential `json:"tunnel,omitempty"`
	// Ingress is the Ingress-role key of gateway, bridge and services that call Restate. Default name: restate-ingress.
	// +optional
	// +kubebuilder:default={}
	Ingress Credential `json:"ingress,omitempty"`
	// Admin is the Admin-role key of the registration. Default name: restate-admin.
	// +optional
	// +kubebuilder:default={}
	Admin Credential `json:"admin,omitempty"`
	// NATS is the bridge's own credential. Default name: restate-nats, key nats.nk.
	// +optional
	// +kubebuilder:default={}
	NATS NATSCredential `json:"nats,omitempty"`
}

// Credential refers to one key of one encrypted Secret.
type Credential struct {
	// Name of the Secret. The default depends on the role.
	// +optional
	Name string `json:"name,omitempty"`
	// Key in the Secret. Default: token.
	// +optional
	Key string `json:"key,omitempty"`
	// Files are paths of encrypted Secrets of this name, one for each namespace that needs it, relative to the kustomization
	// or to this file. Each holds exactly one document.
	// +optional
	Files []string `json:"files,omitempty"`
	// Source says who brings the Secret: SOPS expects to see the encrypted Secret, External expects nobody to see it. An
	// ExternalSecret, SealedSecret or VaultStaticSecret in sight that makes the Secret is enough for SOPS too, and calls for a
	// rolloutKey.
	// +optional
	// +kubebuilder:default=SOPS
	Source SecretSource `json:"source,omitempty"`
	// RolloutKey replaces the digest of the ciphertext that restarts the tunnel: change it at each rotation of a Secret that is
	// not in sight.
	// +optional
	RolloutKey string `json:"rolloutKey,omitempty"`
}

// NATSCredential refers to the bridge's NATS credential.
type NATSCredential struct {
	Credential `json:",inline"`
	// Type is NKey for an nkey seed, Creds for a creds file.
	// +optional
	// +kubebuilder:default=NKey
	Type NATSCredentialType `json:"type,omitempty"`
}

// NATSCredentialType is the form of a NATS credential.
// +kubebuilder:validation:Enum=NKey;Creds
type NATSCredentialType string

// NATSCreds is a creds file with JWT and seed; an NKey is the seed alone.
const NATSCreds NATSCredentialType = "Creds"

// Values lists what is allowed.
func (NATSCredentialType) Values() []string { return []string{"NKey", "Creds"} }

// SecretSource says who brings a Secret.
// +kubebuilder:validation:Enum=SOPS;External
type SecretSource string

// SourceSOPS is an encrypted Secret in the package; SourceExternal is made by somebody else (External Secrets, Vault, by hand).
const (
	SourceSOPS     SecretSource = "SOPS"
	SourceExternal SecretSource = "External"
)

// Values lists what is allowed.
func (SecretSource) Values() []string { return []string{"SOPS", "External"} }

// Secrets says how encrypted Secrets are checked and delivered.
type Secrets struct {
	// Delivery is PassThrough when files are passed on verbatim. With External somebody else (KSOPS, a controller) delivers them:
	// files are checked and their digest is taken, and nothing is passed on. A Secret among the items stays there.
	// +optional
	// +kubebuilder:default=PassThrough
	Delivery SecretDelivery `json:"delivery,omitempty"`
	// Recipients are the only ones that a Secret may be encrypted to, as they stand in .sops.yaml: age recipients, fingerprints,
	// names of keys in a cloud. Empty allows all.
	// +optional
	Recipients []string `json:"recipients,omitempty"`
	// MinRecipients is how many recipients each Secret needs, so that a lost key does not lose the Secret. With key groups it is
	// how many keys must be lost until too few groups are left. Default: 1, with a warning for a Secret that has only one; 1 says
	// that this is meant.
	// +optional
	MinRecipients *int32 `json:"minRecipients,omitempty"`
	// RequireMACOnlyEncrypted refuses Secrets whose MAC covers metadata, because kustomize breaks it.
	// +optional
	// +kubebuilder:default=true
	RequireMACOnlyEncrypted *bool `json:"requireMacOnlyEncrypted,omitempty"`
	// MaxAge is how old a credential may be, by sops.lastmodified. The function has no clock and only checks that it is more than
	// 0; restate-integration-secrets status compares.
	// +optional
	// +kubebuilder:default="2160h"
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// AllowedAnnotations are the annotation keys that an encrypted Secret may carry.
	// +optional
	AllowedAnnotations []string `json:"allowedAnnotations,omitempty"`
}

// SecretDelivery says who applies an encrypted Secret.
// +kubebuilder:validation:Enum=PassThrough;External
type SecretDelivery string

// DeliveryPassThrough passes files on verbatim; DeliveryExternal leaves that to somebody else.
const (
	DeliveryPassThrough SecretDelivery = "PassThrough"
	DeliveryExternal    SecretDelivery = "External"
)

// Values lists what is allowed.
func (SecretDelivery) Values() []string { return []string{"PassThrough", "External"} }
