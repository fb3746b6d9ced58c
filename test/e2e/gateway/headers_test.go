// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

func init() {
	groups["headers"] = group{setup: setup{gateway: `auth: {apiKeys: {}, ` + jwtAuth + `}`}, checks: headerChecks}
	groups["token without newline"] = group{setup: setup{contents: map[string]string{tokenFile: plainToken}}, checks: func(s *stage) []check {
		s.hide(plainToken)
		return []check{{name: "injected", request: calls(s.key("partner-a")), want: 200, arrived: hasHeader("authorization", "Bearer "+plainToken)}}
	}}
	groups["token missing"] = group{setup: setup{contents: map[string]string{tokenFile: ""}}, checks: missingTokenChecks}
	groups["Restate Cloud of another name"] = group{setup: setup{cloudNames: []string{"a.localhost", "other.example.com"}}, checks: strangeCloudChecks}
	groups["Restate Cloud of an unknown CA"] = group{setup: setup{strangeCloud: true}, checks: strangeCloudChecks}
}

const plainToken = "key_plainTokenWithoutNewlineAtItsEnd"

// callerHeaders are what a caller may send to be somebody else, or by mistake.
var callerHeaders = []string{
	"proxy-authorization: Basic c2VjcmV0", "cookie: session=secret", "cookie: other=secret", "x-forwarded-client-cert: By=spiffe://a;Hash=b", "forwarded: for=192.0.2.1",
	"x-forwarded-for: 192.0.2.1, 10.0.0.1", "x-envoy-external-address: 192.0.2.1", "x-restate-ingress-path: /restate/call/Secret/greet", "x-gateway-client: admin", "x-gateway-subject: admin",
	"x-envoy-internal: true", "x-envoy-upstream-rq-timeout-ms: 1", "x-envoy-max-retries: 9", "x-envoy-retry-on: 5xx", "x-envoy-force-trace: true", "x-envoy-expected-rq-timeout-ms: 1",
	"x-envoy-decorator-operation: secret", "x-envoy-upstream-alt-stat-name: secret",
}

// arrives are the headers that reach Restate with such a call, beside that of who called, and no others.
var arrives = []string{"Authorization", "Content-Length", "Content-Type", "Idempotency-Key", "Traceparent", "Tracestate", "X-Forwarded-Proto", "X-Request-Id", "X-Workflow-Id"}

func headerChecks(s *stage) []check {
	own := []string{"idempotency-key: i", "x-workflow-id: w"}
	jwt := s.bearer(token(nil, claims("me")))
	add := func(name, who, client string, lines ...string) check {
		c := check{name: name, request: calls(slices.Concat(callerHeaders, own, lines)...), want: 200}
		c.arrived = func(a arrival) error {
			if diff := cmp.Diff(slices.Sorted(slices.Values(append(slices.Clone(arrives), who))), slices.Sorted(maps.Keys(a.header))); diff != "" {
				return fmt.Errorf("other headers arrived (-must +did):\n%s", diff)
			}
			for name, value := range map[string]string{"authorization": "Bearer " + s.token, who: client, "idempotency-key": "i", "x-workflow-id": "w", "x-forwarded-proto": "https"} {
				if err := hasHeader(name, value)(a); err != nil {
					return err
				}
			}
			if a.host != "localhost:"+s.cloud.port || a.body != `"x"` {
				return fmt.Errorf("arrived for %s: %s", a.host, a.body)
			}
			return nil
		}
		c.answered = func(r response) error {
			for name := range r.header {
				if strings.HasPrefix(name, "X-Envoy") || name == "Server" {
					return fmt.Errorf("the answer has %s", name)
				}
			}
			return nil
		}
		return c
	}
	return []check{
		add("stripped with a key", "X-Gateway-Client", "apikey:partner-a", s.key("partner-a")),
		add("stripped with a key and what looks like a token", "X-Gateway-Client", "apikey:partner-a", s.key("partner-a"), "authorization: Bearer key_of_the_caller"),
		add("stripped with a key and a token", "X-Gateway-Client", "apikey:partner-a", s.key("partner-a"), jwt),
		add("stripped with a token", "X-Gateway-Subject", "me", jwt),
		{name: "from an inner address", request: calls(s.key("partner-a"), "x-forwarded-for: 10.0.0.1", "x-envoy-upstream-rq-timeout-ms: 1"), want: 200, arrived: hasNot("x-forwarded-for", "x-envoy-internal", "x-envoy-upstream-rq-timeout-ms")},
		{name: "two of content-length", request: calls(s.key("partner-a"), "content-length: 9"), want: 400},
		{name: "content-length and chunks", request: calls(s.key("partner-a"), "transfer-encoding: chunked"), want: 400},
		{name: "upgrade", request: calls(s.key("partner-a"), "connection: upgrade", "upgrade: websocket"), want: 403},
	}
}

// missingTokenChecks: that the gateway has no key for Restate Cloud is not the caller's fault, so no 401.
func missingTokenChecks(s *stage) []check {
	return []check{
		{name: "503", request: calls(s.key("partner-a")), want: 503, answered: contains("upstream credential unavailable")},
		{name: "503 with a token of the caller's", request: calls(s.key("partner-a"), "authorization: Bearer key_of_the_caller"), want: 503},
		{name: "without key", request: calls(), want: 401},
		{name: "it comes", run: func(s *stage) error {
			s.pod.update(tokenSecret, map[string][]byte{tokenFile: []byte(s.token + "\n")})
			last := 0
			if !s.wait(pollTimeout, func() bool { last = s.do(calls(s.key("partner-a"))).status; return last == 200 }) {
				return fmt.Errorf("still answered with %d", last)
			}
			arrivals := s.cloud.take()
			return hasHeader("authorization", "Bearer "+s.token)(arrivals[len(arrivals)-1])
		}},
	}
}

// strangeCloudChecks: the key of Restate Cloud goes to nobody else.
func strangeCloudChecks(s *stage) []check {
	return []check{{name: "refused", request: calls(s.key("partner-a")), want: 503, answered: contains("upstream connect error")}}
}
