// SPDX-License-Identifier: Apache-2.0

// Package schema writes the reference in docs/reference: every field of the spec, and every diagnostic.
//
// Names, order and types come from the Go types, documentation, defaults and allowed values from the CRD that is generated from
// them, and what a version refuses from the tables of package generators. Nothing is written by hand twice.
package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// A field is one field of a block.
type field struct {
	name string
	// path is that of the field, * for any key.
	path     string
	typ      reflect.Type
	schema   *openAPI
	required bool
}

// openAPI is what the reference needs of an OpenAPI schema.
type openAPI struct {
	Description          string
	Default              any
	Enum                 []string
	Required             []string
	Properties           map[string]*openAPI
	AdditionalProperties *openAPI `yaml:"additionalProperties"`
	Items                *openAPI
}

// specSchema is the schema of the field spec, from the CRD.
func specSchema() (*openAPI, error) {
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema openAPI `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(v1alpha1.CRD(), &crd); err != nil {
		return nil, fmt.Errorf("read the CRD: %w", err)
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("read the CRD: it has %d versions, not one", len(crd.Spec.Versions))
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"], nil
}

// fields lists the fields of one of our structs in the order of the Go type, those of embedded structs included.
func fields(path string, t reflect.Type, schema *openAPI) ([]field, error) {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			embedded, err := fields(path, f.Type, schema)
			if err != nil {
				return nil, err
			}
			out = append(out, embedded...)
			continue
		}
		s := schema.Properties[name]
		if s == nil {
			return nil, fmt.Errorf("%s.%s is not in the CRD: run make generate", path, name)
		}
		out = append(out, field{name, path + "." + name, f.Type, s, slices.Contains(schema.Required, name)})
	}
	return out, nil
}

// follow leads from a field to the struct of ours that it holds, if it does: through pointers, maps by name, and lists.
func follow(path string, t reflect.Type, schema *openAPI) (string, reflect.Type, *openAPI, bool) {
	switch {
	case t.Kind() == reflect.Pointer:
		return follow(path, t.Elem(), schema)
	case t.Kind() == reflect.Map && ours(t.Elem()):
		return follow(path+".*", t.Elem(), schema.AdditionalProperties)
	case t.Kind() == reflect.Slice && ours(t.Elem()):
		return follow(path+"[]", t.Elem(), schema.Items)
	}
	return path, t, schema, t.Kind() == reflect.Struct && ours(t)
}

// ours reports whether a type, or what it points to, is declared in the API.
func ours(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == reflect.TypeFor[v1alpha1.RestateIntegration]().PkgPath()
}

// typeNames are types that have a short form of their own.
var typeNames = map[reflect.Type]string{
	reflect.TypeFor[metav1.Duration]():      "duration",
	reflect.TypeFor[resource.Quantity]():    "quantity",
	reflect.TypeFor[intstr.IntOrString]():   "integer or string",
	reflect.TypeFor[runtime.RawExtension](): "map",
}

// typeName is a type as a user writes it; a type of Kubernetes links to its documentation.
func typeName(t reflect.Type) string {
	if name, found := typeNames[t]; found {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "map of " + typeName(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Struct:
		if ours(t) {
			return "block"
		}
		return fmt.Sprintf("[%s](https://pkg.go.dev/%s#%s)", t.Name(), t.PkgPath(), t.Name())
	}
	return "string"
}
