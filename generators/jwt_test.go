// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	corev1 "k8s.io/api/core/v1"

	"github.com/restate-integration/restate-integration/internal/diag"
)

func accountKey(t testing.TB, name string) string { return publicKey(t, nkeys.PrefixByteAccount, name) }

// jwtBase is a spec whose account is signed elsewhere. Every difference that a test makes lies beside something that the spec has.
func jwtBase(t testing.TB, patches ...string) string {
	t.Helper()
	base := natsBase(t)
	for _, p := range append([]string{`
spec:
  nats:
    account:
      mode: JWT
      jwt: {file: account.jwt, operatorPublicKey: ` + publicKey(t, nkeys.PrefixByteOperator, "operator") + `}
      peers: {` + accountKey(t, "peer") + `: {}}
      imports: {in: {account: ` + accountKey(t, "peer") + `, subject: "restate.events.*"}}
      exports: {out: {account: ` + accountKey(t, "peer") + `, subject: "workflow.outbox.*"}}
    jetstream: {subjects: ["restate.events.*"], nack: {}}
`}, patches...) {
		base = string(merge(t, base, p))
	}
	return base
}

// fit are claims that allow what the spec of jwtBase does, and nothing more.
func fit(t testing.TB) *jwt.AccountClaims {
	t.Helper()
	c := jwt.NewAccountClaims(accountKey(t, "account"))
	c.Expires = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	c.Limits.NatsLimits = jwt.NatsLimits{Subs: 128, Data: jwt.NoLimit, Payload: 65536}
	c.Limits.AccountLimits = jwt.AccountLimits{Imports: 1, Exports: 1, WildcardExports: true, DisallowBearer: true, Conn: 16}
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: 1 << 30, Streams: 2, Consumer: 4}
	c.Imports.Add(&jwt.Import{Subject: "restate.events.*", Account: accountKey(t, "peer"), Type: jwt.Stream})
	c.Exports.Add(&jwt.Export{Subject: "workflow.outbox.*", Type: jwt.Stream, TokenReq: true})
	c.DefaultPermissions = jwt.Permissions{Pub: jwt.Permission{Deny: jwt.StringList{">"}}, Sub: jwt.Permission{Deny: jwt.StringList{">"}}}
	addRole(t, c, "orders", func(p *jwt.UserPermissionLimits) {
		p.Pub.Allow.Add("restate.events.order")
		p.Sub.Allow.Add("workflow.outbox.*", "_INBOX_restate.>")
		p.Sub.Deny.Add("workflow.outbox.*.>")
		p.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 5 * time.Second}
	})
	addRole(t, c, "nack", func(p *jwt.UserPermissionLimits) {
		p.Pub.Allow.Add(controllerSubjects("RESTATE_EVENTS", "RESTATE_DLQ")...)
		p.Sub.Allow.Add("_INBOX.>")
	})
	addRole(t, c, "other", func(p *jwt.UserPermissionLimits) {
		p.Pub.Allow.Add("restate.events.*", "workflow.outbox.{{subject()}}")
		p.Sub.Allow.Add("workflow.outbox.invoices workers", "_INBOX_restate.{{name()}}.>", "restate.events.{{ account-subject() }}")
	})
	return c
}

func addRole(t testing.TB, c *jwt.AccountClaims, name string, change func(*jwt.UserPermissionLimits)) {
	t.Helper()
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = accountKey(t, "role "+name), name
	change(&scope.Template)
	c.SigningKeys.AddScopedSigner(scope)
}

// role is the template of one role of the claims.
func role(t testing.TB, c *jwt.AccountClaims, name string) *jwt.UserPermissionLimits {
	t.Helper()
	scope, ok := c.SigningKeys[accountKey(t, "role "+name)].(*jwt.UserScope)
	if !ok {
		t.Fatalf("no role %s", name)
	}
	return &scope.Template
}

func signed(t testing.TB, c jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	token, err := c.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// signedText signs what the library would not write.
func signedText(t testing.TB, payload string, by nkeys.KeyPair) string {
	t.Helper()
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + enc.EncodeToString([]byte(payload))
	sig, err := by.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc.EncodeToString(sig)
}

// signedV1 signs as it was done before version 2: the payload without the header.
func signedV1(t testing.TB, payload string, by nkeys.KeyPair) string {
	t.Helper()
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(payload))
	sig, err := by.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return enc.EncodeToString([]byte(`{"typ":"jwt","alg":"ed25519"}`)) + "." + text + "." + enc.EncodeToString(sig)
}

func operator(t testing.TB) nkeys.KeyPair { return nkey(t, nkeys.PrefixByteOperator, "operator") }

func resolveJWT(t testing.TB, base, token string) (Model, []diag.Diagnostic) {
	t.Helper()
	return Resolve(spec(t, base), Input{AccountJWT: token})
}

// TestBroaderJWT makes one difference at a time, and sees it named and nothing else.
func TestBroaderJWT(t *testing.T) {
	const broader = "must not hold an account that is broader than the spec: "
	for _, tt := range []struct {
		reason string
		change func(*jwt.AccountClaims)
		want   string // empty: it is within the spec
	}{
		{"the exact fit", func(*jwt.AccountClaims) {}, ""},
		{"less of everything", func(c *jwt.AccountClaims) {
			c.Limits.Conn, c.Limits.Subs, c.Limits.Payload, c.Limits.DiskStorage, c.Limits.Streams = 1, 1, 1, 1, 1
			c.Imports, c.Exports, c.Limits.Exports = nil, nil, 0
		}, ""},
		{"revocations let less through", func(c *jwt.AccountClaims) { c.RevokeAt("*", time.Unix(1, 0)) }, ""},
		{"words", func(c *jwt.AccountClaims) { c.Description, c.Name, c.Tags = "d", "n", jwt.TagList{"t"} }, ""},

		{"connections", func(c *jwt.AccountClaims) { c.Limits.Conn = 17 }, "its limit conn is 17 instead of 16"},
		{"no limit of connections", func(c *jwt.AccountClaims) { c.Limits.Conn = -1 }, "its limit conn is unlimited instead of 16"},
		{"another way to write it", func(c *jwt.AccountClaims) { c.Limits.Conn = -2 }, "its limit conn is unlimited instead of 16"},
		{"subscriptions", func(c *jwt.AccountClaims) { c.Limits.Subs = -1 }, "its limit subs is unlimited instead of 128"},
		{"payload", func(c *jwt.AccountClaims) { c.Limits.Payload = 65537 }, "its limit payload is 65537 instead of 65536"},
		{"leaf nodes", func(c *jwt.AccountClaims) { c.Limits.LeafNodeConn = 1 }, "its limit leaf is 1 instead of 0"},
		{"more imports later", func(c *jwt.AccountClaims) { c.Limits.Imports = 2 }, "its limit imports is 2 instead of 1"},
		{"more exports later", func(c *jwt.AccountClaims) { c.Limits.Exports = -1 }, "its limit exports is unlimited instead of 1"},
		{"bearer tokens", func(c *jwt.AccountClaims) { c.Limits.DisallowBearer = false }, "it allows bearer tokens, which need no seed"},
		{"disk", func(c *jwt.AccountClaims) { c.Limits.DiskStorage = -1 }, "its limit disk_storage is unlimited instead of 1073741824"},
		{"memory", func(c *jwt.AccountClaims) { c.Limits.MemoryStorage = 1 }, "its limit mem_storage is 1 instead of 0"},
		{"memory without a limit", func(c *jwt.AccountClaims) { c.Limits.MemoryStorage = -1 }, "its limit mem_storage is unlimited instead of 0"},
		{"0 streams are any number", func(c *jwt.AccountClaims) { c.Limits.Streams = 0 }, "its limit streams is unlimited instead of 2"},
		{"consumers", func(c *jwt.AccountClaims) { c.Limits.Consumer = 5 }, "its limit consumer is 5 instead of 4"},
		{"tiers", func(c *jwt.AccountClaims) {
			c.Limits.JetStreamLimits = jwt.JetStreamLimits{}
			c.Limits.JetStreamTieredLimits = jwt.JetStreamTieredLimits{"R1": {DiskStorage: 1}}
		}, "it has tiers of JetStream limits, which the spec has not"},

		{"an export besides", func(c *jwt.AccountClaims) { c.Exports[0].Subject = "workflow.inbox.*" }, `it exports stream "workflow.inbox.*", which the spec does not`},
		{"a deeper export", func(c *jwt.AccountClaims) { c.Exports[0].Subject = "workflow.outbox.>" }, `it exports stream "workflow.outbox.>", which the spec does not`},
		{"a service", func(c *jwt.AccountClaims) { c.Exports[0].Type = jwt.Service }, `it exports service "workflow.outbox.*", which the spec does not`},
		{"an export to everybody", func(c *jwt.AccountClaims) { c.Exports[0].TokenReq = false }, `it exports "workflow.outbox.*" to every account, because token_req is not set or account_token_position is`},
		{"to each account its own token", func(c *jwt.AccountClaims) { c.Exports[0].AccountTokenPosition = 3 }, `it exports "workflow.outbox.*" to every account, because token_req is not set or account_token_position is`},
		{"an import besides", func(c *jwt.AccountClaims) { c.Imports[0].Subject = "orders.*" }, `it imports stream "orders.*" from account "` + accountKey(t, "peer") + `", which the spec does not`},
		{"an import from another account", func(c *jwt.AccountClaims) { c.Imports[0].Account = accountKey(t, "x") }, `it imports stream "restate.events.*" from account "` + accountKey(t, "x") + `", which the spec does not`},
		{"an imported service", func(c *jwt.AccountClaims) { c.Imports[0].Type = jwt.Service }, `it imports service "restate.events.*" from account "` + accountKey(t, "peer") + `", which the spec does not`},
		//lint:ignore SA1019 a JWT may still have it, and the server acts on it
		{"below a prefix", func(c *jwt.AccountClaims) { c.Imports[0].To = "workflow" }, `it imports "restate.events.*" below "workflow", and the spec imports it as it is`},
		{"under another name", func(c *jwt.AccountClaims) { c.Imports[0].LocalSubject = "workflow.outbox.$1" }, `it imports "restate.events.*" as "workflow.outbox.$1", and the spec imports it as it is`},
		{"under the same name", func(c *jwt.AccountClaims) { c.Imports[0].LocalSubject = "restate.events.*" }, ""},
		{"traces for a peer", func(c *jwt.AccountClaims) { c.Imports[0].AllowTrace = true }, `it lets account "` + accountKey(t, "peer") + `" trace what becomes of "restate.events.*"`},

		{"default permissions for all", func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub = jwt.Permission{} }, "its default permissions to publish are unlimited"},
		{"all but one subject", func(c *jwt.AccountClaims) { c.DefaultPermissions.Sub.Deny = jwt.StringList{"$SYS.>"} }, "its default permissions to subscribe are unlimited"},
		{"default permissions outside", func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Allow = jwt.StringList{"orders.*"} }, `its default permissions to publish include "orders.*"`},
		{"default permissions inside", func(c *jwt.AccountClaims) { c.DefaultPermissions.Pub.Allow = jwt.StringList{"restate.events.*"} }, ""},

		{"a key that signs anything", func(c *jwt.AccountClaims) { c.SigningKeys.Add(accountKey(t, "any")) }, `signing key "` + accountKey(t, "any") + `" has no scope, so that it may sign users with any permission`},
		{"no key but the account's", func(c *jwt.AccountClaims) { c.SigningKeys = jwt.SigningKeys{} }, "it has no signing key with a scope, so that its own key signs users with any permission"},
		{"a role beyond its user, within the account", func(c *jwt.AccountClaims) { role(t, c, "orders").Pub.Allow.Add("restate.events.*") }, `the permissions of role "orders" to publish include "restate.events.*"`},
		{"a role beyond the account", func(c *jwt.AccountClaims) { role(t, c, "other").Pub.Allow.Add("orders.x") }, `the permissions of role "other" to publish include "orders.x"`},
		{"JetStream for another role than NACK's", func(c *jwt.AccountClaims) { role(t, c, "other").Pub.Allow.Add("$JS.API.STREAM.INFO.RESTATE_EVENTS") }, `the permissions of role "other" to publish include "$JS.API.STREAM.INFO.RESTATE_EVENTS"`},
		{"everybody's inbox", func(c *jwt.AccountClaims) { role(t, c, "other").Sub.Allow.Add("_INBOX.>") }, `the permissions of role "other" to subscribe include "_INBOX.>"`},
		{"a role without a list", func(c *jwt.AccountClaims) { role(t, c, "nack").Pub.Allow = nil }, `the permissions of role "nack" to publish are unlimited`},
		{"a role that answers alone", func(c *jwt.AccountClaims) { role(t, c, "orders").Pub.Allow = nil }, ""},
		{"a star without its deny", func(c *jwt.AccountClaims) { role(t, c, "orders").Sub.Deny = nil }, `the permissions of role "orders" to subscribe include "workflow.outbox.*" without a deny of "workflow.outbox.*.>", so that deeper subjects can be subscribed`},
		{"a wider deny", func(c *jwt.AccountClaims) { role(t, c, "orders").Sub.Deny = jwt.StringList{"workflow.*.*.>"} }, ""},
		{"a deny for one queue group", func(c *jwt.AccountClaims) { role(t, c, "orders").Sub.Deny = jwt.StringList{"workflow.outbox.*.> q"} }, `the permissions of role "orders" to subscribe include "workflow.outbox.*" without a deny of "workflow.outbox.*.>", so that deeper subjects can be subscribed`},
		{"a star in a queue group", func(c *jwt.AccountClaims) { role(t, c, "other").Sub.Allow.Add("restate.events.*\tworkers") }, `the permissions of role "other" to subscribe include "restate.events.* workers" without a deny of "restate.events.*.>", so that deeper subjects can be subscribed`},
		{"a name can be a wildcard", func(c *jwt.AccountClaims) { role(t, c, "other").Pub.Allow.Add("restate.events.{{name()}}") }, `the permissions of role "other" to publish include "restate.events.{{name()}}"`},
		{"so can a tag", func(c *jwt.AccountClaims) { role(t, c, "other").Pub.Allow.Add("restate.{{tag(team)}}.x") }, `the permissions of role "other" to publish include "restate.{{tag(team)}}.x"`},
		{"and part of a token", func(c *jwt.AccountClaims) { role(t, c, "other").Sub.Allow.Add("_INBOX_{{name()}}.>") }, `the permissions of role "other" to subscribe include "_INBOX_{{name()}}.>"`},
		{"answers without end", func(c *jwt.AccountClaims) { role(t, c, "orders").Resp.MaxMsgs = -1 }, `the permissions of role "orders" allow more than one answer within 5s`},
		{"answers for two minutes, the default", func(c *jwt.AccountClaims) { role(t, c, "orders").Resp.Expires = 0 }, `the permissions of role "orders" allow more than one answer within 5s`},
		{"answers of a user without requests", func(c *jwt.AccountClaims) { role(t, c, "nack").Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 1} }, `the permissions of role "nack" allow answers to requests`},
		{"bearer tokens of a role", func(c *jwt.AccountClaims) { role(t, c, "other").BearerToken = true }, `role "other" makes bearer tokens, which need no seed`},

		{"mappings", func(c *jwt.AccountClaims) {
			c.AddMapping("restate.events.order", jwt.WeightedMapping{Subject: "restate.admin"})
		}, `it maps "restate.events.order" to other subjects, so that one event becomes another`},
		{"traces", func(c *jwt.AccountClaims) { c.Trace = &jwt.MsgTrace{Destination: "traces"} }, `it sends traces of messages to "traces"`},
		{"authorization callout", func(c *jwt.AccountClaims) { c.EnableExternalAuthorization(userKey(t, "auth")) }, "it has an authorization service decide who its users are"},
		{"cluster traffic", func(c *jwt.AccountClaims) { c.ClusterTraffic = "owner" }, `it carries the servers' own traffic, cluster_traffic "owner"`},
		{"cluster traffic as ever", func(c *jwt.AccountClaims) { c.ClusterTraffic = "system" }, ""},
	} {
		claims := fit(t)
		tt.change(claims)
		m, ds := resolveJWT(t, jwtBase(t), signed(t, claims, operator(t)))
		var got []string
		for _, d := range ds {
			wellFormed(t, d)
			got = append(got, string(d.Code)+" "+d.Path+" "+d.Message)
		}
		var want []string
		if tt.want != "" {
			want = []string{"RI0912 " + AccountJWTPath + " " + broader + tt.want}
		} else if m.NATS == nil || m.NATS.JWT == nil || m.NATS.JWT.Subject != claims.Subject {
			t.Errorf("%s: the account is not in the model", tt.reason)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestBroaderThanALesserSpec: what the spec does not have at all.
func TestBroaderThanALesserSpec(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"JetStream", `{spec: {nats: {jetstream: null}}}`, "it has JetStream, which the spec has not"},
		{"exports with wildcards", `{spec: {nats: {account: {exports: {out: {subject: workflow.outbox.x}}}}}}`, "its limit wildcards allows exports with * and >, and the spec has none"},
	} {
		_, ds := resolveJWT(t, jwtBase(t, tt.patch), signed(t, fit(t), operator(t)))
		if text := fmt.Sprint(ds); !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %s", tt.reason, text)
		}
	}
	// With deep subjects a star needs no deny: what it lets through is in the spec.
	claims := fit(t)
	role(t, claims, "other").Sub.Allow.Add("restate.events.*")
	deep := `{spec: {nats: {account: {allowDeep: true, subjects: ["restate.events.>", "workflow.outbox.*"]}}}}`
	if _, ds := resolveJWT(t, jwtBase(t, deep), signed(t, claims, operator(t))); len(ds) > 0 {
		t.Errorf("deep subjects: got %q", findings(ds))
	}
}

// TestUnknownClaims: what the library drops without a word may mean something to a later server.
func TestUnknownClaims(t *testing.T) {
	const place = `"nats":{`
	claims := fit(t)
	plain := payload(signed(t, claims, operator(t)))
	for _, tt := range []struct{ reason, from, to, want string }{
		{"nothing", place, place, ""},
		{"zero values of fields that we know", place, place + `"trace":null,"mappings":{},"cluster_traffic":"",`, ""},
		{"zero values of those that we do not", place, place + `"superpowers":false,`, ""},
		{"a field of the account", place, place + `"superpowers":{"fly":true},`, `the field "nats.superpowers.fly"`},
		{"a field of a limit", `"limits":{`, `"limits":{"wings":2,`, `the field "nats.limits.wings"`},
		{"a field of a template", `"template":{`, `"template":{"cape":"red",`, `the field "nats.signing_keys.template.cape"`},
		{"a field in another case, which Go reads as well", `"limits":{`, `"Limits":{`, `the field "nats.Limits.conn"`},
		{"a null export", place + `"exp`, place + `"exports":[null],"exp`, ""}, // the second list wins
		{"null exports", `"exports":[{`, `"exports":[null,{`, "it has an export that is null"},
		{"null imports", `"imports":[{`, `"imports":[null,{`, "it has an import that is null"},
		{"an export of no type", `"subject":"workflow.outbox.*","type":"stream"`, `"subject":"workflow.outbox.*"`, `it exports unknown "workflow.outbox.*", which the spec does not`},
	} {
		if tt.from != tt.to && !strings.Contains(plain, tt.from) && tt.want != "" {
			t.Fatalf("%s: no %s in %s", tt.reason, tt.from, plain)
		}
		_, ds := resolveJWT(t, jwtBase(t), signedText(t, strings.Replace(plain, tt.from, tt.to, 1), operator(t)))
		if text := fmt.Sprint(ds); tt.want == "" && len(ds) > 0 || !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %s, want %q", tt.reason, text, tt.want)
		}
	}
}

// TestBadJWT: what is no account of the operator, and what would be printed if the library's errors were.
func TestBadJWT(t *testing.T) {
	good := signed(t, fit(t), operator(t))
	user := jwt.NewUserClaims(userKey(t, "u"))
	userToken := signed(t, user, nkey(t, nkeys.PrefixByteAccount, "account"))
	seed, err := nkey(t, nkeys.PrefixByteUser, "u").Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(userToken, seed)
	if err != nil {
		t.Fatal(err)
	}
	decorated, err := jwt.DecorateJWT(good)
	if err != nil {
		t.Fatal(err)
	}
	immortal, loud := fit(t), fit(t)
	immortal.Expires = 0
	loud.Description = string(seed)
	parts := strings.Split(good, ".")
	const file, key = "error RI0911 " + AccountJWTPath, "error RI0911 spec.nats.account.jwt.operatorPublicKey"
	for _, tt := range []struct{ reason, text, want string }{
		{"the fit", good, ""},
		{"blanks and line ends around it", "\n \t" + good + "\r\n\r\n", ""},
		{"as nsc writes it into a file", string(decorated), ""},
		{"two of them", good + "\n" + good, file},
		{"blanks alone", " \n", file},
		{"no JWT", "account", file},
		{"three parts of nothing", "..", file},
		{"another signature", parts[0] + "." + parts[1] + "." + strings.Split(signed(t, fit(t), nkey(t, nkeys.PrefixByteOperator, "x")), ".")[2], file},
		{"another payload", parts[0] + "." + strings.Split(signed(t, immortal, operator(t)), ".")[1] + "." + parts[2], file},
		{"signed by another operator", signed(t, fit(t), nkey(t, nkeys.PrefixByteOperator, "x")), key},
		{"signed by itself", signed(t, fit(t), nkey(t, nkeys.PrefixByteAccount, "account")), key},
		{"a user", userToken, file},
		{"an operator", signed(t, jwt.NewOperatorClaims(publicKey(t, nkeys.PrefixByteOperator, "operator")), operator(t)), file},
		{"a creds file", string(creds), file},
		{"a seed in the description", signed(t, loud, operator(t)), file},
		{"an account that is none", signedText(t, strings.Replace(payload(good), accountKey(t, "account"), `a: b`, 1), operator(t)), file},
		{"version 1", signedV1(t, `{"iss":"`+publicKey(t, nkeys.PrefixByteOperator, "operator")+`","sub":"`+accountKey(t, "account")+`","type":"account","nats":{}}`, operator(t)), file},
		{"no end", signed(t, immortal, operator(t)), "error RI0913 " + AccountJWTPath},
	} {
		_, ds := resolveJWT(t, jwtBase(t), tt.text)
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
			if line := d.Line(); strings.Contains(line, string(seed)) || strings.Contains(line, userToken) {
				t.Errorf("%s: %s", tt.reason, line)
			}
		}
	}
}

// TestJWTFields: what the spec has to say beside the file.
func TestJWTFields(t *testing.T) {
	token := signed(t, fit(t), operator(t))
	for _, tt := range []struct{ reason, patch, want string }{
		{"a user's key instead of the operator's", `{jwt: {operatorPublicKey: ` + userKey(t, "u") + `}}`, "error RI0904 spec.nats.account.jwt.operatorPublicKey"},
		{"no file", `{jwt: {file: ""}}`, "error RI0204 spec.nats.account.jwt.file"},
		{"no JWT", `{jwt: null}`, "error RI0204 spec.nats.account.jwt.file"},
		{"another mode", `{mode: ServerConfig}`, "error RI0204 spec.nats.jetstream.nack.publicKeys; error RI0208 spec.nats.account.jwt; warning RI0907 spec.nats.account"},
		{"a peer by name", `{peers: {WASMCLOUD: {}}, imports: {b: {account: WASMCLOUD, subject: restate.events.x}}}`, "error RI0904 spec.nats.account.peers[WASMCLOUD]"},
		{"a peer that is to be written", `{peers: {` + accountKey(t, "peer") + `: {managed: Emit}}}`, "error RI0208 spec.nats.account.peers[" + accountKey(t, "peer") + "].managed"},
		{"no user is needed", `{users: {orders: null}}`, ""},
	} {
		_, ds := resolveJWT(t, jwtBase(t, `{spec: {nats: {account: `+tt.patch+`}}}`), token)
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
	for _, tt := range []struct{ reason, patch, want string }{
		{"an nkey opens no server with an operator", `{}`, "error RI0206 spec.credentials.nats.type"},
		{"creds do", `{spec: {credentials: {nats: {type: Creds}}}}`, ""},
	} {
		_, ds := resolveJWT(t, jwtBase(t, jwtBridge, tt.patch), token)
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// TestMatched: a pattern that is nothing but blanks matches nothing, and is no reason to stop.
func TestMatched(t *testing.T) {
	for subject, want := range map[string]string{
		"restate.events.x": "restate.events.x", "restate.events.x group": "restate.events.x", "restate.{{name()}}.x": "restate.>", "{{name()}}": ">",
		"restate.{{subject()}}.x": "restate.KEY.x", " ": "", "": "",
	} {
		if got := matched(subject); got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}

// TestPreload: both forms hold the JWT as it came.
func TestPreload(t *testing.T) {
	claims := fit(t)
	token := signed(t, claims, operator(t))
	m, ds := resolveJWT(t, jwtBase(t), " "+token+"\n")
	if len(ds) > 0 {
		t.Fatal(findings(ds))
	}
	want := map[string]string{
		"resolver_preload.conf": claims.Subject + ": \"" + token + "\"\n",
		"values.yaml":           "config:\n  merge:\n    resolver_preload:\n      " + claims.Subject + ": " + token + "\n",
	}
	if d := cmp.Diff(want, object[*corev1.ConfigMap](t, Build(m), "prod-nats-account").Data); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestAcceptedRolesStayWithin tries random permissions. Of an accepted role the rules of the server let through no subject that the spec
// does not: those of publishing by each subject, those of subscribing by each pattern and what is delivered to it.
func TestAcceptedRolesStayWithin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all := everySubject([]string{"restate", "events", "a"}, 4)
	patterns := everySubject([]string{"restate", "events", "a", "*", ">"}, 4)
	pick := func() string { return patterns[random.IntN(len(patterns))] }
	accepted := 0
	for range 4000 {
		var p jwt.Permissions
		for range random.IntN(3) {
			p.Pub.Allow.Add([]string{"restate.events.a", "restate.*.a", "restate.events.*", "restate." + pick()}[random.IntN(4)])
			p.Sub.Allow.Add([]string{"restate.events.a", "restate.events.*", "restate.events." + pick()}[random.IntN(3)])
		}
		for range random.IntN(3) {
			p.Pub.Deny.Add([]string{">", pick()}[random.IntN(2)])
			p.Sub.Deny.Add([]string{">", "restate.events.*.>", "restate.*.*.>", pick()}[random.IntN(4)])
		}
		most := NATSUser{Publish: []string{"restate.events.*", "restate.*.a"}, Subscribe: []string{"restate.events.*"}}
		c := comparison{}
		c.permissions("it", p, most)
		if len(c.differences) > 0 {
			continue
		}
		accepted++
		for _, s := range all {
			if published := (len(p.Pub.Allow) == 0 || isWithin(s, p.Pub.Allow)) && !isWithin(s, p.Pub.Deny); published && !isWithin(s, most.Publish) {
				t.Fatalf("%+v publishes %s", p.Pub, s)
			}
		}
		for _, pattern := range patterns {
			if len(p.Sub.Allow) > 0 && !literally(pattern, p.Sub.Allow) || literally(pattern, p.Sub.Deny) {
				continue
			}
			for _, s := range all {
				if within(s, pattern) && !isWithin(s, p.Sub.Deny) && !isWithin(s, most.Subscribe) {
					t.Fatalf("%+v subscribes %s and gets %s", p.Sub, pattern, s)
				}
			}
		}
	}
	if accepted < 100 {
		t.Errorf("only %d were accepted", accepted)
	}
}

// literally matches the text of a subscription as the server does: * matches any token, > included.
func literally(pattern string, allowed []string) bool {
	return isWithin(strings.ReplaceAll(pattern, ">", "gt"), allowed)
}

// everySubject has each subject of up to n of the tokens, > in the last place alone.
func everySubject(tokens []string, n int) []string {
	if n == 0 {
		return nil
	}
	var out []string
	for _, token := range tokens {
		out = append(out, token)
		if token == ">" {
			continue
		}
		for _, rest := range everySubject(tokens, n-1) {
			out = append(out, token+"."+rest)
		}
	}
	return out
}

const jwtBridge = `{spec: {
  nats: {jetstream: {subjects: null}, bridge: {routes: {a: {subject: restate.events.a, service: Order, handler: a}, b: {subject: restate.events.b, service: Order, handler: b}}}},
  credentials: {nats: {source: External, rolloutKey: a}, ingress: {source: External}}}}`

// TestJWTOfBridge: the role of the bridge may read the consumers of its routes, and no other.
func TestJWTOfBridge(t *testing.T) {
	base := jwtBase(t, jwtBridge, `{spec: {credentials: {nats: {type: Creds}}}}`)
	routes := []string{
		"$JS.ACK.RESTATE_EVENTS.restate-bridge-bc7078d3.>", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS.restate-bridge-bc7078d3", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-bc7078d3",
		"$JS.ACK.RESTATE_EVENTS.restate-bridge-cacf1071.>", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS.restate-bridge-cacf1071", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-cacf1071",
		"restate.dlq.*",
	}
	for _, tt := range []struct{ reason, more, want string }{
		{"all that it needs", "", ""},
		{"a consumer of no route", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-c", `"$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-c"`},
		{"all consumers", "$JS.ACK.RESTATE_EVENTS.>", `"$JS.ACK.RESTATE_EVENTS.>"`},
	} {
		claims := fit(t)
		addRole(t, claims, "bridge", func(p *jwt.UserPermissionLimits) {
			p.Pub.Allow.Add(routes...)
			if tt.more != "" {
				p.Pub.Allow.Add(tt.more)
			}
			p.Sub.Allow.Add("_INBOX.>")
		})
		_, ds := resolveJWT(t, base, signed(t, claims, operator(t)))
		var got []string
		for _, d := range ds {
			got = append(got, d.Message)
		}
		want := []string(nil)
		if tt.want != "" {
			want = []string{`must not hold an account that is broader than the spec: the permissions of role "bridge" to publish include ` + tt.want}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestJWTWithRoomForBridge: an account within the spec can still be too small for the bridge of two routes and two replicas.
func TestJWTWithRoomForBridge(t *testing.T) {
	const room = "RI0905 " + AccountJWTPath + " must hold an account with room for the bridge: "
	for _, tt := range []struct {
		reason string
		change func(*jwt.AccountClaims)
		want   string // empty: there is room
	}{
		{"the least of all", func(c *jwt.AccountClaims) { c.Limits.Conn, c.Limits.Consumer = 9, 2 }, ""},
		{"fewer bytes in the streams", func(c *jwt.AccountClaims) { c.Limits.DiskStorage = 1 }, ""},
		{"connections", func(c *jwt.AccountClaims) { c.Limits.Conn = 8 }, "its limit conn is 8 and must be at least 9 with this bridge, whose pods have one for each route and one for dead letters, and of which a rollout has one more"},
		{"nobody", func(c *jwt.AccountClaims) { c.Limits.Conn = 0 }, "its limit conn is 0 and must be at least 9 with this bridge, whose pods have one for each route and one for dead letters, and of which a rollout has one more"},
		{"payload", func(c *jwt.AccountClaims) { c.Limits.Payload = 65535 }, "its limit payload is 65535 and must be at least 65536 with this bridge, whose dead letters may be as large as spec.nats.account.limits.payload"},
		{"streams", func(c *jwt.AccountClaims) { c.Limits.Streams = 1 }, "its limit streams is 1 and must be at least 2 with this bridge, which has one of events and one of dead letters"},
		{"consumers", func(c *jwt.AccountClaims) { c.Limits.Consumer = 1 }, "its limit consumer is 1 and must be at least 2 with this bridge, which has one for each route"},
		{"no JetStream", func(c *jwt.AccountClaims) { c.Limits.JetStreamLimits = jwt.JetStreamLimits{} }, "it has no JetStream"},
	} {
		claims := fit(t)
		tt.change(claims)
		_, ds := resolveJWT(t, jwtBase(t, jwtBridge, `{spec: {credentials: {nats: {type: Creds}}}}`), signed(t, claims, operator(t)))
		var got, want []string
		for _, d := range ds {
			wellFormed(t, d)
			got = append(got, string(d.Code)+" "+d.Path+" "+d.Message)
		}
		if tt.want != "" {
			want = []string{room + tt.want}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestJWTWithoutLimits: what has no limit is broader than the spec, and not too small.
func TestJWTWithoutLimits(t *testing.T) {
	claims := fit(t)
	claims.Limits.Conn, claims.Limits.Payload, claims.Limits.Streams, claims.Limits.Consumer = -1, -1, 0, 0
	_, ds := resolveJWT(t, jwtBase(t, jwtBridge, `{spec: {credentials: {nats: {type: Creds}}}}`), signed(t, claims, operator(t)))
	for _, d := range ds {
		if d.Code != diag.BroaderJWT {
			t.Errorf("got %s %s", d.Code, d.Message)
		}
	}
	if len(ds) != 4 {
		t.Errorf("got %d findings, want one for each limit", len(ds))
	}
}
