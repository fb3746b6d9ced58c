// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"github.com/rogpeppe/go-internal/testscript"
)

const command = "restate-integration-secrets"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		command: func() {
			os.Exit(Main(os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: clock, LookupEnv: os.LookupEnv}, "v9.8.7"))
		},
	})
}

// clock is that of the variable NOW, which only the test's binary knows.
func clock() time.Time {
	now, err := time.Parse(time.RFC3339, os.Getenv("NOW"))
	if err != nil {
		panic("NOW must be a time: " + err.Error())
	}
	return now
}

// TestScripts runs the command as a process, without any key but those that the script makes.
//
// Besides the commands of testscript, the scripts have
//
//	age-keygen FILE VAR     makes an age identity; VAR is its recipient from then on
//	fill FILE...            puts recipients and API keys into the place of their names: $ALICE and so on
//	differ COUNT A B        counts the lines that differ
//	leaks FILE...           fails if one of the made-up API keys or seeds stands in a file, or in one below a directory
//	nkey-gen SEED PUBLIC    makes a user nkey, and puts its halves into the variables
//	creds FILE TIME         makes a creds file that ends then, with the seed $FIRST_SEED
//	shown VAR KEYS CLIENT   takes the API key that the last command has shown for a client, once
//	account-jwt FILE [TIME] makes an account JWT that ends then, or never, in the lines that nsc writes around it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script-secrets", RequireExplicitExec: true, RequireUniqueNames: true, Setup: setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"age-keygen": ageKeygen, "fill": fill, "differ": differ, "leaks": leaks,
			"nkey-gen": nkeyGen, "creds": creds, "shown": shown, "account-jwt": accountJWT,
		},
	})
}

// secrets are the variables that hold API keys and seeds, which look real and are made up for each script.
var secrets = []string{"FIRST_KEY", "SECOND_KEY", "FIRST_SEED", "SECOND_SEED", "THIRD_SEED", "OLD_API_KEY", "NEW_API_KEY", "OTHER_API_KEY"}

func setup(env *testscript.Env) error {
	for _, name := range secrets {
		env.Setenv(name, madeUpKey()) // a seed is one once nkey-gen has made it
	}
	env.Setenv("NOW", "2026-11-25T10:30:00Z")
	// Nothing of the machine that runs the test may decrypt: not the keys of its user, and none of its directories has a .sops.yaml.
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
	return nil
}

func madeUpKey() string { return "key_" + rand.Text()[:23] + "." + (rand.Text() + rand.Text())[:44] }

func ageKeygen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: age-keygen FILE VAR")
	}
	identity, err := age.GenerateX25519Identity()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(identity.String()+"\n"), 0o600))
	ts.Setenv(args[1], identity.Recipient().String())
}

func nkeyGen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: nkey-gen SEED PUBLIC")
	}
	seed, err := newSeed()
	ts.Check(err)
	ts.Setenv(args[0], seed)
	ts.Setenv(args[1], publicKey(seed))
}

func creds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: creds FILE TIME")
	}
	end, err := time.Parse(time.RFC3339, args[1])
	ts.Check(err)
	data, err := credsFile(ts.Getenv("FIRST_SEED"), ts.Getenv("FIRST_SEED"), end)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(data), 0o600))
}

// credsFile has the JWT of one seed beside another one, which is the same where the file is to be in order.
func credsFile(of, seed string, end time.Time) (string, error) {
	account, err := nkeys.CreateAccount()
	if err != nil {
		return "", err
	}
	claims := jwt.NewUserClaims(publicKey(of))
	if !end.IsZero() {
		claims.Expires = end.Unix()
	}
	token, err := claims.Encode(account)
	if err != nil {
		return "", err
	}
	data, err := jwt.FormatUserConfig(token, []byte(of)) // which does not take another's
	return strings.ReplaceAll(string(data), of, seed), err
}

func shown(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: shown VAR KEYS CLIENT")
	}
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(args[1]+" "+args[2]) + ` (rgw_[0-9a-f]{64})$`)
	found := line.FindAllStringSubmatch(ts.ReadFile("stdout"), -1)
	if len(found) != 1 {
		ts.Fatalf("%d keys are shown for %s", len(found), args[2])
	}
	ts.Setenv(args[0], found[0][1])
}

func accountJWT(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: account-jwt FILE [TIME]")
	}
	operator, err := nkeys.CreateOperator()
	ts.Check(err)
	account, err := nkeys.CreateAccount()
	ts.Check(err)
	public, err := account.PublicKey()
	ts.Check(err)
	claims := jwt.NewAccountClaims(public)
	if len(args) == 2 {
		end, err := time.Parse(time.RFC3339, args[1])
		ts.Check(err)
		claims.Expires = end.Unix()
	}
	token, err := claims.Encode(operator)
	ts.Check(err)
	data, err := jwt.DecorateJWT(token)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE...")
	}
	for _, file := range args {
		text := ts.ReadFile(file)
		for _, name := range append([]string{"ALICE", "BOB"}, secrets...) {
			text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
		}
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

func differ(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || !regexp.MustCompile(`^\d+$`).MatchString(args[0]) {
		ts.Fatalf("usage: differ COUNT A B")
	}
	a, b := strings.Split(ts.ReadFile(args[1]), "\n"), strings.Split(ts.ReadFile(args[2]), "\n")
	if len(a) != len(b) {
		ts.Fatalf("%d lines became %d", len(a), len(b))
	}
	count := 0
	for i := range a {
		if a[i] != b[i] {
			count++
		}
	}
	if want := args[0]; want != strconv.Itoa(count) {
		ts.Fatalf("%d lines differ, want %s", count, want)
	}
}

func leaks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: leaks FILE...")
	}
	for _, name := range args {
		if name == "stdout" || name == "stderr" {
			for _, secret := range secrets {
				if strings.Contains(ts.ReadFile(name), ts.Getenv(secret)) {
					ts.Fatalf("$%s stands on %s", secret, name)
				}
			}
			continue
		}
		ts.Check(filepath.WalkDir(ts.MkAbs(name), func(file string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(file)
			for _, secret := range secrets {
				if strings.Contains(string(data), ts.Getenv(secret)) {
					ts.Fatalf("$%s stands in %s", secret, file)
				}
			}
			return err
		}))
	}
}
