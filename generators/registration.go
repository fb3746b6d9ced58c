// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var registrationComponent = Component{
	Name:    "registration",
	Doc:     "A Job with the Restate CLI for each service that nobody else registers, its account and its network policy.",
	Objects: registrationObjects,
}

const registrationName = "restate-registration" // the label app.kubernetes.io/name of the Jobs' pods

// Limits of a registration Job. The delays between its pods double from 10 s up to 6 min (kubernetes.io, Jobs, pod backoff failure
// policy), so that 8 retries give the tunnel and the service about 20 minutes to come up.
const (
	registrationRetries  int32 = 8
	registrationDeadline int64 = 3600 // seconds
)

// finalExit is the exit code of the script when no retry can help.
const finalExit = 2

func registrationObjects(m Model) []Built {
	if m.Registration == nil {
		return nil
	}
	out := []Built{
		{Object: serviceAccount(m.Namespace, m.objectName("registration", "")), Source: "spec.services"},
		{Object: registrationPolicy(m), Source: "spec.services"},
	}
	for _, s := range m.Services {
		if s.ByJob {
			out = append(out, Built{Object: registrationJob(m, s), Source: fmt.Sprintf("spec.services[%s].registration", s.Key)})
		}
	}
	return out
}

func (m Model) registrationLabels() map[string]string {
	return map[string]string{labelName: registrationName, labelInstance: m.objectName("registration", "")}
}

// registrationPolicy opens DNS and the admin API, and nothing comes in.
func registrationPolicy(m Model) *networkingv1.NetworkPolicy {
	np := newPolicy(m.Namespace, m.objectName("registration", ""), matchLabels(m.registrationLabels()), networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	np.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{m.Policy.DNS, to(tcp(urlPort(m.Cloud.AdminURL)), m.Policy.Cloud...)}
	return np
}

// registrationJob has a name with a hash of its own spec: a Job cannot be changed, so that every change is another Job, and the
// same spec never runs twice. For the same reason it has no TTL: a Job that is gone would be made, and run, at the next sync.
func registrationJob(m Model, s Service) *job {
	out := &job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Labels: map[string]string{labelName: registrationName}},
		Spec: jobSpec{
			BackoffLimit:          registrationRetries,
			ActiveDeadlineSeconds: registrationDeadline,
			PodFailurePolicy: jobPodFailurePolicy{Rules: []jobPodFailureRule{
				{Action: "FailJob", OnExitCodes: &jobExitCodes{ContainerName: "register", Operator: "In", Values: []int32{finalExit}}},
				{Action: "Ignore", OnPodConditions: []jobPodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}},
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: merged(s.Registration.PodTemplate.Labels, m.registrationLabels(), map[string]string{labelIntegration: m.Name}),
					// A Job that failed for its key runs again when the key changes.
					Annotations: merged(s.Registration.PodTemplate.Annotations, m.digestAnnotation(roleAdmin, m.Namespace)),
				},
				Spec: registrationPod(m, s),
			},
		},
	}
	out.Name = limitName(m.fullName("registration", s.Key)+"-"+specHash(out.Spec), maxName)
	return out
}

// specHash is that of the spec as JSON: field names and order come from the Kubernetes API, and maps are sorted.
func specHash(spec jobSpec) string {
	text, err := json.Marshal(spec)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return hash8(text)
}

func registrationPod(m Model, s Service) corev1.PodSpec {
	secret := m.Credentials[roleAdmin].Secret
	template := nonRoot(s.Registration.PodTemplate)
	if template.TopologySpreadConstraints == nil {
		template.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{} // one pod alone
	}
	pod := m.podFrom(template, m.registrationLabels())
	pod.ServiceAccountName = m.objectName("registration", "")
	// Each try leaves its pod, and so its log.
	pod.RestartPolicy = corev1.RestartPolicyNever
	pod.Containers = []corev1.Container{{
		Name:            "register",
		Image:           m.Registration.Image,
		ImagePullPolicy: corev1.PullPolicy(m.PullPolicy),
		Command:         []string{"/bin/sh", "-eu", "-c", registrationScript},
		Env: []corev1.EnvVar{
			{Name: "RESTATE_ADMIN_URL", Value: m.Cloud.AdminURL},
			{Name: "RESTATE_CLI_CONFIG_HOME", Value: "/tmp/restate-cli"},
			{Name: "HOME", Value: "/tmp"},
			{Name: "TOKEN_FILE", Value: tokenDir + "/" + tokenFile},
			{Name: "SECRET", Value: fmt.Sprintf("%s/%s, key %s", m.Namespace, secret.Name, secret.Key)},
			{Name: "SERVICE", Value: s.Key},
			{Name: "DEPLOYMENT_URL", Value: m.RegistrationURL(s)},
			{Name: "REVISION", Value: s.Registration.Revision},
			{Name: "USE_HTTP11", Value: strconv.FormatBool(s.UseHTTP11)},
			{Name: "FORCE", Value: strconv.FormatBool(s.Registration.Force)},
		},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
		},
		SecurityContext: restrictedContainer(),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "token", MountPath: tokenDir, ReadOnly: true},
			{Name: "tmp", MountPath: "/tmp"},
		},
	}}
	pod.Volumes = []corev1.Volume{secretVolume("token", secret, pod.SecurityContext), tmpVolume()}
	return pod
}
