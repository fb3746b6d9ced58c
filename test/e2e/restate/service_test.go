// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/restatedev/sdk-go"
	sdkserver "github.com/restatedev/sdk-go/server"
)

// service is a pod with a service on the Restate SDK, one version below each path.
type service struct {
	name string // Restate's
	host string // in the cluster
	// address is where the pod listens.
	address string
	// discoveries counts how often somebody asked what the service has.
	discoveries atomic.Int32

	mu       sync.Mutex
	versions map[string]http.Handler
	server   *http.Server
}

// serve puts the service behind the tunnel, in place of what was there.
func (s *service) serve(t *testing.T, p *http.Protocols) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.server != nil {
		_ = s.server.Close()
	}
	s.server = &http.Server{Handler: s, Protocols: p}
	served := s.server
	go func() { _ = served.Serve(l) }() // ends with the server
	t.Cleanup(func() { _ = served.Close() })
	s.address = l.Addr().String()
	cloudTunnel.serve(s.host+":9080", s.address)
}

// at says what is served below a path.
func (s *service) at(path string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[path] = h
}

// ServeHTTP finds the version and gives it the path that it knows. The SDK looks at RequestURI, so http.StripPrefix is not enough.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, end := range []string{"/discover", "/invoke/", "/health"} {
		at := strings.Index(r.RequestURI, end)
		if at < 0 {
			continue
		}
		s.mu.Lock()
		version := s.versions[strings.Trim(r.RequestURI[:at], "/")]
		s.mu.Unlock()
		if end == "/discover" {
			s.discoveries.Add(1)
		}
		if version == nil {
			break
		}
		r.RequestURI = r.RequestURI[at:]
		r.URL.Path, r.URL.RawPath = r.RequestURI, ""
		version.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

// version is code of the service with these handlers.
func (s *service) version(t *testing.T, answer string, handlers ...string) http.Handler {
	t.Helper()
	return endpoint(t, restateServer.publicKey, true, s.definition(answer, handlers...))
}

func (s *service) definition(answer string, handlers ...string) sdk.ServiceDefinition {
	d := sdk.NewService(s.name)
	for _, h := range handlers {
		d.Handler(h, sdk.NewServiceHandler(func(_ sdk.Context, who string) (string, error) { return answer + " greets " + who, nil }))
	}
	return d
}

// object is the same name as another type of service.
func (s *service) object() sdk.ServiceDefinition {
	return sdk.NewObject(s.name).Handler("greet", sdk.NewObjectHandler(func(_ sdk.ObjectContext, who string) (string, error) { return who, nil }))
}

// endpoint answers only to those who sign with the key. bidirectional needs HTTP/2.
func endpoint(t *testing.T, key string, bidirectional bool, d sdk.ServiceDefinition) http.Handler {
	t.Helper()
	h, err := sdkserver.NewRestate().WithLogger(slog.NewTextHandler(io.Discard, nil), false).
		WithIdentityV1(key).Bidirectional(bidirectional).Bind(d).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}
