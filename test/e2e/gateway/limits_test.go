// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func init() {
	groups["limit of each client"] = group{
		setup:  setup{gateway: `rateLimit: {perReplica: {requestsPerSecond: 1000, burst: 1000}, perClient: {requestsPerSecond: 1, burst: 3}}`, change: neverFilled},
		checks: clientLimitChecks,
	}
	groups["limit of each subject"] = group{
		setup:  setup{gateway: `{auth: {apiKeys: {}, ` + jwtAuth + `}, rateLimit: {perReplica: {requestsPerSecond: 1, burst: 20}, perClient: {requestsPerSecond: 1, burst: 3}}}`, change: neverFilled},
		checks: subjectLimitChecks,
	}
	groups["limit of each replica"] = group{
		setup:  setup{gateway: `rateLimit: {perReplica: {requestsPerSecond: 1, burst: 5}, perClient: {requestsPerSecond: 1000, burst: 1000}}`, change: neverFilled},
		checks: replicaLimitChecks,
	}
	groups["a limit passes"] = group{setup: setup{gateway: `rateLimit: {perClient: {requestsPerSecond: 1, burst: 1}}`}, checks: passingLimitChecks}
	groups["sizes"] = group{setup: setup{gateway: `upstream: {maxRequestBytes: 1000}`}, checks: sizeChecks}
	groups["size by default"] = group{checks: defaultSizeChecks}
	groups["slow clients"] = group{
		setup: setup{change: func(p *pod) {
			rewrite(p, "request_headers_timeout", "1s")
			rewrite(p, "request_timeout", "4s")
			rewrite(p, "transport_socket_connect_timeout", "1s")
		}},
		checks: slowClientChecks,
	}
	groups["connections"] = group{
		setup:  setup{change: func(p *pod) { rewrite(p, "envoy.resource_limits.listener.gateway.connection_limit", 4) }},
		checks: connectionChecks,
	}
	groups["memory"] = group{setup: setup{change: func(p *pod) { rewrite(p, "max_heap_size_bytes", 1<<20) }}, checks: memoryChecks}
}

// burst sends calls at once, and counts the answers by status.
func burst(s *stage, n int, line string) map[int]int {
	out := map[int]int{}
	for range n {
		out[s.do(calls(line)).status]++
	}
	return out
}

const limited = "envoy_http_local_rate_limit_rate_limited"

// tooMany judges the answer to a caller over the limit.
func tooMany(got response) error {
	after, err := strconv.Atoi(got.header.Get("retry-after"))
	if got.status != http.StatusTooManyRequests || err != nil || after < 1 {
		return fmt.Errorf("answered %d with retry-after %q", got.status, got.header.Get("retry-after"))
	}
	return nil
}

// neverFilled has what was taken from a limit come back long after the case, however slow the machine is.
func neverFilled(p *pod) { rewrite(p, "fill_interval", "600s") }

// answers judges how often calls at once were let in, and stopped.
func answers(s *stage, n int, line string, want map[int]int) error {
	if got := burst(s, n, line); !maps.Equal(got, want) {
		return fmt.Errorf("%d calls at once are answered by %v, must be %v", n, got, want)
	}
	return nil
}

func clientLimitChecks(*stage) []check {
	return []check{
		{name: "429 beyond the burst", run: func(s *stage) error {
			before := s.metric(limited, "ratelimit_client")
			if err := answers(s, 10, s.key("partner-a"), map[int]int{200: 3, 429: 7}); err != nil {
				return err
			}
			if arrived := len(s.cloud.take()); arrived != 3 {
				return fmt.Errorf("%d calls reached Restate Cloud", arrived)
			}
			if got := s.metric(limited, "ratelimit_client"); got != before+7 {
				return fmt.Errorf("%s is %v", limited, got)
			}
			return tooMany(s.do(calls(s.key("partner-a"))))
		}},
		{name: "others are not concerned", run: func(s *stage) error {
			burst(s, 4, s.key("partner-a"))
			return answers(s, 3, s.key("partner-b"), map[int]int{200: 3})
		}},
	}
}

// passingLimitChecks: with the generated pace a caller may go on after the second that retry-after names.
func passingLimitChecks(*stage) []check {
	return []check{{name: "a second later", run: func(s *stage) error {
		if !s.wait(5*time.Second, func() bool { return tooMany(s.do(calls(s.key("partner-a")))) == nil }) {
			return errors.New("no limit")
		}
		if !s.wait(5*time.Second, func() bool { return s.do(calls(s.key("partner-a"))).status == http.StatusOK }) {
			return errors.New("the limit does not pass")
		}
		return nil
	}}}
}

// subjectLimitChecks: subjects are told apart as keys are, and tokens without a subject share the limit of the replica, of 20.
func subjectLimitChecks(*stage) []check {
	without := func(s *stage) string { return s.bearer(token(nil, with(claims(""), "sub", nil))) }
	return []check{
		{name: "one subject", run: func(s *stage) error {
			return answers(s, 5, s.bearer(token(nil, claims("me"))), map[int]int{200: 3, 429: 2})
		}},
		{name: "another subject", run: func(s *stage) error { return answers(s, 1, s.bearer(token(nil, claims("you"))), map[int]int{200: 1}) }},
		{name: "no subject: more than a client", run: func(s *stage) error { return answers(s, 8, without(s), map[int]int{200: 8}) }},
		{name: "no subject: no more than the replica takes", run: func(s *stage) error {
			if got := burst(s, 20, without(s)); got[429] == 0 {
				return fmt.Errorf("answered %v", got)
			}
			return nil
		}},
	}
}

// replicaLimitChecks: whoever tries keys is stopped before they are looked at.
func replicaLimitChecks(*stage) []check {
	return []check{
		{name: "429 before callers are known", run: func(s *stage) error {
			before := s.metric(limited, "ratelimit_replica")
			if err := answers(s, 12, "x-api-key: bad", map[int]int{401: 5, 429: 7}); err != nil {
				return err
			}
			if got := s.metric(limited, "ratelimit_replica"); got != before+7 {
				return fmt.Errorf("%s is %v", limited, got)
			}
			return tooMany(s.do(calls("x-api-key: bad")))
		}},
		{name: "for good keys too", run: func(s *stage) error { return tooMany(s.do(calls(s.key("partner-a")))) }},
		{name: "not for probes", run: func(s *stage) error {
			for range 20 {
				if got := s.ready(); got != http.StatusOK {
					return fmt.Errorf("/ready answers %d", got)
				}
			}
			return nil
		}},
	}
}

// padded is a header line of a length.
func padded(length int) string {
	const name = "x-pad: "
	return name + strings.Repeat("a", length-len(name))
}

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("x-n%d: 1", i))
	}
	return out
}

// chunked is a request whose length is not said before.
func chunked(credentials string, size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nhost: api.example.com\r\n%s\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", greeting, credentials, size, strings.Repeat("a", size))
}

func sizeChecks(s *stage) []check {
	key := s.key("partner-a")
	body := func(n int) request {
		return request{path: greeting, header: []string{key}, body: strings.Repeat("a", n)}
	}
	const own = 3 // host, connection, and the key
	return []check{
		{name: "a header of 50 KiB", request: request{path: greeting, header: []string{key, padded(50 << 10)}}, want: 200},
		{name: "a header of 61 KiB", request: request{path: greeting, header: []string{key, padded(61 << 10)}}, want: 431},
		{name: "many small headers of 61 KiB", request: request{path: greeting, header: append([]string{key}, strings.Split(strings.Repeat(padded(1<<10)+"\n", 60)+padded(1<<10), "\n")...)}, want: 431},
		{name: "100 headers", request: request{path: greeting, header: append([]string{key}, numbered(100-own)...)}, want: 200},
		{name: "101 headers", request: request{path: greeting, header: append([]string{key}, numbered(101-own)...)}, want: 431},
		{name: "a header of 61 KiB over HTTP/2", run: func(s *stage) error { return resets(s, padded(61<<10)) }},
		{name: "101 headers over HTTP/2", run: func(s *stage) error { return resets(s, numbered(101)...) }},
		{name: "a body of the limit", request: body(1000), want: 200},
		{name: "a body over the limit", request: body(1001), want: 413},
		{name: "a body over the limit without a key", request: request{path: greeting, body: strings.Repeat("a", 1001)}, want: 413},
		{name: "a chunked body of the limit", run: func(s *stage) error {
			if got := s.send(chunked(key, 1000)); got.status != 200 {
				return fmt.Errorf("answered %d", got.status)
			}
			s.cloud.take()
			return nil
		}},
		{name: "a chunked body over the limit", run: func(s *stage) error {
			if got := s.send(chunked(key, 1001)); got.status != 413 {
				return fmt.Errorf("answered %d", got.status)
			}
			if arrived := s.cloud.take(); len(arrived) > 0 {
				return fmt.Errorf("a whole call reached Restate Cloud: %v", arrived)
			}
			return nil
		}},
	}
}

// resets: over HTTP/2 headers that are too large end the stream, without a status. The connection goes on, which the exposure shares
// among callers.
func resets(s *stage, lines ...string) error {
	client := s.client(multiplex, nil)
	greets := func(lines ...string) error {
		return answered(client, newCall(s.t.Context(), s.address(portCalls), append(lines, s.key("partner-a"))...))
	}
	connections := s.metric("envoy_http_downstream_cx_total", `"gateway"`)
	if err := greets(); err != nil {
		return err
	}
	s.cloud.take()
	if err := greets(lines...); err == nil || !strings.Contains(err.Error(), "stream error") {
		return fmt.Errorf("not reset: %v", err)
	}
	if arrived := s.cloud.take(); len(arrived) > 0 {
		return fmt.Errorf("arrived: %v", arrived)
	}
	if err := greets(); err != nil {
		return err
	}
	s.cloud.take()
	if more := s.metric("envoy_http_downstream_cx_total", `"gateway"`) - connections; more != 1 {
		return fmt.Errorf("%v connections were made", more)
	}
	return nil
}

// defaultSizeChecks: 1 MiB is the default that the guide names.
func defaultSizeChecks(s *stage) []check {
	body := func(n int) request {
		return request{path: greeting, header: []string{s.key("partner-a")}, body: strings.Repeat("a", n)}
	}
	return []check{{name: "1 MiB", request: body(1 << 20), want: 200}, {name: "1 MiB and a byte", request: body(1<<20 + 1), want: 413}}
}

// slowClientChecks: a client that holds a connection without using it does not hold it for long.
func slowClientChecks(s *stage) []check {
	head := "POST " + greeting + " HTTP/1.1\r\nhost: api.example.com\r\n" + s.key("partner-a") + "\r\n"
	slow := func(text string, least, most time.Duration) func(*stage) error {
		return func(s *stage) error {
			start := time.Now()
			got := s.send(text)
			if took := time.Since(start); got.status != http.StatusRequestTimeout || took < least || took > most {
				return fmt.Errorf("answered %d (%v) after %v", got.status, got.err, took)
			}
			if arrived := s.cloud.take(); len(arrived) > 0 {
				return fmt.Errorf("reached Restate Cloud: %v", arrived)
			}
			return nil
		}
	}
	return []check{
		{name: "headers that do not end", run: slow(head, 900*time.Millisecond, 3500*time.Millisecond)},
		{name: "a body that does not end", run: slow(head+"content-length: 10\r\n\r\n12345", 3900*time.Millisecond, 9*time.Second)},
		{name: "no handshake", run: func(s *stage) error {
			conn, err := net.Dial("tcp", s.address(portCalls))
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				return err
			}
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF && !isReset(err) {
				return fmt.Errorf("the connection was not closed: %v", err)
			}
			return nil
		}},
	}
}

func isReset(err error) bool { return err != nil && strings.Contains(err.Error(), "reset by peer") }

// bare is a request without body.
func bare(credentials string) string {
	return "POST " + greeting + " HTTP/1.1\r\nhost: api.example.com\r\n" + credentials + "\r\ncontent-length: 0\r\n\r\n"
}

// connectionChecks: one connection too many is closed, and the others go on.
func connectionChecks(*stage) []check {
	return []check{{name: "one too many", run: func(s *stage) error {
		var open []net.Conn
		defer func() {
			for _, conn := range open {
				conn.Close()
			}
		}()
		for range 4 {
			conn, err := s.dial(nil)
			if err != nil {
				return err
			}
			open = append(open, conn)
		}
		if conn, err := s.dial(nil); err == nil {
			conn.Close()
			return errors.New("there is room for a fifth")
		}
		for _, conn := range open {
			if got := s.sendOver(conn, bare(s.key("partner-a"))); got.status != 200 {
				return fmt.Errorf("a connection of before is answered with %d (%v)", got.status, got.err)
			}
		}
		return nil
	}}}
}

// memoryChecks: calls are refused before the kernel ends the process, and probes go on, so that the kubelet does not start the pod anew.
func memoryChecks(*stage) []check {
	refused := func(s *stage) error {
		if !s.wait(5*time.Second, func() bool { return s.do(calls(s.key("partner-a"))).status == http.StatusServiceUnavailable }) {
			return errors.New("calls are taken")
		}
		return nil
	}
	out := []check{{name: "calls are refused", run: refused}}
	for _, path := range []string{"/ready", "/healthz", "/stats/prometheus"} {
		out = append(out, check{name: path, run: func(s *stage) error {
			if err := refused(s); err != nil {
				return err
			}
			if got := s.ops(http.MethodGet, path); got.status != http.StatusOK {
				return fmt.Errorf("answered %d", got.status)
			}
			return nil
		}})
	}
	return out
}
