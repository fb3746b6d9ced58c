// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nats.go/jetstream"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// givesUp is longer than NACK tries an object that the server refuses: ten times more, in 5 s. After that it looks at it again only when
// the object changes.
const givesUp = 8 * time.Second

// notUnique is what the server says of a second consumer with the subject of another one, in a work queue.
const notUnique = "filtered consumer not unique on workqueue stream"

// plant is NACK with the streams of two routes, and an event of each waiting.
type plant struct {
	*testing.T
	controller
	js jetstream.JetStream
}

func newPlant(t *testing.T) plant {
	t.Helper()
	keys := keyring{}
	g := generate(t, keys, matrixSpec)
	s := startMatrix(t, keys)
	p := plant{T: t, controller: runNACK(t, s, keys, g)}
	p.settled(t)
	p.js, _ = streams(t, s, keys, "nack")
	worker, err := jetstream.New(connect(t, s, keys, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"restate.events.order-created", "restate.events.order-paid"} {
		if _, err := worker.Publish(t.Context(), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// route is the object of a route.
func (p plant) route(key string) *v1beta2.Consumer {
	p.Helper()
	for _, o := range p.consumers {
		if o.Name == "prod-bridge-"+key {
			return o.DeepCopy()
		}
	}
	p.Fatalf("no route %s", key)
	return nil
}

func (p plant) create(o *v1beta2.Consumer) {
	p.Helper()
	if _, err := p.JetstreamV1beta2().Consumers(o.Namespace).Create(p.Context(), o, metav1.CreateOptions{}); err != nil {
		p.Fatal(err)
	}
}

func (p plant) update(o *v1beta2.Consumer) {
	p.Helper()
	o.Generation++
	if _, err := p.JetstreamV1beta2().Consumers(o.Namespace).Update(p.Context(), o, metav1.UpdateOptions{}); err != nil {
		p.Fatal(err)
	}
}

// remove deletes an object, and waits until NACK has deleted its consumer.
func (p plant) remove(o *v1beta2.Consumer) {
	p.Helper()
	time.Sleep(10 * cleanupPeriod) // NACK deletes what it has seen before
	if err := p.JetstreamV1beta2().Consumers(o.Namespace).Delete(p.Context(), o.Name, metav1.DeleteOptions{}); err != nil {
		p.Fatal(err)
	}
	eventually(p.T, "delete "+o.Name, func() string {
		if got := p.reads(o.Spec.DurableName); got != "nothing" {
			return got
		}
		return ""
	})
}

// reads is the subject of a consumer and how many events wait there.
func (p plant) reads(durable string) string {
	p.Helper()
	consumer, err := p.js.Consumer(p.Context(), "RESTATE_EVENTS", durable)
	if err != nil {
		return "nothing"
	}
	info := consumer.CachedInfo()
	return fmt.Sprintf("%d of %s", info.NumPending, info.Config.FilterSubject)
}

func (p plant) want(durable, reads string) {
	p.Helper()
	if got := p.reads(durable); got != reads {
		p.Errorf("%s reads %s, want %s", durable, got, reads)
	}
}

func (p plant) eventuallyReads(durable, reads string) {
	p.Helper()
	eventually(p.T, durable, func() string {
		if got := p.reads(durable); got != reads {
			return "it reads " + got
		}
		return ""
	})
}

// refused waits until NACK says that the server refuses an object.
func (p plant) refused(o *v1beta2.Consumer) {
	p.Helper()
	eventually(p.T, o.Name+" is refused", func() string {
		now, err := p.JetstreamV1beta2().Consumers(o.Namespace).Get(p.Context(), o.Name, metav1.GetOptions{})
		if said := message(now.Status, err); !strings.Contains(said, notUnique) {
			return said
		}
		return ""
	})
}

// TestRenamedRoute: the consumer of the new name is refused as long as that of the old one is there, and NACK gives up before a tool that
// prunes has come so far. The guide says what to do.
func TestRenamedRoute(t *testing.T) {
	p := newPlant(t)
	old, renamed := p.route("created"), p.route("created")
	renamed.Name, renamed.Spec.DurableName = "prod-bridge-made", "restate-bridge-made"
	p.create(renamed)
	p.refused(renamed)
	time.Sleep(givesUp)
	p.remove(old)
	time.Sleep(givesUp / 4)
	p.want(renamed.Spec.DurableName, "nothing")

	p.remove(renamed)
	p.create(renamed)
	p.eventuallyReads(renamed.Spec.DurableName, "1 of restate.events.order-created")
}

// TestSwappedRoutes: neither consumer can take the subject of the other. The guide says what to do.
func TestSwappedRoutes(t *testing.T) {
	p := newPlant(t)
	created, paid := p.route("created"), p.route("paid")
	created.Spec.FilterSubject, paid.Spec.FilterSubject = paid.Spec.FilterSubject, created.Spec.FilterSubject
	p.update(created)
	p.update(paid)
	p.refused(created)
	p.refused(paid)
	time.Sleep(givesUp)
	p.want("restate-bridge-created", "1 of restate.events.order-created")
	p.want("restate-bridge-paid", "1 of restate.events.order-paid")

	p.remove(created)
	p.remove(paid)
	p.create(created)
	p.create(paid)
	p.eventuallyReads("restate-bridge-created", "1 of restate.events.order-paid")
	p.eventuallyReads("restate-bridge-paid", "1 of restate.events.order-created")
}

// TestMovedRoute: the consumer takes its new subject in place, at once, and nobody takes what waits on the old one.
func TestMovedRoute(t *testing.T) {
	p := newPlant(t)
	for _, o := range p.streams {
		if o.Name == "prod-nats-events" {
			o.Generation++
			o.Spec.Subjects = []string{"restate.events.order-made", "restate.events.order-paid"}
			if _, err := p.JetstreamV1beta2().Streams(o.Namespace).Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the stream", func() string {
		stream, err := p.js.Stream(t.Context(), "RESTATE_EVENTS")
		if err != nil || stream.CachedInfo().Config.Subjects[0] != "restate.events.order-made" {
			return fmt.Sprint("has not changed ", err)
		}
		return ""
	})
	created := p.route("created")
	created.Spec.FilterSubject = "restate.events.order-made"
	p.update(created)
	p.eventuallyReads("restate-bridge-created", "0 of restate.events.order-made")
	stream, err := p.js.Stream(t.Context(), "RESTATE_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 2 {
		t.Errorf("the stream holds %d events, want that of the old subject too", n)
	}
}
