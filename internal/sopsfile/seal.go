// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// seal reads the sops block, and reports the first reason why sops cannot use it. Its MAC is encrypted, so only its presence and
// form can be checked here. Without it Flux takes the Secret for plain and does not decrypt it
// (github.com/fluxcd/kustomize-controller, internal/decryptor).
func (r *reader) seal(root *yaml.Node) {
	const hint = "encrypt the file with sops"
	block := field(root, "sops")
	mac := field(block, "mac")
	r.recipients(block)
	r.macOf(block)
	switch {
	case block == nil || block.Kind != yaml.MappingNode:
		r.report(diag.NotSealed, "the Secret has no sops block", hint)
	case !present(mac):
		r.report(diag.NotSealed, "the sops block has no mac", hint)
	case !isText(mac) || malformed(mac.Value) != "":
		r.report(diag.NotSealed, "sops.mac is not well-formed ciphertext", hint)
	case r.secret.LastModified == "":
		r.report(diag.NotSealed, "sops.lastmodified must be the time that sops wrote", hint)
	case len(r.secret.Recipients) == 0:
		r.report(diag.NotSealed, "the sops block names no recipient, so that nobody can decrypt the Secret", hint)
	default:
		r.rule(block, root)
	}
}

// truth has the spellings of true in YAML 1.2.
var truth = map[string]bool{"true": true, "True": true, "TRUE": true}

// macOf reads what belongs to the MAC: the time is authenticated with it (github.com/getsops/sops, cmd/sops/common).
func (r *reader) macOf(block *yaml.Node) {
	if mac := text(field(block, "mac")); mac != "" {
		sum := sha256.Sum256([]byte(mac))
		r.secret.MAC = hex.EncodeToString(sum[:])
	}
	only := field(block, "mac_only_encrypted")
	r.secret.MACOnly = only != nil && only.ShortTag() == yaml.NodeTagBool && truth[only.Value]
	// Without quotes it is a timestamp to YAML, of the same text.
	if at := field(block, "lastmodified"); at != nil && at.Kind == yaml.ScalarNode {
		if _, err := time.Parse(time.RFC3339, at.Value); err == nil {
			r.secret.LastModified = at.Value
		}
	}
}
