// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nats-io/nkeys"
)

const (
	fakeKey = "key_10thisIsNoRealToken12.itOpensNothing1234567890abcdefghijklmnopqrst"
	ageKey  = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
)

// seed makes a valid seed of one kind; the same bytes each time, so that failures repeat.
func seed(t testing.TB, prefix nkeys.PrefixByte) string {
	t.Helper()
	s, err := nkeys.EncodeSeed(prefix, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return string(s)
}

// callerKeyOf has so many digits.
func callerKeyOf(digits int) string { return "rgw_" + strings.Repeat("0123456789abcdef", 4)[:digits] }

func TestFindSecret(t *testing.T) {
	user := seed(t, nkeys.PrefixByteUser)
	tests := []struct {
		name, in string
		want     Kind
	}{
		{"user seed", user, NKeySeed},
		{"account seed", seed(t, nkeys.PrefixByteAccount), NKeySeed},
		{"operator seed", seed(t, nkeys.PrefixByteOperator), NKeySeed},
		{"server seed", seed(t, nkeys.PrefixByteServer), NKeySeed},
		{"cluster seed", seed(t, nkeys.PrefixByteCluster), NKeySeed},
		{"curve seed", seed(t, nkeys.PrefixByteCurve), NKeySeed},
		{"seed in text", "seed=" + user + "\n", NKeySeed},
		{"seed at the end of a longer run", "SUAAA" + user, NKeySeed},
		{"seed at the start of a longer run", user + "AAAAA", NKeySeed},
		{"seed after a false start", strings.Repeat("S", 200) + user, NKeySeed},
		{"age identity", ageKey, AgeIdentity},
		{"age identity in lower case", strings.ToLower(ageKey), AgeIdentity},
		{"post-quantum age identity", "AGE-SECRET-KEY-PQ-1QQQQ", AgeIdentity},
		{"age key file", "# created: today\n" + ageKey + "\n", AgeIdentity},
		{"Restate key", fakeKey, RestateKey},
		{"first part alone", "key_CANARY0123456789abcdef", RestateKey},
		{"shortest Restate key", "key_abcdefghij0123456789", RestateKey},
		{"short first part", "key_abc.abcdefghij0123456789", RestateKey},
		{"Restate key in a header", "Bearer " + fakeKey, RestateKey},
		{"Restate key in a query", "https://h.example/?token=" + fakeKey, RestateKey},
		{"Restate key after an escape", "Bearer%20" + fakeKey, RestateKey},
		{"Restate key after an escaped newline", `a\n` + fakeKey, RestateKey},
		{"Restate key in JSON", `{"token":"` + fakeKey + `"}`, RestateKey},
		{"Restate key on a later line", "a: b\nc: " + fakeKey, RestateKey},
		{"API key of the gateway", callerKeyOf(64), CallerKey},
		{"API key of the gateway in a header", "x-api-key: " + callerKeyOf(64), CallerKey},
		{"API key of the gateway in JSON", `{"key":"` + callerKeyOf(64) + `"}`, CallerKey},
		{"PKCS 8", "-----BEGIN PRIVATE KEY-----\nMC4=", PrivatePEM},
		{"EC", "x: -----BEGIN EC PRIVATE KEY-----", PrivatePEM},
		{"OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----", PrivatePEM},
		{"encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----", PrivatePEM},
		{"OpenPGP", "-----BEGIN PGP PRIVATE KEY BLOCK-----", PrivatePEM},
		{"NATS creds", "-----BEGIN NATS USER JWT-----\nabc", PrivatePEM},
		{"NATS seed block", "-----BEGIN USER NKEY SEED-----\nabc", PrivatePEM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, found := Find(tt.in); !found || got != tt.want {
				t.Errorf("Find() = %q, %v, want %q", got, found, tt.want)
			}
			if got := Text(tt.in); got != Mask {
				t.Errorf("Text() = %q, want the mask", got)
			}
		})
	}
}

func TestFindNothing(t *testing.T) {
	user := seed(t, nkeys.PrefixByteUser)
	public, err := nkeys.Encode(nkeys.PrefixByteUser, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in string }{
		{"empty", ""},
		{"seed without its last character", user[:57]},
		{"seed without its first character", user[1:]},
		{"seed with a wrong checksum", user[:57] + other(user[57])},
		{"seed with a wrong body", user[:20] + other(user[20]) + user[21:]},
		{"seed in two pieces", user[:30] + "\n" + user[30:]},
		{"seed in lower case", strings.ToLower(user)},
		{"58 characters of base32", strings.Repeat("S", 58)},
		{"long base32", strings.Repeat("SUAB2345", 50)},
		{"NATS public key", string(public)},
		{"63 digits of an API key of the gateway", callerKeyOf(63)},
		{"a digest", callerKeyOf(64)[4:]},
		{"key_ alone", "key_"},
		{"19 characters", "key_abcdefghij012345678"},
		{"word", "key_fingerprint"},
		{"words", "key_rotation_interval_in_seconds"},
		{"monkey_business", "monkey_business"},
		{"long word before", "monkey_abcdefghij0123456789"},
		{"other prefix", "apiKey_abcdefghij0123456789"},
		{"id of another kind", "idempotency_key_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
		{"upper case", "KEY_ABCDEFGHIJ0123456789"},
		{"hyphen instead", "key-abcdefghij0123456789"},
		{"query", "https://h.example/keys?key_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&key_name=a"},
		{"field names", "key_id: 1\nkey_file: /etc/tls.key"},
		{"Restate public key", "publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk"},
		{"environment id", "env_201j05r9g0f12ygtphdszbb4scp"},
		{"ULID", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
		{"image digest", "registry.example.com/greeter@sha256:" + strings.Repeat("0123456789abcdef", 4)},
		{"sha256", strings.Repeat("0123456789abcdef", 4)},
		{"base64", strings.Repeat("U0VDUkVUS0VZUw", 40) + "=="},
		{"age recipient", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"},
		{"age ciphertext", "-----BEGIN AGE ENCRYPTED FILE-----"},
		{"age in words", "the AGE-SECRET-KEY of the environment"},
		{"certificate", "-----BEGIN CERTIFICATE-----"},
		{"public key", "-----BEGIN PUBLIC KEY-----"},
		{"PEM in words", "a PRIVATE KEY must not stand here"},
		{"account JWT", "-----BEGIN NATS ACCOUNT JWT-----"},
		{"ciphertext", "ENC[AES256_GCM,data:abcd,iv:" + strings.Repeat("A", 43) + "=,tag:" + strings.Repeat("A", 22) + "==,type:str]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, found := Find(tt.in); found {
				t.Errorf("Find() = %q, want nothing", got)
			}
		})
	}
}

// other is a base32 character that differs from c in its upper bits, which are part of the value even in the last character.
func other(c byte) string {
	if c == 'A' {
		return "Q"
	}
	return "A"
}

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"short", "greeter", "greeter"},
		{"as long as may be", strings.Repeat("a", MaxPrinted), strings.Repeat("a", MaxPrinted)},
		{"one too long", strings.Repeat("a", MaxPrinted+1), strings.Repeat("a", MaxPrinted) + "..."},
		{"counted in characters, not bytes", strings.Repeat("ü", MaxPrinted), strings.Repeat("ü", MaxPrinted)},
		{"cut between characters, not bytes", strings.Repeat("ü", MaxPrinted+1), strings.Repeat("ü", MaxPrinted) + "..."},
		{"secret behind the cut", strings.Repeat("a ", MaxPrinted) + fakeKey, Mask},
		{"secret across the cut", strings.Repeat("a", MaxPrinted-10) + " " + fakeKey, Mask},
		{"key_ inside of a word", "monkey_abcdefghij0123456789", Mask},
		{"newlines and tabs", "a\nb\r\n\tc\x00", "a b   c "},
		{"terminal escape", "\x1b[31mred\u009b0m", " [31mred 0m"},
		{"line separators", "a\u2028b\u2029c\u0085d", "a b c d"},
		{"direction and width", "a\u202eb\u200bc\ufeffd", "a b c d"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"other scripts", "größe 東京", "größe 東京"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.in); got != tt.want {
				t.Errorf("Text() = %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	f.Add("greeter")
	f.Add("a\x1b[31m\xff\u202e")
	f.Add(strings.Repeat("ü", 70))
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if n := utf8.RuneCountInString(got); n > MaxPrinted+3 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b") {
			t.Errorf("Text(%q) = %q", s, got)
		}
		if Text(s+fakeKey) != Mask || Text(fakeKey+s) != Mask {
			t.Errorf("a key next to %q is not masked", s)
		}
	})
}

// BenchmarkFind covers the inputs that cost most: they start a seed or a key at every character.
func BenchmarkFind(b *testing.B) {
	for name, piece := range map[string]string{"S": "S", "SUA": "SUA", "key_": "key_", "a": "a", "dashes": "-----BEGIN "} {
		for _, size := range []int{1 << 16, 1 << 20} {
			s := strings.Repeat(piece, size/len(piece))
			b.Run(name+"/"+map[int]string{1 << 16: "64K", 1 << 20: "1M"}[size], func(b *testing.B) {
				b.SetBytes(int64(len(s)))
				for b.Loop() {
					if _, found := Find(s); found {
						b.Fatal("found a secret in noise")
					}
				}
			})
		}
	}
}
