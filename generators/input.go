// SPDX-License-Identifier: Apache-2.0

package generators

import "github.com/restate-integration/restate-integration/internal/diag"

// Input is what the edge knows besides the spec: the Secrets in sight, as items of the package or read from files.
type Input struct {
	// Secrets holds every v1 Secret in sight whose name the spec refers to, in the order of the input.
	Secrets []Secret
	// Others holds the encrypted Secrets in sight that the spec does not refer to. They are not checked.
	Others []Secret
	// Made has the Secrets that an object in sight makes in the cluster: ExternalSecret, SealedSecret, VaultStaticSecret.
	Made []SecretName
	// AccountJWT is the content of spec.nats.account.jwt.file; empty when there is none, or it could not be read.
	AccountJWT string
}

// SecretName identifies a Secret.
type SecretName struct{ Namespace, Name string }

// Secret is an encrypted v1 Secret, read without any key. It never holds a plaintext value.
type Secret struct {
	Namespace, Name string
	// File is the entry of credentials.<role>.files that it was read from; empty for an item of the package.
	File string
	// Keys has the union of data and stringData by key; nil when the Secret could not be read.
	Keys map[string]SecretKey
	// MACOnly says whether sops.mac_only_encrypted is true.
	MACOnly bool
	// MAC is the hex sha256 of sops.mac, to compare: Secrets of one file share it. Empty when there is none.
	MAC string
	// LastModified is sops.lastmodified, a time as RFC 3339 writes it: when a value was last changed. Empty when there is none.
	LastModified string
	// Recipients can decrypt the Secret, in the order of the file, each group without duplicates.
	Recipients []Recipient
	// Threshold is how many of the groups of recipients it takes: 1 unless the data key is shared out between groups.
	Threshold int
	// Annotations has the keys of metadata.annotations, sorted, without those that a host sets.
	Annotations []string
	// Problems holds what is wrong with the document itself, whatever the spec says. Path is empty; Message names the key,
	// never the value.
	Problems []diag.Diagnostic
}

// SecretKey is what can be known of one value without decrypting it.
type SecretKey struct {
	// Digest is the hex sha256 of "<data|stringData>/<key>=<ciphertext>": it changes exactly when the ciphertext does, and not
	// with labels, indentation or recipients. Empty when the value is not sealed.
	Digest string
	// Size is the number of bytes that a pod reads, at most: that of base64 is known up to its padding. 0 when it is not sealed.
	Size int
	// Empty is true for "", which sops leaves as it is.
	Empty bool
}
