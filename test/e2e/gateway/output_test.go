// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// specUnderTest is the input of all cases. UPSTREAM is the port of the stand-in for Restate Cloud; GATEWAY and OBSERVABILITY are JSON.
const specUnderTest = `
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: prod, namespace: restate, annotations: {config.kubernetes.io/local-config: "true"}}
  spec:
    cloud:
      environmentId: env_201j05r9g0f12ygtphdszbb4scp
      region: eu
      signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
      ingressURL: https://localhost:UPSTREAM
      allowedHosts: [localhost]
    tunnel: {mode: None}
    credentials: {ingress: {source: External}}
    gateway: GATEWAY
    observability: OBSERVABILITY
`

// gatewayUnderTest is what a case's own gateway block is laid over, key by key.
const gatewayUnderTest = `
tls: {issuerRef: {group: cert-manager.io, kind: ClusterIssuer, name: internal}}
auth: {apiKeys: {}}
expose: {type: Ingress, host: api.example.com, clusterIssuer: letsencrypt-prod}
services: [Greeter, Counter, Flow, shop.Cart.v1]
`

// expand runs the function over the spec with a gateway block of its own.
func expand(t testing.TB, gateway string, values *strings.Replacer, otlp bool) []object {
	t.Helper()
	var block, own map[string]any
	unmarshal(t, gatewayUnderTest, &block)
	unmarshal(t, values.Replace(gateway), &own)
	for key, value := range own {
		block[key] = value
	}
	observability := map[string]any{}
	if otlp {
		unmarshal(t, values.Replace(`otlp: {endpoint: COLLECTOR, samplingPercent: SAMPLING, peer: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: observability}}}}`), &observability)
	}
	spec := strings.NewReplacer("GATEWAY", marshal(t, block), "OBSERVABILITY", marshal(t, observability)).Replace(values.Replace(specUnderTest))
	out, ds := fn.Run([]byte(spec), nil)
	if diag.HasError(ds) {
		t.Fatalf("the function refuses the spec: %v", ds)
	}
	return readList(t, out)
}

// object is a generated one: what it is, and its text.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	raw      []byte
}

func readList(t testing.TB, list []byte) []object {
	t.Helper()
	var rl struct{ Items []map[string]any }
	unmarshal(t, string(list), &rl)
	var out []object
	for _, item := range rl.Items {
		o := object{raw: []byte(marshal(t, item))}
		o.into(t, &o)
		out = append(out, o)
	}
	return out
}

func (o object) into(t testing.TB, v any) {
	t.Helper()
	unmarshal(t, string(o.raw), v)
}

// certificate is a Certificate, as far as its issuer reads it.
type certificate struct {
	Spec struct {
		SecretName string
		DNSNames   []string
		Usages     []string
	}
}

func certificates(t testing.TB, objects []object) []certificate {
	t.Helper()
	var out []certificate
	for _, o := range objects {
		if o.Kind == "Certificate" {
			var c certificate
			o.into(t, &c)
			out = append(out, c)
		}
	}
	return out
}

// deployments are those of gateways.
func deployments(t testing.TB, objects []object) []appsv1.Deployment {
	t.Helper()
	var out []appsv1.Deployment
	for _, o := range objects {
		if o.Kind != "Deployment" {
			continue
		}
		var d appsv1.Deployment
		o.into(t, &d)
		if d.Spec.Template.Spec.Containers[0].Name == "envoy" {
			out = append(out, d)
		}
	}
	return out
}

func configMap(t testing.TB, objects []object, name string) map[string]string {
	t.Helper()
	for _, o := range objects {
		if o.Kind == "ConfigMap" && o.Metadata.Name == name {
			var c struct{ Data map[string]string }
			o.into(t, &c)
			return c.Data
		}
	}
	t.Fatalf("no ConfigMap %s", name)
	return nil
}

func unmarshal(t testing.TB, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

// marshal writes JSON, which stands within YAML as it is.
func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
