// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streams returns the JetStream calls of a user, with the inbox that Bento and NACK have.
func streams(t testing.TB, s *server.Server, keys keyring, user string) (jetstream.JetStream, *nats.Conn) {
	t.Helper()
	nc := connect(t, s, keys, user, nats.CustomInboxPrefix("_INBOX"))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js, nc
}

// startMatrix starts a server with the account of the matrix, as it is or changed.
func startMatrix(t testing.TB, keys keyring, change ...func(map[string]any)) *server.Server {
	t.Helper()
	g := generate(t, keys, matrixSpec)
	account := body(t, g.account["accounts.conf"], "RESTATE")
	for _, f := range change {
		f(account)
	}
	c := newConfig(t)
	c.include(t, map[string]string{"accounts.conf": entry(t, "RESTATE", account), "peer-WASMCLOUD.conf": peerConf(t, keys, g)})
	return c.start(t)
}

var (
	eventsStream  = jetstream.StreamConfig{Name: "RESTATE_EVENTS", Subjects: []string{"restate.events.order-created", "restate.events.order-paid"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage}
	lettersStream = jetstream.StreamConfig{Name: "RESTATE_DLQ", Subjects: []string{"restate.dlq.*"}, Storage: jetstream.FileStorage}
	bridgeDurable = jetstream.ConsumerConfig{
		Durable: consumerCreated, FilterSubject: "restate.events.order-created", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: -1,
	}
)

// denied runs a call that the server must not even answer, and waits for its word that it did not pass it on.
func denied(t *testing.T, nc *nats.Conn, reason string, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := call(ctx)
	if last := nc.LastError(); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrPermissionViolation) || last == nil || !strings.Contains(last.Error(), "Publish to \"$JS.API.") {
		t.Errorf("%s: got %v and %v, want no answer and a permissions violation", reason, err, last)
	}
}

// TestController makes, changes and deletes both streams and the consumer as NACK's user, by the calls of nats.go. The calls of NACK
// itself are in TestNACK.
func TestController(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	s := startMatrix(t, keys)
	js, _ := streams(t, s, keys, "nack")
	ctx := t.Context()
	for _, config := range []jetstream.StreamConfig{eventsStream, lettersStream} {
		if _, err := js.CreateStream(ctx, config); err != nil {
			t.Fatalf("create %s: %v", config.Name, err)
		}
		config.MaxAge = time.Hour
		if _, err := js.UpdateStream(ctx, config); err != nil {
			t.Errorf("update %s: %v", config.Name, err)
		}
		consumer := bridgeDurable
		consumer.FilterSubject = config.Subjects[0]
		if _, err := js.CreateConsumer(ctx, config.Name, consumer); err != nil {
			t.Errorf("create a consumer of %s: %v", config.Name, err)
		}
		consumer.AckWait = time.Minute
		if _, err := js.UpdateConsumer(ctx, config.Name, consumer); err != nil {
			t.Errorf("update a consumer of %s: %v", config.Name, err)
		}
		if c, err := js.Consumer(ctx, config.Name, consumer.Durable); err != nil || c.CachedInfo().Config.AckWait != time.Minute {
			t.Errorf("read a consumer of %s: %v", config.Name, err)
		}
		if err := js.DeleteConsumer(ctx, config.Name, consumer.Durable); err != nil {
			t.Errorf("delete a consumer of %s: %v", config.Name, err)
		}
		if err := js.DeleteStream(ctx, config.Name); err != nil {
			t.Errorf("delete %s: %v", config.Name, err)
		}
	}
	other := jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}
	for reason, call := range map[string]func(context.Context, jetstream.JetStream) error{
		"create another stream": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.CreateStream(ctx, other)
			return err
		},
		"update another stream": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.UpdateStream(ctx, other)
			return err
		},
		"read another stream":   func(ctx context.Context, js jetstream.JetStream) error { _, err := js.Stream(ctx, "OTHER"); return err },
		"delete another stream": func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, "OTHER") },
		"a consumer of another stream": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.CreateConsumer(ctx, "OTHER", bridgeDurable)
			return err
		},
		"delete a consumer of another": func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteConsumer(ctx, "OTHER", "c") },
		"ask which stream has a subject": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.StreamNameBySubject(ctx, "restate.events.order")
			return err
		},
		"read the account": func(ctx context.Context, js jetstream.JetStream) error { _, err := js.AccountInfo(ctx); return err },
	} {
		js, nc := streams(t, s, keys, "nack") // each its own error
		denied(t, nc, reason, func(ctx context.Context) error { return call(ctx, js) })
		nc.Close()
	}
}

// TestBridgeConsumer reads as the bridge does, from a consumer that is there already.
func TestBridgeConsumer(t *testing.T) {
	t.Parallel()
	keys := keyring{}
	s := startMatrix(t, keys)
	ctx := t.Context()
	controller, _ := streams(t, s, keys, "nack")
	for _, config := range []jetstream.StreamConfig{eventsStream, lettersStream} {
		if _, err := controller.CreateStream(ctx, config); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := controller.CreateConsumer(ctx, "RESTATE_EVENTS", bridgeDurable); err != nil {
		t.Fatal(err)
	}
	worker, err := jetstream.New(connect(t, s, keys, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := worker.Publish(ctx, bridgeDurable.FilterSubject, []byte("{}")); err != nil {
			t.Fatalf("a user publishes with an acknowledgement: %v", err)
		}
	}
	js, nc := streams(t, s, keys, "bridge")
	consumer, err := js.Consumer(ctx, "RESTATE_EVENTS", bridgeDurable.Durable)
	if err != nil {
		t.Fatalf("bind: %v", err)
	}
	batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for msg := range batch.Messages() {
		if err := msg.DoubleAck(ctx); err != nil {
			t.Errorf("acknowledge and be told: %v", err)
		}
	}
	legacy, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	bind := func(subject string) (*nats.Subscription, error) {
		return legacy.PullSubscribe(subject, bridgeDurable.Durable, nats.Bind("RESTATE_EVENTS", bridgeDurable.Durable))
	}
	if _, err := bind("restate.events.order-paid"); !errors.Is(err, nats.ErrSubjectMismatch) {
		t.Errorf("bind to the consumer of another subject: got %v", err)
	}
	sub, err := bind(bridgeDurable.FilterSubject)
	if err != nil {
		t.Fatalf("bind by the old calls, which Bento uses: %v", err)
	}
	msgs, err := sub.Fetch(1, nats.MaxWait(time.Second))
	if err != nil || len(msgs) != 1 {
		t.Fatalf("fetch: %d messages, %v", len(msgs), err)
	}
	if err := msgs[0].Nak(); err != nil {
		t.Error(err)
	}
	for range 2 { // what was given back, and the last
		msgs, err := sub.Fetch(1, nats.MaxWait(time.Second))
		if err != nil || len(msgs) != 1 {
			t.Fatalf("fetch: %d messages, %v", len(msgs), err)
		}
		if err := msgs[0].AckSync(); err != nil {
			t.Error(err)
		}
	}
	if err := nc.Publish("restate.dlq.Order", nil); err != nil {
		t.Fatal(err)
	}
	if no, err := refused(nc, "Publish", "restate.dlq.Order"); no || err != nil {
		t.Errorf("a dead letter: refused %v, %v", no, err)
	}
	for name, want := range map[string]uint64{"RESTATE_EVENTS": 0, "RESTATE_DLQ": 1} {
		eventually(t, name, func() string { // a letter without an acknowledgement is stored when it is stored
			stream, err := controller.Stream(ctx, name)
			if err != nil {
				return err.Error()
			}
			if got := stream.CachedInfo().State.Msgs; got != want {
				return fmt.Sprintf("it holds %d messages, want %d", got, want)
			}
			return ""
		})
	}
	for reason, call := range map[string]func(context.Context, jetstream.JetStream) error{
		"read the stream": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.Stream(ctx, "RESTATE_EVENTS")
			return err
		},
		"create a consumer": func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.CreateConsumer(ctx, "RESTATE_EVENTS", jetstream.ConsumerConfig{Durable: "other"})
			return err
		},
		"delete its consumer": func(ctx context.Context, js jetstream.JetStream) error {
			return js.DeleteConsumer(ctx, "RESTATE_EVENTS", bridgeDurable.Durable)
		},
		"delete the stream": func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, "RESTATE_EVENTS") },
		"read the account":  func(ctx context.Context, js jetstream.JetStream) error { _, err := js.AccountInfo(ctx); return err },
	} {
		js, nc := streams(t, s, keys, "bridge")
		denied(t, nc, reason, func(ctx context.Context) error { return call(ctx, js) })
		nc.Close()
	}
}

// TestJetStreamLimits lets NACK's user do everything, so that the account's limits alone stop it.
func TestJetStreamLimits(t *testing.T) {
	t.Parallel()
	free := func(account map[string]any) {
		for _, u := range account["users"].([]any) {
			delete(u.(map[string]any), "permissions")
		}
	}
	for _, tt := range []struct {
		reason string
		call   func(context.Context, jetstream.JetStream) error
		code   jetstream.ErrorCode
	}{
		{"memory streams", func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "M", Storage: jetstream.MemoryStorage})
			return err
		}, 10028},
		{"more streams than the limit", func(ctx context.Context, js jetstream.JetStream) error {
			for _, name := range []string{"A", "B", "C"} {
				if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name}); err != nil {
					return err
				}
			}
			return nil
		}, 10027},
		{"more consumers of a stream than the limit", func(ctx context.Context, js jetstream.JetStream) error {
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "A"}); err != nil {
				return err
			}
			for _, name := range []string{"a", "b", "c", "d"} {
				if _, err := js.CreateConsumer(ctx, "A", jetstream.ConsumerConfig{Durable: name}); err != nil {
					return err
				}
			}
			return nil
		}, 10026},
		{"a stream larger than the account", func(ctx context.Context, js jetstream.JetStream) error {
			_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "A", MaxBytes: 8388609})
			return err
		}, 10047},
		{"within the limits", func(ctx context.Context, js jetstream.JetStream) error {
			for _, name := range []string{"A", "B"} {
				if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, MaxBytes: 4194304}); err != nil {
					return err
				}
			}
			for _, stream := range []string{"A", "B"} { // the limit is that of each
				for _, name := range []string{"a", "b", "c"} {
					if _, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: name}); err != nil {
						return err
					}
				}
			}
			return nil
		}, 0},
	} {
		keys := keyring{}
		js, _ := streams(t, startMatrix(t, keys, free), keys, "nack")
		err := tt.call(t.Context(), js)
		var api *jetstream.APIError
		if errors.As(err, &api); err != nil && api == nil || api != nil && api.ErrorCode != tt.code || err == nil && tt.code != 0 {
			t.Errorf("%s: got %v, want code %d", tt.reason, err, tt.code)
		}
	}
}
