// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// signer is an operator with three accounts: ours, a peer's and the system's. All keys are made at run time.
type signer struct {
	testing.TB
	operator, account, peer, system nkeys.KeyPair
	// roles are the scoped signing keys of our account, by role.
	roles map[string]nkeys.KeyPair
	keys  keyring
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	s := &signer{TB: t, roles: map[string]nkeys.KeyPair{}, keys: keyring{}}
	var err error
	for _, p := range []struct {
		kp     *nkeys.KeyPair
		create func() (nkeys.KeyPair, error)
	}{{&s.operator, nkeys.CreateOperator}, {&s.account, nkeys.CreateAccount}, {&s.peer, nkeys.CreateAccount}, {&s.system, nkeys.CreateAccount}} {
		if *p.kp, err = p.create(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *signer) public(kp nkeys.KeyPair) string {
	s.Helper()
	public, err := kp.PublicKey()
	if err != nil {
		s.Fatal(err)
	}
	return public
}

func (s *signer) sign(c jwt.Claims, by nkeys.KeyPair) string {
	s.Helper()
	token, err := c.Encode(by)
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// spec is matrixSpec with the account signed by the operator.
func (s *signer) spec() string {
	out := strings.Replace(matrixSpec, "account:\n", "account:\n  mode: JWT\n  jwt: {file: account.jwt, operatorPublicKey: "+s.public(s.operator)+"}\n", 1)
	return strings.ReplaceAll(out, "WASMCLOUD", s.public(s.peer))
}

// claims are the account that the function makes of matrixSpec in mode ServerConfig, said as a JWT.
func (s *signer) claims() *jwt.AccountClaims {
	s.Helper()
	var account struct {
		JetStream struct {
			MaxFile      int64 `json:"max_file"`
			MaxStreams   int64 `json:"max_streams"`
			MaxConsumers int64 `json:"max_consumers"`
		} `json:"jetstream"`
		Limits struct {
			Connections   int64 `json:"max_connections"`
			Subscriptions int64 `json:"max_subscriptions"`
			Payload       int64 `json:"max_payload"`
		} `json:"limits"`
		Users []struct {
			NKey        string `json:"nkey"`
			Permissions struct {
				Publish   jwt.Permission `json:"publish"`
				Subscribe jwt.Permission `json:"subscribe"`
				Responses *struct{}      `json:"allow_responses"`
			} `json:"permissions"`
		} `json:"users"`
	}
	raw, err := json.Marshal(body(s, generate(s, s.keys, matrixSpec).account["accounts.conf"], "RESTATE"))
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(raw, &account); err != nil {
		s.Fatal(err)
	}
	c := jwt.NewAccountClaims(s.public(s.account))
	c.Expires = time.Now().Add(time.Hour).Unix()
	c.Limits.NatsLimits = jwt.NatsLimits{Subs: account.Limits.Subscriptions, Data: jwt.NoLimit, Payload: account.Limits.Payload}
	c.Limits.AccountLimits = jwt.AccountLimits{Imports: 1, Exports: 1, WildcardExports: true, DisallowBearer: true, Conn: account.Limits.Connections}
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: account.JetStream.MaxFile, Streams: account.JetStream.MaxStreams, Consumer: account.JetStream.MaxConsumers}
	c.Imports.Add(&jwt.Import{Subject: "restate.events.*", Account: s.public(s.peer), Type: jwt.Stream})
	c.Exports.Add(&jwt.Export{Subject: "workflow.outbox.*", Type: jwt.Stream, TokenReq: true})
	c.DefaultPermissions = jwt.Permissions{Pub: jwt.Permission{Deny: jwt.StringList{">"}}, Sub: jwt.Permission{Deny: jwt.StringList{">"}}}
	names := map[string]string{}
	for user := range s.keys {
		names[s.keys.public(s, user)] = user
	}
	for _, u := range account.Users {
		p := jwt.Permissions{Pub: u.Permissions.Publish, Sub: u.Permissions.Subscribe}
		if u.Permissions.Responses != nil {
			p.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 5 * time.Second}
		}
		s.role(c, names[u.NKey], p)
	}
	return c
}

func (s *signer) role(c *jwt.AccountClaims, name string, p jwt.Permissions) {
	s.Helper()
	if s.roles[name] == nil {
		kp, err := nkeys.CreateAccount()
		if err != nil {
			s.Fatal(err)
		}
		s.roles[name] = kp
	}
	scope := jwt.NewUserScope()
	scope.Key, scope.Role, scope.Template.Permissions = s.public(s.roles[name]), name, p
	c.SigningKeys.AddScopedSigner(scope)
}

func (s *signer) template(c *jwt.AccountClaims, name string) *jwt.UserPermissionLimits {
	s.Helper()
	scope, ok := c.SigningKeys[s.public(s.roles[name])].(*jwt.UserScope)
	if !ok {
		s.Fatalf("no role %s", name)
	}
	return &scope.Template
}

// oneFile is the kustomization root with the account's JWT.
type oneFile string

func (f oneFile) ReadFile(name string) ([]byte, error) {
	if name != "account.jwt" {
		return nil, fs.ErrNotExist
	}
	return []byte(f), nil
}

// preload runs the function, and returns the data of the ConfigMap and the errors.
func (s *signer) preload(nats, token string) (map[string]string, []diag.Diagnostic) {
	s.Helper()
	out, ds := fn.Run(input(s, s.keys, "{nats: {type: Creds, source: External}, ingress: {source: External}}", nats), oneFile(token))
	var errs []diag.Diagnostic
	for _, d := range ds {
		if d.Severity() == diag.Error {
			errs = append(errs, d)
		}
	}
	var rl struct {
		Items []corev1.ConfigMap `json:"items"`
	}
	if err := yaml.Unmarshal(out, &rl); err != nil {
		s.Fatal(err)
	}
	for _, item := range rl.Items {
		if item.Kind == "ConfigMap" && item.Data["resolver_preload.conf"] != "" {
			return item.Data, errs
		}
	}
	return nil, errs
}

// accepted is preload for a JWT that is within the spec.
func (s *signer) accepted(token string) map[string]string {
	s.Helper()
	data, errs := s.preload(s.spec(), token)
	for _, d := range errs {
		s.Errorf("%s: %s", d.Path, d.Text())
	}
	if data == nil {
		s.FailNow()
	}
	return data
}

// others are the accounts that were there before: the peer imports and exports with our account, by a token of ours.
func (s *signer) others() map[string]string {
	s.Helper()
	peer := jwt.NewAccountClaims(s.public(s.peer))
	peer.Exports.Add(&jwt.Export{Subject: "restate.events.*", Type: jwt.Stream})
	activation := jwt.NewActivationClaims(s.public(s.peer))
	activation.ImportSubject, activation.ImportType = "workflow.outbox.*", jwt.Stream
	peer.Imports.Add(&jwt.Import{Subject: "workflow.outbox.*", Account: s.public(s.account), Type: jwt.Stream, Token: s.sign(activation, s.account)})
	return map[string]string{
		s.public(s.peer):   s.sign(peer, s.operator),
		s.public(s.system): s.sign(jwt.NewAccountClaims(s.public(s.system)), s.operator),
	}
}

// operatorConf is the server's part, by hand, around the file that the function has written.
func (s *signer) operatorConf(c config, data map[string]string) {
	s.Helper()
	c.write(s, "resolver_preload.conf", data["resolver_preload.conf"])
	var b strings.Builder
	fmt.Fprintf(&b, "listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\noperator: %q\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n  include ./resolver_preload.conf\n",
		filepath.Join(c.dir, "jetstream"), s.sign(jwt.NewOperatorClaims(s.public(s.operator)), s.operator), s.public(s.system))
	for account, token := range s.others() {
		fmt.Fprintf(&b, "  %s: %q\n", account, token)
	}
	c.write(s, "nats.conf", b.String()+"}\n")
}

// dial connects as a user whom a signing key has signed; an unscoped one is signed by the key of an account.
func (s *signer) dial(srv *server.Server, by nkeys.KeyPair, account nkeys.KeyPair, name string, options ...nats.Option) (*nats.Conn, error) {
	s.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		s.Fatal(err)
	}
	claims := jwt.NewUserClaims(s.public(user))
	claims.Name = name
	if by != account {
		claims.IssuerAccount = s.public(account)
		claims.SetScoped(true)
	} else {
		claims.Pub.Allow, claims.Sub.Allow = jwt.StringList{">"}, jwt.StringList{">"}
	}
	token := s.sign(claims, by)
	nc, err := nats.Connect(srv.ClientURL(), append([]nats.Option{
		nats.UserJWT(func() (string, error) { return token, nil }, user.Sign), nats.CustomInboxPrefix("_INBOX_restate"), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, options...)...)
	if err == nil {
		s.Cleanup(nc.Close)
	}
	return nc, err
}

func (s *signer) connect(srv *server.Server, by, account nkeys.KeyPair, name string, options ...nats.Option) *nats.Conn {
	s.Helper()
	nc, err := s.dial(srv, by, account, name, options...)
	if err != nil {
		s.Fatalf("connect as %s: %v", name, err)
	}
	return nc
}

// world has a connection of each role, and of the peer.
func (s *signer) world(srv *server.Server) *world {
	s.Helper()
	w := newWorld(s, srv, s.keys)
	for role, kp := range s.roles {
		w.conns[role] = s.connect(srv, kp, s.account, role)
	}
	w.conns["wasmcloud"] = s.connect(srv, s.peer, s.peer, "wasmcloud")
	return w
}

// jwtTrials are the matrix without the limits, which are those of connections that the trials make themselves.
func jwtTrials() []trial {
	return slices.Concat(userTrials(), generatedTrials(), replyTrials(), peerTrials())
}

// TestAccountJWT loads the verified account in both forms, and holds the users that its roles sign against the matrix of the spec.
func TestAccountJWT(t *testing.T) {
	s := newSigner(t)
	data := s.accepted(s.sign(s.claims(), s.operator))
	byHand, helm := newConfig(t), newConfig(t)
	s.operatorConf(byHand, data)
	helm.helm(t, data["values.yaml"], rawJSON(t, map[string]any{"config": map[string]any{"merge": map[string]any{
		"operator": s.sign(jwt.NewOperatorClaims(s.public(s.operator)), s.operator), "system_account": s.public(s.system), "resolver": "MEMORY", "resolver_preload": s.others(),
	}}}))
	for form, c := range map[string]config{"by hand": byHand, "by Helm": helm} {
		t.Run(form, func(t *testing.T) {
			srv := c.start(t)
			w := s.world(srv)
			trials := jwtTrials()
			for reason, diff := range w.deviations(trials) {
				t.Errorf("%s: %s", reason, diff)
			}
			if len(trials) < 100 || len(w.conns) != len(s.roles)+1 {
				t.Errorf("%d rows, and connections of %d users for %d roles", len(trials), len(w.conns), len(s.roles))
			}
			if _, err := s.dial(srv, s.system, s.account, "stranger"); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("a user signed by the key of another account: %v", err)
			}
		})
	}
}

// TestBroaderJWTIsBroader: what the function refuses would really let more through, so that the check is about something.
func TestBroaderJWTIsBroader(t *testing.T) {
	const deep = "restate.events.order.created"
	hears := func(role, name, subscription, queue string) func(*signer, *server.Server) error {
		return func(s *signer, srv *server.Server) error {
			nc, sender := s.connect(srv, s.roles[role], s.account, name), s.connect(srv, s.account, s.account, "sender")
			sub, err := nc.QueueSubscribeSync(subscription, queue)
			if queue == "" {
				sub, err = nc.SubscribeSync(subscription)
			}
			if err != nil {
				return err
			}
			if err := nc.Flush(); err != nil {
				return err
			}
			if err := sender.Publish(deep, nil); err != nil {
				return err
			}
			_, err = sub.NextMsg(time.Second)
			return err
		}
	}
	for _, tt := range []struct {
		reason, named string
		change        func(*signer, *jwt.AccountClaims)
		passes        func(*signer, *server.Server) error
	}{
		{
			"a star without its deny", `"restate.events.*" without a deny`,
			func(s *signer, c *jwt.AccountClaims) { s.template(c, "listener").Sub.Deny = nil },
			hears("listener", "l", "restate.events.>", ""),
		},
		{
			"a star in a queue group", `"restate.events.* workers" without a deny`,
			func(s *signer, c *jwt.AccountClaims) {
				s.template(c, "listener").Sub = jwt.Permission{Allow: jwt.StringList{"restate.events.*\tworkers", "_INBOX_restate.>"}}
			},
			hears("listener", "l", "restate.events.>", "workers"),
		},
		{
			"a user's name is a wildcard", `include "restate.events.{{name()}}"`,
			func(s *signer, c *jwt.AccountClaims) {
				s.template(c, "listener").Sub = jwt.Permission{Allow: jwt.StringList{"restate.events.{{name()}}"}}
			},
			hears("listener", ">", "restate.events.>", ""),
		},
		{
			"a mapping", "maps",
			func(_ *signer, c *jwt.AccountClaims) {
				c.AddMapping("restate.events.order", jwt.WeightedMapping{Subject: "workflow.outbox.orders"})
			},
			func(s *signer, srv *server.Server) error {
				witness := s.connect(srv, s.roles["witness"], s.account, "w")
				sub, err := witness.SubscribeSync("workflow.outbox.orders")
				if err != nil {
					return err
				}
				if err := witness.Flush(); err != nil {
					return err
				}
				if err := s.connect(srv, s.roles["worker"], s.account, "e").Publish("restate.events.order", nil); err != nil {
					return err
				}
				_, err = sub.NextMsg(time.Second)
				return err
			},
		},
		{
			"0 streams", "its limit streams is unlimited",
			func(_ *signer, c *jwt.AccountClaims) { c.Limits.Streams = 0 },
			func(s *signer, srv *server.Server) error {
				js, err := jetstream.New(s.connect(srv, s.account, s.account, "any"))
				if err != nil {
					return err
				}
				for i := range 3 {
					if _, err := js.CreateStream(s.Context(), jetstream.StreamConfig{Name: fmt.Sprintf("S%d", i), Subjects: []string{fmt.Sprintf("s%d", i)}}); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			"an export without a token", "to every account",
			func(_ *signer, c *jwt.AccountClaims) { c.Exports[0].TokenReq = false },
			func(s *signer, srv *server.Server) error {
				acc, err := srv.LookupAccount(s.public(s.account))
				if err != nil {
					return err
				}
				other, err := srv.LookupAccount(s.public(s.system))
				if err != nil {
					return err
				}
				return other.AddStreamImportWithClaim(acc, "workflow.outbox.*", "", &jwt.Import{Subject: "workflow.outbox.*", Account: acc.Name, Type: jwt.Stream})
			},
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			for _, broad := range []bool{false, true} {
				s := newSigner(t)
				claims := s.claims()
				if broad {
					tt.change(s, claims)
				}
				token := s.sign(claims, s.operator)
				_, errs := s.preload(s.spec(), token)
				if named := len(errs) == 1 && errs[0].Code == diag.BroaderJWT && strings.Contains(errs[0].Text(), tt.named); named != broad || !broad && len(errs) > 0 {
					t.Errorf("broader: %t, named: %v", broad, errs)
				}
				c := newConfig(t)
				s.operatorConf(c, map[string]string{"resolver_preload.conf": s.public(s.account) + ": \"" + token + "\"\n"})
				if err := tt.passes(s, c.start(t)); (err == nil) != broad {
					t.Errorf("broader: %t, and the server says %v", broad, err)
				}
			}
		})
	}
}

// TestJWTReload signs the account anew with less for one role: its user is cut or refused, and the others stay.
func TestJWTReload(t *testing.T) {
	s := newSigner(t)
	claims := s.claims()
	c := newConfig(t)
	s.operatorConf(c, s.accepted(s.sign(claims, s.operator)))
	srv := c.start(t)
	bridge := watch(t, func(o ...nats.Option) (*nats.Conn, error) {
		return s.dial(srv, s.roles["bridge"], s.account, "bridge", o...)
	})
	peer := watch(t, func(o ...nats.Option) (*nats.Conn, error) { return s.dial(srv, s.peer, s.peer, "host", o...) })
	worker := watch(t, func(o ...nats.Option) (*nats.Conn, error) {
		return s.dial(srv, s.roles["worker"], s.account, "worker", o...)
	})

	s.template(claims, "worker").Pub.Allow = jwt.StringList{"workflow.outbox.*"}
	c.write(t, "resolver_preload.conf", s.accepted(s.sign(claims, s.operator))["resolver_preload.conf"])
	if err := srv.Reload(); err != nil {
		t.Fatal(err)
	}
	worker.dead(t, "a user whose role has changed")
	bridge.alive(t, "a user of another role")
	peer.alive(t, "another account")
	again := s.connect(srv, s.roles["worker"], s.account, "worker")
	for subject, want := range map[string]bool{"workflow.outbox.x": false, "restate.events.order": true} {
		if err := again.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := refused(again, "Publish", subject); got != want || err != nil {
			t.Errorf("%s refused: %t, %v", subject, got, err)
		}
	}
}
