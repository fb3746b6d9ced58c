// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// madeUp is no key: it only has to have the form of one.
const madeUp = "key_10madeUpForThisTest.itOpensNothing7f3a91c2"

// TestSecretsProgram seals a Secret and verifies it, in the image of the second program, as the guide says it.
func TestSecretsProgram(t *testing.T) {
	dir := example(t, "quickstart")
	secret := filepath.Join(dir, "secrets", "restate-identity.yaml")
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Abs(filepath.Join(root, "internal", "sopsfile", "testdata", "fixture-key", "age.key"))
	if err != nil {
		t.Fatal(err)
	}
	flags := append(closed(), "--cap-drop", "all", "--network", "none", "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
		"--volume", dir+":/work", "--workdir", "/work", "--volume", keys+":/keys.txt:ro", "--env", "SOPS_AGE_KEY_FILE=/keys.txt")
	command := func(stdin string, args ...string) result {
		return run(t, t.TempDir(), stdin, os.Getenv("ENGINE"), append(append(append([]string{"run", "--rm", "-i"}, flags...), tag(secrets)), args...)...)
	}
	if r := command("", "verify", "--decrypt"); r.code != 1 {
		t.Errorf("verify without a Secret: %v", r)
	}
	succeeds(t, command(madeUp, "seal", "--from-stdin", "tunnel"))
	data, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, madeUp) || !strings.Contains(text, "token: ENC[AES256_GCM,") {
		t.Errorf("the Secret is not sealed:\n%s", text)
	}
	succeeds(t, command("", "verify", "--decrypt"))
	// The program outside of the container opens it too.
	succeeds(t, host(t, dir, "env", "SOPS_AGE_KEY_FILE="+keys, secrets, "verify", "--decrypt"))
}
