// SPDX-License-Identifier: Apache-2.0

package diag

import "slices"

// Host is a place where encrypted Secrets are checked: a form in which a host runs the function, or a command.
type Host string

// The places. They differ in what can be seen: files as they are, items that the host has written anew, a spec or none.
const (
	Generator    Host = "kustomize generator"
	Transformer  Host = "kustomize transformer"
	KptRender    Host = "kpt fn render"
	KptEval      Host = "kpt fn eval"
	SecretsCheck Host = "secrets check"
	// SecretsStatus shows a state instead of a code: Missing or NotEncrypted.
	SecretsStatus Host = "secrets status"
)

// Hosts lists the places in the order of the reference.
func Hosts() []Host {
	return []Host{Generator, Transformer, KptRender, KptEval, SecretsCheck, SecretsStatus}
}

var (
	// inAll run every check that needs nothing but the Secret.
	inAll = []Host{Generator, Transformer, KptRender, KptEval, SecretsCheck}
	// withSpec leaves out the command, which has no more of a spec than spec.secrets.
	withSpec     = []Host{Generator, Transformer, KptRender, KptEval}
	specAndState = []Host{Generator, Transformer, KptRender, KptEval, SecretsStatus}
	// withFiles follow credentials.<role>.files, withoutFiles refuse them.
	withFiles    = []Host{Generator, KptRender}
	withoutFiles = []Host{Transformer, KptEval}
	// fileAsItIs read the bytes of the file: what others hand over has lost comments and order, or the right to judge them.
	fileAsItIs = []Host{Generator, SecretsCheck}
	// withState are in the table of status as well.
	withState = Hosts()
	// withOthers see objects besides the Secrets that the spec names.
	withOthers = []Host{Transformer, KptRender, KptEval, SecretsCheck}
)

// checkedBy says where each finding about Secrets can appear.
var checkedBy = map[Code][]Host{
	SecretInSpec:     inAll,
	PlaintextSecret:  withState,
	NotOneSecret:     inAll,
	WrongSecret:      withFiles,
	SecretKey:        specAndState,
	NotSealed:        withState,
	NotMACOnly:       inAll,
	SecretMetadata:   inAll,
	SecretNotSeen:    specAndState,
	SecretFile:       withFiles,
	FilesRefused:     withoutFiles,
	MalformedENC:     withState,
	SecretElsewhere:  withSpec,
	SecretEmpty:      withState,
	RuleTooWide:      inAll,
	RuleMisses:       inAll,
	RuleTooNarrow:    inAll,
	KeyOrder:         fileAsItIs,
	MACOverMetadata:  withSpec, // a note: the commands print errors and warnings
	SharedMAC:        inAll,
	PlainComment:     fileAsItIs,
	SealedComment:    fileAsItIs,
	UnknownRecipient: inAll,
	TooFewRecipients: inAll,
	OneRecipient:     inAll,
	MixedRecipients:  inAll,
	BadRecipient:     withSpec,
	SecretInItem:     withOthers,
	ShortSecret:      withSpec,
	SharedCredential: withSpec,
}

// CheckedBy returns the places in which a finding about Secrets can appear; none for a code of another subject.
func CheckedBy(c Code) []Host { return slices.Clone(checkedBy[c]) }
