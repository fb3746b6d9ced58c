// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"encoding/hex"
)

// Limits of names, in characters.
const (
	// maxName is that of a DNS-1123 label.
	maxName = 63
	// maxIntegrationName leaves room for component and key in every generated name.
	maxIntegrationName = 40
	// maxDeploymentName leaves room for the "-" and the hash that the operator appends to a RestateDeployment's name.
	maxDeploymentName = 50
	// maxEnvironmentName is that of the RestateCloudEnvironment's CRD: "tunnel-" stands in front of it in Service names.
	maxEnvironmentName = 56
)

// Annotation and label keys of the function. They are API: changing one orphans what earlier versions wrote.
const (
	annotationPrefix = "restate-integration.dev/"
	// AnnotationOwnedBy holds <namespace>/<name> of the integration that an object comes from.
	AnnotationOwnedBy = annotationPrefix + "owned-by"
	// AnnotationAdopt lets an integration take over an object that it does not own.
	AnnotationAdopt = annotationPrefix + "adopt"
	// AnnotationComponent and AnnotationSource say which part of the function made an object, and from which field.
	AnnotationComponent = annotationPrefix + "component"
	AnnotationSource    = annotationPrefix + "source"
	// AnnotationDigest changes exactly when a pod's credential does, and so makes new pods.
	AnnotationDigest = annotationPrefix + "credential-digest"
	// AnnotationConfigDigest changes with the configuration of a pod that reads it once, at start.
	AnnotationConfigDigest = annotationPrefix + "config-digest"
	// labelIntegration marks the pods of one integration, for the Owned baseline.
	labelIntegration = annotationPrefix + "integration"
)

// Annotations that keep GitOps tools from deleting what must not vanish by accident.
const (
	annotationArgoSync    = "argocd.argoproj.io/sync-options"
	annotationFluxPrune   = "kustomize.toolkit.fluxcd.io/prune"
	AnnotationKptDeletion = "client.lifecycle.config.k8s.io/deletion"
)

// protection is carried, while the deletion policy is Retain, by the RestateCloudEnvironment and the Namespace.
func protection() map[string]string {
	return map[string]string{
		annotationArgoSync:    "Prune=false",
		annotationFluxPrune:   "disabled",
		AnnotationKptDeletion: "detach",
	}
}

// The recommended labels of Kubernetes (kubernetes.io/docs/concepts/overview/working-with-objects/common-labels).
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"

	managedBy = "restate-integration"
)

// limitName shortens a name that is over limit: cut to limit-9, then "-" and the hash of the full name. Two
// long names stay different, and the same name gives the same result for good.
func limitName(full string, limit int) string {
	if len(full) <= limit {
		return full
	}
	return full[:limit-9] + "-" + hash8([]byte(full))
}

// hash8 is short enough for a part of a name: the first 8 hex digits of the sha256.
func hash8(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:8]
}

// objectName is <integration>-<component>[-<key>].
func (m Model) objectName(component, key string) string {
	return limitName(m.fullName(component, key), maxName)
}

func (m Model) fullName(component, key string) string {
	full := m.Name + "-" + component
	if key != "" {
		full += "-" + key
	}
	return full
}
