// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func init() {
	groups["access log"] = group{setup: setup{gateway: `rateLimit: {perReplica: {requestsPerSecond: 100, burst: 100}, perClient: {requestsPerSecond: 1, burst: 20}}`, change: neverFilled}, checks: logChecks}
}

// line calls, and returns its line of the log, without the fields that differ from call to call once they have been looked at.
func line(s *stage, r request) (map[string]any, error) {
	got := s.do(r)
	id := got.header.Get("x-request-id")
	out, err := s.logged(func(line map[string]any) bool { return line["request_id"] == id && id != "" })
	if err != nil {
		return nil, fmt.Errorf("answered %d (%v): %w", got.status, got.err, err)
	}
	out = maps.Clone(out)
	at, _ := out["timestamp"].(string)
	if when, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil || time.Since(when).Abs() > time.Minute {
		return nil, fmt.Errorf("timestamp %v: %w", out["timestamp"], err)
	}
	for name, pattern := range map[string]string{"request_id": "^[0-9a-f-]{36}$", "trace_id": "^[0-9a-f]{32}$", "span_id": "^[0-9a-f]{16}$"} {
		text, _ := out[name].(string)
		if !regexp.MustCompile(pattern).MatchString(text) {
			return nil, fmt.Errorf("%s is %v", name, out[name])
		}
		delete(out, name)
	}
	for _, name := range []string{"duration_ms", "bytes_received", "bytes_sent"} {
		if n, ok := out[name].(float64); !ok || n < 0 || n > 10000 {
			return nil, fmt.Errorf("%s is %v", name, out[name])
		}
		delete(out, name)
	}
	delete(out, "timestamp")
	delete(out, "traceparent") // without a caller's only calls that go on have one
	return out, nil
}

// differs says which fields are not those that must be there, besides those that every line has.
func differs(got, want map[string]any) error {
	all := map[string]any{
		"method": "POST", "path": greeting, "authority": "api.example.com", "protocol": "HTTP/1.1", "client_ip": "127.0.0.1",
		"peer_san": "prod-gateway-client.restate.svc.cluster.local", "client_id": "apikey:partner-a", "response_flags": "-", "upstream_cluster": "restate_cloud_ingress",
	}
	maps.Copy(all, want)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	if !maps.Equal(got, all) {
		return fmt.Errorf("the line has %v, must have %v", got, all)
	}
	return nil
}

// Of lines about calls that Restate has answered.
func relayedFields(more map[string]any) map[string]any {
	out := map[string]any{
		"status": 200.0, "invocation_id": "inv_1test", "workflow_id": "inv_1test", "response_code_details": "via_upstream",
	}
	maps.Copy(out, more)
	return out
}

func logChecks(s *stage) []check {
	key := s.key("partner-a")
	logs := func(name string, r request, want map[string]any) check {
		return check{name: name, run: func(s *stage) error {
			got, err := line(s, r)
			if err != nil {
				return err
			}
			delete(got, "upstream_ms")
			return differs(got, want)
		}}
	}
	at := func(path string, lines ...string) request { return request{path: path, header: lines, body: `"x"`} }
	refused := func(status float64, details string, more map[string]any) map[string]any {
		out := map[string]any{"status": status, "response_code_details": details, "client_id": nil}
		maps.Copy(out, more)
		return out
	}
	return []check{
		logs("relayed", calls(key), relayedFields(nil)),
		logs("with the caller's own ids", calls(key, "x-workflow-id: order-7", "idempotency-key: once"), relayedFields(map[string]any{"workflow_id": "order-7", "idempotency_key": "once"})),
		logs("without the query", at(greeting+"?delay=1s&token="+s.hide("in-the-query-0123456789"), key), relayedFields(nil)),
		logs("of a caller behind the exposure", calls(key, "x-forwarded-for: 192.0.2.1, 203.0.113.7"), relayedFields(map[string]any{"client_ip": "203.0.113.7"})),
		logs("with what breaks JSON", calls(key, `x-workflow-id: a"b\c`+"\t<>&{}"), relayedFields(map[string]any{"workflow_id": `a"b\c` + "\t<>&{}"})),
		logs("no key", calls(), refused(401, "missing_api_key", nil)),
		logs("unknown path", at("/openapi", key), refused(404, "direct_response", map[string]any{"path": "/openapi", "upstream_cluster": nil})),
		{name: "upstream_ms", run: func(s *stage) error {
			got, err := line(s, calls(key))
			if err != nil {
				return err
			}
			if n, ok := got["upstream_ms"].(float64); !ok || n < 0 || n > 10000 {
				return fmt.Errorf("upstream_ms is %v", got["upstream_ms"])
			}
			return nil
		}},
		{name: "what is no text", run: func(s *stage) error {
			got, err := line(s, calls(key, "x-workflow-id: \xff\xfe"))
			if err != nil {
				return err
			}
			if text, _ := got["workflow_id"].(string); !utf8.ValidString(s.envoy.access.String()) {
				return fmt.Errorf("the line is not UTF-8: %q", text)
			}
			return nil
		}},
		{name: "over the limit", run: func(s *stage) error {
			burst(s, 30, key)
			got, err := line(s, calls(key))
			if err != nil {
				return err
			}
			return differs(got, map[string]any{"status": 429.0, "response_code_details": "local_rate_limited", "response_flags": "RL"})
		}},
		{name: "refused before routing", run: func(s *stage) error {
			s.do(at("/restate/call/Greeter/%2F", key))
			_, err := s.logged(func(line map[string]any) bool { return line["status"] == 400.0 && line["response_code_details"] != nil })
			return err
		}},
		{name: "fields of the guide", run: guideFields},
		{name: "of the application", run: applicationLog},
		{name: "what the admin interface prints", run: adminPrints},
	}
}

// guide is the text that users read.
const guide = "../../../docs/guide/gateway.md"

// guideFields: what the guide names stands in the log under that name.
func guideFields(s *stage) error {
	text, err := os.ReadFile(guide)
	if err != nil {
		return err
	}
	_, text2, found := strings.Cut(string(text), "The access log is JSON")
	paragraph, _, _ := strings.Cut(text2, "\n\n")
	names := regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(paragraph, -1)
	if !found || len(names) < 5 {
		return errors.New("the guide has no paragraph about the access log")
	}
	got, err := s.logged(func(line map[string]any) bool { return line["status"] == 200.0 })
	if err != nil {
		return err
	}
	for _, name := range names {
		if got[name[1]] == nil {
			return fmt.Errorf("the log has no %s: %v", name[1], slices.Sorted(maps.Keys(got)))
		}
	}
	return nil
}

// applicationLog: whoever collects the one collects the other.
func applicationLog(s *stage) error {
	text := strings.TrimSpace(s.envoy.app.String())
	for _, line := range strings.Split(text, "\n") {
		var fields struct{ Time, Level, Message string }
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Time == "" || fields.Level == "" || fields.Message == "" {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	return nil
}

// adminPrints: whoever may ask it in the pod sees that there are secrets, and not which.
func adminPrints(s *stage) error {
	resp, err := http.Get("http://" + s.pod.address + ":9901/config_dump")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dump, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	s.notice("what the admin interface prints", string(dump))
	if n := strings.Count(string(dump), "[redacted]"); n < 3 { // the server's key, the API keys, the key of Restate Cloud
		return fmt.Errorf("%d secrets are redacted", n)
	}
	return nil
}
