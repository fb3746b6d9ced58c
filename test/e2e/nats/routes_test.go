// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nats.go/jetstream"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// plant is NACK with the streams of the routes of matrixSpec, and an event of each waiting.
type plant struct {
	*testing.T
	controller
	keys keyring
	js   jetstream.JetStream
}

func newPlant(t *testing.T) plant {
	t.Helper()
	p := plant{T: t, keys: keyring{}}
	g := generate(t, p.keys, matrixSpec)
	s := startMatrix(t, p.keys)
	p.controller = runNACK(t, s, p.keys, g)
	p.settled(t)
	p.js, _ = streams(t, s, p.keys, "nack")
	worker, err := jetstream.New(connect(t, s, p.keys, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"restate.events.order-created", "restate.events.order-paid"} {
		if _, err := worker.Publish(t.Context(), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * cleanupPeriod) // of objects that vanish NACK deletes what it has seen before
	return p
}

// apply brings NACK's objects to what the function makes of matrixSpec with a change, as kubectl with pruning does: in the order of
// kinds, what is gone last. It returns what it had to do, and waits until NACK is ready.
func (p *plant) apply(pairs ...string) []string {
	p.Helper()
	spec := strings.NewReplacer(pairs...).Replace(matrixSpec)
	if len(pairs) > 0 && spec == matrixSpec {
		p.Fatalf("%q changes nothing", pairs)
	}
	g := generate(p.T, p.keys, spec)
	var did []string
	before, api := p.consumers, p.JetstreamV1beta2()
	p.consumers = objectsOf[v1beta2.Consumer](p.T, g.consumers)
	for _, o := range p.consumers {
		now, err := api.Consumers(o.Namespace).Get(p.Context(), o.Name, metav1.GetOptions{})
		switch {
		case err != nil:
			did = append(did, "create "+o.Name)
			_, err = api.Consumers(o.Namespace).Create(p.Context(), o, metav1.CreateOptions{})
		case !reflect.DeepEqual(now.Spec, o.Spec):
			did = append(did, "update "+o.Name)
			now.Spec, now.Generation = o.Spec, now.Generation+1
			_, err = api.Consumers(o.Namespace).Update(p.Context(), now, metav1.UpdateOptions{})
		}
		p.must(err)
	}
	for _, o := range objectsOf[v1beta2.Stream](p.T, g.streams) {
		now, err := api.Streams(o.Namespace).Get(p.Context(), o.Name, metav1.GetOptions{})
		p.must(err)
		if !reflect.DeepEqual(now.Spec, o.Spec) {
			did = append(did, "update "+o.Name)
			now.Spec, now.Generation = o.Spec, now.Generation+1
			_, err = api.Streams(o.Namespace).Update(p.Context(), now, metav1.UpdateOptions{})
			p.must(err)
		}
	}
	for _, o := range before {
		if !slices.ContainsFunc(p.consumers, func(c *v1beta2.Consumer) bool { return c.Name == o.Name }) {
			did = append(did, "delete "+o.Name)
			p.must(api.Consumers(o.Namespace).Delete(p.Context(), o.Name, metav1.DeleteOptions{}))
		}
	}
	p.settled(p.T)
	return did
}

func (p *plant) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// reads waits until a consumer reads from a subject on which so many events wait, or is not there.
func (p *plant) reads(durable, want string) {
	p.Helper()
	eventually(p.T, durable, func() string {
		got := "nothing"
		consumer, err := p.js.Consumer(p.Context(), "RESTATE_EVENTS", durable)
		switch {
		case err == nil:
			info := consumer.CachedInfo()
			got = fmt.Sprintf("%d of %s", info.NumPending, info.Config.FilterSubject)
		case !errors.Is(err, jetstream.ErrConsumerNotFound):
			return err.Error()
		}
		if got != want {
			return "it reads " + got + ", want " + want
		}
		return ""
	})
}

func (p *plant) wantDone(did []string, want ...string) {
	p.Helper()
	if d := cmp.Diff(want, did); d != "" {
		p.Errorf("what NACK was given (-want +got)\n%s", d)
	}
}

const (
	routeCreated = "created: {subject: restate.events.order-created, service: Order, handler: created}"
	routePaid    = "paid: {subject: restate.events.order-paid, service: Order, handler: paid}"
)

// TestRenamedRoute: nothing of NATS has the name of a route.
func TestRenamedRoute(t *testing.T) {
	p := newPlant(t)
	p.wantDone(p.apply(routeCreated, strings.Replace(routeCreated, "created", "made", 1)))
	p.reads(consumerCreated, "1 of restate.events.order-created")
	p.reads(consumerPaid, "1 of restate.events.order-paid")
}

// TestSwappedRoutes: both consumers stay. To which handler an event goes is told by the configuration of the pod that takes it.
func TestSwappedRoutes(t *testing.T) {
	p := newPlant(t)
	p.wantDone(p.apply("subject: restate.events.order-created", "subject: restate.events.order-paid", "subject: restate.events.order-paid", "subject: restate.events.order-created"))
	p.reads(consumerCreated, "1 of restate.events.order-created")
	p.reads(consumerPaid, "1 of restate.events.order-paid")
}

// TestMovedRoute: a new subject has a new consumer, and the old one goes. What waits on the old subject stays in the stream, and is there for
// a route that takes the subject again.
func TestMovedRoute(t *testing.T) {
	const made = "restate-bridge-a424f70c"
	p := newPlant(t)
	moved := []string{routeCreated, strings.Replace(routeCreated, "order-created", "order-made", 1)}
	p.wantDone(p.apply(moved...), "create prod-bridge-a424f70c", "update prod-nats-events", "delete prod-bridge-dbc32057")
	p.reads(made, "0 of restate.events.order-made")
	p.reads(consumerCreated, "nothing")
	p.reads(consumerPaid, "1 of restate.events.order-paid")
	stream, err := p.js.Stream(t.Context(), "RESTATE_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 2 {
		t.Errorf("the stream holds %d events, want that of the old subject too", n)
	}
	time.Sleep(10 * cleanupPeriod)
	p.wantDone(p.apply(), "create prod-bridge-dbc32057", "update prod-nats-events", "delete prod-bridge-a424f70c")
	p.reads(consumerCreated, "1 of restate.events.order-created")
	p.reads(made, "nothing")
}

// TestRemovedRoute: the consumer goes, and the others stay.
func TestRemovedRoute(t *testing.T) {
	p := newPlant(t)
	p.wantDone(p.apply(routePaid, ""), "update prod-nats-events", "delete prod-bridge-e6109581")
	p.reads(consumerPaid, "nothing")
	p.reads(consumerCreated, "1 of restate.events.order-created")
}
