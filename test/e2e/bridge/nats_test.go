// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// natsServer can be away for a while: it starts again on its port, with what it stored.
type natsServer struct {
	t      *testing.T
	config string
	port   int
	server *server.Server
}

// newNATS starts a server whose configuration includes the generated account, as the guide says, beside others.
func newNATS(t *testing.T, objects output, extra, others string) *natsServer {
	t.Helper()
	dir := t.TempDir()
	block, account := objects.account(t)
	if err := os.WriteFile(filepath.Join(dir, "account.conf"), []byte(account), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &natsServer{t: t, config: filepath.Join(dir, "nats.conf"), port: freePort(t)}
	config := fmt.Sprintf("listen: 127.0.0.1:%d\njetstream { store_dir: %q, max_file_store: 8GB }\n%s\n%s {\n include ./account.conf\n %s\n}\n", n.port, filepath.Join(dir, "store"), extra, block, others)
	if err := os.WriteFile(n.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *natsServer) start() {
	n.t.Helper()
	opts, err := server.ProcessConfigFile(n.config)
	if err != nil {
		n.t.Fatalf("nats-server refuses the generated account: %v", err)
	}
	opts.NoSigs, opts.NoLog = true, true
	if n.server, err = server.NewServer(opts); err != nil {
		n.t.Fatal(err)
	}
	n.server.Start()
	if !n.server.ReadyForConnections(10 * time.Second) {
		n.t.Fatal("nats-server is not ready after 10 s")
	}
}

// reload gives the running server another account.
func (n *natsServer) reload(objects output) {
	n.t.Helper()
	_, account := objects.account(n.t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(n.config), "account.conf"), []byte(account), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if err := n.server.Reload(); err != nil {
		n.t.Fatal(err)
	}
}

func (n *natsServer) stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}

// connections are those of a user.
func (n *natsServer) connections(u user) int {
	n.t.Helper()
	open, err := n.server.Connz(&server.ConnzOptions{Username: true, User: u.public, Limit: 1000})
	if err != nil {
		n.t.Fatal(err)
	}
	return len(open.Conns)
}

func (n *natsServer) address() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// connect as a user. The generated users but the orders' may use any inbox; theirs is the account's prefix.
func (n *natsServer) connect(u user, scheme string, opts ...nats.Option) *nats.Conn {
	n.t.Helper()
	pair, err := nkeys.FromSeed(u.seed)
	if err != nil {
		n.t.Fatal(err)
	}
	login := nats.Nkey(u.public, pair.Sign)
	if u.token != "" {
		login = nats.UserJWT(func() (string, error) { return u.token, nil }, pair.Sign)
	}
	opts = append(opts, login, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // of subscriptions that an outage ends, to standard error by default
	nc, err := nats.Connect(scheme+n.address(), opts...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(nc.Close)
	return nc
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// makeStreams does what NACK does with the generated objects, as NACK's user. Filters stand in for those of consumers.
func makeStreams(t *testing.T, js jetstream.JetStream, objects output, ackWait time.Duration, filters map[string]string) {
	t.Helper()
	for _, name := range []string{"prod-nats-events", "prod-nats-dead-letters"} {
		s := objects.find(t, "Stream", name).Spec
		only(t, s, "name", "storage", "replicas", "maxAge", "retention", "subjects", "duplicateWindow", "maxMsgSize")
		config := jetstream.StreamConfig{
			Name: s["name"].(string), Storage: jetstream.FileStorage, Replicas: int(s["replicas"].(float64)), MaxAge: parse(t, s["maxAge"]),
			Retention: map[string]jetstream.RetentionPolicy{"workqueue": jetstream.WorkQueuePolicy, "limits": jetstream.LimitsPolicy}[s["retention"].(string)],
		}
		for _, subject := range s["subjects"].([]any) {
			config.Subjects = append(config.Subjects, subject.(string))
		}
		if window, set := s["duplicateWindow"]; set {
			config.Duplicates = parse(t, window)
		}
		if size, set := s["maxMsgSize"]; set {
			config.MaxMsgSize = int32(size.(float64))
		}
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range objects {
		if o.Kind == "Consumer" {
			makeConsumer(t, js, o.Spec, ackWait, filters)
		}
	}
}

// only fails for a field that makeStreams does not pass on.
func only(t *testing.T, spec map[string]any, fields ...string) {
	t.Helper()
	for field := range spec {
		if !slices.Contains(fields, field) {
			t.Errorf("the function gives NACK %s, and this test does not use it", field)
		}
	}
}

func makeConsumer(t *testing.T, js jetstream.JetStream, c map[string]any, ackWait time.Duration, filters map[string]string) {
	t.Helper()
	only(t, c, "streamName", "durableName", "description", "filterSubject", "deliverPolicy", "ackPolicy", "ackWait", "maxDeliver")
	config := jetstream.ConsumerConfig{
		Durable: c["durableName"].(string), AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: int(c["maxDeliver"].(float64)),
	}
	config.Description = c["description"].(string)
	config.FilterSubject = cmp.Or(filters[config.Durable], c["filterSubject"].(string))
	if ackWait == 0 {
		config.AckWait = parse(t, c["ackWait"])
	}
	if _, err := js.CreateConsumer(t.Context(), c["streamName"].(string), config); err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, value any) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(value.(string))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
