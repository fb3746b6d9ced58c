// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a real kube-apiserver with etcd, and kube-controller-manager where a test asks for it, on loopback with
// random ports and a directory of their own. There are no nodes: nothing is scheduled, everything is judged.
package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/restate-integration/restate-integration/test/e2e/process"
)

// Binaries are the paths of the servers. make e2e builds them from the modules in test/e2e/servers.
type Binaries struct{ Etcd, APIServer, ControllerManager string }

// Cluster is a running control plane.
type Cluster struct {
	// Config is an administrator's, with every warning of the server in Warnings.
	Config   *rest.Config
	Warnings *Warnings

	dir      string
	binaries Binaries
	servers  []*server
}

// startTimeout is for a cold machine; three seconds are usual.
const startTimeout = 2 * time.Minute

// Start runs etcd and the API server below dir, and waits until the server is ready. Stop must be called also after an error.
func Start(ctx context.Context, binaries Binaries, dir string) (*Cluster, error) {
	c := &Cluster{dir: dir, binaries: binaries, Warnings: &Warnings{}}
	ports, err := freePorts(3)
	if err != nil {
		return c, err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	peer := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	if err := c.run("etcd", binaries.Etcd,
		"--data-dir="+filepath.Join(dir, "etcd"), "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
		"--unsafe-no-fsync", "--logger=zap", "--log-level=error"); err != nil {
		return c, err
	}
	if err := c.writeCredentials(); err != nil {
		return c, err
	}
	if err := c.run("kube-apiserver", binaries.APIServer,
		"--etcd-servers="+etcd, fmt.Sprintf("--secure-port=%d", ports[2]), "--bind-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--cert-dir="+filepath.Join(dir, "certs"), "--token-auth-file="+filepath.Join(dir, "tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file="+filepath.Join(dir, "sa.key"),
		"--service-account-key-file="+filepath.Join(dir, "sa.key"), "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC",
		// Without the controller that makes default accounts, every Pod would be refused for want of one.
		"--disable-admission-plugins=ServiceAccount"); err != nil {
		return c, err
	}
	c.Config = &rest.Config{
		Host: fmt.Sprintf("https://127.0.0.1:%d", ports[2]), BearerToken: adminToken,
		TLSClientConfig: rest.TLSClientConfig{Insecure: true}, // loopback, with the server's own self-signed certificate
		WarningHandler:  c.Warnings, QPS: 1000, Burst: 1000,
	}
	return c, c.ready(ctx)
}

// adminToken is worth nothing outside of a control plane that lives for one test run on loopback.
const adminToken = "administrator-of-this-test-run"

func (c *Cluster) writeCredentials() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return errors.Join(
		os.WriteFile(filepath.Join(c.dir, "sa.key"), block, 0o600),
		os.WriteFile(filepath.Join(c.dir, "tokens.csv"), []byte(adminToken+`,admin,admin,"system:masters"`+"\n"), 0o600))
}

func (c *Cluster) ready(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if err := c.died(); err != nil {
			return err
		}
		if _, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready after %v: %w", startTimeout, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// RunControllers starts the controllers of Deployments and ReplicaSets.
func (c *Cluster) RunControllers() error {
	kubeconfig := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: test, user: {token: %q}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
`, c.Config.Host, adminToken)
	path := filepath.Join(c.dir, "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		return err
	}
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	return c.run("kube-controller-manager", c.binaries.ControllerManager,
		"--kubeconfig="+path, "--controllers=deployment-controller,replicaset-controller", "--leader-elect=false",
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[0]), "--cert-dir="+filepath.Join(c.dir, "kcm-certs"))
}

// server is a process with its log.
type server struct {
	name, log string
	cmd       *exec.Cmd
	done      <-chan struct{}
}

func (c *Cluster) run(name, binary string, args ...string) error {
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	done, err := process.Start(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.servers = append(c.servers, &server{name: name, log: log.Name(), cmd: cmd, done: done})
	return nil
}

// died reports a server that ended, with the end of its log.
func (c *Cluster) died() error {
	for _, s := range c.servers {
		select {
		case <-s.done:
			text, _ := os.ReadFile(s.log)
			return fmt.Errorf("%s ended: %s", s.name, text[max(0, len(text)-2000):])
		default:
		}
	}
	return nil
}

// Stop ends the servers, the last started first.
func (c *Cluster) Stop() {
	for i := len(c.servers) - 1; i >= 0; i-- {
		s := c.servers[i]
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
}

// freePorts asks the kernel; each port is free at the time of asking.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Warnings collects what the server warns about.
type Warnings struct {
	mu   sync.Mutex
	list []string
}

// HandleWarningHeader is called by client-go.
func (w *Warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, text)
}

// Take returns the warnings since the last call.
func (w *Warnings) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	w.list = nil
	return list
}
