// SPDX-License-Identifier: Apache-2.0

package sealing

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/getsops/sops/v3"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// places says where sops looks for what decrypts, by kind of recipient (github.com/getsops/sops, the keysource.go of each kind, and
// the default credentials of each cloud).
var places = map[string]struct {
	env   []string
	files string
}{
	"age": {
		[]string{"SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"},
		"sops/age/keys.txt in the configuration directory of the user, ~/.ssh/id_ed25519, ~/.ssh/id_rsa",
	},
	"pgp":      {[]string{"GNUPGHOME", "SOPS_GPG_EXEC"}, "the keyring of gpg"},
	"kms":      {[]string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"}, "the AWS configuration"},
	"gcp_kms":  {[]string{"GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"}, "the gcloud configuration"},
	"azure_kv": {[]string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"}, "the login of az"},
	"hc_vault": {[]string{"VAULT_ADDR", "VAULT_TOKEN"}, "~/.vault-token"},
	"hckms":    {[]string{"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"}, "the Huawei Cloud configuration"},
}

// cannotDecrypt says who could, and where a key was looked for.
func cannotDecrypt(meta sops.Metadata) error {
	var who, looked []string
	var kinds []string
	for _, group := range meta.KeyGroups {
		for _, key := range group {
			kind := key.TypeToIdentifier()
			text := kind + " " + redact.Path(key.ToString())
			if err := tryKey(key); err != nil && kind != "age" && kind != "pgp" {
				// The cloud says why; it knows no value, only the encrypted data key.
				text += " (" + redact.Path(err.Error()) + ")"
			}
			who = append(who, text)
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	for _, kind := range kinds {
		for _, name := range places[kind].env {
			looked = append(looked, name+" ("+state(name)+")")
		}
		looked = append(looked, places[kind].files)
	}
	groups := ""
	if n := len(meta.KeyGroups); n > 1 {
		groups = fmt.Sprintf("; it takes keys of %d of its %d groups", meta.ShamirThreshold, n)
	}
	return fmt.Errorf("cannot be decrypted with the keys at hand; it is encrypted to %s%s; looked at %s",
		strings.Join(who, ", "), groups, strings.Join(looked, ", "))
}

// state tells of an environment variable whether it is set, never to what.
func state(name string) string {
	value, set := os.LookupEnv(name)
	switch {
	case !set:
		return "not set"
	case strings.HasSuffix(name, "_FILE"):
		if _, err := os.Stat(value); err != nil {
			return "set, and leads to no file"
		}
	}
	return "set"
}

// cannotEncryptTo names the recipients; what sops says knows the data key's recipients and services, not the key.
func cannotEncryptTo(meta sops.Metadata, errs []error) error {
	return fmt.Errorf("cannot be encrypted to %s: %s", strings.Join(names(meta.KeyGroups...), ", "), redact.Path(errors.Join(errs...).Error()))
}
