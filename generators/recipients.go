// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"
)

// Recipient is one of those that an encrypted Secret is encrypted to. All of it is public.
type Recipient struct {
	Kind RecipientKind
	// ID is what a .sops.yaml has: a public key, a fingerprint, or the name of a key in a cloud.
	ID string
	// Group counts from 0.
	Group int
}

// RecipientKind is a kind of recipient.
type RecipientKind string

// The kinds that sops knows, by their names in a sops block; those of age by what age takes for a recipient.
const (
	RecipientAge       RecipientKind = "age"        // X25519
	RecipientAgePQ     RecipientKind = "age-pq"     // ML-KEM-768 with X25519
	RecipientAgeSSH    RecipientKind = "age-ssh"    // an SSH key
	RecipientAgePlugin RecipientKind = "age-plugin" // whatever the plugin does
	RecipientPGP       RecipientKind = "pgp"
	RecipientKMS       RecipientKind = "kms"
	RecipientGCPKMS    RecipientKind = "gcp_kms"
	RecipientAzureKV   RecipientKind = "azure_kv"
	RecipientVault     RecipientKind = "hc_vault"
	RecipientHCKMS     RecipientKind = "hckms"
)

// postQuantum is the beginning of an age recipient that a quantum computer does not break (filippo.io/age, pq.go).
const postQuantum = "age1pq1"

// AgeRecipient tells the kinds of age apart as sops does (github.com/getsops/sops, age/keysource.go). The prefix of bech32 ends with
// its last 1, so that a second one stands behind the name of a plugin.
func AgeRecipient(id string) RecipientKind {
	switch {
	case strings.HasPrefix(id, postQuantum):
		return RecipientAgePQ
	case strings.HasPrefix(id, "ssh-"):
		return RecipientAgeSSH
	case strings.Count(id, "1") > 1:
		return RecipientAgePlugin
	}
	return RecipientAge
}

// is reports whether an entry of spec.secrets.recipients means r: fingerprints are written in either case and with blanks, an SSH
// key with a comment behind it.
func (r Recipient) is(entry string) bool {
	switch r.Kind {
	case RecipientPGP:
		return strings.EqualFold(strings.ReplaceAll(entry, " ", ""), strings.ReplaceAll(r.ID, " ", ""))
	case RecipientAgeSSH:
		return slices.Equal(sshKey(entry), sshKey(r.ID))
	}
	return entry == r.ID
}

// sshKey is the type and the key of a line of authorized_keys, without the comment.
func sshKey(line string) []string {
	words := strings.Fields(line)
	return words[:min(len(words), 2)]
}

// classic reports whether a quantum computer that reads the file learns what r can: a public key of factoring or of elliptic curves
// stands in it. Keys in a cloud are symmetric, or unknown here.
func (r Recipient) classic() bool {
	return r.Kind == RecipientAge || r.Kind == RecipientAgeSSH || r.Kind == RecipientPGP
}

// groups counts the recipients of each group that has any.
func (s Secret) groups(count func(Recipient) bool) []int {
	sizes := map[int]int{}
	for _, r := range s.Recipients {
		if count(r) {
			sizes[r.Group]++
		}
	}
	var out []int
	for _, n := range sizes {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// spare is how many keys must be lost until nobody can decrypt the Secret: all of one group, or where a part of the groups is
// enough, of the smallest groups that leave too few.
func (s Secret) spare() int {
	sizes := s.groups(func(Recipient) bool { return true })
	lost := 0
	for _, n := range sizes[:max(0, len(sizes)-max(1, s.Threshold)+1)] {
		lost += n
	}
	return lost
}

// mixed reports whether a post-quantum recipient protects nothing, because classic ones are enough to decrypt the Secret.
func (s Secret) mixed() bool {
	pq := slices.ContainsFunc(s.Recipients, func(r Recipient) bool { return r.Kind == RecipientAgePQ })
	return pq && len(s.groups(Recipient.classic)) >= max(1, s.Threshold)
}
