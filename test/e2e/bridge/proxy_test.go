// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// proxy stands in for Restate Cloud in front of the ingress: it demands a token, and makes faults.
type proxy struct {
	t       *testing.T
	address string
	forward *httputil.ReverseProxy

	mu       sync.Mutex
	server   *http.Server
	token    string
	status   int // the answer to everything, when it is not 0
	silent   int // so many requests are passed on and never answered
	slow     time.Duration
	requests []request
}

// request is what came, and the status that went back; 0 for none.
type request struct {
	target, authorization, idempotencyKey string
	traceparent                           []string
	status                                int
	at                                    time.Time
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	target, err := url.Parse(ingress)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, forward: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}}
	p.listen()
	t.Cleanup(p.refuse)
	return p
}

// refuse makes connections be refused, until listen.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server.Close()
}

func (p *proxy) listen() {
	p.t.Helper()
	address := p.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = l.Addr().String()
	p.server = &http.Server{Handler: p}
	go p.server.Serve(l)
}

// set changes what the proxy does.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// seen returns the requests so far.
func (p *proxy) seen() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]request(nil), p.requests...)
}

// byEvent are the requests for each event. Without 502: that is a connection between proxy and server that the server closed, as it
// does when it refuses a large body.
func (p *proxy) byEvent() map[string][]request {
	out := map[string][]request{}
	for _, r := range p.seen() {
		if r.status != http.StatusBadGateway {
			out[r.idempotencyKey] = append(out[r.idempotencyKey], r)
		}
	}
	return out
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	status, silent, slow := p.status, p.silent > 0, p.slow
	if r.Header.Get("Authorization") != "Bearer "+p.token {
		status = http.StatusUnauthorized
	}
	if status == 0 && silent {
		p.silent--
	}
	p.mu.Unlock()
	entry := request{
		target: r.RequestURI, authorization: r.Header.Get("Authorization"), idempotencyKey: r.Header.Get("Idempotency-Key"),
		traceparent: r.Header.Values("Traceparent"), status: status, at: time.Now(),
	}
	time.Sleep(slow)
	switch {
	case status != 0:
		http.Error(w, http.StatusText(status), status)
	case silent:
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
		<-r.Context().Done()
	default:
		answer := &statusWriter{ResponseWriter: w}
		p.forward.ServeHTTP(answer, r)
		entry.status = answer.status
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, entry)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
