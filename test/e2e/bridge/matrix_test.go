// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The ways of the spec's routes.
var (
	created = sent{target: "Orders/created"}
	refused = sent{dead: "restate.dlq.Absent_v1", reason: "unexpected response code (404)"}
)

// unsent is an event of a service that no request can be made of.
func unsent(service, reason string) sent {
	return sent{dead: "restate.dlq." + service, reason: reason, unsent: true}
}

// TestEvents sends what can be told from the event alone, over TLS with a client certificate.
func TestEvents(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{tls: true})

	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	st.publish("restate.events.created", created, "traceparent", trace)
	first := st.sent[0]
	st.publish("restate.events.created", created)
	st.publish("restate.events.cancelled", sent{target: "Orders/cancelled"})
	st.publish("restate.events.absent", refused)
	st.publish("restate.events.lost", refused, "X-Key", "a b", "traceparent", trace, "Other", "x")
	lost := st.sent[len(st.sent)-1]

	st.publish("restate.events.created", created)
	twice := st.sent[len(st.sent)-1]
	if ack := st.again("restate.events.created", twice); !ack.Duplicate {
		t.Error("an id that came before is no duplicate to the stream")
	}

	if ack := st.again("restate.events.cancelled", twice); !ack.Duplicate {
		t.Error("an id that came before on another subject is no duplicate to the stream")
	}

	// Almost as large as the stream takes, 63488 bytes with the headers. A dead letter of more might not fit into limits.payload.
	large := refused
	large.body = fmt.Sprintf(`{"event": %q, "fill": %q}`, t.Name(), strings.Repeat("x", 63300))
	st.publish("restate.events.absent", large)
	var refusal *jetstream.APIError
	if _, err := st.orders.Publish(t.Context(), "restate.events.absent", make([]byte, 63489)); !errors.As(err, &refusal) || refusal.ErrorCode != 10054 {
		t.Errorf("an event that is larger: got %v, want that the stream refuses its size", err)
	}

	for _, body := range []string{"-", "{", `{"a": 1} {"a": 2}`, `{"a": 1}x`, "NaN", "01", "text"} {
		invalid := unsent("Orders", "the body is not JSON")
		invalid.body = body
		st.publish("restate.events.created", invalid)
	}
	for _, subject := range []string{"other", "Orders-Created?delay=1d", "a/b", "a%2Fb", "created?", "Created"} {
		if _, err := st.orders.Publish(t.Context(), "restate.events."+subject, []byte("{}")); !errors.Is(err, jetstream.ErrNoStreamResponse) {
			t.Errorf("an event that no route takes: got %v, want that no stream takes it", err)
		}
	}
	st.settle(20 * time.Second)

	time.Sleep(2 * time.Second) // the duplicate window
	if ack := st.again("restate.events.created", twice); ack.Duplicate {
		t.Error("the duplicate window did not end")
	}
	st.settle(10 * time.Second)

	requests := st.proxy.byEvent()
	if n := len(requests[twice.id]); n < 2 {
		t.Errorf("the event that came again after the window was sent %d times, so that Restate did not have to know it", n)
	}
	for _, e := range st.sent {
		traced := e.id == first.id || e.id == lost.id
		checkRequests(t, e, requests[e.id], traced, trace)
		delete(requests, e.id)
	}
	if len(requests) > 0 {
		t.Errorf("requests of no event: %+v", requests)
	}
	if cs := calls.of(first.body); cs[0].traceparent == "" {
		t.Error("the handler does not see the traceparent")
	}
	l := st.lettersOf(lost.id)[0]
	if l.event != "restate.events.lost" || l.body != lost.body || l.header.Get("X-Key") != "a b" || l.header.Get("traceparent") != trace || len(l.header) != 6 {
		t.Errorf("the dead letter must have what it takes to send the event again, and no more: %+v", l)
	}
}

// checkRequests holds the requests for an event against what became of it.
func checkRequests(t *testing.T, e sent, requests []request, traced bool, trace string) {
	t.Helper()
	switch n := len(requests); {
	case e.unsent && n != 0:
		t.Errorf("event %s can go nowhere, and has %d requests: %+v", e.id, n, requests)
	case e.dead == refused.dead && n != 1:
		t.Errorf("Restate refused event %s for good, and got it %d times", e.id, n)
	}
	for _, r := range requests {
		target := strings.TrimPrefix(r.target, "/restate/send/")
		if e.target != "" && target != e.target || e.target == "" && target != "Absent.v1/h" && target != "Absent.v1/a%20b/h" {
			t.Errorf("event %s went to %s", e.id, r.target)
		}
		if has := len(r.traceparent) == 1 && r.traceparent[0] == trace; has != traced || !traced && len(r.traceparent) > 0 {
			t.Errorf("event %s has the traceparent %q", e.id, r.traceparent)
		}
	}
}

// TestBeforeStreams: the bridge waits for its consumers, whoever makes them.
func TestBeforeStreams(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{early: true})
	st.publish("restate.events.created", created)
	st.settle(10 * time.Second)
	if ends := st.bridges[0].ends(); len(ends) > 0 {
		t.Errorf("the bridge ended: %q", ends)
	}
}

// TestKeys: the object's key is what the event says, or there is a dead letter.
func TestKeys(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	keyed := func(key string) sent { return sent{target: "Order/created", key: key} }
	field := func(json string, want sent) {
		want.body = fmt.Sprintf(`{"event": "%s/%d", "order": {"id": %s}}`, t.Name(), len(st.sent), json)
		st.publish("restate.events.field", want)
	}
	for _, key := range []string{"a", "a/b", "/", "a?b=c&d", "100%", "%2F", "a+b", "a b", "ü日本", "...", ".a", "a#b", "~!*'();:@$,[]", "null", "true", `"`, `\`} {
		st.publish("restate.events.keyed", keyed(key), "X-Key", key)
		field(fmt.Sprintf("%q", key), keyed(key))
	}
	field(`"a\nb"`, keyed("a\nb"))
	field("42", keyed("42"))
	field("-7", keyed("-7"))
	field("999999999999999", keyed("999999999999999"))
	for _, number := range []string{"1000000000000000", "9007199254740993", "1.5", "1e40"} {
		field(number, unsent("Order", "a number as key is whole"))
	}
	for _, json := range []string{"null", "true", "{}", "[1]"} {
		field(json, unsent("Order", "the key is missing"))
	}
	for _, json := range []string{`""`, `"."`, `".."`} {
		field(json, unsent("Order", "the key is empty or a dot segment"))
	}
	st.publish("restate.events.field", unsent("Order", "the key is missing"))
	list := unsent("Order", "the key is missing")
	list.body = "[" + `"` + t.Name() + `"` + "]"
	st.publish("restate.events.field", list)
	st.publish("restate.events.keyed", unsent("Order", "the key is missing"))
	for _, key := range []string{".", ".."} {
		st.publish("restate.events.keyed", unsent("Order", "the key is empty or a dot segment"), "X-Key", key)
	}
	st.settle(30 * time.Second)
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	st.proxy.set(func(p *proxy) { p.status = http.StatusServiceUnavailable })
	st.publish("restate.events.created", created)
	time.Sleep(5 * time.Second)
	st.proxy.set(func(p *proxy) { p.status = 0 })
	st.settle(15 * time.Second)
	seen := st.proxy.seen()
	if len(seen) != 4 {
		t.Fatalf("got %d requests, want 4: at once and after 1, 2 and 4 s: %+v", len(seen), seen)
	}
	for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if wait := seen[i+1].at.Sub(seen[i].at); wait < least-100*time.Millisecond {
			t.Errorf("request %d came %v after the one before, want %v", i+1, wait, least)
		}
	}
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	st.proxy.refuse()
	st.publish("restate.events.created", created)
	time.Sleep(25 * time.Second)
	st.proxy.listen()
	st.settle(20 * time.Second)
}

func TestToken(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	st.proxy.set(func(p *proxy) { p.token = "key_second" })
	st.publish("restate.events.created", created)
	st.eventually(10*time.Second, "two requests are refused", func() bool { return len(st.proxy.seen()) >= 2 })
	st.setToken("key_second")
	st.settle(15 * time.Second)
	if ends := st.bridges[0].ends(); len(ends) > 0 {
		t.Errorf("the bridge ended: %q", ends)
	}

	if err := os.Remove(st.token); err != nil {
		t.Fatal(err)
	}
	before := len(st.proxy.seen())
	st.publish("restate.events.created", created)
	time.Sleep(10 * time.Second)
	if n := len(st.proxy.seen()) - before; n == 0 || n > 15 {
		t.Errorf("the event was tried %d times in 10 s without a token, want a few", n)
	}
	st.setToken("key_second")
	st.settle(15 * time.Second)
}

// TestNoAnswer: Restate has taken the event, but nobody hears it.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	st.proxy.set(func(p *proxy) { p.silent = 1 })
	st.publish("restate.events.created", created)
	st.settle(20 * time.Second)
	if seen := st.proxy.seen(); len(seen) != 2 || seen[0].idempotencyKey != seen[1].idempotencyKey {
		t.Errorf("want two requests with one key, got %+v", seen)
	}
}

// TestKilled ends the bridge when Restate has taken its events and it does not know that yet. The consumer waits 5 s for an
// acknowledgement in place of 1 m.
func TestKilled(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{ackWait: 5 * time.Second})
	st.proxy.set(func(p *proxy) { p.silent = 1000 })
	for range 5 {
		st.publish("restate.events.created", created)
	}
	st.eventually(20*time.Second, "Restate has taken all", func() bool {
		return !slices.ContainsFunc(st.sent, func(e sent) bool { return len(calls.of(e.body)) != 1 })
	})
	st.bridges[0].kill()
	st.proxy.set(func(p *proxy) { p.silent = 0 })
	st.settle(30 * time.Second)
	if ends := st.bridges[0].ends(); len(ends) != 1 {
		t.Errorf("want one end, got %q", ends)
	}
	posts := map[string]int{}
	for _, r := range st.proxy.seen() {
		posts[r.idempotencyKey]++
	}
	for _, e := range st.sent {
		if posts[e.id] < 2 {
			t.Errorf("event %s came to Restate %d times, so that the case shows nothing", e.id, posts[e.id])
		}
	}
}

// TestTooOld has an age limit of 5 s in place of the least that the spec allows.
func TestTooOld(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{replace: map[string]string{"$age < 60)": "$age < 5)"}})
	st.proxy.set(func(p *proxy) { p.status = http.StatusServiceUnavailable })
	st.publish("restate.events.created", sent{dead: "restate.dlq.Orders", reason: "(503)"})
	// No header makes an event so young that it is tried until the stream drops it. A minute is for clocks that differ.
	for _, stamp := range []string{"x", "NaN", "Inf", "-Inf", "1e400", "0", "-1", fmt.Sprint(time.Now().Add(70 * time.Minute).UnixNano()), "99999999999999999999999"} {
		st.publish("restate.events.created", sent{dead: "restate.dlq.Orders", reason: "(503)"}, "nats_timestamp_unix_nano", stamp)
	}
	st.settle(60 * time.Second)
	st.proxy.set(func(p *proxy) { p.status = 0 })
	st.publish("restate.events.created", created)
	st.settle(20 * time.Second)
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{replicas: 2})
	st.proxy.set(func(p *proxy) { p.slow = 50 * time.Millisecond })
	for range 100 {
		st.publish("restate.events.created", created)
	}
	st.settle(30 * time.Second)
	for i, b := range st.bridges {
		if n := b.metric(t, "input_received", `label="events_created"`); n == 0 {
			t.Errorf("replica %d got none of the events", i)
		}
	}
}

// TestIdle has an idle time of 3 s. A client that brings nothing is replaced, also while an event is on its way.
func TestIdle(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{ackWait: 15 * time.Second, replace: map[string]string{"idle_timeout: 1m": "idle_timeout: 3s"}})
	b := st.bridges[0]
	st.eventually(20*time.Second, "two clients were replaced", func() bool { return b.says("Idle timeout reached") >= 2 })
	st.publish("restate.events.created", created)
	st.settle(10 * time.Second)

	st.proxy.set(func(p *proxy) { p.status = http.StatusServiceUnavailable })
	st.publish("restate.events.created", created)
	before := b.says("Idle timeout reached")
	st.eventually(20*time.Second, "a client is replaced with an event on its way", func() bool { return b.says("Idle timeout reached") > before })
	st.proxy.set(func(p *proxy) { p.status = 0 })
	st.settle(40 * time.Second)
	if ends := b.ends(); len(ends) > 0 {
		t.Errorf("the bridge ended: %q", ends)
	}
}

// TestKeyRemoved: the server takes the key away that the bridge connected with, and the file has the new one. The input comes back
// by itself, the dead letters after an end of the process. The idle time is 5 s.
func TestKeyRemoved(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{replace: map[string]string{"idle_timeout: 1m": "idle_timeout: 5s"}})
	st.rotate()
	st.eventually(30*time.Second, "the bridge is connected with the new key", st.bridges[0].isReady)
	st.publish("restate.events.created", created)
	st.settle(30 * time.Second)
	if ends := st.bridges[0].ends(); len(ends) != 0 {
		t.Errorf("the input comes back without an end of the process, got %q", ends)
	}
	st.publish("restate.events.absent", refused)
	st.settle(90 * time.Second)
	if ends := st.bridges[0].ends(); !slices.Equal(ends, []string{"<nil>"}) {
		t.Errorf("want one end with 0, got %q", ends)
	}
}

// TestNoDeadLetterStream: an event that can go nowhere stays in its stream, and does not turn in a hot loop.
func TestNoDeadLetterStream(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	restore := st.deleteLetters()
	for range 20 {
		st.publish("restate.events.absent", refused)
	}
	time.Sleep(3 * time.Second)
	for range 20 {
		st.publish("restate.events.created", created)
	}
	st.eventually(20*time.Second, "the others are delivered", func() bool {
		return !slices.ContainsFunc(st.sent, func(e sent) bool { return e.target != "" && len(calls.of(e.body)) != 1 })
	})
	before := len(st.proxy.seen())
	time.Sleep(10 * time.Second)
	if n := len(st.proxy.seen()) - before; n > 100 {
		t.Errorf("there were %d requests in 10 s for 20 events, want some 40", n)
	}
	restore()
	st.settle(20 * time.Second)
}

// TestNATSAwayShort is an outage that the NATS client gets over by itself.
func TestNATSAwayShort(t *testing.T) {
	t.Parallel()
	st, ready := natsAway(t, 15*time.Second, nil)
	if !ready {
		t.Error("the bridge is not ready in a short outage: its pods would leave and come")
	}
	if ends := st.bridges[0].ends(); len(ends) > 0 {
		t.Errorf("the process ended: %q", ends)
	}
}

// TestNATSAwayLong is longer than the NATS client tries to come back: 60 times, 2 s apart. The idle time is 30 s. The input comes back
// by itself, the dead letters after an end of the process.
func TestNATSAwayLong(t *testing.T) {
	t.Parallel()
	st, ready := natsAway(t, 150*time.Second, map[string]string{"idle_timeout: 1m": "idle_timeout: 30s"})
	if ready {
		t.Error("the bridge is ready while NATS is away")
	}
	if ends := st.bridges[0].ends(); !slices.Equal(ends, []string{"<nil>"}) {
		t.Errorf("want one end with 0, got %q", ends)
	}
}

// natsAway stops the server with an event on its way to Restate, and returns whether the bridge was ready at the end of the outage.
// An acknowledgement is awaited 10 s in place of 1 m.
func natsAway(t *testing.T, away time.Duration, replace map[string]string) (st *stage, ready bool) {
	st = newStage(t, setup{replace: replace, ackWait: 10 * time.Second})
	st.publish("restate.events.created", created)
	st.publish("restate.events.absent", refused)
	st.settle(15 * time.Second)
	st.proxy.set(func(p *proxy) { p.slow = 2 * time.Second })
	st.publish("restate.events.created", created)
	time.Sleep(time.Second)
	st.nats.stop()
	time.Sleep(away)
	ready = st.bridges[0].isReady()
	st.proxy.set(func(p *proxy) { p.slow = 0 })
	st.nats.start()
	st.eventually(30*time.Second, "the tests' own clients are back", st.connected)
	st.publish("restate.events.created", created)
	st.settle(60 * time.Second)
	st.publish("restate.events.absent", refused)
	st.settle(60 * time.Second)
	return st, ready
}
