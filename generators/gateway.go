// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

var gatewayComponent = Component{
	Name:    "gateway",
	Doc:     "The fallback gateway: Envoy relays authenticated calls of the allowed services to Restate Cloud, one Deployment for each domain.",
	Objects: gatewayObjects,
}

// gatewayName is the label app.kubernetes.io/name of the gateways' pods.
const gatewayName = "restate-gateway"

// Ports of a gateway's pods and of its Service.
const (
	portGateway  int32 = 8443 // mTLS
	portOps      int32 = 9102 // plain: /ready, /healthz and /stats/prometheus; network policies let the scraper in alone
	portHTTPS    int32 = 443
	portNameTLS        = "https"
	portNameOps        = "metrics"
	gatewayProbe       = "/ready"
)

// What a gateway's pods mount. The API keys, the token and the certificates are read anew when they change.
const (
	gatewayConfigDir = "/etc/envoy"
	bootstrapFile    = "bootstrap.yaml"
	gatewayTLSDir    = "/var/run/secrets/gateway-tls"
	gatewayCADir     = "/var/run/secrets/gateway-client-ca"
	gatewayKeysDir   = "/var/run/secrets/gateway-keys"
	gatewayJWKSDir   = "/var/run/secrets/gateway-jwks-ca"
)

// drainMargin is what the Service's endpoints take to lose a pod, and nodes to learn of it.
const drainMargin = 15 * time.Second

// streamDrain is how long a call without a limit may go on while its pod stops.
const streamDrain = time.Minute

func gatewayObjects(m Model) []Built {
	if m.Gateway == nil {
		return nil
	}
	var out []Built
	for _, d := range m.Gateway.Domains {
		config := gatewayConfigMap(m, d)
		for _, o := range []Object{
			serviceAccount(m.Namespace, m.gatewayObject(d)), config, gatewayDeployment(m, d, config.Name), gatewayService(m, d), gatewayPolicy(m, d), serverCertificate(m, d),
		} {
			out = append(out, Built{Object: o, Source: d.source()})
		}
		if n := m.Gateway.Replicas; n == nil || *n > 1 {
			out = append(out, Built{Object: disruptionBudget(m.Namespace, m.gatewayObject(d), m.gatewayLabels(d), *m.Gateway.PodDisruptionBudget), Source: d.source()})
		}
	}
	return append(out, exposureObjects(m)...)
}

// source is the field that the gateway comes from.
func (d GatewayDomain) source() string {
	if d.Key == "" {
		return gatewayPath.String()
	}
	return entry(gatewayPath.Child("domains"), d.Key).String()
}

func (m Model) gatewayObject(d GatewayDomain) string { return m.objectName("gateway", d.Key) }

func (m Model) gatewayLabels(d GatewayDomain) map[string]string {
	return map[string]string{labelName: gatewayName, labelInstance: m.gatewayObject(d)}
}

// gatewayHost is the name by which the exposure calls the gateway, and which its certificate has.
func (m Model) gatewayHost(d GatewayDomain) string {
	return strings.Join([]string{m.gatewayObject(d), m.Namespace, "svc", m.ClusterDomain}, ".")
}

// gatewayConfigMap never changes: another configuration has another name, and so makes new pods.
func gatewayConfigMap(m Model, d GatewayDomain) *corev1.ConfigMap {
	data := gatewayConfig(m, d)
	var all []byte
	for _, key := range sortedKeys(data) {
		all = append(all, key+"\n"+data[key]+"\n"...)
	}
	name := limitName(m.fullName("gateway", d.Key), maxName-9) + "-" + hash8(all)
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name, Labels: map[string]string{labelName: gatewayName}},
		Data:       data,
		Immutable:  ptr.To(true),
	}
}

func gatewayDeployment(m Model, d GatewayDomain, config string) *appsv1.Deployment {
	t := m.Gateway.PodTemplate
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.gatewayObject(d), Labels: map[string]string{labelName: gatewayName}},
		Spec: appsv1.DeploymentSpec{
			Replicas: m.Gateway.Replicas,
			Selector: ptr.To(matchLabels(m.gatewayLabels(d))),
			Strategy: gradually(),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      merged(t.Labels, m.gatewayLabels(d), map[string]string{labelIntegration: m.Name}),
					Annotations: t.Annotations,
				},
				Spec: gatewayPod(m, d, config),
			},
		},
	}
}

// gatewayPod starts when every key of every Secret is there: Envoy would start without, be ready, and refuse all calls.
func gatewayPod(m Model, d GatewayDomain, config string) corev1.PodSpec {
	pod := m.podFrom(nonRoot(m.Gateway.PodTemplate), m.gatewayLabels(d))
	drain := m.Gateway.drain()
	pod.ServiceAccountName = m.gatewayObject(d)
	pod.TerminationGracePeriodSeconds = ptr.To(drain + int64(drainMargin.Seconds()))
	c := gatewayContainer(m.Gateway, drain)
	c.ImagePullPolicy = corev1.PullPolicy(m.PullPolicy)
	item := func(key, path string) corev1.KeyToPath { return corev1.KeyToPath{Key: key, Path: path} }
	mount(&pod, &c, configVolume(config), gatewayConfigDir)
	server := []corev1.KeyToPath{item(corev1.TLSCertKey, corev1.TLSCertKey), item(corev1.TLSPrivateKeyKey, corev1.TLSPrivateKeyKey)}
	if m.Gateway.TLS.ClientCA == nil {
		server = append(server, item(corev1.ServiceAccountRootCAKey, corev1.ServiceAccountRootCAKey))
	}
	mount(&pod, &c, fileVolume("tls", m.serverSecret(d), pod.SecurityContext, server...), gatewayTLSDir)
	if ca := m.Gateway.TLS.ClientCA; ca != nil {
		mount(&pod, &c, fileVolume("client-ca", ca.Name, pod.SecurityContext, item(ca.Key, corev1.ServiceAccountRootCAKey)), gatewayCADir)
	}
	mount(&pod, &c, secretVolume("token", m.Credentials[d.Role].Secret, pod.SecurityContext), ingressDir)
	if k := d.APIKeys; k != nil {
		mount(&pod, &c, fileVolume("api-keys", k.Name, pod.SecurityContext, item(k.Key, apiKeysFile)), gatewayKeysDir)
	}
	if d.JWT != nil && d.JWT.CASecretRef != nil {
		mount(&pod, &c, fileVolume("jwks-ca", d.JWT.CASecretRef.Name, pod.SecurityContext, item(d.JWT.CASecretRef.Key, corev1.ServiceAccountRootCAKey)), gatewayJWKSDir)
	}
	pod.Containers = []corev1.Container{c}
	return pod
}

// drain is how many seconds a pod goes on after it was told to stop: Envoy ends at once on SIGTERM, so that the signal must wait for
// the calls in flight (run: Envoy 1.40).
func (g *Gateway) drain() int64 {
	longest := streamDrain
	if t := g.Upstream.Timeout; t != nil {
		longest = t.Duration
	}
	return int64((longest + drainMargin).Seconds())
}

func gatewayContainer(g *Gateway, drain int64) corev1.Container {
	probe := func(path string) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(portNameOps)}}}
	}
	return corev1.Container{
		Name:  "envoy",
		Image: g.Image,
		Args: []string{
			"--config-path", gatewayConfigDir + "/" + bootstrapFile,
			"--concurrency", strconv.FormatInt(g.Threads, 10),
			"--reject-unknown-dynamic-fields",    // a slip in a file of keys would be passed over
			"--disable-hot-restart",              // it would need shared memory
			"--file-flush-interval-msec", "1000", // else the access log waits for up to 10 s
			// A file of keys that is refused would be printed with the keys. misc warns of what is work in progress, at each start.
			"--component-log-level", "config:error,misc:error",
			"--log-format", `{"time":"%Y-%m-%dT%T.%eZ","level":"%l","logger":"%n","thread":"%t","message":"%j"}`,
		},
		Ports: []corev1.ContainerPort{
			{Name: portNameTLS, ContainerPort: portGateway, Protocol: corev1.ProtocolTCP},
			{Name: portNameOps, ContainerPort: portOps, Protocol: corev1.ProtocolTCP},
		},
		ReadinessProbe:  probe(gatewayProbe),
		LivenessProbe:   probe("/healthz"),
		Lifecycle:       &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drain}}},
		Resources:       *g.Resources,
		SecurityContext: restrictedContainer(),
	}
}

func gatewayService(m Model, d GatewayDomain) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.gatewayObject(d), Labels: map[string]string{labelName: gatewayName}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: m.gatewayLabels(d), Ports: []corev1.ServicePort{{
			Name: portNameTLS, Port: portHTTPS, TargetPort: intstr.FromString(portNameTLS), Protocol: corev1.ProtocolTCP, AppProtocol: ptr.To("https"),
		}}},
	}
}

// gatewayPolicy lets the exposure and the scraper in, and out to DNS, Restate Cloud, the issuer of JWTs and the collector.
func gatewayPolicy(m Model, d GatewayDomain) *networkingv1.NetworkPolicy {
	np := newPolicy(m.Namespace, m.gatewayObject(d), matchLabels(m.gatewayLabels(d)), networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	np.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{
		from(tcp(portGateway), m.Gateway.Clients...),
		from(tcp(portOps), m.Policy.Scraper),
	}
	np.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS, to(tcp(m.Gateway.UpstreamPort), m.Policy.Cloud...)}
	if d.JWT != nil {
		np.Spec.Egress = append(np.Spec.Egress, to(tcp(d.JWT.Port), d.JWT.Peers...))
	}
	if c := m.Gateway.OTLP; c != nil {
		np.Spec.Egress = append(np.Spec.Egress, to(tcp(c.Port), c.Peer))
	}
	return np
}
