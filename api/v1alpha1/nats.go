// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NATS has the account, its streams and the event bridge.
type NATS struct {
	// Servers are NATS URLs, nats:// or tls://, of Services in this cluster: nats://<service>.<namespace>.svc:<port>, whose pods listen
	// on the same port. Default: nats://nats.nats.svc:4222.
	// +optional
	Servers []string `json:"servers,omitempty"`
	// PodSelector selects the NATS servers in their namespace. Default: the labels of the nats Helm chart.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// TLS of the bridge's connection. Needed for tls:// servers whose certificate is not from a public CA.
	// +optional
	TLS *NATSTLS `json:"tls,omitempty"`
	// Account is written as soon as it has a user, an import or an export.
	// +optional
	// +kubebuilder:default={}
	Account NATSAccount `json:"account,omitempty"`
	// JetStream has the stream of events, that of dead letters, and the bridge's consumers.
	// +optional
	JetStream *JetStream `json:"jetstream,omitempty"`
	// Bridge sends events to Restate Cloud.
	// +optional
	Bridge *Bridge `json:"bridge,omitempty"`
}

// NATSTLS names the CA and the client certificate for NATS.
type NATSTLS struct {
	// CASecretRef is the CA of the servers' certificates.
	CASecretRef SecretKeyRef `json:"caSecretRef"`
	// CertSecretRef is a kubernetes.io/tls Secret with the client certificate that the servers ask for.
	// +optional
	CertSecretRef *SecretRef `json:"certSecretRef,omitempty"`
}

// SecretKeyRef names a key of a Secret.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	// Namespace of the Secret, where it is not that of the pod which reads it.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// SecretRef names a Secret.
type SecretRef struct {
	Name string `json:"name"`
}

// NATSAccount is a least-privilege account.
type NATSAccount struct {
	// Name of the account in the server's configuration.
	// +optional
	// +kubebuilder:default=RESTATE
	Name string `json:"name,omitempty"`
	// Mode is ServerConfig for a fragment of the server's configuration, JWT for an account that an operator signed, Nauth for the
	// objects of nauth.io.
	// +optional
	// +kubebuilder:default=ServerConfig
	Mode NATSAccountMode `json:"mode,omitempty"`
	// Subjects is the envelope of what users may be given. Default: restate.events.* and workflow.outbox.*.
	// +optional
	Subjects []string `json:"subjects,omitempty"`
	// AllowDeep allows a final > in subjects.
	// +optional
	AllowDeep bool `json:"allowDeep,omitempty"`
	// Users of the account, each with what it may publish and subscribe. The users of bridge and NACK are made besides.
	// +optional
	Users map[string]NATSUser `json:"users,omitempty"`
	// InboxPrefix is where replies go: clients set it as their inbox prefix, because the common one would show them each other's.
	// +optional
	// +kubebuilder:default=_INBOX_restate
	InboxPrefix string `json:"inboxPrefix,omitempty"`
	// Limits of the account.
	// +optional
	// +kubebuilder:default={}
	Limits NATSLimits `json:"limits,omitempty"`
	// Peers are the accounts that may be imported from or exported to, by name; in mode JWT by public key (A...), which is the only name
	// that the server knows them by.
	// +optional
	Peers map[string]NATSPeer `json:"peers,omitempty"`
	// Imports are subjects that peers publish and users of this account may subscribe.
	// +optional
	Imports map[string]NATSShare `json:"imports,omitempty"`
	// Exports are subjects of this account that peers may subscribe.
	// +optional
	Exports map[string]NATSShare `json:"exports,omitempty"`
	// JWT is the account's, in mode JWT.
	// +optional
	JWT *NATSJWT `json:"jwt,omitempty"`
	// Nauth is the cluster, in mode Nauth.
	// +optional
	Nauth *Nauth `json:"nauth,omitempty"`
}

// NATSAccountMode says in which form the account is written.
// +kubebuilder:validation:Enum=ServerConfig;JWT;Nauth
type NATSAccountMode string

// The modes.
const (
	AccountServerConfig NATSAccountMode = "ServerConfig"
	AccountJWT          NATSAccountMode = "JWT"
	AccountNauth        NATSAccountMode = "Nauth"
)

// Values lists what is allowed.
func (NATSAccountMode) Values() []string { return []string{"ServerConfig", "JWT", "Nauth"} }

// NATSUser is a user of the account, known by public keys alone.
type NATSUser struct {
	// PublicKeys are user nkeys (U...); several overlap during a rotation. Needed in mode ServerConfig alone.
	// +optional
	PublicKeys []string `json:"publicKeys,omitempty"`
	// Publish and Subscribe lie within the account's subjects. An empty list allows nothing.
	Publish   []string `json:"publish"`
	Subscribe []string `json:"subscribe"`
	// SecretRef is the Secret with the seed, in mode JWT with the creds file, for the commands that seal and rotate it; nothing else
	// reads it. Default namespace: that of the integration.
	// +optional
	SecretRef *SecretKeyRef `json:"secretRef,omitempty"`
}

// NATSLimits of the account; Payload in bytes.
type NATSLimits struct {
	// Connections of all users together. Default: 16, and those of the bridge, which has one for each route and one for dead letters in each
	// pod, and one pod more during a rollout.
	// +optional
	Connections *int64 `json:"connections,omitempty"`
	// Subscriptions of each connection.
	// +optional
	// +kubebuilder:default=128
	Subscriptions *int64 `json:"subscriptions,omitempty"`
	// Payload of one message, in bytes.
	// +optional
	// +kubebuilder:default=65536
	Payload *int64 `json:"payload,omitempty"`
	// LeafNodes that may connect.
	// +optional
	// +kubebuilder:default=0
	LeafNodes *int64 `json:"leafNodes,omitempty"`
}

// NATSPeer is another account of the same server.
type NATSPeer struct {
	// Managed is External when somebody else writes the peer's side: what it needs is printed beside the account. Emit
	// writes it into the Helm values; in a hand-written configuration an account stands once, with its users.
	// +optional
	// +kubebuilder:default=External
	Managed NATSPeerManaged `json:"managed,omitempty"`
}

// NATSPeerManaged says who writes the counterpart of an import or export.
// +kubebuilder:validation:Enum=External;Emit
type NATSPeerManaged string

// The values.
const (
	PeerExternal NATSPeerManaged = "External"
	PeerEmit     NATSPeerManaged = "Emit"
)

// Values lists what is allowed.
func (NATSPeerManaged) Values() []string { return []string{"External", "Emit"} }

// NATSShare is an import from or an export to a peer.
type NATSShare struct {
	// Account is a key of peers.
	Account string `json:"account"`
	Subject string `json:"subject"`
}

// NATSJWT is an account JWT that somebody else signed. It must not allow more than the spec: what it does is named point by point. Users
// are signed by signing keys with a scope: a role with the name of a user (bridge and nack too) may do what that user may, any other
// what subjects say. Its exports need token_req, because peers could not be held to otherwise. Whoever has the account's own key can
// sign any user, unless the operator demands signing keys.
type NATSJWT struct {
	// File with the JWT, relative to the kustomization. Only the generator form of kustomize shows it to the function.
	File string `json:"file"`
	// OperatorPublicKey is the operator's key (O...) that signed the account, be it the identity or a signing key.
	OperatorPublicKey string `json:"operatorPublicKey"`
}

// Nauth refers to a NatsCluster of nauth.io.
type Nauth struct {
	ClusterRef NauthClusterRef `json:"clusterRef"`
}

// NauthClusterRef names a NatsCluster.
type NauthClusterRef struct {
	Name string `json:"name"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// JetStream has the streams of events and dead letters.
type JetStream struct {
	// Stream of the events: a work queue, from which an event goes once it was delivered.
	// +optional
	// +kubebuilder:default=RESTATE_EVENTS
	Stream string `json:"stream,omitempty"`
	// Subjects of the stream. Default: those of the bridge's routes; with a bridge there may be no others.
	// +optional
	Subjects []string `json:"subjects,omitempty"`
	// DeadLetterStream keeps what could not be delivered, on restate.dlq.*.
	// +optional
	// +kubebuilder:default=RESTATE_DLQ
	DeadLetterStream string `json:"deadLetterStream,omitempty"`
	// Replicas of each stream.
	// +optional
	// +kubebuilder:default=3
	Replicas *int32 `json:"replicas,omitempty"`
	// MaxAge of an event, below the 24 hours in which Restate remembers idempotency keys.
	// +optional
	// +kubebuilder:default="23h"
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// DuplicateWindow in which an event with a known Nats-Msg-Id is dropped.
	// +optional
	// +kubebuilder:default="2m"
	DuplicateWindow *metav1.Duration `json:"duplicateWindow,omitempty"`
	// Limits of the account.
	// +optional
	Limits *JetStreamLimits `json:"limits,omitempty"`
	// NACK lets the JetStream controller make streams and consumers; without it somebody else has to.
	// +optional
	NACK *NACK `json:"nack,omitempty"`
}

// JetStreamLimits of the account; File and Memory in bytes.
type JetStreamLimits struct {
	// File storage of all streams with their replicas. Default: 1 GiB.
	// +optional
	File *int64 `json:"file,omitempty"`
	// Memory storage. Default: 0.
	// +optional
	Memory *int64 `json:"memory,omitempty"`
	// Streams of the account. Default: 2.
	// +optional
	Streams *int64 `json:"streams,omitempty"`
	// Consumers of each stream. Default: 4, and one for each route of the bridge.
	// +optional
	Consumers *int64 `json:"consumers,omitempty"`
}

// NACK is the JetStream controller and its user.
type NACK struct {
	// Account is the name of NACK's Account object with the connection; empty for the controller's own connection.
	// +optional
	Account string `json:"account,omitempty"`
	// PublicKeys are the user nkeys (U...) of the controller in this account.
	// +optional
	PublicKeys []string `json:"publicKeys,omitempty"`
}

// Bridge sends events to Restate Cloud, each subject to one handler.
type Bridge struct {
	// Resources of the container. Default: requests 100m CPU and 128Mi, limits 1 CPU and 512Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// PodTemplate adds to the pods.
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// PublicKeys are the bridge's user nkeys (U...); several overlap during a rotation.
	// +optional
	PublicKeys []string `json:"publicKeys,omitempty"`
	// Routes by a name of their own. The route's consumer is named after the subject, so that all else of a route may change at any time, its
	// name too.
	Routes map[string]Route `json:"routes"`
	// Replicas of the bridge. They share the consumers.
	// +optional
	// +kubebuilder:default=2
	Replicas *int32 `json:"replicas,omitempty"`
	// MaxEventAge until which a transient refusal is tried again; then the event is a dead letter. Below jetstream.maxAge.
	// +optional
	// +kubebuilder:default="30m"
	MaxEventAge *metav1.Duration `json:"maxEventAge,omitempty"`
	// IdleExit ends the NATS client, not the process, after that time without an event, and a new one takes its place: after a longer
	// outage or a refused key only a new one helps, and nothing tells. It is also how long the bridge may be deaf after an outage.
	// +optional
	// +kubebuilder:default="15m"
	IdleExit *metav1.Duration `json:"idleExit,omitempty"`
}

// Connections are those that the bridge has to NATS during a rollout, when there is one pod more: each has one for each route and one for
// dead letters.
func (b *Bridge) Connections() int64 {
	if *b.Replicas <= 0 {
		return 0
	}
	return (int64(*b.Replicas) + 1) * (int64(len(b.Routes)) + 1)
}

// Route sends one subject to one handler.
type Route struct {
	// Subject of the events, without wildcards.
	Subject string `json:"subject"`
	// Service and Handler are Restate's names.
	Service string `json:"service"`
	Handler string `json:"handler"`
	// Key of a virtual object, from a header or a JSON field.
	// +optional
	Key *RouteKey `json:"key,omitempty"`
}

// RouteKey says where the key of a virtual object comes from; one of the two.
type RouteKey struct {
	// Header of the event.
	// +optional
	Header string `json:"header,omitempty"`
	// JSONField of the body, a name or several separated by dots.
	// +optional
	JSONField string `json:"jsonField,omitempty"`
}
