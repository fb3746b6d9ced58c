// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// toTree gives a value the shape of its JSON: maps, lists, text, numbers, booleans and null, by the rules of encoding/json.
//
// encoding/json itself prepares encoders for every type that a pod could hold, and the converter of apimachinery copies its cache
// for each new field: in a process that writes a dozen objects, either costs more than everything else together. A test holds
// this walk equal to encoding/json.
func toTree(v reflect.Value) (any, error) {
	if m, ok := marshaler(v); ok {
		return leaf(m)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return toTree(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		return out, structTree(v, out)
	case reflect.Map:
		return mapTree(v)
	case reflect.Slice:
		return listTree(v)
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	}
	return nil, fmt.Errorf("type %s is not one that Kubernetes objects have", v.Type())
}

var jsonMarshaler = reflect.TypeFor[json.Marshaler]()

// marshaler finds MarshalJSON on the value or, where it can be addressed, on its pointer.
func marshaler(v reflect.Value) (json.Marshaler, bool) {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		return nil, false // its element is asked
	}
	if v.Type().Implements(jsonMarshaler) {
		return v.Interface().(json.Marshaler), true
	}
	if v.CanAddr() && v.Addr().Type().Implements(jsonMarshaler) {
		return v.Addr().Interface().(json.Marshaler), true
	}
	return nil, false
}

// leaf reads back what a type writes of itself: a quantity, a port, a time.
func leaf(m json.Marshaler) (any, error) {
	raw, err := m.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal %T: %w", m, err)
	}
	var number int64
	if json.Unmarshal(raw, &number) == nil && string(raw) != "null" {
		return number, nil
	}
	var out any
	if err := utiljson.Unmarshal(raw, &out); err != nil { // whole numbers stay whole
		return nil, fmt.Errorf("read %T back: %w", m, err)
	}
	return out, nil
}

func structTree(v reflect.Value, out map[string]any) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-":
			continue
		case name == "" && f.Anonymous:
			if err := structTree(v.Field(i), out); err != nil {
				return err
			}
			continue
		case omitted(v.Field(i), options):
			continue
		case name == "":
			name = f.Name
		}
		child, err := toTree(v.Field(i))
		if err != nil {
			return err
		}
		out[name] = child
	}
	return nil
}

// omitted follows the options omitempty and omitzero.
func omitted(v reflect.Value, options string) bool {
	if strings.Contains(options, "omitzero") {
		if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
			return z.IsZero()
		}
		return v.IsZero()
	}
	if !strings.Contains(options, "omitempty") {
		return false
	}
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func mapTree(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := make(map[string]any, v.Len())
	for _, key := range v.MapKeys() {
		child, err := toTree(v.MapIndex(key))
		if err != nil {
			return nil, err
		}
		out[key.String()] = child
	}
	return out, nil
}

func listTree(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := make([]any, 0, v.Len())
	for i := range v.Len() {
		child, err := toTree(v.Index(i))
		if err != nil {
			return nil, err
		}
		out = append(out, child)
	}
	return out, nil
}
