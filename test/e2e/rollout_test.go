// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// standalone runs the tunnel without the operator, so that the Deployment is ours.
const standalone = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: NAME, namespace: NAME}
  spec:
    cluster: test
    labels: {example.com/team: LABEL}
    cloud:
      environmentId: env_201j05r9g0f12ygtphdszbb4scp
      region: eu
      signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
    credentials: {tunnel: {source: External, rolloutKey: "KEY"}}
    tunnel: {mode: Standalone}
    networkPolicy: {restateCloud: {tunnelPorts: [19080]}}
`

// TestRollout shows with the real controllers what restarts the tunnel: a changed credential, and neither rendering again nor a
// change that is none of the pods' business.
func TestRollout(t *testing.T) {
	if err := server.RunControllers(); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		reason, key, label string
		replicaSets        int
	}{
		{"the first render", "2026-q3", "a", 1},
		{"the same spec again", "2026-q3", "a", 1},
		{"a label on every object", "2026-q3", "b", 1},
		{"a rotated credential", "2026-q4", "b", 2},
		{"the same spec again after a rotation", "2026-q4", "b", 2},
	}
	for _, s := range steps {
		objects := render(t, strings.NewReplacer("NAME", "rollout", "KEY", s.key, "LABEL", s.label).Replace(standalone))
		server.namespaces(t, objects, "restricted")
		for _, o := range server.known(t, objects) {
			if _, err := server.apply(t.Context(), o); err != nil {
				t.Fatalf("%s: %s: %v", s.reason, describe(o), err)
			}
		}
		if got := replicaSets(t, "rollout", "rollout-tunnel"); got != s.replicaSets {
			t.Errorf("%s: must leave %d ReplicaSets, got %d", s.reason, s.replicaSets, got)
		}
	}
}

func render(t *testing.T, list string) []*unstructured.Unstructured {
	t.Helper()
	out, ds := fn.Run([]byte(list), nil)
	if diag.HasError(ds) {
		t.Fatal(ds)
	}
	return generated(t, t.Name(), out)
}

// replicaSets counts those of a Deployment once its controller has seen the newest spec.
func replicaSets(t *testing.T, namespace, name string) int {
	t.Helper()
	client, err := kubernetes.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		d, err := client.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if observed(d) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the Deployment controller did not act within 30 s: %+v", d.Status)
		}
		time.Sleep(50 * time.Millisecond)
	}
	list, err := client.AppsV1().ReplicaSets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

// observed is true when the controller has made the ReplicaSet of the present template.
func observed(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && d.Annotations["deployment.kubernetes.io/revision"] != ""
}

// TestEncryptedSecretIsRefused shows why somebody must decrypt a Secret before it is applied: the sops block is no field of a
// Secret. Whoever forgets that finds out from the server, not from a tunnel that sends ciphertext as its token.
func TestEncryptedSecretIsRefused(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "examples", "quickstart", "secrets", "restate-identity.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(data)
	if err != nil || len(objects) != 1 {
		t.Fatalf("must be one document: %v", err)
	}
	server.namespaces(t, objects, "restricted")
	if _, err := server.apply(t.Context(), objects[0]); err == nil || !strings.Contains(err.Error(), "sops") {
		t.Errorf("an encrypted Secret must be refused for its sops block, got %v", err)
	}
}
