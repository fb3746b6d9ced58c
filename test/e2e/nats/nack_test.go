// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	nack "github.com/nats-io/nack/controllers/jetstream"
	"github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nack/pkg/jetstream/generated/clientset/versioned/fake"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubernetes "k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	"sigs.k8s.io/yaml"
)

// cleanupPeriod is how often NACK looks for objects that are gone. It knows only those that it saw the time before.
const cleanupPeriod = 20 * time.Millisecond

// controller is the real NACK, which reads its objects from a Kubernetes API in memory.
type controller struct {
	*fake.Clientset
	streams   []*v1beta2.Stream
	consumers []*v1beta2.Consumer
}

// runNACK starts NACK with the key of its user and the generated objects, read by NACK's own types without an unknown field.
func runNACK(t *testing.T, s *server.Server, keys keyring, g generated) controller {
	t.Helper()
	c := controller{Clientset: fake.NewSimpleClientset()}
	// NACK ends with the process: its workers would spin for ever once its context ends (controllers/jetstream, runStreamQueue).
	ctx := context.Background()
	for _, o := range objectsOf[v1beta2.Stream](t, g.streams) {
		if _, err := c.JetstreamV1beta2().Streams(o.Namespace).Create(ctx, o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		c.streams = append(c.streams, o)
	}
	for _, o := range objectsOf[v1beta2.Consumer](t, g.consumers) {
		if _, err := c.JetstreamV1beta2().Consumers(o.Namespace).Create(ctx, o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		c.consumers = append(c.consumers, o)
	}
	seed, err := keys.of(t, "nack").Seed()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "nack.nk")
	if err := os.WriteFile(file, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)                                      // NACK makes its cache in the working directory
	t.Setenv("KUBE_FEATURE_WatchListClient", "false") // which an API in memory does not have (k8s.io/client-go, features)
	silence(t)
	run := nack.NewController(nack.Options{
		Ctx: ctx, KubeIface: kubernetes.NewSimpleClientset(), JetstreamIface: c.Clientset, NATSNKey: file, NATSServerURL: s.ClientURL(),
		CleanupPeriod: cleanupPeriod,
	})
	go func() {
		if err := run.Run(); err != nil {
			panic(err) // it could not start
		}
	}()
	return c
}

// objectsOf reads documents by one of NACK's types, which knows every field of them.
func objectsOf[T any](t testing.TB, documents [][]byte) []*T {
	t.Helper()
	var out []*T
	for _, text := range documents {
		o := new(T)
		if err := yaml.UnmarshalStrict(text, o); err != nil {
			t.Fatalf("NACK does not know a field: %v", err)
		}
		out = append(out, o)
	}
	return out
}

// silence keeps NACK's events out of the output: every step is one.
func silence(t *testing.T) {
	t.Helper()
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	klog.SetOutput(io.Discard)
}

// settled waits until NACK says of every object that it is as its generation asks.
func (c controller) settled(t *testing.T) {
	t.Helper()
	eventually(t, "NACK is ready", func() string {
		for _, s := range c.streams {
			o, err := c.JetstreamV1beta2().Streams(s.Namespace).Get(t.Context(), s.Name, metav1.GetOptions{})
			if err != nil || !ready(o.Status) {
				return "stream " + s.Name + " " + message(o.Status, err)
			}
		}
		for _, s := range c.consumers {
			o, err := c.JetstreamV1beta2().Consumers(s.Namespace).Get(t.Context(), s.Name, metav1.GetOptions{})
			if err != nil || !ready(o.Status) {
				return "consumer " + s.Name + " " + message(o.Status, err)
			}
		}
		return ""
	})
}

func ready(s v1beta2.Status) bool {
	return len(s.Conditions) == 1 && s.Conditions[0].Status == "True"
}

func message(s v1beta2.Status, err error) string {
	if err != nil {
		return err.Error()
	}
	for _, c := range s.Conditions {
		return c.Message
	}
	return "has no condition"
}

// eventually waits until there is nothing more to complain about.
func eventually(t *testing.T, what string, complaint func() string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		last := complaint()
		if last == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", what, last)
		}
	}
}

// TestNACK lets the real controller make, change and delete the generated streams, with the permissions of its user and no others.
func TestNACK(t *testing.T) {
	keys := keyring{}
	g := generate(t, keys, matrixSpec)
	if len(g.streams) != 2 || len(g.consumers) != 2 {
		t.Fatalf("%d streams and %d consumers, want 2 of each", len(g.streams), len(g.consumers))
	}
	s := startMatrix(t, keys)
	c := runNACK(t, s, keys, g)
	c.settled(t)
	js, _ := streams(t, s, keys, "nack")
	ctx := t.Context()

	t.Run("the streams", func(t *testing.T) { holdStreams(t, js) })
	t.Run("a duplicate", func(t *testing.T) { duplicate(t, s, keys, js) })

	// A changed spec has a new generation.
	for _, o := range c.streams {
		o.Generation, o.Spec.MaxAge = 1, "1h"
		if _, err := c.JetstreamV1beta2().Streams(o.Namespace).Update(ctx, o, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range c.consumers {
		o.Generation, o.Spec.AckWait = 1, "2m"
		if _, err := c.JetstreamV1beta2().Consumers(o.Namespace).Update(ctx, o, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "update", func() string {
		for _, name := range []string{"RESTATE_EVENTS", "RESTATE_DLQ"} {
			stream, err := js.Stream(ctx, name)
			if err != nil {
				return err.Error()
			}
			if stream.CachedInfo().Config.MaxAge != time.Hour {
				return name + " has not changed"
			}
		}
		for _, o := range c.consumers {
			consumer, err := js.Consumer(ctx, "RESTATE_EVENTS", o.Spec.DurableName)
			if err != nil {
				return err.Error()
			}
			if consumer.CachedInfo().Config.AckWait != 2*time.Minute {
				return o.Name + " has not changed"
			}
		}
		return ""
	})

	time.Sleep(10 * cleanupPeriod)
	for _, o := range c.consumers {
		if err := c.JetstreamV1beta2().Consumers(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "delete the consumers", func() string {
		for _, o := range c.consumers {
			if _, err := js.Consumer(ctx, "RESTATE_EVENTS", o.Spec.DurableName); err == nil {
				return o.Name + " is still there"
			}
		}
		return ""
	})
	for _, o := range c.streams {
		if err := c.JetstreamV1beta2().Streams(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "delete the streams", func() string {
		for _, name := range []string{"RESTATE_EVENTS", "RESTATE_DLQ"} {
			if _, err := js.Stream(ctx, name); err == nil {
				return name + " is still there"
			}
		}
		return ""
	})
}

// holdStreams are the promises that the bridge rests on.
func holdStreams(t *testing.T, js jetstream.JetStream) {
	stream, err := js.Stream(t.Context(), "RESTATE_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	if c.Retention != jetstream.WorkQueuePolicy || c.Storage != jetstream.FileStorage || c.Discard != jetstream.DiscardOld {
		t.Errorf("events: got retention %v, storage %v, discard %v", c.Retention, c.Storage, c.Discard)
	}
	if c.MaxAge <= 0 || c.MaxAge >= 24*time.Hour {
		t.Errorf("events: got maxAge %v, want less than the time in which Restate knows an event again", c.MaxAge)
	}
	if c.Duplicates != 2*time.Minute {
		t.Errorf("events: got duplicate window %v, want 2m", c.Duplicates)
	}
	letters, err := js.Stream(t.Context(), "RESTATE_DLQ")
	if err != nil {
		t.Fatal(err)
	}
	if c := letters.CachedInfo().Config; c.Retention != jetstream.LimitsPolicy || c.MaxAge != 30*24*time.Hour {
		t.Errorf("dead letters: got retention %v, maxAge %v", c.Retention, c.MaxAge)
	}
	for name, subject := range map[string]string{consumerCreated: "restate.events.order-created", consumerPaid: "restate.events.order-paid"} {
		consumer, err := js.Consumer(t.Context(), "RESTATE_EVENTS", name)
		if err != nil {
			t.Fatal(err)
		}
		c := consumer.CachedInfo().Config
		if c.MaxDeliver != -1 || c.AckWait != time.Minute || c.AckPolicy != jetstream.AckExplicitPolicy || c.DeliverPolicy != jetstream.DeliverAllPolicy || c.DeliverSubject != "" || c.FilterSubject != subject || c.Description != subject {
			t.Errorf("consumer %s: got %+v", name, c)
		}
	}
}

// duplicate publishes one event twice, as the user who may.
func duplicate(t *testing.T, s *server.Server, keys keyring, js jetstream.JetStream) {
	emitter, err := jetstream.New(connect(t, s, keys, "emitter"))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{false, true} {
		ack, err := emitter.Publish(t.Context(), "restate.events.order-created", []byte("{}"), jetstream.WithMsgID("1"))
		if err != nil {
			t.Fatal(err)
		}
		if ack.Duplicate != want {
			t.Errorf("publication %d: got duplicate %v, want %v", n, ack.Duplicate, want)
		}
	}
	stream, err := js.Stream(t.Context(), "RESTATE_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 1 {
		t.Errorf("got %d events, want 1", got)
	}
}
