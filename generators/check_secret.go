// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"maps"
	"slices"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// SecretPolicy is what spec.secrets asks of each encrypted Secret.
type SecretPolicy struct {
	// Recipients are all that may be able to decrypt it; none allows any.
	Recipients []string
	// MinRecipients is how many keys must be lost, at least, until nobody can decrypt it. 0 says nothing, and one alone is a warning.
	MinRecipients           int
	RequireMACOnlyEncrypted bool
	AllowedAnnotations      []string
}

// SecretPolicyOf reads the policy of a spec, which need not be defaulted. That of the zero value holds where there is no spec.
func SecretPolicyOf(s v1alpha1.Secrets) SecretPolicy {
	p := SecretPolicy{Recipients: s.Recipients, RequireMACOnlyEncrypted: true, AllowedAnnotations: s.AllowedAnnotations}
	if s.MinRecipients != nil {
		p.MinRecipients = int(*s.MinRecipients)
	}
	if s.RequireMACOnlyEncrypted != nil {
		p.RequireMACOnlyEncrypted = *s.RequireMACOnlyEncrypted
	}
	return p
}

// CheckSecret returns all that can be said of one encrypted Secret without the rest of a spec. Path is empty; Message names the key,
// never the value.
func CheckSecret(s Secret, p SecretPolicy) []diag.Diagnostic {
	c := secretCheck{s: s, p: p, ds: slices.Clone(s.Problems)}
	if s.Keys == nil {
		return c.ds // it could not be read
	}
	c.values()
	c.annotations()
	if !c.has(diag.NotSealed) {
		c.mac()
		c.recipients()
	}
	return c.ds
}

// secretCheck collects what is wrong with one Secret.
type secretCheck struct {
	s  Secret
	p  SecretPolicy
	ds []diag.Diagnostic
}

func (c *secretCheck) report(code diag.Code, hint, format string, args ...any) {
	c.ds = append(c.ds, diag.Diagnostic{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *secretCheck) has(code diag.Code) bool {
	return slices.ContainsFunc(c.ds, func(d diag.Diagnostic) bool { return d.Code == code })
}

func (c *secretCheck) values() {
	for _, key := range sortedKeys(c.s.Keys) {
		if c.s.Keys[key].Empty {
			c.report(diag.SecretEmpty, "encrypt the value, or remove the key", "the key %q must have a value, and is empty", redact.Text(key))
		}
	}
}

func (c *secretCheck) annotations() {
	for _, a := range c.s.Annotations {
		if !slices.Contains(c.p.AllowedAnnotations, a) {
			c.report(diag.SecretMetadata, "remove it, or add it to spec.secrets.allowedAnnotations", "must not have the annotation %q", redact.Text(a))
		}
	}
}

func (c *secretCheck) mac() {
	switch {
	case c.s.MACOnly:
	case c.p.RequireMACOnlyEncrypted:
		c.report(diag.NotMACOnly, "set mac_only_encrypted: true in .sops.yaml and encrypt it again",
			"must have a MAC that covers the encrypted values alone, and it covers the metadata too")
	default:
		c.report(diag.MACOverMetadata, "check the MAC of the file, not of what kustomize makes of it", "has a MAC that covers the metadata too")
	}
}

// recipients checks who can decrypt the Secret, and that it does not hang on one key.
func (c *secretCheck) recipients() {
	for _, r := range c.s.Recipients {
		if len(c.p.Recipients) > 0 && !slices.ContainsFunc(c.p.Recipients, r.is) {
			c.report(diag.UnknownRecipient, "add it to the recipients, or take it out of .sops.yaml, run sops updatekeys, and rotate the values, which it knows",
				"must be encrypted to spec.secrets.recipients alone, and the %s recipient %q is none of them", r.Kind, redact.Text(r.ID))
		}
	}
	spare := c.s.spare()
	has := count(spare, "recipient")
	if c.s.Threshold > 1 {
		has = fmt.Sprintf("groups of which the loss of %s leaves too few", count(spare, "key"))
	}
	switch {
	case spare < c.p.MinRecipients:
		c.report(diag.TooFewRecipients, "add one to .sops.yaml and run sops updatekeys", "must have at least %s, and has %s", count(c.p.MinRecipients, "recipient"), has)
	case spare == 1 && c.p.MinRecipients == 0:
		c.report(diag.OneRecipient, "add one that is kept elsewhere to .sops.yaml and run sops updatekeys, or set spec.secrets.minRecipients: 1",
			"has %s, and whoever loses its key loses the values", has)
	}
	if c.s.mixed() {
		c.report(diag.MixedRecipients, "use post-quantum recipients alone, or none", "is encrypted to classic recipients too, so that the post-quantum ones add nothing")
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// EncryptedTogether reports whether sops encrypted two Secrets as one file of several documents: its MAC stands in both of them. A
// copy of a Secret in another namespace has the values in common as well, and is whole.
func EncryptedTogether(a, b Secret) bool {
	same := a.Namespace == b.Namespace && a.Name == b.Name
	return !same && a.MAC != "" && a.MAC == b.MAC && !maps.Equal(a.Keys, b.Keys)
}
