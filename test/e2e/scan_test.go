// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"

	"github.com/restate-integration/restate-integration/test/e2e/scanners"
)

// TestScanners runs each scanner over what the function makes in every golden case and example. Each finding must be one of
// testdata/scan-exceptions.yaml, and each exception there must still be needed.
func TestScanners(t *testing.T) {
	exceptions, err := scanners.Exceptions(filepath.Join("testdata", "scan-exceptions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	used := make([]bool, len(exceptions))
	outputs := corpus(t)
	var whole, sets [][]*unstructured.Unstructured
	for _, out := range outputs {
		whole = append(whole, server.known(t, out.objects))
		sets = append(sets, scannable(out))
	}
	for _, s := range allScanners(t) {
		input := sets
		if _, ok := s.(*scanners.Kubeconform); ok {
			input = whole
		}
		results, err := s.Scan(input)
		if err != nil {
			t.Errorf("%s: %v", s.Name(), err)
			continue
		}
		var scanned, found, excepted int
		for i, r := range results {
			scanned += r.Scanned
			found += len(r.Findings)
			for _, f := range r.Findings {
				f.Kind = writtenAs(outputs[i].objects, f)
				if except(exceptions, used, outputs[i].name, f) {
					excepted++
				} else {
					t.Errorf("%s: %s", outputs[i].name, f)
				}
			}
		}
		totals.scanners = append(totals.scanners, scannerTotal{s.Name(), scanned, found, excepted})
		if scanned == 0 {
			t.Errorf("%s scanned nothing", s.Name())
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("no longer needed: %+v", e)
		}
	}
}

// writtenAs is the kind of the object in the output.
func writtenAs(objects []*unstructured.Unstructured, f scanners.Finding) string {
	for _, o := range objects {
		if f.Kind == "Deployment" && o.GetKind() == "RestateDeployment" && o.GetNamespace() == f.Namespace && o.GetName() == f.Name {
			return o.GetKind()
		}
	}
	return f.Kind
}

// except marks the exceptions that mean the finding.
func except(exceptions []scanners.Exception, used []bool, name string, f scanners.Finding) bool {
	matched := false
	for i, e := range exceptions {
		if e.Matches(name, f) {
			used[i], matched = true, true
		}
	}
	return matched
}

// TestScannersFindBadManifests plants an object that every scanner must complain about.
func TestScannersFindBadManifests(t *testing.T) {
	planted, err := decode([]byte(bad))
	if err != nil {
		t.Fatal(err)
	}
	planted = server.known(t, planted)
	for _, s := range allScanners(t) {
		want := map[string][]string{
			"kube-score":  {"container-image-tag", "container-resources", "container-security-context-privileged"},
			"kubeconform": {"schema of a Deployment"},
			"kubesec":     {"Privileged", "LimitsMemory"},
			"trivy":       {"AVD-KSV-0013", "AVD-KSV-0017", "AVD-KSV-0018"},
			"lint": {
				"image-digest", "env-var-secret", "probe-host", "probe-port", "default-service-account", "pdb-max-unavailable",
				"ingress-class", "ingress-default-backend", "ingress-host", "ingress-tls", "ingress-path", "ingress-snippet", "ingress-redirect", "ingress-upstream-tls",
			},
		}[s.Name()]
		if s.Name() == "kubeconform" && server.unjudged["restate.dev"] == "" {
			want = append(want, "schema of a RestateDeployment")
		}
		if s.Name() == "lint" && server.unjudged["cert-manager.io"]+server.unjudged["gateway.networking.k8s.io"] == "" {
			want = append(want, "certificate-names", "certificate-usages", "certificate-rotation", "certificate-key", "certificate-ca",
				"gateway-host", "gateway-tls", "gateway-routes", "route-host", "route-path", "route-timeout", "route-backend", "backend-tls-name", "backend-tls-ca", "grant-name")
		}
		results, err := s.Scan([][]*unstructured.Unstructured{nil, planted})
		if err != nil || len(want) == 0 {
			t.Errorf("%s: wants %v: %v", s.Name(), want, err)
			continue
		}
		if len(results[0].Findings) > 0 {
			t.Errorf("%s: nothing must be fine, got %v", s.Name(), results[0].Findings)
		}
		got := map[string]bool{}
		for _, f := range results[1].Findings {
			got[f.Check], got[f.Check+" of a "+f.Kind] = true, true
		}
		for _, check := range want {
			if !got[check] {
				t.Errorf("%s does not find %s, only %v", s.Name(), check, slices.Sorted(maps.Keys(got)))
			}
		}
	}
}

const bad = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad, namespace: bad}
spec:
  replica: 1
  selector: {matchLabels: {app: bad}}
  template:
    metadata: {labels: {app: bad}}
    spec:
      containers:
      - name: bad
        image: registry.example.com/bad:latest
        securityContext: {privileged: true}
        env: [{name: DATABASE_PASSWORD, value: hunter2}]
        readinessProbe: {httpGet: {host: example.com, port: 8080}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: bad, namespace: bad}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: bad}}}
---
apiVersion: restate.dev/v1beta1
kind: RestateDeployment
metadata: {name: worse, namespace: bad}
spec:
  replicas: many
  restate: {register: {cloud: bad}}
  selector: {matchLabels: {app: worse}}
  template: {spec: {containers: []}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bad, namespace: bad, annotations: {nginx.ingress.kubernetes.io/server-snippet: "deny all;"}}
spec:
  defaultBackend: {service: {name: bad, port: {number: 80}}}
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: bad, port: {number: 80}}}}]}}]
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: bad, namespace: bad}
spec: {secretName: bad, isCA: true, dnsNames: ["*.example.com"], privateKey: {rotationPolicy: Never, algorithm: RSA, size: 2048}, issuerRef: {name: bad}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: bad, namespace: bad}
spec: {gatewayClassName: bad, listeners: [{name: bad, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad, namespace: bad}
spec: {rules: [{backendRefs: [{name: bad, namespace: worse, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: bad, namespace: bad}
spec: {targetRefs: [], validation: {hostname: ""}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: bad, namespace: bad}
spec: {from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: worse}], to: [{group: "", kind: Secret}]}
`

func allScanners(t *testing.T) []scanners.Scanner {
	t.Helper()
	return []scanners.Scanner{command("kube-score"), kubeconform(t), scanners.Kubesec{}, command("trivy"), scanners.Lint{}}
}

func command(name string) scanners.Scanner {
	return scanners.Command{Path: filepath.Join(os.Getenv("E2E_BIN"), name)}
}

// kubeconform has the schemas of the CRDs, and those of the built-in kinds from the API server, since no network is needed to ask it.
func kubeconform(t *testing.T) scanners.Scanner {
	t.Helper()
	k, err := scanners.NewKubeconform(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"api/v1", "apis/apps/v1", "apis/batch/v1", "apis/networking.k8s.io/v1", "apis/policy/v1"} {
		document, err := paths[path].Schema(runtime.ContentTypeJSON)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := k.AddOpenAPI(document); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, crd := range server.crds {
		if err := k.AddCRD(crd); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// scannable is what a scanner of built-in kinds can judge of an output: it sees a RestateDeployment's pods in a Deployment, unless the
// whole template is the user's.
func scannable(out output) []*unstructured.Unstructured {
	// What an earlier render left behind is not the function's to judge: it has no source.
	objects := slices.DeleteFunc(slices.Clone(out.objects), func(o *unstructured.Unstructured) bool {
		return o.GetKind() != "RestateCloudEnvironment" && o.GetAnnotations()["restate-integration.dev/source"] == ""
	})
	for _, o := range out.objects {
		if o.GetKind() != "RestateDeployment" {
			continue
		}
		if out.podSecurity != "restricted" {
			fmt.Printf("e2e: %s: %s: not scanned, the whole pod template is the user's\n", out.name, describe(o))
			continue
		}
		objects = append(objects, asDeployment(o))
	}
	return objects
}

// asDeployment has what a RestateDeployment and a Deployment share. The operator keeps old versions while they have invocations, which
// is more careful than a rolling update.
func asDeployment(o *unstructured.Unstructured) *unstructured.Unstructured {
	d := o.DeepCopy()
	d.SetAPIVersion("apps/v1")
	d.SetKind("Deployment")
	spec := d.Object["spec"].(map[string]any)
	for key := range spec {
		if !slices.Contains(strings.Fields("minReadySeconds replicas revisionHistoryLimit selector template"), key) {
			delete(spec, key)
		}
	}
	spec["strategy"] = map[string]any{"type": "RollingUpdate"}
	return d
}
