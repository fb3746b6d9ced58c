// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stage is what one case plays on: servers and a bridge of its own, so that the cases run side by side.
type stage struct {
	t       *testing.T
	nats    *natsServer
	secrets secrets
	proxy   *proxy
	token   string // the file
	config  string
	bridges []*bento
	orders  jetstream.JetStream
	nack    jetstream.JetStream

	objects   func(bridge user) output
	list      string // what the function got
	generated output
	bridge    user
	seed      string // the file
	nc        *nats.Conn

	mu      sync.Mutex
	letters []letter
	sent    []sent
	subject int
}

// letter is a dead letter.
type letter struct {
	subject, id, reason, event, body string
	header                           nats.Header
}

// sent is an event and what must become of it: a call of target, or a dead letter.
type sent struct {
	id     string
	body   string
	target string
	key    string
	dead   string // the letter's subject
	reason string // a part of restate-error
	unsent bool   // without a request
}

// setup of a stage; the zero value is as generated, but for the least idle time and age that the spec allows.
type setup struct {
	ackWait  time.Duration     // generated: 1m
	replace  map[string]string // in the bridge's configuration
	replicas int
	tls      bool
	early    bool // the bridge starts before there are streams
	routes   int  // so many routes, all of one handler, in place of those of the spec
	creds    bool // an operator has signed the account, and users log in with creds
	// filters are of consumers that have the subject of another route, by name; the bridge need not become ready then.
	filters map[string]string
}

const startToken = "key_first"

func newStage(t *testing.T, s setup) *stage {
	t.Helper()
	orders, nack, bridge := newUser(t), newUser(t), newUser(t)
	secrets := newSecrets(t, s.tls)
	st := &stage{t: t, secrets: secrets, token: filepath.Join(secrets.dir, "ingress", "token"), seed: filepath.Join(secrets.dir, "nats", "token")}
	list := func(bridge user) string {
		return strings.NewReplacer("SERVER", secrets.scheme+"nats.nats.svc:4222", "TLS", secrets.spec,
			"ORDERS", orders.public, "NACK", nack.public, "BRIDGE", bridge.public).Replace(withRoutes(s.routes))
	}
	st.objects = func(bridge user) output { return render(t, list(bridge), nil) }
	objects := st.objects(bridge)
	st.list = list(bridge)
	server, others := secrets.server, ""
	if s.creds {
		op := newOperator(t, objects, map[string]*user{"orders": &orders, "nack": &nack, "bridge": &bridge})
		objects = render(t, op.spec(st.list), op)
		server, others = op.server()
	}
	secrets.write(t, "nats/token", bridge.secret(t))
	st.generated, st.bridge = objects, bridge
	st.nats = newNATS(t, objects, server, others)
	st.proxy = newProxy(t)
	st.setToken(startToken)
	st.proxy.set(func(p *proxy) { p.token = startToken })

	st.nc = st.nats.connect(nack, secrets.scheme, secrets.options...)
	var err error
	if st.nack, err = jetstream.New(st.nc); err != nil {
		t.Fatal(err)
	}
	if !s.early {
		makeStreams(t, st.nack, objects, s.ackWait, s.filters)
		st.readLetters()
	}
	if st.orders, err = jetstream.New(st.nats.connect(orders, secrets.scheme, append(secrets.options, nats.CustomInboxPrefix("_INBOX_restate"))...)); err != nil {
		t.Fatal(err)
	}
	st.config = replaceAll(t, st.here(objects.bridges()[0]), s.replace)
	for range cmp.Or(s.replicas, 1) {
		st.bridges = append(st.bridges, startBento(t, st.config))
	}
	if s.early {
		time.Sleep(3 * time.Second)
		if st.bridges[0].isReady() {
			t.Error("the bridge is ready without a consumer")
		}
		makeStreams(t, st.nack, objects, s.ackWait, nil)
		st.readLetters()
	}
	if s.filters != nil {
		return st
	}
	for _, b := range st.bridges {
		st.eventually(20*time.Second, "the bridge is ready", b.isReady)
	}
	return st
}

// here is a generated configuration in which addresses and the folder of the mounts are those of the stage.
func (st *stage) here(config string) string {
	st.t.Helper()
	config = replaceAll(st.t, config, st.secrets.mounts)
	return replaceAll(st.t, config, map[string]string{
		"https://201j05r9g0f12ygtphdszbb4scp.env.eu.restate.cloud:8080": "http://" + st.proxy.address,
		"nats.nats.svc:4222":               st.nats.address(),
		"/var/run/secrets/restate-ingress": filepath.Join(st.secrets.dir, "ingress"),
		"/var/run/secrets/nats":            filepath.Join(st.secrets.dir, "nats"),
	})
}

func (st *stage) setToken(token string) {
	st.t.Helper()
	if err := os.WriteFile(st.token, []byte(token+"\n"), 0o600); err != nil {
		st.t.Fatal(err)
	}
}

// readLetters reads the dead letters as the guide says: as NACK's user, without taking them away.
func (st *stage) readLetters() {
	st.t.Helper()
	js, err := st.nc.JetStream()
	if err != nil {
		st.t.Fatal(err)
	}
	if _, err := js.Subscribe("restate.dlq.*", func(m *nats.Msg) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.letters = append(st.letters, letter{
			m.Subject, m.Header.Get("restate-event-id"), m.Header.Get("restate-error"), m.Header.Get("restate-subject"), string(m.Data), m.Header,
		})
	}, nats.BindStream("RESTATE_DLQ"), nats.OrderedConsumer(), nats.DeliverAll()); err != nil {
		st.t.Fatal(err)
	}
}

// rotate gives the bridge a new key and takes the old one away, with nobody starting the bridge again.
func (st *stage) rotate() {
	st.t.Helper()
	next := newUser(st.t)
	if err := os.WriteFile(st.seed, next.seed, 0o600); err != nil {
		st.t.Fatal(err)
	}
	st.nats.reload(st.objects(next))
}

// deleteLetters deletes the stream of dead letters, and returns what makes it again.
func (st *stage) deleteLetters() func() {
	st.t.Helper()
	stream, err := st.nack.Stream(st.t.Context(), "RESTATE_DLQ")
	if err != nil {
		st.t.Fatal(err)
	}
	if err := st.nack.DeleteStream(st.t.Context(), "RESTATE_DLQ"); err != nil {
		st.t.Fatal(err)
	}
	return func() {
		st.t.Helper()
		if _, err := st.nack.CreateStream(st.t.Context(), stream.CachedInfo().Config); err != nil {
			st.t.Fatal(err)
		}
		st.readLetters()
	}
}

// connected says whether the tests' own clients are back.
func (st *stage) connected() bool {
	return st.nc.IsConnected() && st.orders.Conn().IsConnected()
}

func (st *stage) lettersOf(id string) []letter {
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []letter
	for _, l := range st.letters {
		if l.id == id {
			out = append(out, l)
		}
	}
	return out
}

// body makes the body of an event, which is not that of any other.
func (st *stage) body() string {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.subject++
	return fmt.Sprintf(`{"event": "%s/%d"}`, st.t.Name(), st.subject)
}

// publish sends an event under an id and remembers what must become of it.
func (st *stage) publish(subject string, want sent, headers ...string) *jetstream.PubAck {
	st.t.Helper()
	if want.body == "" {
		want.body = st.body()
	}
	want.id = fmt.Sprintf("%s-%d", st.t.Name(), len(st.sent))
	st.sent = append(st.sent, want)
	return st.again(subject, want, headers...)
}

// again sends the same event once more; nothing more must come of it.
func (st *stage) again(subject string, e sent, headers ...string) *jetstream.PubAck {
	st.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(e.body)
	if e.body == "-" {
		m.Data = nil
	}
	m.Header["Nats-Msg-Id"] = []string{e.id}
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	ack, err := st.orders.PublishMsg(st.t.Context(), m)
	if err != nil {
		st.t.Fatalf("publish on %s: %v", subject, err)
	}
	return ack
}

// settle waits until every event has become what it must, and then looks that nothing more comes: nothing lost, nothing twice.
func (st *stage) settle(timeout time.Duration) {
	st.t.Helper()
	var open string
	if !st.wait(timeout, func() bool { open = st.open(); return open == "" }) {
		st.t.Fatalf("after %v: %s", timeout, open)
	}
	time.Sleep(time.Second)
	if open = st.open(); open != "" {
		st.t.Errorf("a second later: %s", open)
	}
}

// open names the first event that has not become what it must.
func (st *stage) open() string {
	letters := 0
	for _, e := range st.sent {
		ls := st.lettersOf(e.id)
		letters += len(ls)
		cs := calls.of(e.body)
		switch {
		case e.dead != "" && (len(cs) != 0 || len(ls) != 1 || ls[0].subject != e.dead || !strings.Contains(ls[0].reason, e.reason)):
			return fmt.Sprintf("event %s must be one dead letter on %s for %q and no call; letters %+v, calls %+v", e.id, e.dead, e.reason, ls, cs)
		case e.dead == "" && (len(cs) != 1 || cs[0].target != e.target || cs[0].key != e.key || len(ls) != 0):
			return fmt.Sprintf("event %s must be one call of %s with the key %q; calls %+v, letters %+v", e.id, e.target, e.key, cs, ls)
		}
	}
	if n := len(st.allLetters()); n != letters {
		return fmt.Sprintf("there are %d dead letters, and %d have their event", n, letters)
	}
	stream, err := st.nack.Stream(st.t.Context(), "RESTATE_EVENTS")
	if err != nil {
		return err.Error()
	}
	if n := stream.CachedInfo().State.Msgs; n != 0 {
		return fmt.Sprintf("the stream still has %d events", n)
	}
	return ""
}

func (st *stage) allLetters() []letter {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]letter(nil), st.letters...)
}

func (st *stage) wait(timeout time.Duration, done func() bool) bool {
	for start := time.Now(); time.Since(start) < timeout; time.Sleep(50 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return done()
}

func (st *stage) eventually(timeout time.Duration, what string, done func() bool) {
	st.t.Helper()
	if !st.wait(timeout, done) {
		st.t.Fatalf("not within %v: %s", timeout, what)
	}
}
