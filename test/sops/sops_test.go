// SPDX-License-Identifier: Apache-2.0

// Package sops_test holds what we read and write against the real sops: every kind of recipient that needs no cloud, with both kinds
// of MAC, through the hosts that people use. Only sops can say whether a Secret can still be decrypted and its MAC verified.
package sops_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/cli"
	"github.com/restate-integration/restate-integration/internal/secretscli"
)

// TestMain puts this very binary on PATH under the names of the two programs, where kustomize and kpt look them up.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"restate-integration": func() {
			os.Exit(cli.Main(os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, "test"))
		},
		"restate-integration-secrets": func() {
			os.Exit(secretscli.Main(os.Args[1:], secretscli.IO{
				In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now, LookupEnv: os.LookupEnv,
			}, "test"))
		},
	})
}

// tests says once what is left out. A process that is one of the programs does not come here.
type tests struct{ *testing.M }

func (m tests) Run() int {
	if os.Getenv("SOPS") == "" {
		fmt.Fprintln(os.Stderr, "test/sops: SOPS does not name a sops program, skipped all tests: run make test")
	}
	return m.M.Run()
}

// workspace is a directory in which a user works with a keyring.
type workspace struct {
	t   *testing.T
	dir string
	env []string
}

// secretFile is the Secret that every workspace has.
const secretFile = "secrets/restate-identity.yaml"

// newWorkspace has a plain Secret that sops has encrypted, and an integration that reads it.
func newWorkspace(t *testing.T, k keyring, macOnly bool) workspace {
	t.Helper()
	if os.Getenv("SOPS") == "" {
		t.Skip("SOPS does not name a sops program")
	}
	w := workspace{t: t, dir: t.TempDir(), env: k.env}
	w.write(".sops.yaml", rules(k, macOnly))
	w.write(secretFile, plainSecret)
	w.write("integration.yaml", integration(macOnly))
	w.write("kustomization.yaml", "generators:\n- integration.yaml\n")
	w.sops("encrypt", "--in-place", secretFile)
	return w
}

func rules(k keyring, macOnly bool) string {
	return fmt.Sprintf("stores: {yaml: {indent: 2}}\ncreation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: %t\n    %s\n", macOnly, k.rule)
}

// token is no key: it only has to come back.
const token = "the-token-of-this-test-which-opens-nothing"

const plainSecret = `apiVersion: v1
kind: Secret
metadata:
  name: restate-identity
  namespace: restate-operator
stringData:
  note: a note beside the token
  token: ` + token + `
type: Opaque
`

// integration is that of the quickstart, cut down to the tunnel.
func integration(macOnly bool) string {
	return fmt.Sprintf(`apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata:
  name: prod
  namespace: restate
  annotations:
    config.kubernetes.io/local-config: "true"
    config.kubernetes.io/function: |
      exec: {path: restate-integration}
spec:
  cloud:
    environmentId: env_201j05r9g0f12ygtphdszbb4scp
    region: eu
    signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
  credentials:
    tunnel: {files: [%s]}
  secrets: {requireMacOnlyEncrypted: %t}
  networkPolicy:
    restateCloud: {tunnelPorts: [9090]}
`, secretFile, macOnly)
}

func (w workspace) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w workspace) write(name, content string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w workspace) remove(name string) {
	w.t.Helper()
	if err := os.Remove(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w workspace) read(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// try runs a program in the workspace, in an environment in which it finds no key but those of the keyring.
func (w workspace) try(stdin, program string, args ...string) (stdout, stderr string, err error) {
	w.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = w.dir
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "SOPS_DISABLE_VERSION_CHECK=1"}, w.env...)
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// run is try for what must succeed.
func (w workspace) run(stdin, program string, args ...string) string {
	w.t.Helper()
	out, errs, err := w.try(stdin, program, args...)
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, errs)
	}
	return out
}

func (w workspace) sops(args ...string) string {
	w.t.Helper()
	return w.run("", os.Getenv("SOPS"), args...)
}

// decrypts reports what sops says of a Secret: nil when it can decrypt it and the MAC is right.
func (w workspace) decrypts(file string, flags ...string) error {
	w.t.Helper()
	out, errs, err := w.try("", os.Getenv("SOPS"), append(append([]string{"decrypt"}, flags...), file)...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, errs)
	}
	var secret struct {
		StringData map[string]string `yaml:"stringData"`
	}
	if err := yaml.Unmarshal([]byte(out), &secret); err != nil {
		return err
	}
	if got := secret.StringData["token"]; got != token {
		return fmt.Errorf("sops decrypts the token to %q", got)
	}
	return nil
}

// build runs the pinned kustomize, and returns what it prints.
func (w workspace) build(dir string) string {
	w.t.Helper()
	kustomize := os.Getenv("KUSTOMIZE")
	if kustomize == "" {
		w.t.Fatal("KUSTOMIZE does not name the pinned kustomize: run make test")
	}
	return w.run("", kustomize, "build", "--enable-alpha-plugins", "--enable-exec", dir)
}

// object is the one document of a kind in a stream.
func object(t *testing.T, stream, kind string) string {
	t.Helper()
	var found []string
	for text := range strings.SplitSeq(stream, "\n---\n") {
		if n, err := yaml.Parse(text); err == nil && n.GetKind() == kind {
			found = append(found, strings.TrimSuffix(text, "\n")+"\n")
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d documents of kind %s in\n%s", len(found), kind, stream)
	}
	return found[0]
}

// digest is the annotation that restarts the tunnel when it changes.
func digest(t *testing.T, stream string) string {
	t.Helper()
	n, err := yaml.Parse(object(t, stream, "RestateCloudEnvironment"))
	if err != nil {
		t.Fatal(err)
	}
	d := n.GetAnnotations()["restate-integration.dev/credential-digest"]
	if d == "" {
		t.Fatal("the RestateCloudEnvironment has no digest")
	}
	return d
}
