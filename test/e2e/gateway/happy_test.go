// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestRestate makes a call of each kind, which the real server answers, and the real server has the key of Restate Cloud asked for.
func TestRestate(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{gateway: `allow: [call, send, attach, output, lookup, awakeables, legacyPaths]`})
	s.cloud.answers(restateServer.behind(func() string { return s.token }))
	call := func(method, path, body string, want int) response {
		t.Helper()
		got := s.do(request{method: method, path: path, header: []string{s.key("partner-a")}, body: body})
		if got.status != want {
			t.Errorf("%s %s: status %d, must be %d: %v %s", method, path, got.status, want, got.err, got.body)
		}
		return got
	}
	says := func(path, body, want string) {
		t.Helper()
		if got := call(http.MethodPost, path, body, http.StatusOK); got.body != want || got.header.Get("x-restate-id") == "" {
			t.Errorf("%s: %s with invocation %q, must be %s", path, got.body, got.header.Get("x-restate-id"), want)
		}
	}
	says("/restate/call/Greeter/greet", `"you"`, `"hello you"`)
	says("/restate/call/shop.Cart.v1/greet", `"you"`, `"hello you"`)
	says("/restate/call/Counter/k/add", `1`, `"k+1"`)
	says("/restate/call/Counter/a%20b/add", `1`, `"a b+1"`)
	says("/restate/call/Counter/a%252Fb/add", `1`, `"a%2Fb+1"`)
	says("/Greeter/greet", `"you"`, `"hello you"`)
	says("/Counter/k/add", `2`, `"k+2"`)
	call(http.MethodPost, "/restate/call/Greeter/absent", `"you"`, http.StatusNotFound)

	id := sent(t, call(http.MethodPost, "/restate/send/Greeter/greet", `"later"`, http.StatusAccepted))
	for _, path := range []string{"/restate/attach/" + id, "/restate/output/" + id} {
		if got := call(http.MethodGet, path, "", http.StatusOK); got.body != `"hello later"` {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	waiting := sent(t, call(http.MethodPost, "/Greeter/wait/send", "", http.StatusAccepted))
	call(http.MethodPost, "/restate/awakeables/"+<-awakeables+"/resolve", `"woken"`, http.StatusAccepted)
	if got := call(http.MethodGet, "/restate/attach/"+waiting, "", http.StatusOK); got.body != `"woken"` {
		t.Errorf("the awakeable gave %s", got.body)
	}
	call(http.MethodPost, "/restate/lookup", `{"target":"idempotentInvocation","service":"Greeter","handler":"greet","idempotencyKey":"k"}`, http.StatusOK)
}

// TestOtherService: a service that Restate has and the gateway does not name is not there, by every way that Restate knows.
func TestOtherService(t *testing.T) {
	t.Parallel()
	s := newStage(t, setup{gateway: `allow: [call, send, legacyPaths]`})
	s.cloud.answers(restateServer.behind(func() string { return s.token }))
	for _, path := range []string{
		"/restate/call/Secret/greet", "/restate/send/Secret/greet", "/Secret/greet", "/Secret/greet/send", "/restate/scope/s/call/Secret/greet", "/restate/call/Greeter/../Secret/greet",
		"/restate/call/Greeter/..%2FSecret/greet", "/restate/call/Greeter/%252e%252e/Secret/greet", "/restate/call/Greeter/..%252FSecret%252Fgreet", "/Greeter/..%252FSecret/greet",
		"/Greeter/%252e%252e/Secret/greet", "/restate/call/Greeter/..;/Secret/greet", "/restate/call/Secret;/greet", "/restate/call/Secret%00/greet", "/./Secret/greet",
	} {
		got := s.do(request{path: path, header: []string{s.key("partner-a")}, body: `"you"`})
		if got.status/100 != 4 || strings.Contains(got.body, "hello") {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
	}
	direct := &http.Client{Transport: restateServer.ingress}
	resp, err := direct.Post("http://restate/restate/call/Secret/greet", "application/json", strings.NewReader(`"you"`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the service is not there at all: %s", resp.Status)
	}
}

// sent reads the id of an invocation.
func sent(t testing.TB, r response) string {
	t.Helper()
	var answer struct{ InvocationID string }
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || answer.InvocationID == "" {
		t.Fatalf("no id of an invocation: %v %s", err, r.body)
	}
	return answer.InvocationID
}
