// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// operator has signed the account, and the account its users.
type operator struct {
	t      *testing.T
	key    nkeys.KeyPair
	public string
	// signed is the account's JWT.
	signed string
}

// operatorKey makes a key and returns its public one too.
func operatorKey(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public
}

// newOperator signs the account that the function makes of a spec in mode ServerConfig, with a role for each user, and gives the users
// their JWTs.
func newOperator(t *testing.T, objects output, users map[string]*user) *operator {
	t.Helper()
	op := &operator{t: t}
	op.key, op.public = operatorKey(t, nkeys.CreateOperator)
	_, account := operatorKey(t, nkeys.CreateAccount)
	permissions, claims := accountOf(t, objects, account)
	for role, u := range users {
		key, public := operatorKey(t, nkeys.CreateAccount)
		scope := jwt.NewUserScope()
		scope.Key, scope.Role, scope.Template.Permissions = public, role, permissions[u.public]
		claims.SigningKeys.AddScopedSigner(scope)
		login := jwt.NewUserClaims(u.public)
		login.Name, login.IssuerAccount = role, account
		login.SetScoped(true)
		u.token = op.sign(login, key)
	}
	op.signed = op.sign(claims, op.key)
	return op
}

func (op *operator) sign(c jwt.Claims, key nkeys.KeyPair) string {
	op.t.Helper()
	token, err := c.Encode(key)
	if err != nil {
		op.t.Fatal(err)
	}
	return token
}

// accountOf says the generated account as claims of a public key, and what each public key may do.
func accountOf(t *testing.T, objects output, public string) (map[string]jwt.Permissions, *jwt.AccountClaims) {
	t.Helper()
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
			} `json:"permissions"`
		} `json:"users"`
	}
	_, text := objects.account(t)
	if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &account); err != nil {
		t.Fatal(err)
	}
	c := jwt.NewAccountClaims(public)
	c.Expires = time.Now().Add(time.Hour).Unix()
	c.Limits.NatsLimits = jwt.NatsLimits{Subs: account.Limits.Subscriptions, Data: jwt.NoLimit, Payload: account.Limits.Payload}
	c.Limits.AccountLimits = jwt.AccountLimits{DisallowBearer: true, Conn: account.Limits.Connections}
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: account.JetStream.MaxFile, Streams: account.JetStream.MaxStreams, Consumer: account.JetStream.MaxConsumers}
	c.DefaultPermissions = jwt.Permissions{Pub: jwt.Permission{Deny: jwt.StringList{">"}}, Sub: jwt.Permission{Deny: jwt.StringList{">"}}}
	out := map[string]jwt.Permissions{}
	for _, u := range account.Users {
		out[u.NKey] = jwt.Permissions{Pub: u.Permissions.Publish, Sub: u.Permissions.Subscribe}
	}
	return out, c
}

// ReadFile makes the operator the kustomization root.
func (op *operator) ReadFile(name string) ([]byte, error) {
	if name != "account.jwt" {
		return nil, fs.ErrNotExist
	}
	return []byte(op.signed), nil
}

// spec is one of mode ServerConfig in mode JWT.
func (op *operator) spec(list string) string {
	return replaceAll(op.t, list, map[string]string{
		"nats: {source: External, rolloutKey: a}": "nats: {type: Creds, source: External, rolloutKey: a}",
		"account:\n": fmt.Sprintf("account:\n        mode: JWT\n        jwt: {file: account.jwt, operatorPublicKey: %s}\n", op.public),
	})
}

// server has the lines of the server's configuration that are not ours, and its account beside ours.
func (op *operator) server() (lines, account string) {
	_, system := operatorKey(op.t, nkeys.CreateAccount)
	return fmt.Sprintf("operator: %q\nresolver: MEMORY\nsystem_account: %s", op.sign(jwt.NewOperatorClaims(op.public), op.key), system),
		fmt.Sprintf("%s: %q", system, op.sign(jwt.NewAccountClaims(system), op.key))
}

// TestCreds: an operator has signed the account, and the bridge logs in with a creds file, before and after NATS was away.
func TestCreds(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{creds: true})
	if !strings.Contains(st.config, "user_credentials_file: ") {
		t.Fatal("the bridge does not log in with creds")
	}
	events := func() {
		st.publish("restate.events.created", created)
		st.publish("restate.events.keyed", sent{target: "Order/created", key: "a"}, "X-Key", "a")
		st.publish("restate.events.absent", refused)
		st.settle(60 * time.Second)
	}
	events()
	st.nats.stop()
	st.eventually(10*time.Second, "the tests' own clients have noticed", func() bool { return !st.nc.IsConnected() && !st.orders.Conn().IsConnected() })
	st.nats.start()
	st.eventually(30*time.Second, "the tests' own clients are back", st.connected)
	events()
	if ends := st.bridges[0].ends(); len(ends) > 0 {
		t.Errorf("the bridge ended: %q", ends)
	}
}
