// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

// stage is what one case plays on: a gateway with all that is around it, so that the cases run side by side.
type stage struct {
	t testing.TB
	// ca issues the internal certificates, publicCA those of Restate Cloud and of the issuer of tokens.
	ca, publicCA *authority
	cloud        *cloud
	issuer       *httptest.Server
	collector    *collector
	pod          *pod
	envoy        *envoy
	// host is the name in the server certificate, clientCerts what the exposure presents.
	host        string
	clientCerts []tls.Certificate
	// token is the key of Restate Cloud, keys are the API keys by client.
	token string
	keys  map[string]string

	inspected sync.Once
	mu        sync.Mutex
	secrets   []string // what must be seen nowhere
	leaks     []string // where it was seen
}

// setup says what a stage differs in from a gateway with API keys. In gateway JWKS stands for the URL of the issuer's keys.
type setup struct {
	gateway string
	// otlp adds the collector, to which sampling per cent of the traces go that begin at the gateway.
	otlp     bool
	sampling int
	// contents replace those of Secrets, by the name of the file in the pod.
	contents map[string]string
	// answer is what Restate Cloud does; nil: it greets.
	answer http.Handler
	// cloudNames are those in the certificate of Restate Cloud; nil: the right one. strangeCloud has it from an unknown CA.
	cloudNames   []string
	strangeCloud bool
	// noIssuer has the issuer of tokens down.
	noIssuer bool
	// change the pod before it starts: its configuration and arguments have the container's paths.
	change func(*pod)
	// unready does not wait until the gateway is ready.
	unready bool
}

// Names of the container's ports.
const (
	portCalls = "https"
	portOps   = "metrics"
)

const jwtAuth = `jwt: {issuer: "` + issuerName + `", audiences: [` + tokenAudience + `], jwksURI: JWKS}`

// readyTimeout has room for a machine that runs many gateways at once; a second is usual.
const readyTimeout = 15 * time.Second

func newStage(t testing.TB, given setup) *stage {
	t.Helper()
	s := &stage{t: t, ca: newAuthority(t, "internal"), publicCA: newAuthority(t, "public"), token: "key_" + rand.Text()}
	s.keys = map[string]string{"partner-a": rand.Text() + rand.Text(), "partner-b": rand.Text() + rand.Text()}
	s.startPublic(given)
	objects := expand(t, given.gateway, strings.NewReplacer("UPSTREAM", s.cloud.port, "JWKS", s.issuer.URL+"/keys", "COLLECTOR", "localhost:"+s.collector.port, "SAMPLING", strconv.Itoa(given.sampling)), given.otlp)
	found := deployments(t, objects)
	if len(found) != 1 {
		t.Fatalf("%d gateways", len(found))
	}
	s.lay(objects, found[0], given)
	t.Cleanup(func() { // after Envoy has ended
		if leaks := s.inspect(); len(leaks) > 0 {
			t.Errorf("secrets were seen in %s", strings.Join(leaks, ", "))
		}
	})
	if given.noIssuer {
		s.issuer.Close()
	}
	s.envoy = startEnvoy(s.pod)
	s.eventually(readyTimeout, "Envoy is alive", func() bool { return s.ops(http.MethodGet, "/healthz").status == http.StatusOK })
	if !given.unready {
		s.eventually(readyTimeout, "the gateway is ready", func() bool { return s.ready() == http.StatusOK })
	}
	return s
}

func (s *stage) startPublic(given setup) {
	s.t.Helper()
	local := s.publicCA.issue(serverAuth, []string{"localhost"}).tls
	cert := local
	if given.cloudNames != nil {
		cert = s.publicCA.issue(serverAuth, given.cloudNames).tls
	}
	if given.strangeCloud {
		cert = newAuthority(s.t, "public").issue(serverAuth, []string{"localhost"}).tls
	}
	s.cloud = startCloud(s.t, cert, given.answer)
	s.issuer = startIssuer(s.t, local)
	s.issuer.URL = strings.Replace(s.issuer.URL, "127.0.0.1", "localhost", 1)
	s.collector = startCollector(s.t)
}

// lay makes the Secrets and the files of the pod.
func (s *stage) lay(objects []object, d appsv1.Deployment, given setup) {
	s.t.Helper()
	certs := certificates(s.t, objects)
	secrets := issued(s.ca, certs)
	s.secrets = append(s.secrets, s.token)
	for _, key := range s.keys {
		s.secrets = append(s.secrets, key)
	}
	for _, c := range certs {
		data := secrets[c.Spec.SecretName]
		if slices.Contains(c.Spec.Usages, "client auth") {
			s.clientCerts = []tls.Certificate{must(tls.X509KeyPair(data["tls.crt"], data["tls.key"]))}
		} else {
			s.host = c.Spec.DNSNames[0]
		}
		s.secrets = append(s.secrets, strings.Split(string(data["tls.key"]), "\n")[1])
	}
	contents := map[string][]byte{"token": []byte(s.token + "\n"), keysFile: []byte(keysOf(s.keys)), "ca.crt": s.ca.pem()}
	for name, text := range given.contents {
		contents[name] = []byte(text)
	}
	filled(s.t, secrets, d, contents)
	s.pod = newPod(s.t, objects, d, secrets)
	if given.change != nil {
		given.change(s.pod)
	}
	s.pod.write(s.publicCA.pem())
}

// The Secrets of users, by the defaults of the spec, and their keys.
const (
	keysSecret  = "restate-gateway-keys"
	keysFile    = "api-key-auth.xds.yaml"
	keysFilter  = "api-key-auth"
	tokenSecret = "restate-ingress"
	tokenFile   = "token"
)

// keysOf is the file of API keys.
func keysOf(keys map[string]string) string {
	credentials := []any{}
	for client, key := range keys {
		credentials = append(credentials, map[string]string{"key": key, "client": "apikey:" + client})
	}
	return string(must(json.Marshal(map[string]any{"resources": []any{map[string]any{
		"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": keysFilter,
		"typed_config": map[string]any{
			"@type":       "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
			"key_sources": []any{map[string]string{"header": "x-api-key"}},
			"forwarding":  map[string]any{"header": "x-gateway-client", "hide_credentials": true},
			"credentials": credentials,
		},
	}}})))
}

// address of a port of the container, by its name.
func (s *stage) address(port string) string {
	return net.JoinHostPort(s.pod.address, strconv.Itoa(int(s.pod.port(port))))
}

// ready is the status that the kubelet's readiness probe gets.
func (s *stage) ready() int {
	probe := s.pod.container.ReadinessProbe.HTTPGet
	if probe.Port.StrVal != portOps {
		s.t.Fatalf("the readiness probe asks port %s", probe.Port.StrVal)
	}
	return s.ops(http.MethodGet, probe.Path).status
}

// metric sums up the samples of a metric whose labels have all of the texts.
func (s *stage) metric(name string, labels ...string) float64 {
	sum := 0.0
	for line := range strings.Lines(s.ops(http.MethodGet, "/stats/prometheus").body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		base, set, _ := strings.Cut(series, "{")
		if base != name || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(set, l) }) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("metric %s is %q", name, value)
		}
		sum += n
	}
	return sum
}

// hide adds what must be seen nowhere, and returns it.
func (s *stage) hide(secret string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret)
	return secret
}

// bearer is a line with a token that must be seen nowhere.
func (s *stage) bearer(token string) string {
	if at := strings.LastIndexByte(token, '.'); len(token)-at > 20 {
		s.hide(token[at+1:]) // its signature: the rest is no secret
	}
	return "authorization: Bearer " + token
}

func (s *stage) key(client string) string { return "x-api-key: " + s.keys[client] }

// notice looks for secrets in a text.
func (s *stage) notice(where, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		if strings.Contains(text, secret) {
			s.leaks = append(s.leaks, where)
		}
	}
}

// inspect ends Envoy, and says where secrets were seen since it was last asked.
func (s *stage) inspect() []string {
	s.envoy.stop()
	s.inspected.Do(func() {
		s.notice("the access log", s.envoy.access.String())
		s.notice("the application log", s.envoy.app.String())
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.leaks
	s.leaks = nil
	return out
}

func (s *stage) wait(timeout time.Duration, done func() bool) bool {
	for start := time.Now(); time.Since(start) < timeout; time.Sleep(20 * time.Millisecond) {
		if done() {
			return true
		}
		if s.envoy.ended() {
			s.t.Fatalf("Envoy ended: %s", s.envoy.complaints())
		}
	}
	return done()
}

func (s *stage) eventually(timeout time.Duration, what string, done func() bool) {
	s.t.Helper()
	if !s.wait(timeout, done) {
		s.t.Fatalf("not within %v: %s\n%s", timeout, what, s.envoy.complaints())
	}
}

// logged waits for a line of the access log that fits.
func (s *stage) logged(fits func(map[string]any) bool) (map[string]any, error) {
	var out map[string]any
	if !s.wait(5*time.Second, func() bool {
		lines := s.envoy.access.lines(s.t)
		at := slices.IndexFunc(lines, fits)
		if at >= 0 {
			out = lines[at]
		}
		return at >= 0
	}) {
		return nil, fmt.Errorf("no such line in the access log: %s", s.envoy.access.String())
	}
	return out, nil
}
