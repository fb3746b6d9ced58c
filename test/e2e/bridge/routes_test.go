// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// metadataNames are those that the configuration reads or writes, and those of Bento.
func metadataNames(t *testing.T, config string) []string {
	t.Helper()
	names := []string{"nats_subject", "nats_sequence_consumer", "nats_num_delivered", "nats_num_pending", "nats_domain", "bento_read_until"}
	for _, match := range regexp.MustCompile(`(?:@|\bmeta )(\w+)`).FindAllStringSubmatch(config, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, known := range []string{"route_name", "route_subject", "route_letter", "route_target", "event_id", "event_old", "event_json", "letters_broken", "letter_reason", "fallback_error"} {
		if !slices.Contains(names, known) {
			t.Fatalf("%s is not among the names of the configuration: %q", known, names)
		}
	}
	return names
}

// TestHeaderChoosesNothing: Bento puts the headers of a message over its own metadata, and lets one named nats_subject stand in for the
// subject. Under no name of the configuration does a header lead an event to another handler, another id or another dead letter.
func TestHeaderChoosesNothing(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	names := metadataNames(t, st.config)
	values := []string{"true", "false", "0", "NaN", "cancelled", "restate.events.cancelled", "Orders/cancelled", "invalid", "x.y", "unexpected response code (404)"}
	var all []string
	for _, name := range names {
		for _, value := range values {
			st.publish("restate.events.created", created, name, value)
		}
		all = append(all, name, "Orders/cancelled")
	}
	st.publish("restate.events.created", created, all...)
	st.publish("restate.events.absent", refused, all...)
	st.publish("restate.events.keyed", sent{target: "Order/created", key: "a"}, append(all, "X-Key", "a")...)
	keyless := unsent("Order", "the key is missing")
	st.publish("restate.events.keyed", keyless, all...)
	invalid := unsent("Orders", "the body is not JSON")
	invalid.body = fmt.Sprintf("{%q", t.Name())
	st.publish("restate.events.created", invalid, all...)
	st.settle(60 * time.Second)

	requests := st.proxy.byEvent()
	for _, e := range st.sent {
		if n := len(requests[e.id]); n != 1 && !e.unsent || n != 0 && e.unsent {
			t.Errorf("event %s has %d requests under its id", e.id, n)
		}
		delete(requests, e.id)
	}
	if len(requests) > 0 {
		t.Errorf("requests under other ids: %+v", requests)
	}
	subjects := map[string]int{}
	for _, l := range st.allLetters() {
		subjects[l.event]++
	}
	if fmt.Sprint(subjects) != "map[restate.events.absent:1 restate.events.created:1 restate.events.keyed:1]" {
		t.Errorf("the dead letters say of where they were published: %v", subjects)
	}
	if ends := st.bridges[0].ends(); len(ends) > 0 {
		t.Errorf("a header ended the bridge: %q", ends)
	}
}

// TestForeignConsumer: the bridge reads from no consumer that has the subject of another route, as one made by hand may have. The other
// routes go on, and the pod is not ready.
func TestForeignConsumer(t *testing.T) {
	t.Parallel()
	// the hashes of their subjects, crosswise
	swapped := map[string]string{"restate-bridge-c3d41d59": "restate.events.cancelled", "restate-bridge-c67e0983": "restate.events.created"}
	st := newStage(t, setup{filters: swapped})
	st.publish("restate.events.created", created)
	st.publish("restate.events.cancelled", sent{target: "Orders/cancelled"})
	st.publish("restate.events.keyed", sent{target: "Order/created", key: "a"}, "X-Key", "a")
	keyed := st.sent[2]
	st.eventually(20*time.Second, "another route goes on", func() bool { return len(calls.of(keyed.body)) == 1 })
	time.Sleep(5 * time.Second)
	if seen := st.proxy.seen(); len(seen) != 1 {
		t.Errorf("events of foreign consumers were sent: %+v", seen)
	}
	if st.bridges[0].isReady() {
		t.Error("the bridge is ready without the consumers of two routes: the pods before would leave")
	}
	for name := range swapped {
		if err := st.nack.DeleteConsumer(t.Context(), "RESTATE_EVENTS", name); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range st.generated {
		if o.Kind == "Consumer" && swapped[o.Spec["durableName"].(string)] != "" {
			makeConsumer(t, st.nack, o.Spec, 0, nil)
		}
	}
	st.eventually(20*time.Second, "the bridge is ready", st.bridges[0].isReady)
	st.settle(20 * time.Second)
}

// TestSwappedRoutes gives the subjects of two routes to each other: NATS stays as it is, and a bridge with the new configuration takes what
// waited for the new handler.
func TestSwappedRoutes(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	st.publish("restate.events.created", created)
	st.settle(10 * time.Second)
	st.bridges[0].stop()
	st.publish("restate.events.created", sent{target: "Orders/cancelled"})
	st.publish("restate.events.cancelled", created)
	before := st.generated
	swapped := render(t, strings.NewReplacer("restate.events.created", "restate.events.cancelled", "restate.events.cancelled", "restate.events.created").Replace(st.list), nil)
	for _, o := range before {
		if o.Kind == "Consumer" || o.Kind == "Stream" || o.Metadata.Name == "prod-nats-account" {
			if after := swapped.find(t, o.Kind, o.Metadata.Name); !reflect.DeepEqual(o, after) {
				t.Errorf("%s %s was\n%+v\nand is\n%+v", o.Kind, o.Metadata.Name, o, after)
			}
		}
	}
	st.bridges = append(st.bridges, startBento(t, st.here(swapped.bridges()[0])))
	st.settle(20 * time.Second)
}
