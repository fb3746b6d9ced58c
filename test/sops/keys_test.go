// SPDX-License-Identifier: Apache-2.0

package sops_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/restate-integration/restate-integration/generators"
)

// keyring is one way to encrypt a Secret: the recipients, and the private keys that were made for this run.
type keyring struct {
	name string
	// rule has the recipients, as lines of a creation rule of .sops.yaml.
	rule string
	// env tells sops where the private keys are.
	env []string
	// recipients and threshold are what a Secret encrypted this way must be read as.
	recipients []generators.Recipient
	threshold  int
	// less is the environment with too few keys.
	less []string
}

// keyrings makes one of each kind.
func keyrings(t *testing.T) []keyring {
	t.Helper()
	return []keyring{x25519(t), postQuantum(t), sshKey(t), pgp(t), groups(t)}
}

func x25519(t *testing.T) keyring {
	id, key := x25519Key(t)
	return keyring{
		name: "age", rule: "age: " + id, env: ageEnv(t, key), threshold: 1,
		recipients: []generators.Recipient{{Kind: generators.RecipientAge, ID: id}},
	}
}

func x25519Key(t *testing.T) (recipient, identity string) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key.Recipient().String(), key.String()
}

func postQuantum(t *testing.T) keyring {
	id, key := postQuantumKey(t)
	return keyring{
		name: "age post-quantum", rule: "age: " + id, env: ageEnv(t, key), threshold: 1,
		recipients: []generators.Recipient{{Kind: generators.RecipientAgePQ, ID: id}},
	}
}

func postQuantumKey(t *testing.T) (recipient, identity string) {
	t.Helper()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return key.Recipient().String(), key.String()
}

// groups wants a key of two of three groups; the second has a spare one.
func groups(t *testing.T) keyring {
	first, firstKey := x25519Key(t)
	second, secondKey := x25519Key(t)
	spare, _ := x25519Key(t)
	third, _ := x25519Key(t)
	return keyring{
		name: "two of three groups", threshold: 2,
		rule: "key_groups: [{age: [" + first + "]}, {age: [" + second + ", " + spare + "]}, {age: [" + third + "]}]\n    shamir_threshold: 2",
		env:  ageEnv(t, firstKey, secondKey), less: ageEnv(t, secondKey),
		recipients: []generators.Recipient{
			{Kind: generators.RecipientAge, ID: first},
			{Kind: generators.RecipientAge, ID: second, Group: 1},
			{Kind: generators.RecipientAge, ID: spare, Group: 1},
			{Kind: generators.RecipientAge, ID: third, Group: 2},
		},
	}
}

// ageEnv writes the identities to a file as age-keygen does.
func ageEnv(t *testing.T, identities ...string) []string {
	t.Helper()
	return []string{"SOPS_AGE_KEY_FILE=" + private(t, "keys.txt", []byte(strings.Join(identities, "\n")+"\n"))}
}

func private(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func sshKey(t *testing.T) keyring {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	// RFC 8709: two strings, each behind its length.
	var wire []byte
	for _, part := range []string{"ssh-ed25519", string(public)} {
		wire = append(binary.BigEndian.AppendUint32(wire, uint32(len(part))), part...)
	}
	id := "ssh-ed25519 " + base64.StdEncoding.EncodeToString(wire)
	return keyring{
		name: "ssh-ed25519", rule: "age: " + id, threshold: 1,
		env:        []string{"SOPS_AGE_SSH_PRIVATE_KEY_FILE=" + private(t, "id_ed25519", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))},
		recipients: []generators.Recipient{{Kind: generators.RecipientAgeSSH, ID: id}},
	}
}

// pgp writes the keyrings of old GnuPG, which sops reads by itself (github.com/getsops/sops, pgp/keysource.go): no gpg is needed.
func pgp(t *testing.T) keyring {
	t.Helper()
	key, err := openpgp.NewEntity("throwaway", "", "throwaway@example.com", &packet.Config{DefaultHash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	var public, secret bytes.Buffer
	if err := key.SerializePrivate(&secret, nil); err != nil {
		t.Fatal(err)
	}
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	home := filepath.Dir(private(t, "pubring.gpg", public.Bytes()))
	if err := os.WriteFile(filepath.Join(home, "secring.gpg"), secret.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.ToUpper(hex.EncodeToString(key.PrimaryKey.Fingerprint))
	return keyring{
		name: "PGP", rule: "pgp: " + id, threshold: 1,
		env:        []string{"GNUPGHOME=" + home, "SOPS_GPG_EXEC=/nonexistent"},
		recipients: []generators.Recipient{{Kind: generators.RecipientPGP, ID: id}},
	}
}
