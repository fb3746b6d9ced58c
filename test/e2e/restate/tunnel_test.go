// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// The environment and tunnel of the test's integration, as they stand in the URLs.
const (
	environment = "201j05r9g0f12ygtphdszbb4scp"
	tunnelName  = "test-restate-prod"
	tunnelHost  = "tunnel.eu.restate.cloud:9080"
)

// tunnel stands in for Restate Cloud's tunnel servers and the tunnel client. The Restate server takes it for a proxy, and so asks it
// for the registered URLs. It understands them as the client does: scheme, host and port of the destination are the first
// parts of the path after environment and tunnel, what cannot be reached is a 502, and a path that is none a 400 (cloud-tunnel-client
// v0.6.0, run).
type tunnel struct {
	url          string
	listener     net.Listener
	http1, http2 *http.Transport

	mu       sync.Mutex
	services map[string]string // host and port in the cluster: address here
}

func startTunnel() (*tunnel, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tunnel{
		url:      "http://" + l.Addr().String(),
		listener: l,
		http1:    &http.Transport{Protocols: protocols(true, false)},
		http2:    &http.Transport{Protocols: protocols(false, true)},
		services: map[string]string{},
	}
	server := &http.Server{Handler: t, Protocols: protocols(true, true)}
	go func() { _ = server.Serve(l) }() // ends with the listener
	return t, nil
}

func (t *tunnel) close() { _ = t.listener.Close() }

func protocols(http1, h2c bool) *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(http1)
	p.SetUnencryptedHTTP2(h2c)
	return p
}

func (t *tunnel) serve(host, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.services[host] = address
}

func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ours := strings.CutPrefix(r.URL.EscapedPath(), "/"+environment+"/"+tunnelName+"/http/")
	parts := strings.SplitN(rest, "/", 3)
	if r.Host != tunnelHost || !ours || len(parts) != 3 {
		http.Error(w, fmt.Sprintf("no tunnel for %s%s", r.Host, r.URL.EscapedPath()), http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	address := t.services[parts[0]+":"+parts[1]]
	t.mu.Unlock()
	transport := t.http2 // unless the deployment is registered with use_http_11, and never the one for the other
	if r.ProtoMajor == 1 {
		transport = t.http1
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, // both sides talk at once
		Transport:     transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL = &url.URL{Scheme: "http", Host: address, Path: "/" + parts[2], RawQuery: r.URL.RawQuery}
			if path, err := url.PathUnescape("/" + parts[2]); err == nil {
				p.Out.URL.Path, p.Out.URL.RawPath = path, "/"+parts[2]
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(w, r)
}
