// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"testing"
	"time"
)

// lettersWant waits until there are dead letters of an id on so many subjects of events, and looks that there are no more.
func lettersWant(st *stage, id string, subjects ...string) {
	st.t.Helper()
	st.eventually(20*time.Second, "each event has its letter", func() bool { return len(st.lettersOf(id)) >= len(subjects) })
	time.Sleep(time.Second)
	got := map[string]bool{}
	for i, l := range st.lettersOf(id) {
		if i >= len(subjects) || l.event != subjects[i] {
			st.t.Errorf("letter %d is of %s, want %q in all", i, l.event, subjects)
		}
		got[l.header.Get("Nats-Msg-Id")] = true
	}
	if len(got) != len(subjects) {
		st.t.Errorf("the letters of %d events have %d ids of their own", len(subjects), len(got))
	}
}

// TestLettersOfOneID: an id can come again when the events' duplicate window has passed, here 2 s: on another subject, or when a dead letter
// is replayed and fails once more. Then there is a dead letter for each, though the window of their own stream is 2 m.
func TestLettersOfOneID(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{})
	e := sent{id: t.Name(), body: st.body()}
	const absent, lost = "restate.events.absent", "restate.events.lost"
	for i, subject := range []string{absent, lost, absent} {
		if ack := st.again(subject, e, "X-Key", "a"); ack.Duplicate {
			t.Fatalf("the duplicate window of the events did not end: %+v", ack)
		}
		lettersWant(st, e.id, []string{absent, lost, absent}[:i+1]...)
		time.Sleep(2 * time.Second)
	}
}

// TestLetterTwice: an event that is delivered again while it is on its way comes to two refusals, and to one dead letter.
func TestLetterTwice(t *testing.T) {
	t.Parallel()
	st := newStage(t, setup{ackWait: time.Second})
	st.proxy.set(func(p *proxy) { p.slow = 3 * time.Second })
	e := sent{id: t.Name(), body: st.body()}
	st.again("restate.events.absent", e)
	st.eventually(20*time.Second, "Restate refuses it twice", func() bool { return len(st.proxy.seen()) >= 2 })
	time.Sleep(5 * time.Second)
	lettersWant(st, e.id, "restate.events.absent")
}
