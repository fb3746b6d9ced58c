// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestStreamsByHand makes the streams and the consumers from the guide's JSON, and then as NACK would for the guide's routes: the server
// takes a second creation only when it asks for the same.
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
	routes := regexp.MustCompile(`(?m)^ +(\w+): (\{subject: ([a-z.-]+), .*\})$`).FindAllStringSubmatch(string(guide), -1)
	if len(routes) < 2 {
		t.Fatalf("the guide has %d routes, want some", len(routes))
	}
	head, _, _ := strings.Cut(spec, "          created:")
	list := replaceAll(t, head, map[string]string{
		"SERVER": "nats://nats.nats.svc:4222", "TLS": "null", "ORDERS": orders.public, "NACK": nack.public, "BRIDGE": bridge.public, ", duplicateWindow: 2s": "",
	})
	for _, r := range routes {
		list += "          " + r[1] + ": " + r[2] + "\n"
	}
	objects := render(t, list, nil)
	server := newNATS(t, objects, "", "")
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
	for _, r := range routes {
		name := objects.durable(t, r[3])
		config := replaceAll(t, blocks[2][1], map[string]string{
			strconv.Quote(objects.durable(t, routes[0][3])): fmt.Sprintf("%q, \"name\": %[1]q", name), strconv.Quote(routes[0][3]): strconv.Quote(r[3]),
		})
		call("CONSUMER.CREATE.RESTATE_EVENTS."+name+"."+r[3], `{"stream_name": "RESTATE_EVENTS", "action": "create", "config": `+config+`}`)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	makeStreams(t, js, objects, 0, nil)
}
