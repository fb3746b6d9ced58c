// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// integration has one service, which a Job registers.
const integration = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: prod, namespace: restate}
  spec:
    cluster: test
    cloud:
      environmentId: env_` + environment + `
      region: eu
      signingPublicKey: PUBLICKEY
      adminURL: ADMIN
      allowedHosts: [127.0.0.1]
    credentials:
      tunnel: {source: External, rolloutKey: "1"}
      admin: {source: External, rolloutKey: "1"}
    tunnel: {mode: Standalone}
    networkPolicy: {restateCloud: {tunnelPorts: [19080]}}
    services:
      KEY: {namespace: shop, FIELDS}
`

// registrationJob is that of the manifest which the function makes.
func registrationJob(t *testing.T, key, fields, adminURL string) *batchv1.Job {
	t.Helper()
	list := strings.NewReplacer("PUBLICKEY", restateServer.publicKey, "ADMIN", adminURL, "KEY", key, "FIELDS", fields).Replace(integration)
	out, ds := fn.Run([]byte(list), nil)
	if diag.HasError(ds) {
		t.Fatal(ds)
	}
	var rl struct {
		Items []map[string]any `json:"items"`
	}
	if err := yaml.Unmarshal(out, &rl); err != nil {
		t.Fatal(err)
	}
	for _, item := range rl.Items {
		if item["kind"] != "Job" {
			continue
		}
		text, err := yaml.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		job := &batchv1.Job{}
		if err := yaml.UnmarshalStrict(text, job); err != nil {
			t.Fatal(err)
		}
		return job
	}
	t.Fatalf("no Job for %s: %v", key, ds)
	return nil
}

// pod runs the container of a Job as a process: its mounts are folders, and on PATH is what the image is known to have.
type pod struct {
	cli   cli
	shell shell
	// direct is an address that the deployment is reached at without the tunnel.
	direct string
	// token is the content of the mounted file; nil: there is none.
	token *string
}

// podTimeout is far above what a hanging service or admin API may cost.
const podTimeout = 90 * time.Second

// result is what is left of a pod: exit code and log.
type result struct {
	code int
	log  string
}

// run is the kubelet.
func (p pod) run(t *testing.T, job *batchv1.Job) result {
	t.Helper()
	c := job.Spec.Template.Spec.Containers[0]
	env := p.environment(t, c)
	if c.Command[0] != "/bin/sh" {
		t.Fatalf("the command must be one of the shell, got %q", c.Command)
	}
	expandedByKubelet(t, c)
	argv := append(append([]string(nil), p.shell.argv...), c.Command[1:]...)
	ctx, cancel := context.WithTimeout(t.Context(), podTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &log, &log, env, t.TempDir()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("the Job takes longer than %v:\n%s", podTimeout, log.String())
	}
	return result{cmd.ProcessState.ExitCode(), log.String()}
}

// expandedByKubelet fails on what the kubelet would change in a command: $$ and $(NAME) of a variable.
func expandedByKubelet(t *testing.T, c corev1.Container) {
	t.Helper()
	reserved := []string{"$$"}
	for _, e := range c.Env {
		reserved = append(reserved, "$("+e.Name+")")
	}
	for _, r := range reserved {
		if strings.Contains(strings.Join(c.Command, " "), r) {
			t.Fatalf("the kubelet would expand %s in the command", r)
		}
	}
}

// environment is the container's own but for the places: mounts are folders here, the deployment's URL is reached without TLS, and
// the CLI trusts the authority of this run in place of the system's.
func (p pod) environment(t *testing.T, c corev1.Container) []string {
	t.Helper()
	out := []string{"PATH=" + p.path(t), "SSL_CERT_FILE=" + cloudAdmin.authority}
	for _, e := range c.Env {
		value := e.Value
		if e.Name == "DEPLOYMENT_URL" {
			value = p.reachable(t, value)
		}
		for _, m := range c.VolumeMounts {
			if rest, below := strings.CutPrefix(value, m.MountPath); below && (rest == "" || rest[0] == '/') {
				value = p.mount(t, m.Name) + rest
				break
			}
		}
		out = append(out, e.Name+"="+value)
	}
	return out
}

// reachable leads to the stand-in of the tunnel, which is no TLS server: the URL is the generated one but for its first letters.
func (p pod) reachable(t *testing.T, url string) string {
	t.Helper()
	const cloud = "https://" + tunnelHost
	rest, ours := strings.CutPrefix(url, cloud+"/")
	if !ours {
		t.Fatalf("the deployment's URL must begin with %s/, got %s", cloud, url)
	}
	if p.direct != "" {
		return "http://" + p.direct + "/" + rest
	}
	return "http://" + tunnelHost + "/" + rest
}

// mount makes the folder of a volume.
func (p pod) mount(t *testing.T, volume string) string {
	t.Helper()
	dir := t.TempDir()
	if volume == "token" && p.token != nil {
		if err := os.WriteFile(filepath.Join(dir, "token"), []byte(*p.token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// path is a PATH with the CLI and cat, and nothing else that the script could come to rest on.
func (p pod) path(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, target := range map[string]string{"restate": p.cli.path, "cat": resolved("cat")} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// resolved is the file that a command runs, empty when there is none.
func resolved(command string) string {
	path, err := exec.LookPath(command)
	if err != nil {
		return ""
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return path
}

var deploymentID = regexp.MustCompile(`\bdp_[A-Za-z0-9]+`)

// last is the log's last line, with names in place of what differs from run to run.
func (r result) last(names *strings.Replacer) string {
	lines := strings.Split(strings.TrimRight(r.log, "\n"), "\n")
	return deploymentID.ReplaceAllString(names.Replace(lines[len(lines)-1]), "ID")
}
