// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// status is what is known of one Secret without a key. Its JSON form is API.
type status struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Roles read the Secret; the name of a NATS user stands for what connects as that user, gateway-keys for a gateway.
	Roles []string `json:"roles"`
	// State is one of the states.
	State state `json:"state"`
	// File is relative to the directory of the spec; empty when none holds the Secret.
	File string `json:"file"`
	// Keys of the Secret, MissingKeys those that a role reads and that have no encrypted value.
	Keys        []string `json:"keys"`
	MissingKeys []string `json:"missingKeys"`
	Encrypted   bool     `json:"encrypted"`
	Recipients  []string `json:"recipients"`
	// MAC says what sops.mac covers: EncryptedOnly or Everything; empty when nothing is encrypted.
	MAC string `json:"mac"`
	// LastRotated is sops.lastmodified: no value is younger, and one of several may be older. Due is when the oldest age ends.
	LastRotated string `json:"lastRotated"`
	Due         string `json:"due"`
}

// state is the verdict on a Secret.
type state string

const (
	// stateOK needs nothing.
	stateOK state = "OK"
	// stateExternal is made by somebody else, and was not looked for.
	stateExternal state = "External"
	// stateMissing is in no file, or lacks a key.
	stateMissing state = "Missing"
	// statePlain has a value that is not encrypted, or cannot be read as an encrypted Secret.
	statePlain state = "NotEncrypted"
	// stateOverdue has not changed for longer than the oldest age.
	stateOverdue state = "Overdue"
)

// MAC modes, by what the MAC covers.
const (
	macEncrypted  = "EncryptedOnly"
	macEverything = "Everything"
)

func newStatus(streams IO) *cobra.Command {
	var output string
	var maxAge time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell which Secrets are there, who can decrypt them, and when each is due",
		Long: `Tell which Secrets a RestateIntegration refers to, in which files they are, who can decrypt them, when they were last changed, and
when each is due. No key is needed.

The age is that of sops.lastmodified, which every change of a value renews and a change of recipients does not. The oldest age is
spec.secrets.maxAge, or --max-age.

The JWT of the NATS account (spec.nats.account.jwt.file) is due when it ends: the servers cut its users then.

Exit code: 1 when a Secret, a key or the JWT is missing, not encrypted, or overdue.`,
		Example: "  restate-integration-secrets status -f integration.yaml\n  restate-integration-secrets status --max-age 720h -o json",
		Args:    cobra.NoArgs,
	}
	file := fileFlag(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	cmd.Flags().DurationVar(&maxAge, "max-age", 0, "the oldest age, instead of spec.secrets.maxAge")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if output != "table" && output != "json" {
			return fmt.Errorf("-o must be table or json, got %q", redact.Text(output))
		}
		if maxAge < 0 || cmd.Flags().Changed("max-age") && maxAge == 0 {
			return errors.New("--max-age must be more than 0")
		}
		p, err := openProject(*file, streams.Err)
		if err != nil {
			return err
		}
		defer p.root.Close()
		list, err := p.statuses(streams.Now(), cmp.Or(maxAge, p.maxAge))
		if err != nil {
			return err
		}
		account := p.accountStatus(streams.Now())
		if output == "json" {
			err = printJSON(cmd, list, account)
		} else {
			err = printTable(cmd, list, account)
		}
		if err != nil {
			return unableError{err}
		}
		if slices.ContainsFunc(list, func(s status) bool { return s.State != stateOK && s.State != stateExternal }) || account != nil && account.State != stateOK {
			return errReported
		}
		return nil
	}
	return cmd
}

// statuses has one entry for each Secret, and one for each file where several hold it.
func (p *project) statuses(now time.Time, maxAge time.Duration) ([]status, error) {
	all, err := p.find()
	if err != nil {
		return nil, err
	}
	out := []status{}
	for i, n := range p.needs {
		if len(all[i]) == 0 {
			s := newStatusOf(n)
			s.State = stateMissing
			if n.maker != "" {
				s.State = stateExternal
			} else {
				s.MissingKeys = n.missing(generators.Secret{})
			}
			out = append(out, s)
		}
		for _, f := range all[i] {
			out = append(out, n.status(f, now, maxAge))
		}
	}
	return out, nil
}

// newStatusOf has empty lists rather than none, so that its JSON form has one shape.
func newStatusOf(n need) status {
	s := status{Namespace: n.namespace, Name: n.name, Keys: []string{}, MissingKeys: []string{}, Recipients: []string{}}
	for _, k := range n.keys {
		s.Roles = append(s.Roles, k.role)
	}
	return s
}

func (n need) status(f found, now time.Time, maxAge time.Duration) status {
	s := newStatusOf(n)
	s.File = f.file
	s.Keys = append(s.Keys, slices.Sorted(maps.Keys(f.secret.Keys))...)
	s.MissingKeys = append(s.MissingKeys, n.missing(f.secret)...)
	s.Recipients = append(s.Recipients, recipientsOf(f.secret)...)
	s.Encrypted = encrypted(f.secret)
	if s.Encrypted {
		s.MAC = macEverything
		if f.secret.MACOnly {
			s.MAC = macEncrypted
		}
	}
	changed, err := time.Parse(time.RFC3339, f.secret.LastModified)
	if err == nil {
		s.LastRotated = changed.UTC().Format(time.RFC3339)
		s.Due = changed.Add(maxAge).UTC().Format(time.RFC3339)
	}
	switch {
	case !s.Encrypted:
		s.State = statePlain
	case len(s.MissingKeys) > 0:
		s.State = stateMissing
	case err != nil || now.After(changed.Add(maxAge)):
		s.State = stateOverdue // without a time nobody can say that it is not
	default:
		s.State = stateOK
	}
	return s
}

// missing lists the keys that a role reads and that have no encrypted value.
func (n need) missing(s generators.Secret) []string {
	var out []string
	for _, k := range n.keys {
		if s.Keys[k.key].Digest == "" && !slices.Contains(out, k.key) {
			out = append(out, k.key)
		}
	}
	return out
}

// encrypted reports whether sops encrypted the Secret as a whole.
func encrypted(s generators.Secret) bool {
	if len(s.Recipients) == 0 || s.MAC == "" {
		return false
	}
	for _, key := range s.Keys {
		if key.Digest == "" && !key.Empty {
			return false
		}
	}
	return true
}

func printJSON(cmd *cobra.Command, list []status, account *accountStatus) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Secrets    []status       `json:"secrets"`
		AccountJWT *accountStatus `json:"accountJWT,omitempty"`
	}{list, account})
}

func printTable(cmd *cobra.Command, list []status, account *accountStatus) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = or(redact.Path(cells[i]), "-")
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	row("SECRET", "STATE", "FILE", "KEYS", "RECIPIENTS", "MAC", "ROTATED", "DUE")
	for _, s := range list {
		keys := slices.Clone(s.Keys)
		for _, k := range s.MissingKeys {
			if !slices.Contains(s.Keys, k) { // else State says that it is not encrypted
				keys = append(keys, "no "+k)
			}
		}
		row(s.Namespace+"/"+s.Name, string(s.State), s.File, strings.Join(keys, ","), shortened(s.Recipients), s.MAC, day(s.LastRotated), day(s.Due))
	}
	if account != nil {
		row("JWT of the NATS account", string(account.State), account.File, "", "", "", "", day(account.Due))
	}
	return table.Flush()
}

// shownRecipient is the length at which a recipient is cut in the table; a post-quantum one has 1959 characters. -o json has all.
const shownRecipient = 16

func shortened(recipients []string) string {
	var out []string
	for _, r := range recipients {
		if len(r) > shownRecipient {
			r = r[:shownRecipient] + "..."
		}
		out = append(out, r)
	}
	return strings.Join(out, ",")
}

// day is the date of a time in RFC 3339.
func day(t string) string {
	date, _, _ := strings.Cut(t, "T")
	return date
}
