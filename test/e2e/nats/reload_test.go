// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// strangers is an account of somebody else, which was there before.
const strangers = `APP: { jetstream: enabled, users: [ { nkey: %s } ] }`

// oneUser is an account with one user, of the keys given.
const oneUser = `
account:
  name: %s
  users: {orders: {publicKeys: [%s], publish: ["restate.events.*"], subscribe: ["workflow.outbox.*"]}}
`

// watched is a connection that counts how often it was cut.
type watched struct {
	*nats.Conn
	cuts atomic.Int32
}

func watch(t *testing.T, connect func(...nats.Option) (*nats.Conn, error)) *watched {
	t.Helper()
	w := &watched{}
	nc, err := connect(nats.DisconnectErrHandler(func(*nats.Conn, error) { w.cuts.Add(1) }))
	if err != nil {
		t.Fatal(err)
	}
	w.Conn = nc
	return w
}

// alive fails when the connection was cut, or cannot publish.
func (w *watched) alive(t *testing.T, who string) {
	t.Helper()
	if err := w.FlushTimeout(5 * time.Second); err != nil || w.cuts.Load() > 0 {
		t.Errorf("%s was cut %d times: %v", who, w.cuts.Load(), err)
	}
}

func (w *watched) dead(t *testing.T, who string) {
	t.Helper()
	eventually(t, who+" is cut", func() string {
		if w.cuts.Load() == 0 && !w.IsClosed() {
			return "it is still connected"
		}
		return ""
	})
}

// TestRotation adds a second key of a user, moves over, and removes the first, while others stay connected.
func TestRotation(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	c := newConfig(t)
	files := map[string]string{"app.conf": fmt.Sprintf(strangers, keys.public(t, "app"))}
	c.include(t, files)
	s := c.start(t)
	as := func(user string) func(...nats.Option) (*nats.Conn, error) {
		return func(o ...nats.Option) (*nats.Conn, error) { return dial(t, s, keys, user, o...) }
	}
	app := watch(t, as("app"))
	refusedKey := func(user string) {
		t.Helper()
		if _, err := dial(t, s, keys, user); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: got %v, want an authorization violation", user, err)
		}
	}
	reload := func(users string) {
		t.Helper()
		files["accounts.conf"] = generate(t, keys, fmt.Sprintf(oneUser, "RESTATE", users)).account["accounts.conf"]
		c.include(t, files)
		if err := s.Reload(); err != nil {
			t.Fatalf("reload: %v", err)
		}
		app.alive(t, "a client of another account")
	}
	refusedKey("old")
	reload("{old}")
	old := watch(t, as("old"))
	refusedKey("new")
	reload("{old}, {new}")
	next := watch(t, as("new"))
	old.alive(t, "the client with the old key")
	reload("{new}")
	old.dead(t, "the client with the old key")
	refusedKey("old")
	next.alive(t, "the client with the new key")

	c.include(t, map[string]string{"accounts.conf": "RESTATE: {"})
	if err := s.Reload(); err == nil {
		t.Error("a broken configuration was taken")
	}
	app.alive(t, "a client of another account")
	next.alive(t, "a client of the account")

	delete(files, "accounts.conf")
	c.include(t, files)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	next.dead(t, "a client of an account that is gone")
	app.alive(t, "a client of another account")
}

// TestFirstAccounts is what the warning is about, which every account carries.
func TestFirstAccounts(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	c := newConfig(t)
	c.write(t, "nats.conf", strings.ReplaceAll(fmt.Sprintf(handwritten, c.dir+"/jetstream", ""), "accounts {\n\n}", ""))
	s := c.start(t)
	anonymous := watch(t, func(o ...nats.Option) (*nats.Conn, error) {
		nc, err := nats.Connect(s.ClientURL(), append(o, nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
		if err == nil {
			t.Cleanup(nc.Close)
		}
		return nc, err
	})
	js, err := jetstream.New(anonymous.Conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS"}); err != nil {
		t.Fatal(err)
	}
	g := generate(t, keys, fmt.Sprintf(oneUser, "RESTATE", "{orders}"))
	if !slices.Contains(g.warnings, diag.FirstAccounts) {
		t.Errorf("got the warnings %v, want %s among them", g.warnings, diag.FirstAccounts)
	}
	c.include(t, map[string]string{"accounts.conf": g.account["accounts.conf"], "app.conf": fmt.Sprintf(strangers, keys.public(t, "app"))})
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	anonymous.dead(t, "a client without credentials")
	if _, err := nats.Connect(s.ClientURL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a new client without credentials: got %v, want an authorization violation", err)
	}
	connect(t, s, keys, "orders")
	js, _ = streams(t, s, keys, "app")
	if _, err := js.Stream(t.Context(), "ORDERS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("an account that is made now: got %v, want that it does not see the old streams", err)
	}
}

// TestTwoIntegrations puts the accounts of two into one server, in both forms.
func TestTwoIntegrations(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	spec := func(name string) map[string]string {
		return generate(t, keys, fmt.Sprintf(`
account:
  name: %s
  users: {orders: {publicKeys: [{%s}], publish: ["restate.events.*"], subscribe: ["restate.events.*"]}}
`, name, name)).account
	}
	a, b := spec("RESTATE_A"), spec("RESTATE_B")
	for form, write := range map[string]func(config){
		"included": func(c config) {
			c.include(t, map[string]string{"a.conf": a["accounts.conf"], "b.conf": b["accounts.conf"]})
		},
		"helm values": func(c config) { c.helm(t, a["values.yaml"], b["values.yaml"]) },
	} {
		c := newConfig(t)
		write(c)
		s := c.start(t)
		first, other := connect(t, s, keys, "RESTATE_A"), connect(t, s, keys, "RESTATE_B")
		heard, err := other.SubscribeSync("restate.events.*")
		if err != nil {
			t.Fatal(err)
		}
		own, err := first.SubscribeSync("restate.events.*")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(other.Flush(), first.Publish("restate.events.order", nil), first.Flush()); err != nil {
			t.Fatal(err)
		}
		if got, err := drain(first, own); len(got) != 1 || err != nil {
			t.Errorf("%s: in its own account the event did not arrive: %v, %v", form, got, err)
		}
		if got, err := drain(other, heard); len(got) != 0 || err != nil {
			t.Errorf("%s: the other integration heard %v, %v", form, got, err)
		}
	}
}

// TestPeers loads the fragment with its counterpart, and sees that one without the other is refused.
func TestPeers(t *testing.T) {
	t.Parallel()
	const spec = `
account:
  users: {orders: {publicKeys: [{orders}], publish: ["workflow.outbox.*"], subscribe: ["restate.events.*"]}}
  peers: {WASMCLOUD: {managed: %s}}
  %s: {share: {account: WASMCLOUD, subject: "%s"}}
`
	for _, tt := range []struct{ managed, way, subject, from, to string }{
		{"External", "imports", "restate.events.*", "wasmcloud", "orders"},
		{"External", "exports", "workflow.outbox.*", "orders", "wasmcloud"},
		{"Emit", "imports", "restate.events.*", "wasmcloud", "orders"},
		{"Emit", "exports", "workflow.outbox.*", "orders", "wasmcloud"},
	} {
		for _, form := range []string{"included", "helm values"} {
			t.Run(strings.Join([]string{tt.managed, tt.way, form}, " "), func(t *testing.T) {
				keys := keyring{}
				g := generate(t, keys, fmt.Sprintf(spec, tt.managed, tt.way, tt.subject)).account
				// values are what the owner of the peer writes: its users, and with External what the function printed for it.
				peer := map[string]any{"users": []any{map[string]any{"nkey": keys.public(t, "wasmcloud")}}}
				file := g["peer-WASMCLOUD.conf"]
				if (file == "") != (tt.managed == "Emit") {
					t.Fatalf("the counterpart is in a file of its own: %v", file != "")
				}
				if file != "" {
					overlay(peer, body(t, file, "WASMCLOUD"))
				}
				c := newConfig(t)
				if form == "helm values" {
					c.helm(t, g["values.yaml"], rawJSON(t, map[string]any{"config": map[string]any{"merge": map[string]any{"accounts": map[string]any{"WASMCLOUD": peer}}}}))
				} else if tt.managed == "External" {
					c.include(t, map[string]string{"accounts.conf": g["accounts.conf"]})
					if _, err := c.load(t); err == nil || !strings.Contains(err.Error(), "WASMCLOUD") {
						t.Errorf("without the counterpart: got %v, want that WASMCLOUD is missing", err)
					}
					c.include(t, map[string]string{"accounts.conf": g["accounts.conf"], "peer.conf": entry(t, "WASMCLOUD", peer)})
				} else {
					c.include(t, map[string]string{"accounts.conf": g["accounts.conf"]})
					c.start(t) // as it is; a peer without users has nobody to try it with
					return
				}
				s := c.start(t)
				receiver, sender := connect(t, s, keys, tt.to), connect(t, s, keys, tt.from)
				sub, err := receiver.SubscribeSync(tt.subject)
				if err != nil {
					t.Fatal(err)
				}
				subject := strings.Replace(tt.subject, "*", "one", 1)
				if err := errors.Join(receiver.Flush(), sender.Publish(subject, nil), sender.Flush()); err != nil {
					t.Fatal(err)
				}
				if got, err := drain(receiver, sub); !slices.Equal(got, []string{subject}) || err != nil {
					t.Errorf("got %v, %v, want %s", got, err, subject)
				}
			})
		}
	}
}

// TestAnswerInTime waits until a request may no more be answered.
func TestAnswerInTime(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	s := startMatrix(t, keys)
	listener, asks := connect(t, s, keys, "listener"), connect(t, s, keys, "witness")
	sub, err := listener.SubscribeSync("restate.events.order")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(listener.Flush(), asks.PublishRequest("restate.events.order", "_INBOX_restate.late", nil)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	msg, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5*time.Second + 500*time.Millisecond)
	if err := msg.Respond(nil); err != nil {
		t.Fatal(err)
	}
	if no, err := refused(listener, "Publish", "_INBOX_restate.late"); !no || err != nil {
		t.Errorf("an answer after 5 seconds: refused %v, %v", no, err)
	}
}
