// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// matrixSpec has a user of each sort. The witness may publish and hear everything that any user could be given, so that a message that
// does not arrive was refused, and not missing.
const matrixSpec = `
account:
  subjects: ["restate.>", "workflow.outbox.>"]
  allowDeep: true
  limits: {connections: 10, subscriptions: 12, payload: 4096}
  users:
    worker: {publicKeys: [{worker}], publish: ["restate.events.*", "workflow.outbox.*"], subscribe: ["restate.events.*", "workflow.outbox.*"]}
    emitter: {publicKeys: [{emitter}], publish: [restate.events.order-created], subscribe: []}
    listener: {publicKeys: [{listener}], publish: [], subscribe: ["restate.events.*"]}
    exact: {publicKeys: [{exact}], publish: [], subscribe: [workflow.outbox.orders]}
    silent: {publicKeys: [{silent}], publish: [], subscribe: []}
    middle: {publicKeys: [{middle}], publish: [], subscribe: ["workflow.outbox.*.done"]}
    witness: {publicKeys: [{witness}], publish: ["restate.>", "workflow.outbox.>"], subscribe: ["restate.>", "workflow.outbox.>"]}
  peers: {WASMCLOUD: {}}
  imports: {orders: {account: WASMCLOUD, subject: "restate.events.*"}}
  exports: {outbox: {account: WASMCLOUD, subject: "workflow.outbox.*"}}
jetstream:
  replicas: 1
  limits: {file: 8388608, memory: 0, streams: 2, consumers: 3}
  nack: {publicKeys: [{nack}]}
bridge:
  publicKeys: [{bridge}]
  routes:
    created: {subject: restate.events.order-created, service: Order, handler: created}
    paid: {subject: restate.events.order-paid, service: Order, handler: paid}
`

// The consumers of the routes of matrixSpec, named after the hashes of their subjects.
const (
	consumerCreated = "restate-bridge-dbc32057"
	consumerPaid    = "restate-bridge-e6109581"
)

// letters are what the witness publishes whenever a subscription is tried.
var letters = []string{
	"restate.events", "restate.events.order", "restate.events.order.created", "restate.admin", "restate.dlq.Order",
	"workflow.outbox.orders", "workflow.outbox.orders.done", "workflow.outbox.orders.done.twice",
}

// world is a running server with the account, and one connection of each user that was asked for.
type world struct {
	testing.TB
	server *server.Server
	keys   keyring
	conns  map[string]*nats.Conn
}

func newWorld(t testing.TB, s *server.Server, keys keyring) *world {
	return &world{TB: t, server: s, keys: keys, conns: map[string]*nats.Conn{}}
}

func (w *world) conn(user string) (*nats.Conn, error) {
	if w.conns[user] == nil {
		nc, err := dial(w, w.server, w.keys, user)
		if err != nil {
			return nil, err
		}
		w.conns[user] = nc
	}
	return w.conns[user], nil
}

// hangUp closes all connections, and waits until the server has seen it.
func (w *world) hangUp() {
	for _, nc := range w.conns {
		nc.Close()
	}
	clear(w.conns)
	for deadline := time.Now().Add(5 * time.Second); w.server.NumClients() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("%d clients are still there", w.server.NumClients())
		}
	}
}

// deviations are the trials that end otherwise than they must.
func (w *world) deviations(trials []trial) map[string]string {
	out := map[string]string{}
	for _, tr := range trials {
		got, err := tr.observe(w)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tr.want {
			out[tr.reason] = fmt.Sprintf("got %q, want %q", got, tr.want)
		}
	}
	return out
}

// refused reports whether the server refused the connection what it asked for last. The server answers in order, so that its error
// is there when its PONG is.
func refused(nc *nats.Conn, what, subject string) (bool, error) {
	if err := nc.FlushTimeout(5 * time.Second); err != nil {
		return false, err
	}
	err := nc.LastError()
	return err != nil && strings.Contains(err.Error(), fmt.Sprintf("%s to %q", what, subject)), nil
}

// A trial is one row: what somebody does, and what must come of it.
type trial struct {
	reason  string
	observe func(*world) (string, error)
	want    string
}

// publishes is what comes of publishing as a user: refused, delivered, or allowed where the witness does not hear.
func publishes(user, subject, want, reason string) trial {
	return trial{fmt.Sprintf("%s publishes %s: %s", user, subject, reason), func(w *world) (string, error) {
		nc, err := w.conn(user)
		if err != nil {
			return "", err
		}
		witness, err := w.conn("witness")
		if err != nil {
			return "", err
		}
		var heard *nats.Subscription
		for _, prefix := range []string{"restate.>", "workflow.outbox.>"} {
			if strings.HasPrefix(subject, strings.TrimSuffix(prefix, ">")) {
				if heard, err = witness.SubscribeSync(prefix); err != nil {
					return "", err
				}
				defer func() { _ = heard.Unsubscribe() }()
				if err := witness.Flush(); err != nil {
					return "", err
				}
			}
		}
		if err := nc.Publish(subject, nil); err != nil {
			return "", err
		}
		if no, err := refused(nc, "Publish", subject); no || err != nil {
			return "refused", err
		}
		if heard == nil {
			return "allowed", nil
		}
		got, err := drain(witness, heard)
		if strings.Join(got, " ") == subject {
			return "delivered", err
		}
		return "lost", err
	}, want}
}

// subscribes is what comes of subscribing as a user: refused, or the letters that arrive.
func subscribes(user, subject, want, reason string) trial {
	return trial{fmt.Sprintf("%s subscribes %s: %s", user, subject, reason), func(w *world) (string, error) {
		nc, err := w.conn(user)
		if err != nil {
			return "", err
		}
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			return "", err
		}
		if no, err := refused(nc, "Subscription", subject); no || err != nil {
			return "refused", err
		}
		defer func() { _ = sub.Unsubscribe() }()
		witness, err := w.conn("witness")
		if err != nil {
			return "", err
		}
		for _, l := range letters {
			if err := witness.Publish(l, nil); err != nil {
				return "", err
			}
		}
		if err := witness.Flush(); err != nil {
			return "", err
		}
		got, err := drain(nc, sub)
		return strings.Join(got, " "), err
	}, want}
}

// drain returns the subjects of what has arrived. What the server sent stands before its PONG.
func drain(nc *nats.Conn, sub *nats.Subscription) ([]string, error) {
	if err := nc.Flush(); err != nil {
		return nil, err
	}
	n, _, err := sub.Pending()
	if err != nil {
		return nil, err
	}
	var got []string
	for range n {
		msg, err := sub.NextMsg(time.Second)
		if err != nil {
			return nil, err
		}
		got = append(got, msg.Subject)
	}
	return got, nil
}

// matrix is all that the users may do and may not do.
func matrix() []trial {
	var out []trial
	for _, rows := range [][]trial{userTrials(), generatedTrials(), replyTrials(), peerTrials(), limitTrials()} {
		out = append(out, rows...)
	}
	return out
}

func userTrials() []trial {
	const events, outbox = "restate.events.order", "workflow.outbox.orders"
	return []trial{
		publishes("worker", "restate.events.order", "delivered", "one token"),
		publishes("worker", "workflow.outbox.w1", "delivered", "the other subject"),
		publishes("worker", "restate.events.order.created", "refused", "two tokens are not one"),
		publishes("worker", "workflow.outbox.w1.done", "refused", "two tokens are not one"),
		publishes("worker", "restate.events", "refused", "no token is not one"),
		publishes("worker", "restate.admin", "refused", "another subject of ours"),
		publishes("worker", "restate.dlq.Order", "refused", "dead letters are the bridge's"),
		publishes("worker", "workflow.inbox.w1", "refused", "another subject"),
		publishes("worker", "foo", "refused", "another subject"),
		publishes("worker", "_INBOX.x", "refused", "an answer to nobody"),
		publishes("worker", "_INBOX_restate.x", "refused", "an answer to nobody, in the account's inbox"),
		publishes("worker", "$JS.API.INFO", "refused", "JetStream"),
		publishes("worker", "$JS.API.STREAM.CREATE.RESTATE_EVENTS", "refused", "a stream"),
		publishes("worker", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS."+consumerCreated, "refused", "the bridge's events"),
		publishes("worker", "$JS.ACK.RESTATE_EVENTS."+consumerCreated+".1.1.1.1.0", "refused", "the bridge's acknowledgement"),
		publishes("worker", "$SYS.REQ.USER.INFO", "refused", "the system"),
		publishes("worker", "restate.events.Orders-Created?delay=1d", "delivered", "any character may stand in a token: no URL is made of a subject"),

		publishes("emitter", "restate.events.order-created", "delivered", "its one subject"),
		publishes("emitter", "restate.events.order", "refused", "another event"),
		publishes("listener", "restate.events.order", "refused", "an empty list lets nothing out"),
		publishes("listener", "foo", "refused", "an empty list lets nothing out"),
		publishes("exact", "workflow.outbox.orders", "refused", "an empty list lets nothing out"),
		publishes("middle", "workflow.outbox.orders.done", "refused", "an empty list lets nothing out"),
		publishes("silent", "restate.events.order", "refused", "an empty list lets nothing out"),
		publishes("silent", "foo", "refused", "an empty list lets nothing out"),
		publishes("witness", "restate.a.b.c", "delivered", "asked for with allowDeep"),
		publishes("witness", "workflow.outbox.a.b", "delivered", "asked for with allowDeep"),
		publishes("witness", "workflow.a", "refused", "beside it"),

		subscribes("worker", "restate.events.*", events, "one token"),
		subscribes("worker", "restate.events.order", events, "one token by name"),
		subscribes("worker", "restate.events.>", events, "the server takes it for one token, and the deny keeps the deeper ones away"),
		subscribes("worker", "workflow.outbox.*", outbox, "the other subject"),
		subscribes("worker", "workflow.outbox.>", outbox, "as above"),
		subscribes("worker", "restate.events.order.created", "refused", "deeper, by name"),
		subscribes("worker", "restate.events.*.*", "refused", "deeper"),
		subscribes("worker", "workflow.outbox.*.done", "refused", "deeper"),
		subscribes("worker", "restate.>", "refused", "wider"),
		subscribes("worker", ">", "refused", "everything"),
		subscribes("worker", "*.events.order", "refused", "wider"),
		subscribes("worker", "restate.*.order", "refused", "wider"),
		subscribes("worker", "restate.dlq.*", "refused", "dead letters"),
		subscribes("worker", "_INBOX.>", "refused", "answers to the bridge and to NACK"),
		subscribes("worker", "_INBOX_restate.>", "", "answers to its account"),
		subscribes("worker", "$JS.EVENT.ADVISORY.>", "refused", "what happens to streams"),

		subscribes("emitter", "restate.events.order-created", "refused", "what it publishes"),
		subscribes("emitter", "_INBOX_restate.>", "", "its answers"),
		subscribes("listener", "restate.events.>", events, "deny for each user"),
		subscribes("listener", "_INBOX_restate.>", "", "its answers"),
		subscribes("listener", "workflow.outbox.*", "refused", "not in its list"),
		subscribes("exact", "workflow.outbox.orders", outbox, "one subject by name"),
		subscribes("exact", "workflow.outbox.*", "refused", "wider"),
		subscribes("exact", "_INBOX_restate.>", "", "its answers"),
		subscribes("middle", "workflow.outbox.*.done", "workflow.outbox.orders.done", "a star in the middle"),
		subscribes("middle", "workflow.outbox.>", "refused", "wider"),
		subscribes("middle", "workflow.outbox.orders.done.>", "refused", "deeper"),
		subscribes("middle", "_INBOX_restate.>", "", "its answers"),
		subscribes("silent", "workflow.outbox.orders", "refused", "an empty list lets nothing in"),
		subscribes("silent", "_INBOX_restate.>", "", "its answers"),
		subscribes("witness", "restate.>", strings.Join(letters[:5], " "), "asked for with allowDeep"),
		subscribes("witness", "workflow.outbox.>", strings.Join(letters[5:], " "), "asked for with allowDeep"),
		subscribes("witness", "_INBOX_restate.>", "", "its answers"),
	}
}

// generatedTrials are about the users that stand outside of the account's subjects.
func generatedTrials() []trial {
	out := []trial{
		publishes("bridge", "restate.dlq.Order", "delivered", "dead letters"),
		publishes("bridge", "restate.dlq.Order.x", "refused", "beside them"),
		publishes("bridge", "restate.events.order-created", "refused", "it makes no events"),
		publishes("bridge", "workflow.outbox.orders", "refused", "it makes no events"),
		publishes("bridge", "$JS.API.INFO", "refused", "the account"),
		publishes("bridge", "$JS.API.STREAM.INFO.RESTATE_EVENTS", "refused", "the stream"),
		publishes("bridge", "$JS.API.STREAM.NAMES", "refused", "all streams"),
		publishes("bridge", "$JS.API.STREAM.PURGE.RESTATE_EVENTS", "refused", "all events"),
		publishes("bridge", "$JS.API.STREAM.DELETE.RESTATE_EVENTS", "refused", "all events"),
		publishes("bridge", "$JS.API.STREAM.MSG.DELETE.RESTATE_EVENTS", "refused", "an event"),
		publishes("bridge", "$JS.API.STREAM.MSG.GET.RESTATE_DLQ", "refused", "dead letters of others"),
		publishes("bridge", "$JS.API.DIRECT.GET.RESTATE_EVENTS", "refused", "an event past the consumer"),
		publishes("bridge", "$JS.API.CONSUMER.CREATE.RESTATE_EVENTS."+consumerCreated, "refused", "a consumer"),
		publishes("bridge", "$JS.API.CONSUMER.CREATE.RESTATE_EVENTS."+consumerCreated+".restate.events.order-paid", "refused", "another subject for a consumer"),
		publishes("bridge", "$JS.API.CONSUMER.CREATE.RESTATE_EVENTS.other", "refused", "a consumer"),
		publishes("bridge", "$JS.API.CONSUMER.DURABLE.CREATE.RESTATE_EVENTS.other", "refused", "a consumer, by the old call"),
		publishes("bridge", "$JS.API.CONSUMER.DELETE.RESTATE_EVENTS."+consumerCreated, "refused", "a consumer"),
		publishes("bridge", "$JS.ACK.RESTATE_DLQ."+consumerCreated+".1.1.1.1.0", "refused", "another stream's"),
		subscribes("bridge", "_INBOX.>", "", "Bento has no prefix of its own"),
		subscribes("bridge", "_INBOX_restate.>", "refused", "answers to users"),
		subscribes("bridge", "restate.events.*", "refused", "events past the stream"),
		subscribes("bridge", "restate.dlq.*", "refused", "dead letters"),
		subscribes("nack", "_INBOX.>", "", "its answers"),
		subscribes("nack", "_INBOX_restate.>", "refused", "answers to users"),
		subscribes("nack", "restate.events.*", "refused", "it reads no events"),
		publishes("nack", "restate.events.order", "refused", "it makes no events"),
		publishes("nack", "restate.dlq.Order", "refused", "it makes no dead letters"),
		publishes("nack", "$JS.API.INFO", "refused", "it never asks"),
		publishes("nack", "$JS.API.STREAM.NAMES", "refused", "all streams"),
		publishes("nack", "$JS.API.STREAM.PURGE.RESTATE_EVENTS", "refused", "all events"),
		publishes("nack", "$JS.API.STREAM.MSG.GET.RESTATE_EVENTS", "refused", "an event"),
		publishes("nack", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS."+consumerCreated, "refused", "the bridge's events"),
		publishes("nack", "$JS.ACK.RESTATE_EVENTS."+consumerCreated+".1.1.1.1.0", "refused", "the bridge's acknowledgements"),
	}
	for consumer, want := range map[string]string{consumerCreated: "allowed", consumerPaid: "allowed", "restate-bridge-00000000": "refused", "restate-bridge": "refused", "other": "refused"} {
		out = append(out,
			publishes("bridge", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS."+consumer, want, "a consumer"),
			publishes("bridge", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS."+consumer, want, "its events"),
			publishes("bridge", "$JS.ACK.RESTATE_EVENTS."+consumer+".1.1.1.1.0", want, "its acknowledgements"))
	}
	calls := []string{
		"STREAM.CREATE.%s", "STREAM.DELETE.%s", "STREAM.INFO.%s", "STREAM.UPDATE.%s", "CONSUMER.CREATE.%s." + consumerCreated,
		"CONSUMER.CREATE.%s." + consumerCreated + ".restate.events.order-created", "CONSUMER.DELETE.%s." + consumerCreated, "CONSUMER.INFO.%s." + consumerCreated,
	}
	for stream, want := range map[string]string{"RESTATE_EVENTS": "allowed", "RESTATE_DLQ": "allowed", "OTHER": "refused"} {
		for _, call := range calls {
			out = append(out, publishes("nack", "$JS.API."+fmt.Sprintf(call, stream), want, "NACK's call"))
		}
	}
	return out
}

// replyTrials are about requests and answers.
func replyTrials() []trial {
	// request asks, and the one who hears it answers so often.
	request := func(from, inbox, subject, to string, answers int) func(*world) (string, error) {
		return func(w *world) (string, error) {
			listener, err := w.conn(to)
			if err != nil {
				return "", err
			}
			sub, err := listener.Subscribe(subject, func(msg *nats.Msg) {
				for range answers {
					_ = msg.Respond([]byte("answer"))
				}
			})
			if err != nil {
				return "", err
			}
			defer func() { _ = sub.Unsubscribe() }()
			if err := listener.Flush(); err != nil {
				return "", err
			}
			asks, err := w.conn(from)
			if err != nil {
				return "", err
			}
			replies, err := asks.SubscribeSync(inbox + "." + to + "." + strconv.Itoa(answers))
			if err != nil {
				return "", err
			}
			defer func() { _ = replies.Unsubscribe() }()
			if err := asks.PublishRequest(subject, replies.Subject, nil); err != nil {
				return "", err
			}
			if no, err := refused(asks, "Subscription", replies.Subject); no || err != nil {
				return "no inbox", err
			}
			if _, err := replies.NextMsg(time.Second); errors.Is(err, nats.ErrTimeout) {
				return "no answer", nil
			} else if err != nil {
				return "", err
			}
			if err := listener.Flush(); err != nil { // the second answer was sent before
				return "", err
			}
			if err := asks.Flush(); err != nil {
				return "", err
			}
			more, _, err := replies.Pending()
			return fmt.Sprintf("%d answers", 1+more), err
		}
	}
	out := []trial{
		{"the common inbox is not for users", request("worker", "_INBOX", "restate.events.order", "listener", 1), "no inbox"},
	}
	for user, subject := range map[string]string{
		"worker": "restate.events.order", "listener": "restate.events.order", "exact": "workflow.outbox.orders", "middle": "workflow.outbox.orders.done", "witness": "restate.admin",
	} {
		out = append(out,
			trial{user + " answers a request", request("witness", "_INBOX_restate", subject, user, 1), "1 answers"},
			trial{user + " answers it once", request("witness", "_INBOX_restate", subject, user, 2), "1 answers"})
	}
	return out
}

// peerTrials are about the other account.
func peerTrials() []trial {
	crosses := func(from, to, subscription string, subjects ...string) func(*world) (string, error) {
		return func(w *world) (string, error) {
			sender, err := w.conn(from)
			if err != nil {
				return "", err
			}
			receiver, err := w.conn(to)
			if err != nil {
				return "", err
			}
			sub, err := receiver.SubscribeSync(subscription)
			if err != nil {
				return "", err
			}
			defer func() { _ = sub.Unsubscribe() }()
			if err := receiver.Flush(); err != nil {
				return "", err
			}
			for _, s := range subjects {
				if err := sender.PublishMsg(&nats.Msg{Subject: s, Header: nats.Header{"traceparent": {"00-" + s}, nats.MsgIdHdr: {"1"}}}); err != nil {
					return "", err
				}
			}
			if err := sender.Flush(); err != nil {
				return "", err
			}
			if err := receiver.Flush(); err != nil {
				return "", err
			}
			var got []string
			n, _, err := sub.Pending()
			for range n {
				msg, err := sub.NextMsg(time.Second)
				if err != nil {
					return "", err
				}
				if msg.Header.Get("traceparent") != "00-"+msg.Subject || msg.Header.Get(nats.MsgIdHdr) != "1" {
					return "headers lost", nil
				}
				got = append(got, msg.Subject)
			}
			return strings.Join(got, " "), err
		}
	}
	return []trial{
		{"the peer's events come in, one token deep alone", crosses("wasmcloud", "witness", "restate.>", "restate.events.order", "restate.events.order.created", "restate.dlq.Order", "restate.events"), "restate.events.order"},
		{"and nothing else of it", crosses("wasmcloud", "witness", "workflow.outbox.>", letters...), ""},
		{"the outbox goes out, one token deep alone", crosses("witness", "wasmcloud", ">", letters...), "workflow.outbox.orders"},
		{"a user that subscribes gets the peer's events", crosses("wasmcloud", "listener", "restate.events.*", "restate.events.order"), "restate.events.order"},
	}
}
