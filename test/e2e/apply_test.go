// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestEveryOutputIsAccepted applies what the function makes in every golden case and example: twice, and the second time changes
// nothing. Unknown fields and the server's warnings are failures. Then the objects are removed again.
func TestEveryOutputIsAccepted(t *testing.T) {
	for _, out := range corpus(t) {
		t.Run(out.name, func(t *testing.T) {
			ctx := t.Context()
			server.namespaces(t, out.objects, out.podSecurity)
			server.priorityClasses(t)
			server.sayUnjudged(out.name, out.objects)
			known := server.known(t, out.objects)
			totals.cases++
			totals.objects += len(known)
			applied := map[string]map[string]any{}
			for _, o := range known {
				t.Cleanup(func() { server.remove(t, o) })
				got, err := server.apply(ctx, o)
				if err != nil {
					t.Errorf("%s: %v", describe(o), err)
					continue
				}
				applied[describe(o)] = unversioned(got)
			}
			for _, o := range known {
				got, err := server.apply(ctx, o)
				if err != nil {
					continue // it was said the first time
				}
				if d := cmp.Diff(applied[describe(o)], unversioned(got)); d != "" {
					t.Errorf("%s: applying it again changes it (-once +twice):\n%s", describe(o), d)
				}
			}
			server.admitPods(t, out.objects)
			if warnings := server.Warnings.Take(); len(warnings) > 0 {
				t.Errorf("the server warns: %s", strings.Join(warnings, "; "))
			}
		})
	}
}

// unversioned is all of an object but its version, which the second write of a Gateway raises: the server stores the default status of
// the definition.
func unversioned(o *unstructured.Unstructured) map[string]any {
	o.SetResourceVersion("")
	return o.Object
}

// known leaves out custom resources whose CRDs could not be had.
func (j *judge) known(t *testing.T, objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool {
		_, err := j.resource(o)
		if !meta.IsNoMatchError(err) {
			return false
		}
		if j.unjudged[o.GroupVersionKind().Group] == "" {
			t.Errorf("%s: the server does not know the kind, and crds.go does not list it", describe(o))
		}
		return true
	})
}

// sayUnjudged names the objects that known leaves out.
func (j *judge) sayUnjudged(name string, objects []*unstructured.Unstructured) {
	for _, o := range objects {
		if set := j.unjudged[o.GroupVersionKind().Group]; set != "" {
			fmt.Printf("e2e: %s: %s: not judged without the CRDs of %s\n", name, describe(o), set)
		}
	}
}

// operatorNamespace is where Restate's operator runs; its own tunnel pods do not pass restricted, so nobody enforces that there.
const operatorNamespace = "restate-operator"

// namespaces makes sure that each namespace exists and enforces the level.
func (j *judge) namespaces(t *testing.T, objects []*unstructured.Unstructured, enforce string) {
	t.Helper()
	for _, o := range objects {
		name := o.GetNamespace()
		if name == "" {
			continue
		}
		level := enforce
		if name == operatorNamespace {
			level = "baseline"
		}
		if _, err := j.apply(t.Context(), namespace(name, level)); err != nil {
			t.Fatalf("namespace %s: %v", name, err)
		}
	}
}

// priorityClasses makes those that the cases name.
func (j *judge) priorityClasses(t *testing.T) {
	t.Helper()
	for _, name := range []string{"critical", "edge"} {
		class := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": int64(1000)}}
		class.SetName(name)
		if _, err := j.apply(t.Context(), class); err != nil {
			t.Fatal(err)
		}
	}
}

func namespace(name, level string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": level}},
	}}
}

// admitPods creates a Pod from each template that the function wrote, so that admission judges the pods and not their makers,
// which it only warns about. The Pods are not stored.
func (j *judge) admitPods(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		template, found, _ := unstructured.NestedMap(o.Object, "spec", "template")
		if !found {
			continue
		}
		pod := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]}}
		pod.SetName("judged")
		pod.SetNamespace(o.GetNamespace())
		client, err := j.resource(pod)
		if err != nil {
			t.Fatal(err)
		}
		options := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
		if _, err := client.Create(t.Context(), pod, options); err != nil {
			t.Errorf("a pod of %s: %v", describe(o), err)
		}
	}
}

// remove deletes an object. Namespaces stay: nothing here would end their deletion.
func (j *judge) remove(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	client, err := j.resource(o)
	if err != nil || o.GetKind() == "Namespace" {
		return
	}
	background := metav1.DeletePropagationBackground // without it the server warns that a Job's pods would stay
	if err := client.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Errorf("remove %s: %v", describe(o), err)
	}
}
