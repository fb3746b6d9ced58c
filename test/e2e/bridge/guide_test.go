// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestStreamsByHand makes the streams and the consumer from the guide's JSON, and then as NACK would: the server takes a second creation
// only when it asks for the same.
func TestStreamsByHand(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join(root, "docs", "guide", "nats.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 3 {
		t.Fatalf("the guide has %d blocks of JSON, want those of two streams and a consumer", len(blocks))
	}
	orders, nack, bridge := newUser(t), newUser(t), newUser(t)
	head, _, _ := strings.Cut(spec, "          cancelled:") // the first route alone
	list := replaceAll(t, head, map[string]string{
		"SERVER": "nats://nats.nats.svc:4222", "TLS": "null", "ORDERS": orders.public, "NACK": nack.public, "BRIDGE": bridge.public,
		"[restate.events.*], duplicateWindow: 2s": "[restate.events.order-created, restate.events.order-paid, restate.events.order-shipped]",
		"restate.events.created":                  "restate.events.order-created",
	})
	objects := render(t, list)
	server := newNATS(t, objects.find(t, "ConfigMap", "prod-nats-account").Data["accounts.conf"], "")
	nc := server.connect(nack, "nats://")
	call := func(subject, body string) {
		t.Helper()
		answer, err := nc.Request("$JS.API."+subject, []byte(body), 5*time.Second)
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		var got struct {
			Error *struct{ Description string } `json:"error"`
		}
		if err := json.Unmarshal(answer.Data, &got); err != nil || got.Error != nil {
			t.Fatalf("%s: %s", subject, answer.Data)
		}
	}
	oneNode := func(block []string) string {
		return replaceAll(t, block[1], map[string]string{`"num_replicas": 3`: `"num_replicas": 1`})
	}
	call("STREAM.CREATE.RESTATE_EVENTS", oneNode(blocks[0]))
	call("STREAM.CREATE.RESTATE_DLQ", oneNode(blocks[1]))
	call("CONSUMER.CREATE.RESTATE_EVENTS.restate-bridge", `{"stream_name": "RESTATE_EVENTS", "action": "create", "config": `+
		strings.Replace(blocks[2][1], "{", `{"name": "restate-bridge", `, 1)+`}`)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	makeStreams(t, js, objects, 0)
}
