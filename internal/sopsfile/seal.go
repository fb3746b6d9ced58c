// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// recipientKinds are the lists of recipients in a sops block and in each of its key_groups (github.com/getsops/sops,
// stores/stores.go).
var recipientKinds = []string{"age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"}

// seal checks the sops block. Its MAC is encrypted, so only its presence and form can be checked here. Without it Flux takes the
// Secret for plain and does not decrypt it (github.com/fluxcd/kustomize-controller, internal/decryptor).
func (r *reader) seal(block *yaml.Node) {
	const hint = "encrypt the file with sops"
	mac := field(block, "mac")
	switch {
	case block == nil || block.Kind != yaml.MappingNode:
		r.report(diag.NotSealed, "the Secret has no sops block", hint)
	case !present(mac):
		r.report(diag.NotSealed, "the sops block has no mac", hint)
	case !isText(mac) || malformed(mac.Value) != "":
		r.report(diag.NotSealed, "sops.mac is not well-formed ciphertext", hint)
	case !hasRecipient(block):
		r.report(diag.NotSealed, "the sops block names no recipient, so that nobody can decrypt the Secret", hint)
	}
	only := field(block, "mac_only_encrypted")
	r.secret.MACOnly = only != nil && only.ShortTag() == yaml.NodeTagBool && truth[only.Value]
}

// truth has the spellings of true in YAML 1.2.
var truth = map[string]bool{"true": true, "True": true, "TRUE": true}

// hasRecipient looks in both layouts: recipients at the top, or in key_groups.
func hasRecipient(block *yaml.Node) bool {
	for _, kind := range recipientKinds {
		for _, entry := range elements(field(block, kind)) {
			// enc is the data key, encrypted to this recipient. An entry without it decrypts nothing.
			if text(field(entry, "enc")) != "" {
				return true
			}
		}
	}
	for _, group := range elements(field(block, "key_groups")) {
		if hasRecipient(group) {
			return true
		}
	}
	return false
}
