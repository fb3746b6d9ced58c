// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestTreeIsThatOfJSON fills every field of the kinds that the function writes, once with values and once with zeros, and holds
// the walk equal to encoding/json.
func TestTreeIsThatOfJSON(t *testing.T) {
	for _, object := range []any{
		&corev1.Namespace{}, &corev1.ConfigMap{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.Pod{},
		&appsv1.Deployment{}, &networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{},
	} {
		v := reflect.ValueOf(object)
		t.Run(v.Elem().Type().String(), func(t *testing.T) {
			equal(t, "zero", v)
			fill(v.Elem(), 0)
			equal(t, "filled", v)
		})
	}
}

func equal(t *testing.T, what string, v reflect.Value) {
	t.Helper()
	got, err := toTree(v)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, floats(got)); d != "" {
		t.Errorf("%s: (-encoding/json +tree)\n%s", what, d)
	}
}

// floats gives numbers the type that encoding/json reads them back as.
func floats(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = floats(e)
		}
	case []any:
		for i, e := range v {
			v[i] = floats(e)
		}
	case int64:
		return float64(v)
	}
	return v
}

// fill sets every field to something that is not zero. Types of Kubernetes that write themselves get one value of their own.
func fill(v reflect.Value, depth int) {
	switch v.Addr().Interface().(type) {
	case *resource.Quantity:
		v.Set(reflect.ValueOf(resource.MustParse("128Mi")))
		return
	case *intstr.IntOrString:
		v.Set(reflect.ValueOf(intstr.FromInt32(8080)))
		return
	case *metav1.Time:
		v.Set(reflect.ValueOf(metav1.Unix(1, 0)))
		return
	case *metav1.MicroTime, *metav1.FieldsV1:
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && depth < 20 {
				fill(v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // only Secrets have bytes, and the function writes none
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.Slice {
			return // binaryData, likewise
		}
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, depth+1)
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), e)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(7)
		}
	}
}
