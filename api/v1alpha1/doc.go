// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the RestateIntegration API: one compact spec that describes how a Kubernetes cluster is connected to
// Restate Cloud.
//
// The resource is never stored in a cluster. It is the input of a KRM function, and the CustomResourceDefinition that is
// generated from these types (crd.yaml) describes its schema to editors, to the reference and to people.
//
// Everything that has a name is a map keyed by that name, never a list: a kustomize patch replaces a list of a custom
// resource as a whole, and merges a map. Types that Kubernetes has are used as they are.
//
// A nil pointer, an empty string and an absent map all mean "not set"; Default fills in what has a default.
//
// +groupName=restate-integration.dev
// +kubebuilder:object:generate=false
package v1alpha1

// Group, Version and Kind identify a RestateIntegration.
const (
	Group      = "restate-integration.dev"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version
	Kind       = "RestateIntegration"
)
