// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// natsBase has one user and no finding but that of every account, which accountFindings leaves out.
func natsBase(t testing.TB) string {
	t.Helper()
	return string(merge(t, noTunnelBase, `
spec:
  nats:
    servers: ["tls://nats.nats.svc:4222"]
    account:
      users: {orders: {publicKeys: [`+userKey(t, "orders")+`], publish: [restate.events.order], subscribe: ["workflow.outbox.*"]}}
`))
}

// nkey is the key pair of a type that belongs to a name.
func nkey(t testing.TB, prefix nkeys.PrefixByte, name string) nkeys.KeyPair {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	pair, err := nkeys.FromRawSeed(prefix, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func publicKey(t testing.TB, prefix nkeys.PrefixByte, name string) string {
	t.Helper()
	public, err := nkey(t, prefix, name).PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func userKey(t testing.TB, name string) string { return publicKey(t, nkeys.PrefixByteUser, name) }

// accountFindings resolves natsBase with a patch below spec.nats.
func accountFindings(t testing.TB, patch string) []diag.Diagnostic {
	t.Helper()
	_, ds := Resolve(spec(t, natsBase(t), `{spec: {nats: `+patch+`}}`), Input{})
	return slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Code == diag.FirstAccounts })
}

func runAccount(t *testing.T, cases []resolveCase) {
	t.Helper()
	for _, tt := range cases {
		ds := accountFindings(t, tt.patch)
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: %s (-want +got)\n%s", tt.reason, tt.patch, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}

func TestResolveAccountOf(t *testing.T) {
	servers := func(s string) string { return `{servers: [` + s + `]}` }
	const first = "spec.nats.servers[0]"
	runAccount(t, []resolveCase{
		{"the base", `{}`, ""},
		{"no port", servers("tls://nats.nats.svc"), ""},
		{"with the domain of the cluster", servers("tls://nats.nats.svc.cluster.local:4222"), ""},
		{"several", servers(`"tls://a.nats.svc:4222", "tls://b.nats.svc:4222"`), ""},
		{"the default is in plain text", `{servers: null}`, "warning RI0511 " + first},
		{"none", servers(""), "error RI0204 spec.nats.servers"},
		{"another scheme", servers("https://nats.nats.svc:4222"), "error RI0306 " + first},
		{"no scheme", servers("nats.nats.svc:4222"), "error RI0306 " + first},
		{"a user", servers("tls://u@nats.nats.svc:4222"), "error RI0306 " + first},
		{"a path", servers("tls://nats.nats.svc:4222/x"), "error RI0306 " + first},
		{"a query", servers(`"tls://nats.nats.svc:4222?x"`), "error RI0306 " + first},
		{"outside of the cluster", servers("tls://nats.example.com:4222"), "error RI0306 " + first},
		{"an address", servers("tls://192.0.2.1:4222"), "error RI0306 " + first},
		{"two in one, to the bridge", servers(`"tls://a,b.nats.svc:4222"`), "error RI0306 " + first},
		{"a quote, in the bridge's configuration", servers(`'tls://"a.nats.svc:4222'`), "error RI0306 " + first},
		{"a bracket", servers(`"tls://a]b.nats.svc:4222"`), "error RI0306 " + first},
		{"a namespace that is no name", servers(`"tls://a.n,s.svc:4222"`), "error RI0306 " + first},
		{"port 0", servers("tls://nats.nats.svc:0"), "error RI0308 " + first},
		{"65536", servers("tls://nats.nats.svc:65536"), "error RI0308 " + first},
		{"every pod of the namespace", `{podSelector: {}}`, "error RI0312 spec.nats.podSelector"},
		{"a certificate for nobody", `{tls: {caSecretRef: {name: ca, key: ca.crt}}}`, "error RI0208 spec.nats.tls"},
	})
}

func TestResolveAccount(t *testing.T) {
	const path = "spec.nats.account"
	account := func(s string) string { return `{account: {` + s + `}}` }
	runAccount(t, []resolveCase{
		{"a name", account(`name: ORDERS-2`), ""},
		{"a digit first", account(`name: 2ORDERS`), "error RI0301 " + path + ".name"},
		{"a dot", account(`name: A.B`), "error RI0301 " + path + ".name"},
		{"the global account", account(`name: $G`), "error RI0301 " + path + ".name"},
		{"the system account", account(`name: SYS`), "error RI0301 " + path + ".name"},
		{"63 characters", account(`name: A` + strings.Repeat("a", 62)), ""},
		{"64 characters", account(`name: A` + strings.Repeat("a", 63)), "error RI0301 " + path + ".name"},
		{"another prefix of the inbox", account(`inboxPrefix: _INBOX_a.b`), ""},
		{"the common inbox", account(`inboxPrefix: _INBOX`), "error RI0901 " + path + ".inboxPrefix"},
		{"everybody's inboxes", account(`inboxPrefix: "_INBOX_*"`), "error RI0901 " + path + ".inboxPrefix"},
		{"no inbox", account(`inboxPrefix: orders`), "error RI0901 " + path + ".inboxPrefix"},
		{"a cluster of nauth without nauth", account(`nauth: {clusterRef: {name: nats}}`), "error RI0208 " + path + ".nauth"},
		{"a user with an empty list is nobody's mistake", account(`users: {silent: {publicKeys: [` + userKey(t, "silent") + `], publish: [], subscribe: []}}`), ""},
		{"the name of a generated user", account(`users: {bridge: {publicKeys: [` + userKey(t, "x") + `], publish: [], subscribe: []}}`), "error RI0301 " + path + ".users[bridge]"},
		{"a user's name is that of an object", account(`users: {A: {publicKeys: [` + userKey(t, "x") + `], publish: [], subscribe: []}}`), "error RI0301 " + path + ".users[A]"},
	})
	var limits []resolveCase
	for _, name := range []string{"connections", "subscriptions", "payload"} {
		limits = append(limits, resolveCase{"0 " + name, account(`limits: {` + name + `: 0}`), "error RI0905 " + path + ".limits." + name})
	}
	for _, name := range []string{"connections", "subscriptions", "payload", "leafNodes"} {
		limits = append(limits,
			resolveCase{"-1 means no limit", account(`limits: {` + name + `: -1}`), "error RI0905 " + path + ".limits." + name},
			resolveCase{"the server makes -1 of it", account(`limits: {` + name + `: 4294967295}`), "error RI0905 " + path + ".limits." + name},
			resolveCase{"one too many for 32 bits", account(`limits: {` + name + `: 2147483648}`), "error RI0905 " + path + ".limits." + name},
			resolveCase{"the most", account(`limits: {` + name + `: 2147483647}`), ""})
	}
	runAccount(t, append(limits, resolveCase{"no leaf node", account(`limits: {leafNodes: 0}`), ""}))
}

func TestResolveSubjects(t *testing.T) {
	const path = "spec.nats.account"
	envelope := func(s string) string {
		return `{account: {subjects: [restate.events.*, workflow.outbox.*, "` + s + `"]}}`
	}
	deep := func(s string) string {
		return `{account: {allowDeep: true, subjects: [restate.events.*, workflow.outbox.*, "` + s + `"]}}`
	}
	user := func(s string) string { return `{account: {users: {orders: {publish: ["` + s + `"]}}}}` }
	hears := func(s string) string { return `{account: {users: {orders: {subscribe: ["` + s + `"]}}}}` }
	third, publish := path+".subjects[2]", path+".users[orders].publish[0]"
	runAccount(t, []resolveCase{
		{"another subject of ours", envelope("restate.audit.*"), ""},
		{"everything of ours, asked for", deep("restate.>"), ""},
		{"deep without being asked for", envelope("restate.>"), "error RI0901 " + third},
		{"> in the middle", deep("restate.>.x"), "error RI0901 " + third},
		{"everything", deep(">"), "error RI0902 " + third},
		{"a star first", envelope("*.events.x"), "error RI0902 " + third},
		{"somebody else's", envelope("orders.created"), "error RI0902 " + third},
		{"JetStream", envelope("$JS.API.INFO"), "error RI0901 " + third},
		{"an inbox", envelope("_INBOX.x"), "error RI0902 " + third},
		{"almost ours", envelope("restated.x"), "error RI0902 " + third},
		{"the prefix alone", envelope("restate"), "error RI0902 " + third},
		{"nothing after the prefix", envelope("restate."), "error RI0901 " + third},
		{"two dots", envelope("restate..x"), "error RI0901 " + third},
		{"a space", envelope("restate.a b"), "error RI0901 " + third},
		{"a star in a token", envelope("restate.a*"), "error RI0901 " + third},
		{"a question mark", envelope("restate.a?delay=1d"), "error RI0901 " + third},
		{"a slash", envelope("restate.a/b"), "error RI0901 " + third},
		{"nothing", envelope(""), "error RI0901 " + third},

		{"a user within the account", user("restate.events.x"), ""},
		{"all of it", user("restate.events.*"), ""},
		{"beside the account", user("restate.admin"), "error RI0902 " + publish},
		{"deeper than the account", user("restate.events.a.b"), "error RI0902 " + publish},
		{"wider than the account", user("restate.*.*"), "error RI0902 " + publish},
		{"dead letters", user("restate.dlq.x"), "error RI0902 " + publish},
		{"what a user hears", hears("restate.dlq.x"), "error RI0902 " + path + ".users[orders].subscribe[0]"},
		{"one finding says it", user("orders.x"), "error RI0902 " + publish},
	})
}

func TestResolveKeys(t *testing.T) {
	const path = "spec.nats.account.users"
	keys := func(k ...string) string {
		return `{account: {users: {orders: {publicKeys: [` + strings.Join(k, ", ") + `]}}}}`
	}
	key := userKey(t, "a")
	last := map[bool]string{true: "B", false: "A"}[strings.HasSuffix(key, "A")]
	cases := []resolveCase{
		{"two keys overlap in a rotation", keys(key, userKey(t, "b")), ""},
		{"no key", keys(), "error RI0204 " + path + "[orders].publicKeys"},
		{"a wrong checksum", keys(key[:len(key)-1] + last), "error RI0903 " + path + "[orders].publicKeys[0]"},
		{"cut off", keys(key[:55]), "error RI0903 " + path + "[orders].publicKeys[0]"},
		{"lower case", keys(strings.ToLower(key)), "error RI0903 " + path + "[orders].publicKeys[0]"},
		{"the key twice", keys(key, key), "error RI0903 " + path},
		{"a key of two users", `{account: {users: {other: {publicKeys: [` + userKey(t, "orders") + `], publish: [], subscribe: []}}}}`, "error RI0903 " + path},
		{
			"one placeholder at two users", `{account: {users: {orders: {publicKeys: [U...]}, other: {publicKeys: [U...], publish: [], subscribe: []}}}}`,
			"error RI0903 " + path + "[orders].publicKeys[0]; error RI0903 " + path + "[other].publicKeys[0]",
		},
	}
	for _, prefix := range []nkeys.PrefixByte{nkeys.PrefixByteAccount, nkeys.PrefixByteOperator, nkeys.PrefixByteServer, nkeys.PrefixByteCluster, nkeys.PrefixByteCurve} {
		cases = append(cases, resolveCase{"the key of another", keys(publicKey(t, prefix, "a")), "error RI0904 " + path + "[orders].publicKeys[0]"})
	}
	runAccount(t, cases)
}

// TestResolveKeyHints: the command that makes a seed is named where it would make this one.
func TestResolveKeyHints(t *testing.T) {
	const nk = "make one with nk -gen user -pubout, and keep the seed in an encrypted Secret"
	for _, tt := range []struct{ reason, patch, path, want string }{
		{"a user", `{nats: {account: {users: {a: {publish: [], subscribe: []}}}}}`, "account.users[a]", "set secretRef and run restate-integration-secrets seal, or " + nk},
		{"a user with a place for the seed", `{nats: {account: {users: {a: {publish: [], subscribe: [], secretRef: {name: a, key: a}}}}}}`, "account.users[a]", "run restate-integration-secrets seal, or " + nk},
		{"the bridge", `{credentials: {nats: {source: null}}, nats: {bridge: {publicKeys: null}}}`, "bridge", "run restate-integration-secrets seal, or " + nk},
		{"the bridge, whose Secret somebody else makes", `{nats: {bridge: {publicKeys: null}}}`, "bridge", nk},
		{"NACK, whose seed is in no Secret of the spec", `{nats: {jetstream: {nack: {publicKeys: null}}}}`, "jetstream.nack", nk},
	} {
		ds := bridgeFindings(t, `{spec: `+tt.patch+`}`)
		i := slices.IndexFunc(ds, func(d diag.Diagnostic) bool { return d.Path == "spec.nats."+tt.path+".publicKeys" })
		if i < 0 || ds[i].Hint != tt.want {
			t.Errorf("%s: got %+v, want the hint %q", tt.reason, ds, tt.want)
		}
	}
}

// TestResolveSeed: a seed is a secret, wherever it stands, and is not printed.
func TestResolveSeed(t *testing.T) {
	for _, prefix := range []nkeys.PrefixByte{nkeys.PrefixByteUser, nkeys.PrefixByteAccount, nkeys.PrefixByteOperator} {
		seed, err := nkey(t, prefix, "a").Seed()
		if err != nil {
			t.Fatal(err)
		}
		_, ds := read(t, merge(t, natsBase(t), fmt.Sprintf(`{spec: {nats: {account: {users: {orders: {publicKeys: [%s]}}}}}}`, seed)))
		if len(ds) == 0 || ds[0].Code != diag.SecretInSpec {
			t.Errorf("%s: got %q, want %s first", prefix, findings(ds), diag.SecretInSpec)
		}
		for _, d := range ds {
			if strings.Contains(d.Text(), string(seed)) {
				t.Errorf("%s: %s prints the seed", prefix, d.Code)
			}
		}
	}
}

// TestResolveUserSecrets: what the commands seal and rotate by must be a place of its own.
func TestResolveUserSecrets(t *testing.T) {
	const path = "spec.nats.account.users"
	user := func(name, ref string) string {
		return name + `: {publicKeys: [` + userKey(t, name) + `], publish: [], subscribe: [], secretRef: {` + ref + `}}`
	}
	users := func(all ...string) string { return `{account: {users: {` + strings.Join(all, ", ") + `}}}` }
	runAccount(t, []resolveCase{
		{"in the namespace of the integration", users(user("a", `name: a, key: nats.nk`)), ""},
		{"in another", users(user("a", `name: a, key: nats.nk, namespace: shop`)), ""},
		{"no name", users(user("a", `name: "", key: nats.nk`)), "error RI0301 " + path + "[a].secretRef.name"},
		{"a name that no object has", users(user("a", `name: A, key: nats.nk`)), "error RI0301 " + path + "[a].secretRef.name"},
		{"no key", users(user("a", `name: a, key: ""`)), "error RI0301 " + path + "[a].secretRef.key"},
		{"a key with a slash", users(user("a", `name: a, key: a/b`)), "error RI0301 " + path + "[a].secretRef.key"},
		{"a namespace that is none", users(user("a", `name: a, key: a, namespace: Shop`)), "error RI0301 " + path + "[a].secretRef.namespace"},
		{"two keys of one Secret", users(user("a", `name: n, key: a`), user("b", `name: n, key: b`)), ""},
		{"one key of two Secrets", users(user("a", `name: n, key: a`), user("b", `name: n, key: a, namespace: shop`)), ""},
		{"one value for two", users(user("a", `name: n, key: a`), user("b", `name: n, key: a`)), "error RI0903 " + path + "[b].secretRef"},
		{"one value for two, by the default of the namespace", users(user("a", `name: n, key: a`), user("b", `name: n, key: a, namespace: restate`)), "error RI0903 " + path + "[b].secretRef"},
		{"the name of a role", users(user("tunnel", `name: n, key: a`)), "error RI0301 " + path + "[tunnel].secretRef"},
		{"the name of the API keys of a gateway", users(user("gateway-keys", `name: n, key: a`)), "error RI0301 " + path + "[gateway-keys].secretRef"},
		{"the name of a role, kept elsewhere", `{account: {users: {nats: {publicKeys: [` + userKey(t, "x") + `], publish: [], subscribe: []}}}}`, ""},
		{
			"in mode Nauth", `{account: {mode: Nauth, nauth: {clusterRef: {name: nats}}, users: {orders: {publicKeys: null, secretRef: {name: a, key: a}}}}}`,
			"error RI0208 " + path + "[orders].secretRef",
		},
	})
}

func TestResolveShares(t *testing.T) {
	const path = "spec.nats.account"
	account := func(s string) string { return `{account: {` + s + `}}` }
	share := func(name, subject string) string { return `{account: ` + name + `, subject: "` + subject + `"}` }
	runAccount(t, []resolveCase{
		{"an import", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.events.*") + `}`), ""},
		{"an export", account(`peers: {W: {managed: Emit}}, exports: {a: ` + share("W", "workflow.outbox.*") + `}`), ""},
		{"from a peer that is not declared", account(`imports: {a: ` + share("W", "restate.events.*") + `}`), "error RI0906 " + path + ".imports[a].account"},
		{"to a peer that is not declared", account(`exports: {a: ` + share("W", "restate.events.*") + `}`), "error RI0906 " + path + ".exports[a].account"},
		{"from itself", account(`peers: {RESTATE: {}}, imports: {a: ` + share("RESTATE", "restate.events.*") + `}`), "error RI0906 " + path + ".peers[RESTATE]"},
		{"the system account", account(`peers: {SYS: {}}, imports: {a: ` + share("SYS", "restate.events.*") + `}`), "error RI0301 " + path + ".peers[SYS]"},
		{"beside the account", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.dlq.*") + `}`), "error RI0902 " + path + ".imports[a].subject"},
		{"a key that is no name", account(`peers: {W: {}}, imports: {A: ` + share("W", "restate.events.*") + `}`), "error RI0301 " + path + ".imports[A]"},
		{"a peer for nothing", account(`peers: {W: {}}`), "error RI0208 " + path + ".peers[W]"},
		{"twice from one", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.events.*") + `, b: ` + share("W", "restate.events.*") + `}`), "error RI0901 " + path + ".imports[b].subject"},
		{"twice to one", account(`peers: {W: {}}, exports: {a: ` + share("W", "restate.events.*") + `, b: ` + share("W", "restate.events.*") + `}`), "error RI0901 " + path + ".exports[b].subject"},
		{"one subject to two", account(`peers: {V: {}, W: {}}, exports: {a: ` + share("V", "restate.events.*") + `, b: ` + share("W", "restate.events.*") + `}`), ""},
		{"two subjects from one", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.events.a") + `, b: ` + share("W", "restate.events.b") + `}`), ""},
		{"in a circle", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.events.*") + `}, exports: {b: ` + share("W", "restate.events.x") + `}`), "error RI0901 " + path + ".imports[a].subject"},
		{"from one to another", account(`peers: {V: {}, W: {}}, imports: {a: ` + share("V", "restate.events.*") + `}, exports: {b: ` + share("W", "restate.events.*") + `}`), ""},
		{"both ways, other subjects", account(`peers: {W: {}}, imports: {a: ` + share("W", "restate.events.*") + `}, exports: {b: ` + share("W", "workflow.outbox.*") + `}`), ""},
	})
}

func TestResolveNauth(t *testing.T) {
	const path = "spec.nats.account"
	account := func(s, key string) string {
		return `{account: {mode: Nauth, nauth: {clusterRef: {name: nats}}, users: {orders: {publicKeys: ` + key + `}}, ` + s + `}}`
	}
	const in = `imports: {a: {account: w, subject: "restate.events.*"}}`
	runAccount(t, []resolveCase{
		{"keys are nauth's", account(``, `null`), ""},
		{"no cluster", `{account: {mode: Nauth, users: {orders: {publicKeys: null}}}}`, "error RI0204 " + path + ".nauth.clusterRef.name"},
		{"a key", account(``, `[`+userKey(t, "a")+`]`), "error RI0208 " + path + ".users[orders].publicKeys"},
		{"a peer is an object", account(`peers: {w: {}}, `+in, `null`), ""},
		{"whose name it has", account(`peers: {W: {}}, imports: {a: {account: W, subject: "restate.events.*"}}`, `null`), "error RI0301 " + path + ".peers[W]"},
		{"nobody can write somebody else's object", account(`peers: {w: {managed: Emit}}, `+in, `null`), "error RI0208 " + path + ".peers"},
	})
}

// TestWithin holds the answer against all subjects of up to four tokens, which a matcher of its own looks at one by one.
func TestWithin(t *testing.T) {
	patterns := sequences([]string{"a", "b", "*"}, 3)
	for _, p := range append(patterns, nil) {
		patterns = append(patterns, append(slices.Clone(p), ">"))
	}
	subjects := sequences([]string{"a", "b", "c"}, 4) // c stands in no pattern
	for _, inner := range patterns {
		for _, outer := range patterns {
			inside, meet := true, false
			for _, s := range subjects {
				in, out := matches(inner, s), matches(outer, s)
				inside = inside && (!in || out)
				meet = meet || in && out
			}
			a, b := strings.Join(inner, "."), strings.Join(outer, ".")
			if got := within(a, b); got != inside {
				t.Errorf("within(%s, %s) = %v, want %v", a, b, got, inside)
			}
			if got := overlap(a, b); got != meet {
				t.Errorf("overlap(%s, %s) = %v, want %v", a, b, got, meet)
			}
		}
	}
}

// sequences are all sequences of one to n tokens.
func sequences(tokens []string, n int) [][]string {
	var all, longest [][]string
	longest = [][]string{nil}
	for range n {
		var next [][]string
		for _, s := range longest {
			for _, token := range tokens {
				next = append(next, append(slices.Clone(s), token))
			}
		}
		all, longest = append(all, next...), next
	}
	return all
}

// matches says whether a subject is one of a pattern (docs.nats.io, wildcards).
func matches(pattern, subject []string) bool {
	if len(pattern) == 0 || len(subject) == 0 {
		return len(pattern) == len(subject)
	}
	if pattern[0] == ">" {
		return true
	}
	return (pattern[0] == "*" || pattern[0] == subject[0]) && matches(pattern[1:], subject[1:])
}
