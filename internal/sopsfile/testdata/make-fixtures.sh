#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Writes the fixtures of this folder again, with sops 3.13.3 on the PATH. Every ciphertext changes, so all of them are written at once.
set -eu
cd "$(dirname "$0")"
first=$(cat fixture-key/age.pub) second=$(cat fixture-key/age-second.pub)
plain=fixture-key/plaintext.yaml
export SOPS_AGE_KEY_FILE=fixture-key/age.key SOPS_DISABLE_VERSION_CHECK=1
conf=$(mktemp -d)
trap 'rm -r "$conf"' EXIT

# rule NAME MAC_ONLY WHO [RULE]: one configuration of sops.
rule() {
	cat >"$conf/$1.yaml" <<-EOF
		stores: {yaml: {indent: 2}}
		creation_rules:
		- ${4-"encrypted_regex: ^(data|stringData)\$"}
		  mac_only_encrypted: $2
		  $3
	EOF
}
rule one true "age: $first"
rule default-mac false "age: $first"
rule two true "age: $first,$second"
rule groups true "key_groups: [{age: [$first]}, {age: [$second]}]"
echo '  shamir_threshold: 2' >>"$conf/groups.yaml"

# seal CONFIG NAME encrypts the Secret on stdin.
seal() { sops --config "$conf/$1.yaml" encrypt --filename-override "$2" --input-type yaml >"$2"; }
seal one sealed.yaml <"$plain"
seal default-mac default-mac.yaml <"$plain"
seal two two-recipients.yaml <"$plain"
seal groups key-groups.yaml <"$plain"
sed 's/^stringData:/data:/; s/token: .*/token: a2V5X2ZpeHR1cmU=/' "$plain" | seal one data.yaml
sed 's/^stringData:/&\n  note: a-fixture/' "$plain" | seal one two-keys.yaml
sops --config "$conf/one.yaml" encrypt --output-type json "$plain" >sealed.json

# Rules that select too much, too little, or in another way.
rule unanchored true "age: $first" 'encrypted_regex: data|stringData'
rule default-rule true "age: $first" 'unencrypted_suffix: _unencrypted'
rule narrow true "age: $first" 'encrypted_regex: ^token$'
rule unencrypted-regex true "age: $first" 'unencrypted_regex: ^(apiVersion|kind|metadata|type)$'
for name in unanchored default-rule narrow unencrypted-regex; do
	seal $name $name.yaml <"$plain"
done
# What kustomize does not keep, a placeholder, and two Secrets in one file.
sed 's/^stringData:/&\n  # the first one/; s/^  token:.*/& # the second one/' "$plain" | seal one commented.yaml
sed 's/^  token:.*/&\n  note: a-fixture\ndata:\n  a: YQ==/' "$plain" | seal one unsorted.yaml
sed 's/token: .*/token: changeme/' "$plain" | seal one short.yaml
{
	cat "$plain"
	echo ---
	sed 's/name: .*/name: another/; s/token: .*/token: another-fixture/' "$plain"
} | seal one two-documents.yaml

# What happens to a sealed file later. The first two are edits by hand: key, value and MAC stay as they are.
sed 's/^metadata:/&\n  labels: {team: payments}/' sealed.yaml >relabelled.yaml
{
	sed -n '/^sops:/,$p' sealed.yaml
	sed '/^sops:/,$d; s/^  */&&/; s/token: \(.*\)/token: "\1"/' sealed.yaml
} >reindented.yaml
cp sealed.yaml updatekeys.yaml
sops --config "$conf/two.yaml" updatekeys --yes updatekeys.yaml >/dev/null 2>&1
cp sealed.yaml edited.yaml
sops --config "$conf/one.yaml" set edited.yaml '["stringData"]["token"]' '"key_thisIsTheRotatedFixture.itOpensNothingEither"'
cp two-keys.yaml two-keys-edited.yaml
sops --config "$conf/one.yaml" set two-keys-edited.yaml '["stringData"]["note"]' '"an-edited-fixture"'
