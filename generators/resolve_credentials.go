// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// Role is one of spec.credentials, with the Secrets that it names.
type Role struct {
	Name string
	v1alpha1.Credential
	// Namespaces in which a pod reads the Secret, sorted: each needs one of its own.
	Namespaces []string
}

// Path of the role's field.
func (r Role) Path() *field.Path { return specPath.Child("credentials", r.Name) }

// Roles lists the credentials that the spec has a consumer for. The spec need not be defaulted, and is not changed.
func Roles(in *v1alpha1.RestateIntegration) []Role {
	credentials := in.Spec.Credentials.Defaulted()
	switch in.Spec.Tunnel.Mode {
	case "", v1alpha1.TunnelOperator:
		return []Role{{"tunnel", credentials.Tunnel, []string{or(in.Spec.Tunnel.Operator.Namespace, v1alpha1.OperatorNamespace)}}}
	case v1alpha1.TunnelStandalone:
		return []Role{{"tunnel", credentials.Tunnel, []string{in.Namespace}}}
	}
	return nil
}

func (r *resolver) credentials() {
	for _, role := range Roles(r.in) {
		path := role.Path()
		r.domain(path.Child("name"), role.Credential.Name)
		if len(validation.IsConfigMapKey(role.Key)) > 0 {
			r.problem(diag.BadName, path.Child("key"), role.Key, "", "must be a key of a Secret: letters, digits, -, _ or .")
		}
		t := r.m.Tunnel
		t.Secret = secretKeyRef{Name: role.Credential.Name, Key: role.Key}
		t.Digest = r.credentialDigests(path, role)[t.Namespace]
	}
}

// credentialDigests checks the Secrets in sight of a role, and returns by namespace what changes with the key.
func (r *resolver) credentialDigests(path *field.Path, role Role) map[string]string {
	digests, seen := map[string]string{}, map[string]bool{}
	unreadable := false
	for _, s := range r.input.Secrets {
		if s.Name != role.Credential.Name {
			continue
		}
		place := secretPath(path, role.Credential, s)
		switch {
		case s.Keys == nil: // not a Secret that could be read: nothing is known of it but that
			unreadable = true
			r.secretProblems(place, s)
		case seen[s.Namespace]:
			r.problem(diag.NotOneSecret, place, "", "keep one of them", "must not bring Secret %s a second time", secretName(s))
		case slices.Contains(role.Namespaces, s.Namespace):
			seen[s.Namespace] = true
			r.secret(place, s)
			digests[s.Namespace] = r.secretKey(path, place, role.Credential, s)
		default:
			r.secret(place, s)
			r.problem(diag.SecretElsewhere, place, "", "encrypt it for namespace "+strings.Join(role.Namespaces, " or "),
				"must be in namespace %s, where it is read; Secret %s is read by nobody", quoted(role.Namespaces), secretName(s))
		}
	}
	for _, namespace := range role.Namespaces {
		if !seen[namespace] && !unreadable { // an unreadable one may be that which is missing
			r.unseen(path, role.Credential, namespace)
		}
		digests[namespace] = rollout(digests[namespace], role.RolloutKey)
	}
	return digests
}

// secretPath is the entry of files that a Secret came from, or the role's own path for an item of the package.
func secretPath(path *field.Path, c v1alpha1.Credential, s Secret) *field.Path {
	if i := slices.Index(c.Files, s.File); s.File != "" && i >= 0 {
		return path.Child("files").Index(i)
	}
	return path.Child("name")
}

// secretName may come from any item of the package.
func secretName(s Secret) string {
	if s.Namespace == "" {
		return redact.Text(s.Name)
	}
	return redact.Text(s.Namespace) + "/" + redact.Text(s.Name)
}

// secret reports what is wrong with the document, whatever role it has.
func (r *resolver) secret(path *field.Path, s Secret) {
	r.secretProblems(path, s)
	unsealed := slices.ContainsFunc(s.Problems, func(p diag.Diagnostic) bool { return p.Code == diag.NotSealed })
	if *r.spec.Secrets.RequireMACOnlyEncrypted && !s.MACOnly && !unsealed {
		r.problem(diag.NotMACOnly, path, "", "set mac_only_encrypted: true in .sops.yaml and encrypt it again", "must lead to a Secret whose MAC covers the encrypted values alone; that of Secret %s covers its metadata too", secretName(s))
	}
	for _, a := range s.Annotations {
		if !slices.Contains(r.spec.Secrets.AllowedAnnotations, a) {
			r.problem(diag.SecretMetadata, path, "", "remove it, or add it to spec.secrets.allowedAnnotations", "must not lead to a Secret with the annotation %q", redact.Text(a))
		}
	}
}

func (r *resolver) secretProblems(path *field.Path, s Secret) {
	for _, p := range s.Problems {
		p.Path = path.String()
		p.Message = fmt.Sprintf("Secret %s: %s", secretName(s), p.Message)
		r.ds = append(r.ds, p)
	}
}

func (r *resolver) secretKey(path, place *field.Path, c v1alpha1.Credential, s Secret) string {
	key, found := s.Keys[c.Key]
	switch {
	case !found:
		r.problem(diag.SecretKey, path.Child("key"), c.Key, "it has "+or(quoted(sortedKeys(s.Keys)), "none"), "must be a key of Secret %s", secretName(s))
	case key.Empty:
		r.problem(diag.SecretKey, place, "", "encrypt the token", "must lead to a Secret with a value; key %q of Secret %s is empty", c.Key, secretName(s))
	}
	return key.Digest
}

func (r *resolver) unseen(path *field.Path, c v1alpha1.Credential, namespace string) {
	name := secretName(Secret{Namespace: namespace, Name: c.Name})
	switch {
	case c.Source == v1alpha1.SourceSOPS:
		r.problem(diag.SecretNotSeen, path.Child("name"), "", "add it to the resources or to files, or set source: External with a rolloutKey",
			"leads to Secret %s, which is not in sight, so that it was not checked and a rotation will not restart the pods that read it", name)
	case c.RolloutKey == "":
		r.problem(diag.SecretNotSeen, path.Child("rolloutKey"), "", "set it to a date or a version, and change it at each rotation",
			"is not set, so that a rotation of Secret %s will not restart the pods that read it", name)
	}
}

// rollout is the value of the digest annotation: the ciphertext's digest, mixed with the rollout key when there is one.
func rollout(digest, key string) string {
	if key == "" {
		return digest
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{key, digest}, "\n")))
	return hex.EncodeToString(sum[:])
}
