// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/fn"
)

const head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"

// cloudSpec is the required part of a spec.
const cloudSpec = `cloud:
  environmentId: env_201j05r9g0f12ygtphdszbb4scp
  region: eu
  signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk
`

// quiet leaves no warning for a tunnel.
const quiet = `networkPolicy: {restateCloud: {tunnelPorts: [9090]}}
credentials: {tunnel: {source: External, rolloutKey: "1"}}
`

// integration is restate/prod with what the spec has besides the required part.
func integration(spec string) string {
	return `apiVersion: restate-integration.dev/v1alpha1
kind: RestateIntegration
metadata:
  name: prod
  namespace: restate
  annotations:
    config.kubernetes.io/local-config: "true"
spec:
` + indent(2, cloudSpec+spec)
}

func indent(n int, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat(" ", n))
		}
		b.WriteString(line)
	}
	return b.String()
}

// list is a ResourceList with a functionConfig and items, which may be none.
func list(config string, items ...string) string {
	out := head + "items:"
	if len(items) == 0 {
		out += " []"
	}
	out += "\n"
	for _, i := range items {
		out += "-" + indent(2, i)[1:]
	}
	if config != "" {
		out += "functionConfig:\n" + indent(2, config)
	}
	return out
}

// noFiles is a kustomization root without files.
type noFiles struct{}

func (noFiles) ReadFile(string) ([]byte, error) { return nil, fs.ErrNotExist }

// output is what a run of the function left.
type output struct {
	stdout, stderr string
	code           int
}

func run(input string) output { return runFiles(input, noFiles{}) }

func runFiles(input string, files fn.Files) output {
	var stdout, stderr bytes.Buffer
	code := fn.Main(strings.NewReader(input), &stdout, &stderr, files)
	return output{stdout.String(), stderr.String(), code}
}

// succeeds runs the function and stops the test when it fails.
func succeeds(t *testing.T, input string) output {
	t.Helper()
	out := run(input)
	if out.code != 0 {
		t.Fatalf("exit code %d:\n%s", out.code, out.stderr)
	}
	return out
}

// resultList is the part of stdout that the function says about its input.
func (o output) resultList() string {
	if _, results, found := strings.Cut(o.stdout, "\nresults:\n"); found {
		return results
	}
	return ""
}

var codePattern = regexp.MustCompile(`(?:code: |\[)(RI\d{4})`)

// codes are those in results and stderr, in order and maybe several times.
func (o output) codes() []string {
	var out []string
	for _, m := range codePattern.FindAllStringSubmatch(o.resultList()+o.stderr, -1) {
		out = append(out, m[1])
	}
	return out
}

// object is a generated object, loosely typed.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Spec map[string]any    `yaml:"spec"`
	Data map[string]string `yaml:"data"`
}

func (o object) id() string {
	if o.Metadata.Namespace == "" {
		return o.Kind + " " + o.Metadata.Name
	}
	return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
}

// objects are the items of the output but the integrations.
func (o output) objects(t *testing.T) []object {
	t.Helper()
	var l struct {
		Items []object `yaml:"items"`
	}
	if err := yaml.Unmarshal([]byte(o.stdout), &l); err != nil {
		t.Fatal(err)
	}
	var out []object
	for _, i := range l.Items {
		if i.Kind != "RestateIntegration" {
			out = append(out, i)
		}
	}
	return out
}

// get returns the object with the id.
func (o output) get(t *testing.T, id string) object {
	t.Helper()
	for _, obj := range o.objects(t) {
		if obj.id() == id {
			return obj
		}
	}
	t.Fatalf("no %s in:\n%s", id, o.stdout)
	return object{}
}
