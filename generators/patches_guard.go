// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// leftToSpec refuses a patch of what the spec alone may say, or refuses itself.
func leftToSpec(before, after Built) error {
	for _, check := range []func(before, after Built) error{sameAnnotations, sameProtection, sameEnvironment, sameProgram, sameVariables} {
		if err := check(before, after); err != nil {
			return err
		}
	}
	return nil
}

// openAnnotations are those of reservedAnnotations that a patch may change: they say how a tool treats an object, and not which it is.
var openAnnotations = []string{annotationDependsOn, annotationArgoSync, annotationFluxPrune, AnnotationKptDeletion, nginxPrefix, certManagerGroup + "/"}

// sameAnnotations: by those of the hosts an object would be taken for another one or dropped, and by ours pods would not be renewed.
func sameAnnotations(before, after Built) error {
	changed := changedKeys(before.Object.GetAnnotations(), after.Object.GetAnnotations())
	if was, is := podOf(before), podOf(after); was != nil && is != nil {
		changed = append(changed, changedKeys(was.Annotations, is.Annotations)...)
	}
	for _, key := range changed {
		begins := func(prefix string) bool { return strings.HasPrefix(key, prefix) }
		if slices.ContainsFunc(reservedAnnotations, begins) && !slices.ContainsFunc(openAnnotations, begins) {
			return refusal("it must not change the annotation " + redact.Path(key))
		}
	}
	return nil
}

// changedKeys are those that were added, removed, or have another value.
func changedKeys(before, after map[string]string) []string {
	var out []string
	for _, key := range sortedKeys(merged(before, after)) {
		was, had := before[key]
		if is, has := after[key]; had != has || was != is {
			out = append(out, key)
		}
	}
	return out
}

// sameProtection: only the deletion policy takes away what keeps a precious object. Under Delete there is nothing to keep.
func sameProtection(before, after Built) error {
	if id := before.ID(); !Precious(id.Group, id.Kind) {
		return nil
	}
	keep := protection()
	for _, key := range sortedKeys(keep) {
		if before.Object.GetAnnotations()[key] == keep[key] && after.Object.GetAnnotations()[key] != keep[key] {
			return refusal("it must not change the annotation " + key + ", which keeps the object from being deleted, unless spec.deletionPolicy is Delete")
		}
	}
	return nil
}

// restartsTunnel reports whether the operator would give the tunnel new pods because of what it copies to them.
func restartsTunnel(before, after Built) bool {
	was, is := before.Object, after.Object
	return IsCloudEnvironment(before.ID()) && len(changedKeys(was.GetLabels(), is.GetLabels()))+len(changedKeys(was.GetAnnotations(), is.GetAnnotations())) > 0
}

// environmentFields say which tunnel it is, and who may call through it; everything else of the spec rests on them.
var environmentFields = []struct{ path, spec string }{
	{"spec.environmentId", "spec.cloud.environmentId"},
	{"spec.region", "spec.cloud.region"},
	{"spec.signingPublicKey", "spec.cloud.signingPublicKey"},
	{"spec.authentication", "spec.credentials.tunnel"},
	{"spec.tunnel.remoteProxy", "spec.tunnel.remoteProxy.enabled"},
}

func sameEnvironment(before, after Built) error {
	if !IsCloudEnvironment(before.ID()) {
		return nil
	}
	was, is := fieldsOf(before), fieldsOf(after)
	for _, f := range environmentFields {
		steps := strings.Split(f.path, ".")
		old, _, _ := unstructured.NestedFieldNoCopy(was, steps...)
		if now, _, _ := unstructured.NestedFieldNoCopy(is, steps...); !reflect.DeepEqual(old, now) {
			return refusal("it must not change " + f.path + ": set " + f.spec + " of the RestateIntegration")
		}
	}
	return nil
}

// guardedContainers are those whose program is held to the spec, by the component of their Deployment.
var guardedContainers = map[string]string{tunnelComponent.Name: tunnelClient, gatewayComponent.Name: "envoy"}

// guarded is that container, nil where there is none.
func guarded(b Built) *corev1.Container {
	d, ok := b.typedObject().(*appsv1.Deployment)
	if !ok {
		return nil
	}
	return containerNamed(d.Spec.Template.Spec.Containers, guardedContainers[b.Component])
}

func containerNamed(all []corev1.Container, name string) *corev1.Container {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// sameProgram: how the program is started is part of its configuration. Variables from elsewhere would be seen by nobody.
func sameProgram(before, after Built) error {
	was, is := guarded(before), guarded(after)
	switch {
	case was == nil:
		return nil
	case is == nil:
		return refusal("it must not remove or rename the container " + was.Name)
	case !slices.Equal(was.Command, is.Command) || !slices.Equal(was.Args, is.Args):
		return refusal("it must not change command and args of the container " + was.Name + ": they are made from the spec")
	case !reflect.DeepEqual(was.EnvFrom, is.EnvFrom):
		return refusal("it must not change envFrom of the container " + was.Name + ": its variables cannot be checked")
	}
	return nil
}

// tunnelEnv are the variables of the tunnel client.
func tunnelEnv(b Built) []corev1.EnvVar {
	if e, ok := b.typedObject().(*restateCloudEnvironment); ok {
		return e.Spec.Tunnel.Env
	}
	if c := guarded(b); c != nil && b.Component == tunnelComponent.Name {
		return c.Env
	}
	return nil
}

// sameVariables holds the tunnel's variables to what spec.tunnel.env may say: others would lead its key elsewhere. Those that the function
// writes stay as they are.
func sameVariables(before, after Built) error {
	was, is := tunnelEnv(before), tunnelEnv(after)
	for _, e := range is {
		problem := tunnelVariableProblem(e)
		if problem == "" || slices.ContainsFunc(was, func(old corev1.EnvVar) bool { return reflect.DeepEqual(old, e) }) {
			continue
		}
		return refusal("the variable " + redact.Path(e.Name) + " " + problem)
	}
	for _, e := range was {
		if !slices.ContainsFunc(is, func(now corev1.EnvVar) bool { return now.Name == e.Name }) && tunnelVariableProblem(e) != "" {
			return refusal("it must not remove the variable " + e.Name + ", which is made from the spec")
		}
	}
	return nil
}

// tunnelVariableProblem is what the spec would say of a variable in spec.tunnel.env.
func tunnelVariableProblem(e corev1.EnvVar) string {
	r := &resolver{}
	r.tunnelEnv(field.NewPath("env"), []corev1.EnvVar{e})
	for _, d := range r.ds {
		if d.Severity() == diag.Error {
			return strings.TrimSuffix(d.Message+": "+d.Hint, ": ")
		}
	}
	return ""
}
