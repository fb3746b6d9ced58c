// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// TestCheckSecret is everything that is said of a Secret without the rest of a spec.
func TestCheckSecret(t *testing.T) {
	by := func(change func(*Secret)) Secret { return sealed("shop", change) }
	recipients := func(r ...Recipient) Secret { return by(func(s *Secret) { s.Recipients = r }) }
	groups := func(threshold int, sizes ...int) Secret {
		return by(func(s *Secret) {
			s.Threshold, s.Recipients = threshold, nil
			for group, n := range sizes {
				for i := range n {
					s.Recipients = append(s.Recipients, Recipient{Kind: RecipientAge, ID: strings.Repeat("a", i+1), Group: group})
				}
			}
		})
	}
	policy := func(change func(*v1alpha1.Secrets)) SecretPolicy {
		var s v1alpha1.Secrets
		change(&s)
		return SecretPolicyOf(s)
	}
	atLeast := func(n int32) SecretPolicy { return policy(func(s *v1alpha1.Secrets) { s.MinRecipients = &n }) }
	only := func(list ...string) SecretPolicy { return policy(func(s *v1alpha1.Secrets) { s.Recipients = list }) }
	usual := SecretPolicyOf(v1alpha1.Secrets{})
	for _, tt := range []struct {
		reason string
		secret Secret
		policy SecretPolicy
		want   string
	}{
		{"as it should be", by(func(*Secret) {}), usual, ""},
		{"a problem of the document", by(func(s *Secret) { s.Problems = []diag.Diagnostic{{Code: diag.MalformedENC, Message: "a"}} }), usual, "error RI0412"},
		{"nothing is known of what cannot be read", Secret{Problems: []diag.Diagnostic{{Code: diag.NotOneSecret, Message: "a"}}}, usual, "error RI0403"},
		{"a Secret without a sops block has no MAC and no recipient", by(func(s *Secret) {
			*s = Secret{Name: "a", Keys: map[string]SecretKey{"a": {}}, Problems: []diag.Diagnostic{{Code: diag.NotSealed, Message: "a"}}}
		}), atLeast(2), "error RI0406"},
		{"an empty value", by(withKeys(map[string]SecretKey{"b": {Empty: true}, "a": {Empty: true}, "c": {Digest: "x"}})), usual, "error RI0414; error RI0414"},
		{"the MAC covers metadata", by(func(s *Secret) { s.MACOnly = false }), usual, "error RI0407"},
		{"which may be", by(func(s *Secret) { s.MACOnly = false }), policy(func(s *v1alpha1.Secrets) { s.RequireMACOnlyEncrypted = ptr.To(false) }), "info RI0419"},
		{"annotations", by(func(s *Secret) { s.Annotations = []string{"a", "b"} }), policy(func(s *v1alpha1.Secrets) { s.AllowedAnnotations = []string{"b"} }), "error RI0408"},

		{"one recipient", recipients(ages("age1a")...), usual, "warning RI0425"},
		{"one in a cloud can be lost as well", recipients(Recipient{Kind: RecipientKMS, ID: "arn:a"}), usual, "warning RI0425"},
		{"one is meant", recipients(ages("age1a")...), atLeast(1), ""},
		{"one is too few", recipients(ages("age1a")...), atLeast(2), "error RI0424"},
		{"two are enough", recipients(ages("age1a", "age1b")...), atLeast(2), ""},
		{"two are too few", recipients(ages("age1a", "age1b")...), atLeast(3), "error RI0424"},
		{"all groups are needed: any key is one too many to lose", groups(2, 3, 1), usual, "warning RI0425"},
		{"of the smallest group", groups(2, 3, 2), atLeast(3), "error RI0424"},
		{"which is large enough", groups(2, 3, 2), atLeast(2), ""},
		{"one group of two is enough", groups(1, 1, 1), usual, ""},
		{"two of three: two groups must be lost", groups(2, 1, 4, 1), atLeast(2), ""},
		{"and no more", groups(2, 1, 4, 1), atLeast(3), "error RI0424"},
		{"a threshold that nobody set is that of one group", groups(0, 2), atLeast(2), ""},

		{"on the list", recipients(ages("age1a", "age1b")...), only("age1b", "age1c", "age1a"), ""},
		{"not on the list", recipients(ages("age1a", "age1b")...), only("age1b"), "error RI0423"},
		{"in another group", by(func(s *Secret) { s.Recipients = append(s.Recipients, Recipient{"age", "age1c", 1}) }), only("age1b", "age1a"), "error RI0423"},
		{"case counts", recipients(ages("age1a", "age1B")...), only("age1a", "age1b"), "error RI0423"},
		{"but not in a fingerprint", recipients(Recipient{Kind: RecipientPGP, ID: "85D77543"}, Recipient{Kind: RecipientPGP, ID: "0123ABCD"}), only("85d7 7543", "0123ABCD"), ""},
		{"whose digits count", recipients(Recipient{Kind: RecipientPGP, ID: "85D77543"}, Recipient{Kind: RecipientPGP, ID: "0123ABCD"}), only("85d7 7544", "0123ABCD"), "error RI0423"},
		{"the comment of an SSH key does not", recipients(ages("ssh-ed25519 AAAA me@home", "age1a")...), only("ssh-ed25519 AAAA", "age1a"), ""},
		{"the key does", recipients(ages("ssh-ed25519 AAAA me@home", "age1a")...), only("ssh-ed25519 AAAB me@home", "age1a"), "error RI0423"},
		{"one without a name is on no list", recipients(Recipient{Kind: RecipientVault}, Recipient{Kind: RecipientAge, ID: "age1a"}), only("age1a"), "error RI0423"},

		{"post-quantum alone", recipients(ages("age1pq1a", "age1pq1b")...), usual, ""},
		{"with a classic one", recipients(ages("age1pq1a", "age1b")...), usual, "warning RI0426"},
		{"with an SSH key", recipients(ages("age1pq1a", "ssh-rsa AAAA")...), usual, "warning RI0426"},
		{"with PGP", recipients(append(ages("age1pq1a"), Recipient{Kind: RecipientPGP, ID: "A"})...), usual, "warning RI0426"},
		{"with a key in a cloud, which is symmetric", recipients(append(ages("age1pq1a"), Recipient{Kind: RecipientKMS, ID: "A"})...), usual, ""},
		{"with a plugin, of which nothing is known", recipients(ages("age1pq1a", "age1yubikey1a")...), usual, ""},
		{"a group of its own still protects", by(func(s *Secret) {
			s.Threshold = 2
			s.Recipients = []Recipient{{RecipientAge, "age1a", 0}, {RecipientAge, "age1b", 0}, {RecipientAgePQ, "age1pq1a", 1}, {RecipientAgePQ, "age1pq1b", 1}}
		}), usual, ""},
		{"unless the other is enough", by(func(s *Secret) {
			s.Recipients = []Recipient{{RecipientAge, "age1a", 0}, {RecipientAge, "age1b", 0}, {RecipientAgePQ, "age1pq1a", 1}, {RecipientAgePQ, "age1pq1b", 1}}
		}), usual, "warning RI0426"},
	} {
		ds := CheckSecret(tt.secret, tt.policy)
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
			if d.Path != "" || d.Value != "" {
				t.Errorf("%s: got %+v, want the message alone to name the place", tt.reason, d)
			}
		}
	}
}

// TestCheckSecretKeepsProblems: they are the caller's.
func TestCheckSecretKeepsProblems(t *testing.T) {
	problems := make([]diag.Diagnostic, 1, 9)
	problems[0] = diag.Diagnostic{Code: diag.MalformedENC, Message: "a"}
	s := sealed("shop", func(s *Secret) { s.Problems, s.MACOnly = problems, false })
	if got := CheckSecret(s, SecretPolicyOf(v1alpha1.Secrets{})); len(got) != 2 || problems[:2][1].Code != "" {
		t.Errorf("got %v, and %v behind the problems", got, problems[:2][1])
	}
}

// TestSecretMessages: what a finding names, and that it names no secret.
func TestSecretMessages(t *testing.T) {
	const key = "key_10thisIsNoRealToken12.itOpensNothing1234567890abcdefghijklmnopqrst"
	s := sealed("shop", func(s *Secret) {
		s.Keys = map[string]SecretKey{key: {Empty: true}, "token": {Empty: true}}
		s.Annotations = []string{key}
		s.Recipients = ages(key)
		s.MACOnly = false
	})
	var text strings.Builder
	for _, d := range CheckSecret(s, SecretPolicy{Recipients: []string{"age1a"}, MinRecipients: 2, RequireMACOnlyEncrypted: true}) {
		text.WriteString(d.Message + "\n")
	}
	if strings.Contains(text.String(), key) {
		t.Errorf("a key is printed:\n%s", text.String())
	}
	for _, want := range []string{`"token"`, "2 recipients", "1 recipient\n", `the age-plugin recipient "[redacted]"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in:\n%s", want, text.String())
		}
	}
}

func TestAgeRecipient(t *testing.T) {
	for id, want := range map[string]RecipientKind{
		"age1tu4jqc8z2qpkewv3kxrv9jn6z9ze2sp3szgw96he366rvzereplqd7w7rg": RecipientAge,
		"age1pq1qqqq": RecipientAgePQ, "age1yubikey1qqqq": RecipientAgePlugin, "ssh-ed25519 AAAA1111": RecipientAgeSSH, "": RecipientAge,
	} {
		if got := AgeRecipient(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestEncryptedTogether(t *testing.T) {
	other := func(change func(*Secret)) Secret {
		return sealed("shop", func(s *Secret) {
			s.Name, s.Keys = "other", map[string]SecretKey{"a": {Digest: "x"}}
			change(s)
		})
	}
	for _, tt := range []struct {
		reason string
		secret Secret
		want   bool
	}{
		{"two documents", other(func(*Secret) {}), true},
		{"two files", other(func(s *Secret) { s.MAC = "n" }), false},
		{"the same", sealed("shop"), false},
		{"a copy for another namespace", sealed("other"), false},
		{"a copy with another name", sealed("shop", func(s *Secret) { s.Name = "other" }), false},
		{"the other document of two with one name", other(func(s *Secret) { s.Namespace, s.Name = "other", "restate-identity" }), true},
	} {
		if got := EncryptedTogether(sealed("shop"), tt.secret); got != tt.want {
			t.Errorf("%s: got %v", tt.reason, got)
		}
	}
	plain := func(s *Secret) { s.MAC = "" }
	if EncryptedTogether(sealed("shop", plain), other(plain)) {
		t.Error("no MAC is taken for the same MAC")
	}
}

// TestSecretPolicyOf holds that a spec means the same before and after its defaults are filled in.
func TestSecretPolicyOf(t *testing.T) {
	for _, text := range []string{`{}`, `{secrets: {requireMacOnlyEncrypted: false, minRecipients: 2, recipients: [age1a], allowedAnnotations: [b]}}`} {
		in := spec(t, operatorBase, `{spec: `+text+`}`)
		before := SecretPolicyOf(in.Spec.Secrets)
		v1alpha1.Default(in)
		if d := cmp.Diff(before, SecretPolicyOf(in.Spec.Secrets)); d != "" {
			t.Errorf("%s: (-before +after)\n%s", text, d)
		}
	}
	want := SecretPolicy{RequireMACOnlyEncrypted: true}
	if d := cmp.Diff(want, SecretPolicyOf(v1alpha1.Secrets{})); d != "" {
		t.Errorf("without a spec: (-want +got)\n%s", d)
	}
}
