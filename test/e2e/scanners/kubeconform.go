// SPDX-License-Identifier: Apache-2.0

package scanners

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kubeconform is kubeconform, strict, with schemas from a folder.
type Kubeconform struct {
	folder    string
	validator validator.Validator
}

// schemaFile is kubeconform's name of a kind's schema.
const schemaFile = "{{ .Group }}/{{ .ResourceAPIVersion }}/{{ .ResourceKind }}.json"

// NewKubeconform takes an empty folder for the schemas that AddCRD and AddOpenAPI write.
func NewKubeconform(folder string) (*Kubeconform, error) {
	v, err := validator.New([]string{filepath.Join(folder, schemaFile)}, validator.Opts{Strict: true, KubernetesVersion: "master"})
	return &Kubeconform{folder, v}, err
}

// Name implements Scanner.
func (*Kubeconform) Name() string { return "kubeconform" }

// Scan implements Scanner. A kind without schema is an error.
func (k *Kubeconform) Scan(sets [][]*Object) ([]Result, error) {
	return each(sets, k.scan)
}

func (k *Kubeconform) scan(objects []*Object) (Result, error) {
	out := Result{Scanned: len(objects)}
	for _, o := range objects {
		data, err := o.MarshalJSON()
		if err != nil {
			return Result{}, err
		}
		result := k.validator.ValidateResource(resource.Resource{Bytes: data})
		switch result.Status {
		case validator.Valid:
		case validator.Invalid:
			var text []string
			for _, e := range result.ValidationErrors {
				text = append(text, e.Path+" "+e.Msg)
			}
			out.Findings = append(out.Findings, about(o, k.Name(), "schema", strings.Join(text, "; ")))
		default:
			return Result{}, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), result.Err)
		}
	}
	return out, nil
}

// AddCRD writes the schemas of a CustomResourceDefinition.
func (k *Kubeconform) AddCRD(crd *Object) error {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		return err
	}
	for _, v := range versions {
		v, _ := v.(map[string]any)
		version, _ := v["name"].(string)
		spec, found, err := unstructured.NestedMap(v, "schema", "openAPIV3Schema")
		if err != nil || !found {
			return fmt.Errorf("%s %s: no schema: %w", crd.GetName(), version, err)
		}
		if properties, ok := spec["properties"].(map[string]any); ok {
			for _, name := range []string{"apiVersion", "kind"} {
				properties[name] = map[string]any{"type": "string"}
			}
			properties["metadata"] = map[string]any{"type": "object"}
		}
		closeSchema(spec)
		if err := k.write(schema.GroupVersionKind{Group: group, Version: version, Kind: kind}, spec); err != nil {
			return err
		}
	}
	return nil
}

// AddOpenAPI writes the schemas of the kinds that an API server describes in a document of OpenAPI 3.
func (k *Kubeconform) AddOpenAPI(document []byte) error {
	var doc struct {
		Components map[string]any `json:"components"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return err
	}
	schemas, _ := doc.Components["schemas"].(map[string]any)
	for _, s := range schemas {
		closeSchema(s)
	}
	for name, s := range schemas {
		s, _ := s.(map[string]any)
		kinds, _ := s["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // no kind, or one that is in every group, as DeleteOptions
		}
		gvk, _ := kinds[0].(map[string]any)
		group, _ := gvk["group"].(string)
		version, _ := gvk["version"].(string)
		kind, _ := gvk["kind"].(string)
		root := map[string]any{"$ref": "#/components/schemas/" + name, "components": doc.Components}
		if err := k.write(schema.GroupVersionKind{Group: group, Version: version, Kind: kind}, root); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kubeconform) write(kind schema.GroupVersionKind, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	group := kind.Group
	if group == "" {
		group = kind.Version // so kubeconform calls the core group
	}
	file := filepath.Join(k.folder, group, kind.Version, strings.ToLower(kind.Kind)+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// closeSchema refuses unknown fields, as kubeconform's own schemas do, and takes what the server takes for an integer or a string.
func closeSchema(node any) {
	switch node := node.(type) {
	case []any:
		for _, n := range node {
			closeSchema(n)
		}
	case map[string]any:
		for _, n := range node {
			closeSchema(n)
		}
		if node["x-kubernetes-int-or-string"] == true {
			delete(node, "type")
			node["anyOf"] = []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}
		}
		_, isObject := node["properties"].(map[string]any)
		_, said := node["additionalProperties"]
		if isObject && !said && node["type"] == "object" && node["x-kubernetes-preserve-unknown-fields"] != true {
			node["additionalProperties"] = false
		}
	}
}
