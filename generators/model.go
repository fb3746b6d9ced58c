// SPDX-License-Identifier: Apache-2.0

package generators

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Model is a valid spec with every default filled in and every reference resolved. Components render it and cannot fail.
type Model struct {
	Name, Namespace     string
	Labels, Annotations map[string]string
	Cloud               v1alpha1.Cloud
	ClusterDomain       string
	Retain              bool
	// PullPolicy of every container, empty for the default of Kubernetes.
	PullPolicy    string
	NamespaceSpec v1alpha1.Namespace
	// Tunnel is nil in mode None.
	Tunnel *Tunnel
	// Services are sorted by key.
	Services []Service
	Policy   Policy
}

// Owner is the value of the owned-by annotation.
func (m Model) Owner() string { return m.Namespace + "/" + m.Name }

// Tunnel is a tunnel that this integration runs.
type Tunnel struct {
	Mode v1alpha1.TunnelMode
	// Namespace and PodLabels are where the pods run and what selects them.
	Namespace string
	PodLabels map[string]string
	// Environment is the name of the RestateCloudEnvironment, empty in Standalone mode.
	Environment string
	// Name is the tunnel's name in registered URLs, empty in Operator mode, where it is the uid of the environment.
	Name        string
	Replicas    int32
	Proxy       v1alpha1.RemoteProxy
	Secret      secretKeyRef
	Digest      string
	Image       string
	PullPolicy  string
	Env         []corev1.EnvVar
	Resources   *corev1.ResourceRequirements
	PodTemplate v1alpha1.PodTemplate
	Budget      v1alpha1.PodDisruptionBudget
	EgressTo    []networkingv1.NetworkPolicyEgressRule
}

// Service is one service behind the tunnel.
type Service struct {
	Key string
	v1alpha1.Service
	// Isolated and ClosedEgress say which directions of the pods' traffic a policy closes.
	Isolated, ClosedEgress bool
	// Labels select the pods, for services whose selector has matchLabels alone.
	Labels map[string]string
}

// Policy is what the network policies share.
type Policy struct {
	Baseline v1alpha1.Baseline
	// DNS opens the cluster's DNS servers.
	DNS networkingv1.NetworkPolicyEgressRule
	// Cloud are the addresses of Restate Cloud.
	Cloud       []networkingv1.NetworkPolicyPeer
	TunnelPorts []int32
	Scraper     networkingv1.NetworkPolicyPeer
}

// tunnelLabels are all labels of a standalone tunnel's pods. The operator's pods lack that of the integration.
func (m Model) tunnelLabels(t *Tunnel) map[string]string {
	return merged(t.PodTemplate.Labels, t.PodLabels, map[string]string{labelIntegration: m.Name})
}

// ownPods reports whether pods of the function's own workloads run in the integration's namespace.
func (m Model) ownPods() bool {
	return m.Tunnel != nil && m.Tunnel.Mode == v1alpha1.TunnelStandalone
}
