// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/generators"
)

// recipientKinds are the lists of recipients in a sops block and in each of its key_groups (github.com/getsops/sops,
// stores/stores.go). id is what the sops CLI and .sops.yaml call an entry, made of its fields.
var recipientKinds = []struct {
	kind generators.RecipientKind
	id   func(entry *yaml.Node) string
}{
	{generators.RecipientAge, textOf("recipient")},
	{generators.RecipientPGP, textOf("fp")},
	{generators.RecipientKMS, textOf("arn")}, // role, context and profile say how to get at the key
	{generators.RecipientGCPKMS, textOf("resource_id")},
	{generators.RecipientAzureKV, func(n *yaml.Node) string {
		return joined(text(field(n, "vault_url")), "/keys/", text(field(n, "name")), "/", text(field(n, "version")))
	}},
	{generators.RecipientVault, func(n *yaml.Node) string {
		return joined(text(field(n, "vault_address")), "/v1/", text(field(n, "engine_path")), "/keys/", text(field(n, "key_name")))
	}},
	{generators.RecipientHCKMS, textOf("key_id")},
}

func textOf(name string) func(*yaml.Node) string {
	return func(entry *yaml.Node) string { return text(field(entry, name)) }
}

// joined is empty when the first part, that without which the rest names nothing, is.
func joined(first string, rest ...string) string {
	if first == "" {
		return ""
	}
	for _, part := range rest {
		first += part
	}
	return first
}

// recipients reads both layouts as sops does: those at the top, else the key_groups.
func (r *reader) recipients(block *yaml.Node) {
	r.secret.Threshold = 1
	if r.group(block, 0) {
		return
	}
	groups := 0
	for _, group := range elements(field(block, "key_groups")) {
		if r.group(group, groups) {
			groups++
		}
	}
	r.secret.Threshold = max(1, groups) // sops.go: the default is all of them
	if n, err := strconv.Atoi(scalar(field(block, "shamir_threshold"))); err == nil && n > 0 {
		r.secret.Threshold = min(n, r.secret.Threshold)
	}
}

// group adds the recipients of a group, and reports whether it has any. enc is the data key, encrypted to one of them: an entry
// without it decrypts nothing.
func (r *reader) group(n *yaml.Node, number int) bool {
	found := false
	for _, list := range recipientKinds {
		for _, entry := range elements(field(n, string(list.kind))) {
			if text(field(entry, "enc")) == "" {
				continue
			}
			found = true
			one := generators.Recipient{Kind: list.kind, ID: list.id(entry), Group: number}
			if one.Kind == generators.RecipientAge {
				one.Kind = generators.AgeRecipient(one.ID)
			}
			if !slices.Contains(r.secret.Recipients, one) {
				r.secret.Recipients = append(r.secret.Recipients, one)
			}
		}
	}
	return found
}

// scalar is the text of n, whatever YAML takes it for.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}
