// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

func init() {
	groups["Restate Cloud is down"] = group{checks: downChecks}
	groups["a body is kept back"] = group{
		setup:  setup{change: func(p *pod) { rewrite(p, "max_stream_duration", "4s") }},
		checks: keptBackChecks,
	}
	groups["Restate Cloud is slow"] = group{setup: setup{gateway: `upstream: {timeout: 3s}`}, checks: slowChecks}
	groups["Restate Cloud fails"] = group{checks: failingChecks}
	groups["Restate Cloud resets"] = group{checks: resettingChecks}
	groups["Restate Cloud resets HTTP/1.1"] = group{checks: resetting1Checks}
	groups["handshakes fail once"] = group{checks: handshakeChecks}
	groups["Restate Cloud refuses streams"] = group{checks: refusingChecks}
	groups["many calls at once"] = group{setup: setup{gateway: unlimited, change: func(p *pod) { rewrite(p, "max_requests", 4) }}, checks: crowdChecks}
}

// explained judges an answer of the gateway itself, and its line in the log.
func explained(s *stage, got response, status int, flags string) error {
	if got.status != status || !strings.HasPrefix(got.header.Get("content-type"), "application/json") {
		return fmt.Errorf("answered %d (%v) as %s: %s", got.status, got.err, got.header.Get("content-type"), got.body)
	}
	id := got.header.Get("x-request-id")
	if !strings.Contains(got.body, id) || id == "" {
		return fmt.Errorf("the answer names no request: %s", got.body)
	}
	line, err := s.logged(func(line map[string]any) bool { return line["request_id"] == id })
	if err != nil {
		return err
	}
	if line["response_flags"] != flags {
		return fmt.Errorf("flags are %v, must be %s: %v", line["response_flags"], flags, line)
	}
	return nil
}

func downChecks(*stage) []check {
	return []check{{name: "503", run: func(s *stage) error {
		s.cloud.server.Close()
		got := s.do(calls(s.key("partner-a")))
		if strings.Contains(got.body, "localhost") || strings.Contains(got.body, "127.0.0.1") {
			return fmt.Errorf("the answer says where Restate Cloud is: %s", got.body)
		}
		return explained(s, got, http.StatusServiceUnavailable, "URX,UF")
	}}, {name: "still ready", run: func(s *stage) error {
		// All replicas would leave the Service at once, and callers would learn nothing.
		if got := s.ready(); got != http.StatusOK {
			return fmt.Errorf("/ready answers %d", got)
		}
		return nil
	}}}
}

// keptBackChecks: a call whose answer has begun while its body goes on has no timeout of its own.
func keptBackChecks(*stage) []check {
	return []check{{name: "ends", run: func(s *stage) error {
		s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		conn, err := s.dial(nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
		if _, err := conn.Write([]byte("POST " + greeting + " HTTP/1.1\r\nhost: api.example.com\r\n" + s.key("partner-a") + "\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")); err != nil {
			return err
		}
		start := time.Now()
		_, err = io.ReadAll(conn)
		if took := time.Since(start); took < 3*time.Second || took > 9*time.Second {
			return fmt.Errorf("ended after %v: %v", took, err)
		}
		return nil
	}}}
}

// slowChecks: a handler that takes longer than the timeout, before its answer begins, and within it.
func slowChecks(*stage) []check {
	after := func(d time.Duration, begun bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begun {
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
			}
			select {
			case <-time.After(d):
				greet(w, r)
			case <-r.Context().Done():
			}
		})
	}
	return []check{
		{name: "within the timeout", run: func(s *stage) error {
			s.cloud.answers(after(200*time.Millisecond, false))
			if got := s.do(calls(s.key("partner-a"))); got.status != http.StatusOK {
				return fmt.Errorf("answered %d", got.status)
			}
			return nil
		}},
		{name: "504 at the timeout", run: func(s *stage) error {
			s.cloud.take()
			s.cloud.answers(after(12*time.Second, false))
			start := time.Now()
			got := s.do(calls(s.key("partner-a")))
			if took := time.Since(start); took < 3*time.Second || took > 9*time.Second {
				return fmt.Errorf("answered %d after %v", got.status, took)
			}
			if n := len(s.cloud.take()); n != 1 {
				return fmt.Errorf("the call was sent %d times", n)
			}
			return explained(s, got, http.StatusGatewayTimeout, "UT")
		}},
		{name: "cut within the answer", run: func(s *stage) error {
			s.cloud.answers(after(12*time.Second, true))
			start := time.Now()
			got := s.do(calls(s.key("partner-a")))
			if took := time.Since(start); got.err == nil || took > 9*time.Second {
				return fmt.Errorf("a cut answer looks whole: %d after %v", got.status, took)
			}
			return nil
		}},
	}
}

// failingChecks: what Restate answers is for the caller, once, with the invocation that it is about.
func failingChecks(*stage) []check {
	var out []check
	for _, status := range []int{400, 401, 403, 404, 409, 429, 500, 502, 503, 504} {
		out = append(out, check{name: fmt.Sprint(status), run: func(s *stage) error {
			s.cloud.take()
			s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("x-restate-id", "inv_1failed")
				w.Header().Set("retry-after", "7")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "of Restate")
			}))
			got := s.do(calls(s.key("partner-a")))
			if got.status != status || got.body != "of Restate" || got.header.Get("x-restate-id") != "inv_1failed" || got.header.Get("retry-after") != "7" {
				return fmt.Errorf("answered %d %v %s", got.status, got.header, got.body)
			}
			if n := len(s.cloud.take()); n != 1 {
				return fmt.Errorf("the call was sent %d times", n)
			}
			return nil
		}})
	}
	return out
}

// sentOnce judges a call that reached Restate and got no answer: Restate may have begun it. The flags in the log say what ended.
func sentOnce(s *stage, flags string) error {
	s.cloud.take()
	got := s.do(calls(s.key("partner-a")))
	if n := len(s.cloud.take()); got.status != http.StatusServiceUnavailable || n != 1 {
		return fmt.Errorf("answered %d (%v), and sent %d times", got.status, got.err, n)
	}
	return explained(s, got, http.StatusServiceUnavailable, flags)
}

func resettingChecks(*stage) []check {
	abort := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return []check{
		{name: "a stream", run: func(s *stage) error { s.cloud.answers(abort); return sentOnce(s, "UR") }},
		{name: "the connection", run: func(s *stage) error {
			s.cloud.answers(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.cloud.server.CloseClientConnections() }))
			return sentOnce(s, "UC")
		}},
		{name: "within the answer", run: func(s *stage) error {
			s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("content-length", "100")
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}))
			if got := s.do(calls(s.key("partner-a"))); got.err == nil {
				return fmt.Errorf("a cut answer looks whole: %d %s", got.status, got.body)
			}
			if n := len(s.cloud.take()); n != 1 {
				return fmt.Errorf("sent %d times", n)
			}
			return nil
		}},
		{name: "goes on after it", run: func(s *stage) error {
			s.cloud.answers(http.HandlerFunc(greet))
			if got := s.do(calls(s.key("partner-a"))); got.status != http.StatusOK {
				return fmt.Errorf("answered %d", got.status)
			}
			return nil
		}},
	}
}

// resetting1Checks: over HTTP/1.1 a kept connection may end under a call, which a client cannot tell from one that was not read.
func resetting1Checks(s *stage) []check {
	s.cloud.server.TLS.NextProtos = []string{"http/1.1"}
	hangUp := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { must2(http.NewResponseController(w).Hijack()).Close() })
	return []check{
		{name: "a new connection", run: func(s *stage) error { s.cloud.answers(hangUp); return sentOnce(s, "UC") }},
		{name: "a kept connection", run: func(s *stage) error {
			s.cloud.answers(http.HandlerFunc(greet))
			if got := s.do(calls(s.key("partner-a"))); got.status != http.StatusOK {
				return fmt.Errorf("answered %d", got.status)
			}
			s.cloud.answers(hangUp)
			return sentOnce(s, "UC")
		}},
	}
}

func must2[T, U any](v T, _ U, err error) T { return must(v, err) }

// handshakeChecks: a connection that did not come about has carried nothing, so that a call is tried again.
func handshakeChecks(s *stage) []check {
	var failed atomic.Bool
	s.cloud.server.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if failed.CompareAndSwap(false, true) {
			return nil, errors.New("not yet")
		}
		return nil, nil
	}
	return []check{{name: "tried again", run: func(s *stage) error {
		s.cloud.take()
		got := s.do(calls(s.key("partner-a")))
		if n := len(s.cloud.take()); got.status != http.StatusOK || n != 1 || !failed.Load() {
			return fmt.Errorf("answered %d (%v), and sent %d times", got.status, got.err, n)
		}
		return nil
	}}}
}

// refusingChecks: a stream that is refused was not looked at (RFC 9113, 8.7), so that a call is tried again.
func refusingChecks(s *stage) []check {
	var refused atomic.Int32
	s.cloud.server.Config.TLSNextProto["h2"] = func(_ *http.Server, conn *tls.Conn, _ http.Handler) { refuseOnce(conn, &refused) }
	return []check{{name: "tried again", run: func(s *stage) error {
		got := s.do(calls(s.key("partner-a")))
		if n := refused.Load(); got.status != http.StatusOK || n != 1 {
			return fmt.Errorf("answered %d (%v) %s after %d refusals", got.status, got.err, got.body, n)
		}
		return nil
	}}}
}

// refuseOnce speaks HTTP/2 as far as it takes to refuse the first stream of all, and to answer every other with 200.
func refuseOnce(conn *tls.Conn, refused *atomic.Int32) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	err := framer.WriteSettings()
	for err == nil {
		var frame http2.Frame
		if frame, err = framer.ReadFrame(); err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			if refused.Add(1) == 1 {
				err = framer.WriteRSTStream(frame.StreamID, http2.ErrCodeRefusedStream)
				continue
			}
			refused.Add(-1)
			const status200 = 0x88 // in the static table of HPACK
			err = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: []byte{status200}, EndHeaders: true, EndStream: true})
		}
	}
}

// crowdChecks: what is beyond the circuit breaker is refused at once, and sent nowhere.
func crowdChecks(*stage) []check {
	return []check{{name: "503 beyond the limit", run: func(s *stage) error {
		release := make(chan struct{})
		var arrived atomic.Int32
		s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); <-release; greet(w, r) }))
		answers := make(chan response, 4)
		for range 4 {
			go func() { answers <- s.do(calls(s.key("partner-a"))) }()
		}
		defer close(release)
		inFlight := func() bool {
			return arrived.Load() == 4 && s.metric("envoy_cluster_upstream_rq_active", "restate_cloud_ingress") == 4
		}
		if !s.wait(5*time.Second, inFlight) {
			return errors.New("four calls are not in flight")
		}
		s.cloud.take()
		got := s.do(calls(s.key("partner-a")))
		if n := len(s.cloud.take()); n != 0 {
			return fmt.Errorf("answered %d, and sent %d times", got.status, n)
		}
		return explained(s, got, http.StatusServiceUnavailable, "UO")
	}}}
}
