// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// sealed is a Secret as the checks of encrypted files hand it over.
func sealed(namespace string, change ...func(*Secret)) Secret {
	s := Secret{
		Namespace: namespace, Name: "restate-identity", MACOnly: true, MAC: "m", Threshold: 1, Recipients: ages("age1a", "age1b"),
		Keys: map[string]SecretKey{"token": {Digest: strings.Repeat("d", 64), Size: 76}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// ages are recipients of age in one group.
func ages(ids ...string) []Recipient {
	var out []Recipient
	for _, id := range ids {
		out = append(out, Recipient{Kind: AgeRecipient(id), ID: id})
	}
	return out
}

func withKeys(keys map[string]SecretKey) func(*Secret) { return func(s *Secret) { s.Keys = keys } }

func fromFile(name string) func(*Secret) { return func(s *Secret) { s.File = name } }

// TestResolveCredentials is rule 4: each Secret stands where it is read, once, and has the key.
func TestResolveCredentials(t *testing.T) {
	const path = "spec.credentials.tunnel"
	sops := `{credentials: {tunnel: {source: null, rolloutKey: null}}}`
	for _, tt := range []struct {
		reason, base, patch string
		secrets             []Secret
		want                string
	}{
		{"the operator reads it in its own namespace", operatorBase, sops, []Secret{sealed("restate-operator")}, ""},
		{"the standalone tunnel in that of the integration", standaloneBase, sops, []Secret{sealed("restate")}, ""},
		{"an operator elsewhere", operatorBase, `{credentials: {tunnel: {source: null}}, tunnel: {operator: {namespace: ops}}}`, []Secret{sealed("ops")}, ""},
		{"not in sight", operatorBase, sops, nil, "warning RI0409 " + path + ".name"},
		{"a rollout key does not make up for a check", operatorBase, `{credentials: {tunnel: {source: null}}}`, nil, "warning RI0409 " + path + ".name"},
		{"brought by somebody else", operatorBase, `{}`, nil, ""},
		{"a rotation would go unnoticed", operatorBase, `{credentials: {tunnel: {rolloutKey: null}}}`, nil, "warning RI0409 " + path + ".rolloutKey"},
		{"brought by somebody else, and in sight", operatorBase, `{credentials: {tunnel: {rolloutKey: null}}}`, []Secret{sealed("restate-operator")}, ""},
		{"what is wrong with a file is said there", operatorBase, `{credentials: {tunnel: {source: null, files: [a.yaml]}}}`, []Secret{{Name: "restate-identity", File: "a.yaml"}}, ""},
		{"the files bring it to another place alone", operatorBase, `{credentials: {tunnel: {source: null, files: [a.yaml]}}}`, []Secret{sealed("shop", fromFile("a.yaml"))}, "error RI0413 " + path + ".files[0]; warning RI0409 " + path + ".name"},
		{"nobody reads it there", operatorBase, sops, []Secret{sealed("restate")}, "error RI0413 " + path + ".name; warning RI0409 " + path + ".name"},
		{"the right one does not excuse the wrong one", operatorBase, sops, []Secret{sealed("restate-operator"), sealed("shop")}, "error RI0413 " + path + ".name"},
		{"an entry of files is named by its index", operatorBase, `{credentials: {tunnel: {source: null, files: [a.yaml, b.yaml]}}}`, []Secret{sealed("restate-operator", fromFile("a.yaml")), sealed("shop", fromFile("b.yaml"))}, "error RI0413 " + path + ".files[1]"},
		{"which of the two counts?", operatorBase, sops, []Secret{sealed("restate-operator"), sealed("restate-operator")}, "error RI0403 " + path + ".name"},
		{"a Secret of another name is not ours", operatorBase, sops, []Secret{sealed("restate-operator"), sealed("shop", func(s *Secret) { s.Name = "other" })}, ""},
		{"another name, asked for", operatorBase, `{credentials: {tunnel: {source: null, name: other}}}`, []Secret{sealed("restate-operator", func(s *Secret) { s.Name = "other" })}, ""},
		{"the key is missing", operatorBase, sops, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"api-key": {Digest: "x", Size: 76}}))}, "error RI0405 " + path + ".key"},
		{"another key", operatorBase, `{credentials: {tunnel: {source: null, key: api-key}}}`, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"api-key": {Digest: "x", Size: 76}}))}, ""},
		{"an empty token is one that is missing", operatorBase, sops, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"token": {Empty: true}}))}, "error RI0414 " + path + ".name"},
		{"a placeholder", operatorBase, sops, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"token": {Digest: "x", Size: 23}}))}, "warning RI0429 " + path + ".name"},
		{"the shortest key", operatorBase, sops, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"token": {Digest: "x", Size: 24}}))}, ""},
		{"the length of what is not encrypted means nothing", operatorBase, sops, []Secret{sealed("restate-operator", withKeys(map[string]SecretKey{"token": {}}))}, ""},
		{"two Secrets of one file", operatorBase, sops, []Secret{sealed("restate-operator"), sealed("restate-operator", func(s *Secret) { s.Name, s.Keys = "other", nil })}, "error RI0420 " + path + ".name"},
		{"kustomize breaks such a MAC", operatorBase, sops, []Secret{sealed("restate-operator", func(s *Secret) { s.MACOnly = false })}, "error RI0407 " + path + ".name"},
		{"unless somebody says that it is not touched", operatorBase, `{credentials: {tunnel: {source: null}}, secrets: {requireMacOnlyEncrypted: false}}`, []Secret{sealed("restate-operator", func(s *Secret) { s.MACOnly = false })}, "info RI0419 " + path + ".name"},
		{"annotations", operatorBase, sops, []Secret{sealed("restate-operator", func(s *Secret) { s.Annotations = []string{"a", "b"} })}, "error RI0408 " + path + ".name; error RI0408 " + path + ".name"},
		{"annotations on the list", operatorBase, `{credentials: {tunnel: {source: null}}, secrets: {allowedAnnotations: [a]}}`, []Secret{sealed("restate-operator", func(s *Secret) { s.Annotations = []string{"a", "b"} })}, "error RI0408 " + path + ".name"},
		{"what is wrong with the document is passed on", operatorBase, sops, []Secret{sealed("restate-operator", func(s *Secret) {
			s.Problems = []diag.Diagnostic{{Code: diag.PlaintextSecret, Message: "must be encrypted"}}
		})}, "error RI0402 " + path + ".name"},
		{"also of one that nobody reads", operatorBase, sops, []Secret{sealed("shop", func(s *Secret) {
			s.Problems = []diag.Diagnostic{{Code: diag.PlaintextSecret, Message: "must be encrypted"}}
		})}, "error RI0402 " + path + ".name; error RI0413 " + path + ".name; warning RI0409 " + path + ".name"},
		{"what could not be read is reported once", operatorBase, `{credentials: {tunnel: {source: null, files: [a.yaml]}}}`, []Secret{{Name: "restate-identity", File: "a.yaml", Problems: []diag.Diagnostic{{Code: diag.NotOneSecret, Message: "must hold one document"}}}}, "error RI0403 " + path + ".files[0]"},
		{"a name", operatorBase, `{credentials: {tunnel: {name: A}}}`, nil, "error RI0301 " + path + ".name"},
		{"a key", operatorBase, `{credentials: {tunnel: {key: "a b"}}}`, nil, "error RI0301 " + path + ".key"},
		{"without tunnel, nobody reads it", noTunnelBase, `{}`, []Secret{sealed("shop")}, ""},
	} {
		_, ds := Resolve(spec(t, tt.base, `{spec: `+tt.patch+`}`), Input{Secrets: tt.secrets})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}

// TestNATSCredentialLength: the role nats has another form than the keys of Restate Cloud.
func TestNATSCredentialLength(t *testing.T) {
	for _, tt := range []struct {
		reason, kind string
		size         int
		want         string // a part of the message; "" for none
	}{
		{"a seed", "NKey", 58, ""},
		{"cut", "NKey", 57, "not the 58 characters of an nkey seed"},
		{"with a line end", "NKey", 59, "not the 58 characters of an nkey seed"},
		{"as long as a key of Restate Cloud", "NKey", 72, "not the 58 characters of an nkey seed"},
		{"a creds file", "Creds", 955, ""},
		{"the least", "Creds", 400, ""},
		{"a seed in the place of a creds file", "Creds", 58, "shorter than any creds file of NATS"},
		{"one less", "Creds", 399, "shorter than any creds file of NATS"},
	} {
		in := spec(t, noTunnelBase, `{spec: {credentials: {ingress: {source: External}, nats: {type: `+tt.kind+`}}, nats: {jetstream: {}, bridge: {publicKeys: [`+userKey(t, "bridge")+`],
  routes: {a: {subject: restate.events.a, service: A, handler: a}}}}}}`)
		_, ds := Resolve(in, Input{Secrets: []Secret{sealed("restate", func(s *Secret) {
			s.Name, s.Keys = "restate-nats", map[string]SecretKey{"nats.nk": {Digest: "x", Size: tt.size}}
		})}})
		var got []string
		for _, d := range ds {
			if d.Code == diag.ShortSecret {
				got = append(got, d.Path+" "+d.Message)
				wellFormed(t, d)
			}
		}
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], "spec.credentials.nats.name ") || !strings.HasSuffix(got[0], tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestSecretPolicy checks spec.secrets, whatever Secrets there are.
func TestSecretPolicy(t *testing.T) {
	const path = "spec.secrets"
	for _, tt := range []struct{ reason, patch, want string }{
		{"everything", `{recipients: [age1a, "ssh-ed25519 AAAA me@home", "85D7 7543"], minRecipients: 3, maxAge: 1s, allowedAnnotations: [a], delivery: External}`, ""},
		{"one is enough, and that is said", `{minRecipients: 1}`, ""},
		{"none is not", `{minRecipients: 0}`, "error RI0309 " + path + ".minRecipients"},
		{"more than there are", `{recipients: [age1a, age1b], minRecipients: 3}`, "error RI0309 " + path + ".minRecipients"},
		{"no time at all", `{maxAge: 0s}`, "error RI0309 " + path + ".maxAge"},
		{"the future", `{maxAge: -1s}`, "error RI0309 " + path + ".maxAge"},
		{"nobody", `{recipients: [""]}`, "error RI0427 " + path + ".recipients[0]"},
		{"a line end", `{recipients: [age1a, "age1b\n"]}`, "error RI0427 " + path + ".recipients[1]"},
		{"a character that nobody sees", `{recipients: ["age1\u200bb"]}`, "error RI0427 " + path + ".recipients[0]"},
		{"two in one", `{recipients: ["age1a,age1b"]}`, "error RI0427 " + path + ".recipients[0]"},
		{"twice", `{recipients: [age1a, age1b, age1a]}`, "error RI0427 " + path + ".recipients[2]"},
	} {
		_, ds := Resolve(spec(t, operatorBase, `{spec: {secrets: `+tt.patch+`}}`), Input{})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}

// TestMadeSecret: whoever sees what makes a Secret does not miss the Secret, but may miss its rotation.
func TestMadeSecret(t *testing.T) {
	const path = "spec.credentials.tunnel"
	made := SecretName{"restate-operator", "restate-identity"}
	for _, tt := range []struct {
		reason, patch string
		made          SecretName
		want          string
	}{
		{"it is made here", `{source: null}`, made, ""},
		{"with another name", `{source: null}`, SecretName{"restate-operator", "other"}, "warning RI0409 " + path + ".name"},
		{"in another namespace", `{source: null}`, SecretName{"restate", "restate-identity"}, "warning RI0409 " + path + ".name"},
		{"a rotation goes unnoticed", `{source: null, rolloutKey: null}`, made, "warning RI0409 " + path + ".rolloutKey"},
		{"whoever brings it", `{rolloutKey: null}`, made, "warning RI0409 " + path + ".rolloutKey"},
	} {
		_, ds := Resolve(spec(t, operatorBase, `{spec: {credentials: {tunnel: `+tt.patch+`}}}`), Input{Made: []SecretName{tt.made}})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestOtherSecretsAreComparedAlone: what is wrong with a Secret that the spec does not name is its owner's business.
func TestOtherSecretsAreComparedAlone(t *testing.T) {
	other := sealed("shop", func(s *Secret) {
		s.Name, s.Keys, s.MACOnly = "other", map[string]SecretKey{"a": {Empty: true}}, false
		s.Problems = []diag.Diagnostic{{Code: diag.PlaintextSecret, Message: "must be encrypted"}}
	})
	for mac, want := range map[string]string{"m": "error RI0420 spec.credentials.tunnel.name", "n": ""} {
		other.MAC = mac
		_, ds := Resolve(spec(t, operatorBase), Input{Secrets: []Secret{sealed("restate-operator")}, Others: []Secret{other}})
		if d := cmp.Diff(split(want), findings(ds)); d != "" {
			t.Errorf("mac %s: (-want +got)\n%s", mac, d)
		}
	}
}

// TestSecretElsewhereNamesBoth: where it is, and where it is read.
func TestSecretElsewhereNamesBoth(t *testing.T) {
	_, ds := Resolve(spec(t, operatorBase), Input{Secrets: []Secret{sealed("shop")}})
	if text := ds[0].Text(); !strings.Contains(text, "shop/restate-identity") || !strings.Contains(text, `"restate-operator"`) {
		t.Errorf("got %q, want both places", text)
	}
}

// TestDigest is rule 2: it changes exactly when the credential does.
func TestDigest(t *testing.T) {
	digest := func(rolloutKey string, s ...Secret) string {
		m := modelWith(t, Input{Secrets: s}, operatorBase, `{spec: {credentials: {tunnel: {source: External, rolloutKey: "`+rolloutKey+`"}}}}`)
		e := Build(m)[0].Object.(*restateCloudEnvironment)
		return e.Annotations["restate-integration.dev/credential-digest"]
	}
	other := withKeys(map[string]SecretKey{"token": {Digest: strings.Repeat("e", 64), Size: 76}})
	seen := map[string]string{}
	for _, tt := range []struct{ reason, got string }{
		{"nothing is known", digest("")},
		{"a ciphertext", digest("", sealed("restate-operator"))},
		{"another ciphertext", digest("", sealed("restate-operator", other))},
		{"a rollout key", digest("1")},
		{"another rollout key", digest("2")},
		{"ciphertext and key", digest("1", sealed("restate-operator"))},
		{"the other ciphertext and key", digest("1", sealed("restate-operator", other))},
	} {
		if first, found := seen[tt.got]; found {
			t.Errorf("%s and %s give the same digest %q", first, tt.reason, tt.got)
		}
		seen[tt.got] = tt.reason
	}
	if got := digest("", sealed("restate-operator")); got != strings.Repeat("d", 64) {
		t.Errorf("got %q, want that of the ciphertext itself", got)
	}
	for reason, s := range map[string]Secret{
		"another key of the Secret": sealed("restate-operator", withKeys(map[string]SecretKey{"token": {Digest: strings.Repeat("d", 64), Size: 76}, "other": {Digest: "x"}})),
		"how it was read":           sealed("restate-operator", fromFile("a.yaml")),
	} {
		if got := digest("", s); got != strings.Repeat("d", 64) {
			t.Errorf("%s changes the digest to %q", reason, got)
		}
	}
	if got := rollout("", "1"); got != "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865" {
		t.Errorf("rollout key 1 gives %q: a change rolls every tunnel with such a key", got)
	}
}

// TestRoles: who reads a key is known by the spec alone, as the user wrote it, and each namespace stands once.
func TestRoles(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"not defaulted yet", `{}`, "tunnel restate-identity/token: restate-operator"},
		{"operator", `{tunnel: {mode: Operator, operator: {namespace: ops}}}`, "tunnel restate-identity/token: ops"},
		{"standalone", `{tunnel: {mode: Standalone}}`, "tunnel restate-identity/token: restate"},
		{"somebody else's tunnel has somebody else's key", `{tunnel: {mode: Existing}}`, ""},
		{"no tunnel", `{tunnel: {mode: None}}`, ""},
		{"a service with a tunnel of its own reads the same key", `{services: {a: {namespace: shop, deployment: {tunnelMode: InProcess}}, b: {namespace: bank, deployment: {tunnelMode: InProcess}}, c: {namespace: shop, deployment: {tunnelMode: InProcess}}}}`, "tunnel restate-identity/token: bank, restate-operator, shop"},
		{"one that runs with the operator", `{services: {a: {namespace: restate-operator, deployment: {tunnelMode: InProcess}}}}`, "tunnel restate-identity/token: restate-operator"},
		{"one behind the tunnel of others does not", `{services: {a: {namespace: shop, deployment: {tunnelMode: External}}, b: {namespace: shop}}}`, "tunnel restate-identity/token: restate-operator"},
		{"who calls Restate", `{tunnel: {mode: None}, services: {b: {namespace: shop, uses: {restate: true}}, a: {namespace: bank, uses: {restate: true}}, c: {namespace: mail, uses: {nats: true}}, d: {namespace: shop, uses: {restate: true}}}}`, "ingress restate-ingress/token: bank, shop"},
		{"who registers by Job", `{tunnel: {mode: Standalone}, services: {a: {namespace: shop}, b: {namespace: bank}}}`, "tunnel restate-identity/token: restate; admin restate-admin/token: restate"},
		{"nobody does", `{tunnel: {mode: Standalone}, services: {a: {namespace: shop, registration: {mode: None}}}}`, "tunnel restate-identity/token: restate"},
		{"names and keys of one's own", `{credentials: {tunnel: {name: a}, ingress: {key: b}}, services: {a: {namespace: shop, uses: {restate: true}}}}`, "tunnel a/token: restate-operator; ingress restate-ingress/b: shop"},
	} {
		text := merge(t, `{apiVersion: a, kind: b, metadata: {name: prod, namespace: restate}, spec: {cloud: {}}}`, `{spec: `+tt.patch+`}`)
		in, ds := read(t, text)
		var got []string
		for _, r := range Roles(in) {
			got = append(got, r.Name+" "+r.Credential.Name+"/"+r.Key+": "+strings.Join(r.Namespaces, ", "))
			if r.Path().String() != "spec.credentials."+r.Name {
				t.Errorf("%s: path %s of role %s", tt.reason, r.Path(), r.Name)
			}
		}
		if got := strings.Join(got, "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q; %q", tt.reason, got, tt.want, findings(ds))
		}
		if before, _ := read(t, text); !cmp.Equal(before, in) {
			t.Errorf("%s: the spec was changed", tt.reason)
		}
	}
}

// TestSharedSecret: one Secret may hold the keys of several roles, one key may not be theirs together.
func TestSharedSecret(t *testing.T) {
	both := func(s *Secret) {
		s.MAC = "of both"
		s.Keys = map[string]SecretKey{"token": {Digest: "a", Size: 76}, "admin": {Digest: "b", Size: 76}}
	}
	shared := func(admin string) string {
		return `{credentials: {tunnel: {source: null, rolloutKey: null}, admin: {name: restate-identity, ` + admin + `}}, services: {greeter: {registration: null}}}`
	}
	for _, tt := range []struct {
		reason, base, patch string
		secrets             []Secret
		want                string
	}{
		{"a key each", standaloneBase, shared("key: admin"), []Secret{sealed("restate", both)}, ""},
		{
			"what is wrong with the document is said once", standaloneBase, shared("key: admin"),
			[]Secret{sealed("restate", both, func(s *Secret) { s.Annotations = []string{"a"} })},
			"error RI0408 spec.credentials.tunnel.name",
		},
		{"one key", standaloneBase, shared(""), []Secret{sealed("restate", both)}, "warning RI0430 spec.credentials.admin"},
		{"a role's own default", standaloneBase, `{credentials: {tunnel: {name: restate-admin}, admin: {source: External, rolloutKey: "1"}}, services: {greeter: {registration: null}}}`, nil, "warning RI0430 spec.credentials.admin"},
		{"a role that nothing reads is no danger", standaloneBase, `{credentials: {tunnel: {name: restate-admin}}}`, nil, ""},
		{
			"three roles", operatorBase, `{credentials: {tunnel: {name: a}, ingress: {name: a, source: External}, admin: {name: a, source: External, rolloutKey: "1"}}, tunnel: {operator: {uid: ` + testUID + `}}, services: {greeter: {uses: {restate: true}}, other: {namespace: shop, isolate: true}}}`, nil,
			"info RI0505 spec.services[greeter].egressTo; warning RI0430 spec.credentials.ingress; warning RI0430 spec.credentials.admin",
		},
		{"one name in the namespaces of two roles is read by each", operatorBase, `{credentials: {tunnel: {source: null, rolloutKey: null}, ingress: {name: restate-identity, key: admin}}, services: {greeter: {uses: {restate: true}}}}`, []Secret{sealed("restate-operator"), sealed("shop", both)}, "info RI0505 spec.services[greeter].egressTo"},
		{
			"and by neither elsewhere", operatorBase, `{credentials: {tunnel: {source: null, rolloutKey: null}, ingress: {name: restate-identity, key: admin}}, services: {greeter: {uses: {restate: true}}}}`,
			[]Secret{sealed("restate-operator"), sealed("shop", both), sealed("mail", both)},
			"info RI0505 spec.services[greeter].egressTo; error RI0413 spec.credentials.tunnel.name; error RI0413 spec.credentials.ingress.name",
		},
	} {
		_, ds := Resolve(spec(t, basedOn(t, tt.base, tt.patch)), Input{Secrets: tt.secrets})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}
