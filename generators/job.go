// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// job is a batch/v1 Job, as far as the function writes one. k8s.io/api/batch/v1 would bring a second copy of pod scheduling into the
// binary, over half a megabyte; the API server holds the fields against its own type.
type job struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              jobSpec `json:"spec"`
}

type jobSpec struct {
	BackoffLimit          int32                  `json:"backoffLimit"`
	ActiveDeadlineSeconds int64                  `json:"activeDeadlineSeconds"`
	PodFailurePolicy      jobPodFailurePolicy    `json:"podFailurePolicy"`
	Template              corev1.PodTemplateSpec `json:"template"`
}

type jobPodFailurePolicy struct {
	Rules []jobPodFailureRule `json:"rules"`
}

// jobPodFailureRule has one of the two conditions.
type jobPodFailureRule struct {
	Action          string            `json:"action"`
	OnExitCodes     *jobExitCodes     `json:"onExitCodes,omitempty"`
	OnPodConditions []jobPodCondition `json:"onPodConditions,omitempty"`
}

type jobExitCodes struct {
	ContainerName string  `json:"containerName"`
	Operator      string  `json:"operator"`
	Values        []int32 `json:"values"`
}

type jobPodCondition struct {
	Type   corev1.PodConditionType `json:"type"`
	Status corev1.ConditionStatus  `json:"status"`
}
