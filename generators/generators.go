// SPDX-License-Identifier: Apache-2.0

// Package generators expands a RestateIntegration into Kubernetes objects.
//
// It is pure: Resolve turns a spec into a Model once, with every problem reported together; from a valid Model nothing can
// fail, so Build returns no error. Nothing in here reads a clock, a file, the environment, the network or randomness, and
// nothing knows an SDK type.
package generators

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is a generated Kubernetes object: a typed struct with TypeMeta and ObjectMeta.
type Object interface {
	metav1.Object
	GetObjectKind() schema.ObjectKind
}

// Built is a generated object with its provenance.
type Built struct {
	Object Object
	// Component is the name of the component that made it.
	Component string
	// Source is the field path that it comes from: spec.services[greeter].
	Source string
	// typed is the object as a struct, once a patch has made it one without.
	typed Object
}

// Component is one part of the expansion.
type Component struct {
	// Name is stable: it stands in annotations, in patches and in the reference.
	Name string
	// Doc is one sentence for the reference.
	Doc string
	// Objects returns nothing when the component is off. Build fills in Component.
	Objects func(Model) []Built
}

// Components returns the registry in apply order. Adding a component is one file and one line here.
func Components() []Component {
	return []Component{
		namespaceComponent,
		baselineComponent,
		tunnelComponent,
		endpointsComponent,
		wasmCloudComponent,
		serviceComponent,
		registrationComponent,
		natsComponent,
		bridgeComponent,
		gatewayComponent,
	}
}

// Build renders every object of a valid model, in the order of the registry, with common labels, annotations and provenance.
func Build(m Model) []Built {
	var all []Built
	for _, c := range Components() {
		for _, b := range c.Objects(m) {
			b.Component = c.Name
			stamp(m, b)
			all = append(all, b)
		}
	}
	order(m, all)
	return all
}

// stamp sets what every object carries. The RestateCloudEnvironment gets its owner alone: the operator copies its labels and
// annotations to the tunnel's pods, so that anything else there would restart the tunnel when it changes.
func stamp(m Model, b Built) {
	annotations := map[string]string{AnnotationOwnedBy: m.Owner()}
	if b.Object.GetObjectKind().GroupVersionKind().Kind != restateCloudEnvironmentKind {
		annotations[AnnotationComponent] = b.Component
		annotations[AnnotationSource] = b.Source
		b.Object.SetLabels(merged(m.Labels, b.Object.GetLabels(), map[string]string{
			labelComponent: b.Component,
			labelPartOf:    m.Name,
			labelManagedBy: managedBy,
		}))
		annotations = merged(m.Annotations, annotations)
	}
	b.Object.SetAnnotations(merged(b.Object.GetAnnotations(), annotations))
}

// merged returns a new map; later maps win.
func merged(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// ID identifies an object the way the API server does: the version of its API does not count, and the namespace of a
// cluster-scoped object is empty.
type ID struct {
	Group, Kind, Namespace, Name string
}

// ID of a built object.
func (b Built) ID() ID {
	gk := b.Object.GetObjectKind().GroupVersionKind().GroupKind()
	return ID{gk.Group, gk.Kind, b.Object.GetNamespace(), b.Object.GetName()}
}

// ClusterScoped reports whether a kind that the function writes has no namespace, so that one which a host has stamped on it
// counts for nothing.
func ClusterScoped(group, kind string) bool {
	return group == "" && kind == "Namespace" || group == "restate.dev" && kind == restateCloudEnvironmentKind
}

// IsCloudEnvironment reports whether an object is a RestateCloudEnvironment.
func IsCloudEnvironment(id ID) bool {
	return id.Group == "restate.dev" && id.Kind == restateCloudEnvironmentKind
}

// IsDeployment reports whether an object is a RestateDeployment.
func IsDeployment(id ID) bool { return id.Group == "restate.dev" && id.Kind == restateDeploymentKind }

// Precious reports whether a kind is kept under the deletion policy Retain: deleting it cannot be undone, because the uid of a
// RestateCloudEnvironment is part of every registered URL, and a Namespace takes everything in it along.
func Precious(group, kind string) bool { return ClusterScoped(group, kind) }
