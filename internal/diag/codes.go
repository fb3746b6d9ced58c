// SPDX-License-Identifier: Apache-2.0

package diag

// Code is stable from the first release: scripts, dashboards and documentation may rely on it. The first two digits name the
// subject: 01 input and host, 02 shape of the spec, 03 values, 04 secrets, 05 services, 06 tunnel, 07 package, 08 network, 09 NATS, 10 gateway, 11 patches.
type Code string

// The codes. Each is described once, in Catalogue.
const (
	Unparsable         Code = "RI0101"
	TooLarge           Code = "RI0102"
	BadConfig          Code = "RI0103"
	NoIntegration      Code = "RI0104"
	FullParser         Code = "RI0105"
	InternalError      Code = "RI0106"
	NotLocal           Code = "RI0107"
	UnknownField       Code = "RI0201"
	DuplicateKey       Code = "RI0202"
	WrongType          Code = "RI0203"
	Required           Code = "RI0204"
	NotSupported       Code = "RI0205"
	NotInMode          Code = "RI0206"
	UnknownValue       Code = "RI0207"
	NoEffect           Code = "RI0208"
	BadName            Code = "RI0301"
	BadEnvironment     Code = "RI0302"
	BadRegion          Code = "RI0303"
	UnknownRegion      Code = "RI0304"
	BadSigningKey      Code = "RI0305"
	BadURL             Code = "RI0306"
	HostNotAllowed     Code = "RI0307"
	BadPort            Code = "RI0308"
	OutOfRange         Code = "RI0309"
	BadMetadata        Code = "RI0310"
	BadImage           Code = "RI0311"
	BadPeer            Code = "RI0312"
	BadPath            Code = "RI0313"
	BadResources       Code = "RI0314"
	SecretInSpec       Code = "RI0401"
	PlaintextSecret    Code = "RI0402"
	NotOneSecret       Code = "RI0403"
	WrongSecret        Code = "RI0404"
	SecretKey          Code = "RI0405"
	NotSealed          Code = "RI0406"
	NotMACOnly         Code = "RI0407"
	SecretMetadata     Code = "RI0408"
	SecretNotSeen      Code = "RI0409"
	SecretFile         Code = "RI0410"
	FilesRefused       Code = "RI0411"
	MalformedENC       Code = "RI0412"
	SecretElsewhere    Code = "RI0413"
	SecretEmpty        Code = "RI0414"
	RuleTooWide        Code = "RI0415"
	RuleMisses         Code = "RI0416"
	RuleTooNarrow      Code = "RI0417"
	KeyOrder           Code = "RI0418"
	MACOverMetadata    Code = "RI0419"
	SharedMAC          Code = "RI0420"
	PlainComment       Code = "RI0421"
	SealedComment      Code = "RI0422"
	UnknownRecipient   Code = "RI0423"
	TooFewRecipients   Code = "RI0424"
	OneRecipient       Code = "RI0425"
	MixedRecipients    Code = "RI0426"
	BadRecipient       Code = "RI0427"
	SecretInItem       Code = "RI0428"
	ShortSecret        Code = "RI0429"
	SharedCredential   Code = "RI0430"
	SameURL            Code = "RI0501"
	CannotDeploy       Code = "RI0502"
	NotRegistered      Code = "RI0503"
	OpenService        Code = "RI0504"
	EgressClosed       Code = "RI0505"
	BadPodTemplate     Code = "RI0506"
	ForcedRegistration Code = "RI0507"
	UnversionedURL     Code = "RI0508"
	SharedHosts        Code = "RI0509"
	WasmCloudService   Code = "RI0510"
	PlainNATS          Code = "RI0511"
	TunnelName         Code = "RI0601"
	TunnelEnv          Code = "RI0602"
	ProxyUnguarded     Code = "RI0603"
	ProxyOpen          Code = "RI0604"
	OperatorPods       Code = "RI0605"
	OperatorPulls      Code = "RI0606"
	HeldObject         Code = "RI0701"
	TwoOwners          Code = "RI0702"
	Kept               Code = "RI0703"
	Summary            Code = "RI0704"
	NotRetained        Code = "RI0705"
	RemovalOrder       Code = "RI0706"
	FluxOrder          Code = "RI0707"
	NeedsCIDRs         Code = "RI0801"
	AllPorts           Code = "RI0802"
	BadSubject         Code = "RI0901"
	SubjectOutside     Code = "RI0902"
	BadNKey            Code = "RI0903"
	OtherNKey          Code = "RI0904"
	BadLimit           Code = "RI0905"
	UndeclaredPeer     Code = "RI0906"
	FirstAccounts      Code = "RI0907"
	StreamAge          Code = "RI0908"
	NoStreams          Code = "RI0909"
	BadRoute           Code = "RI0910"
	BadJWT             Code = "RI0911"
	BroaderJWT         Code = "RI0912"
	JWTWithoutExpiry   Code = "RI0913"

	IngressRetired      Code = "RI1001"
	SharedGateway       Code = "RI1002"
	CertificateApproval Code = "RI1003"
	LongCertificate     Code = "RI1004"
	UnboundCalls        Code = "RI1005"
	GRPCUpstream        Code = "RI1006"
	SharedCallers       Code = "RI1007"
	SameHost            Code = "RI1008"

	BadPatch       Code = "RI1101"
	NoTarget       Code = "RI1102"
	BrokenByPatch  Code = "RI1103"
	WeakerPods     Code = "RI1104"
	RestartsTunnel Code = "RI1105"
)

// Entry documents one code: what explain prints and the reference lists.
type Entry struct {
	Code     Code
	Severity Severity
	// Title is a few words, Cause says when it appears, Fix what to do.
	Title, Cause, Fix string
}

// Describe returns the entry of a code. An unknown code is an error, so that nothing slips through unnoticed.
func Describe(c Code) Entry {
	for _, e := range catalogue {
		if e.Code == c {
			return e
		}
	}
	return Entry{Code: c, Severity: Error, Title: "unknown code"}
}

// Catalogue lists every code in order. The slice is the caller's.
func Catalogue() []Entry { return append([]Entry(nil), catalogue...) }

var catalogue = []Entry{
	{Unparsable, Error, "unparsable input", "Standard input is not one KRM ResourceList in UTF-8 YAML or JSON.", "Run the function through kustomize or kpt, or pipe a ResourceList into it."},
	{TooLarge, Error, "input over a limit", "The input is over 64 MiB, a RestateIntegration over 1 MiB, or its nesting deeper than 100.", "Split the package, or remove what does not belong into the spec."},
	{BadConfig, Error, "function config of another kind", "The functionConfig is neither a RestateIntegration nor a ConfigMap without data.", "Point generators or configPath at the RestateIntegration, or leave the config out to expand every one in the package."},
	{NoIntegration, Info, "nothing to expand", "The function was asked to expand every RestateIntegration of the list, and there is none.", "Add one, or remove the function from the pipeline."},
	{FullParser, Info, "items reformatted", "The list is in flow style or JSON, or anchors cross items, so the items could not be cut as text and were read and written again; order and meaning are kept, comments and layout may change.", "Nothing has to be done. Block-style YAML keeps every byte."},
	{InternalError, Error, "a defect of the function", "The function produced objects that do not fit together, or failed in a way that no input should cause.", "Report it with the RestateIntegration that causes it. Nothing was written."},
	{NotLocal, Warning, "integration not local", "The RestateIntegration is an item of the package without the annotation that keeps it out of the cluster, where applying it fails: its CustomResourceDefinition is never installed.", "Add the annotation config.kubernetes.io/local-config: \"true\"."},
	{UnknownField, Error, "unknown field", "The spec has a field that this version does not know.", "Correct the spelling or remove the field."},
	{DuplicateKey, Error, "duplicate key", "One mapping has the same key twice; which one counts differs between tools.", "Remove one of the two."},
	{WrongType, Error, "wrong type", "A value has another type than the field: text where a number belongs, a list where a map belongs.", "Write a value of the type that the message names."},
	{Required, Error, "missing field", "A field that has no default is absent or empty.", "Add it."},
	{NotSupported, Error, "not supported yet", "The field is part of the API, and this version does not act on it. It is refused so that nobody relies on it.", "Remove the field, or use a version that supports it."},
	{NotInMode, Error, "not possible in this mode", "The field has a meaning in another mode only, so that it would be ignored here.", "Remove the field, or change the mode that the message names."},
	{UnknownValue, Error, "value not allowed", "The field takes one of a few values, and this is none of them.", "Use one of the values in the message."},
	{NoEffect, Error, "field without effect", "The field would change nothing because another field is not set.", "Set the other field, or remove this one."},
	{BadName, Error, "invalid name", "A name is not a valid Kubernetes name, or too long to leave room for what is derived from it.", "Use lower-case letters, digits and hyphens, within the length in the message."},
	{BadEnvironment, Error, "invalid environment id", "The environment id is not env_ followed by letters, digits, - or _.", "Copy it from the Restate Cloud console."},
	{BadRegion, Error, "invalid region", "The region does not match the pattern that Restate's operator and SDKs enforce.", "Use us, eu, or the region of a BYOC environment."},
	{UnknownRegion, Warning, "unknown region", "The region is well formed, but neither us, eu nor a .byoc region.", "Check the spelling; a wrong region fails only when the tunnel resolves its servers."},
	{BadSigningKey, Error, "invalid signing key", "The signing public key is not publickeyv1_ followed by the base58 form of exactly 32 bytes. The tunnel client does not check the length: it becomes ready and refuses every request.", "Copy it from the Restate Cloud console, Developers, Security."},
	{BadURL, Error, "invalid URL", "An override URL is not an https URL with a host and nothing but a port and a path.", "Write https://host:port."},
	{HostNotAllowed, Error, "host not allowed", "An override URL names a host outside *.restate.cloud, which would receive the API key.", "Name the host in spec.cloud.allowedHosts if that is meant."},
	{BadPort, Error, "invalid port", "A port is not between 1 and 65535.", "Use the number of a TCP port."},
	{OutOfRange, Error, "number out of range", "A number is outside of what the field or Kubernetes allows.", "Use a number within the bounds in the message."},
	{BadMetadata, Error, "invalid label or annotation", "A label or annotation is malformed, or is one that the function sets itself.", "Correct it, or remove it."},
	{BadImage, Error, "invalid image", "An image reference is empty, has blanks, or carries neither tag nor digest.", "Write registry/repository:tag or registry/repository@sha256:digest."},
	{BadPeer, Error, "invalid network peer", "A NetworkPolicy peer or port is malformed, or would allow everybody.", "Name the peer by podSelector, namespaceSelector or ipBlock."},
	{BadPath, Error, "invalid path", "The path of a service has characters outside RFC 3986, a dot segment or a leading or final slash.", "Write it as v1 or greeter/v1."},
	{BadResources, Error, "invalid resources", "A resource request is larger than its limit, or a quantity is malformed.", "Lower the request or raise the limit."},
	{SecretInSpec, Error, "secret in the spec", "The spec holds secret material. It would be stored in plain text in Git and in kpt's status.", "Remove it, rotate it, and refer to an encrypted Secret by name."},
	{PlaintextSecret, Error, "plaintext secret", "A Secret that the spec names has a value under data or stringData that is not encrypted.", "Encrypt the file with sops, and rotate the value if it was committed."},
	{NotOneSecret, Error, "not one Secret", "A file of credentials.*.files does not hold exactly one document, a v1 Secret.", "Keep one Secret in each file."},
	{WrongSecret, Error, "another Secret than named", "A file holds a Secret of another name, or for a namespace in which nothing reads it.", "Correct the name or namespace in the Secret before encrypting it."},
	{SecretKey, Error, "key missing", "The Secret does not have the key that the spec names.", "Add the key, or name the one that is there."},
	{NotSealed, Error, "not sealed by sops", "The Secret has no sops block, or the block has no MAC, so that nothing can decrypt or verify it.", "Encrypt the file with sops."},
	{NotMACOnly, Error, "MAC covers metadata", "The Secret was encrypted without mac_only_encrypted, so that kustomize breaks its MAC as soon as it adds a label or sorts a key.", "Set mac_only_encrypted: true in .sops.yaml and encrypt again, or set spec.secrets.requireMacOnlyEncrypted to false."},
	{SecretMetadata, Error, "metadata not allowed", "The Secret carries owner references, finalizers or annotations that are not on the allow-list.", "Remove them, or add the annotation to spec.secrets.allowedAnnotations."},
	{SecretNotSeen, Warning, "secret not in sight", "A Secret that the spec names is neither among the items nor in files, so that it was not checked and a rotation will not restart the pods that read it.", "Add the encrypted Secret to the package, or set source: External with a rolloutKey that you change at each rotation."},
	{SecretFile, Error, "secret file not readable", "A path of credentials.*.files, or nats.account.jwt.file, does not lead to a file of this package.", "Give the path relative to the kustomization or to the RestateIntegration, without leaving its directory."},
	{FilesRefused, Error, "files cannot be read here", "This host runs the function in a form in which it does not see files.", "Put the encrypted Secrets into resources, so that they are items of the list, and remove files. A JWT needs the generator form of kustomize."},
	{MalformedENC, Error, "malformed ciphertext", "A value begins like sops ciphertext and is not exactly that; sops would decrypt it and leave the rest in plain text.", "Encrypt the value again."},
	{SecretElsewhere, Error, "secret in the wrong namespace", "A Secret of the referenced name is in sight, and nothing reads it in its namespace.", "Move it to the namespace that the message names."},
	{SecretEmpty, Error, "empty value", "A value of the Secret is empty. sops leaves an empty text as it is, and its MAC does not cover it.", "Encrypt the value, or remove the key."},
	{RuleTooWide, Error, "rule encrypts too much", "The rule in the sops block that selects what is encrypted also selects apiVersion, kind, metadata or type, which kustomize, kpt and Kubernetes must be able to read.", "Set encrypted_regex: ^(data|stringData)$ in .sops.yaml and encrypt the plain file again. Without the anchors, data matches metadata."},
	{RuleMisses, Error, "rule misses a value", "A value is encrypted, and the rule in the sops block does not select it, so that sops does not decrypt it and the pods get the ciphertext.", "Set encrypted_regex: ^(data|stringData)$ in .sops.yaml and encrypt the plain file again."},
	{RuleTooNarrow, Warning, "rule encrypts too little", "The rule in the sops block does not select all of data and stringData, so that a value that is added there stays in plain text.", "Set encrypted_regex: ^(data|stringData)$ in .sops.yaml and encrypt the plain file again."},
	{KeyOrder, Warning, "keys not in order", "The keys of the Secret are not in the order in which kustomize writes them, or stringData stands before data. The MAC covers the values in the order of the file, so that kustomize breaks it.", "Sort the keys before you encrypt, data before stringData."},
	{MACOverMetadata, Info, "MAC covers metadata, as allowed", "The Secret was encrypted without mac_only_encrypted, and spec.secrets.requireMacOnlyEncrypted is false. The function passes it on as it is, and kustomize breaks its MAC: Flux does not check it, sops and KSOPS do.", "Decrypt the file itself, or set mac_only_encrypted: true in .sops.yaml and encrypt again."},
	{SharedMAC, Error, "two Secrets with one MAC", "Two Secrets have the same sops.mac and different values: they were encrypted as one file of several documents. The MAC covers all of them, so that neither can be verified alone.", "Write each Secret into a file of its own before you encrypt it."},
	{PlainComment, Error, "plain comment among the values", "A comment under data or stringData is not encrypted. sops encrypts those that it finds there, so it was added later, and nobody can tell whether it holds an old value.", "Remove it, and write comments above the document."},
	{SealedComment, Warning, "encrypted comment among the values", "A comment under data or stringData is encrypted. Hosts drop it, and sops 3.13.2 computes a wrong MAC beside some of them.", "Remove it with sops edit, and write comments above the document."},
	{UnknownRecipient, Error, "recipient not allowed", "The Secret is encrypted to a recipient that is not one of spec.secrets.recipients.", "Add it to the recipients, or take it out of .sops.yaml, run sops updatekeys, and rotate the values, which it knows."},
	{TooFewRecipients, Error, "too few recipients", "The Secret has fewer recipients than spec.secrets.minRecipients asks for. With key groups it counts how many keys must be lost until too few groups are left.", "Add recipients to .sops.yaml and run sops updatekeys."},
	{OneRecipient, Warning, "one recipient alone", "The Secret can be decrypted no more when one key is lost.", "Add a recipient whose key is kept elsewhere, or set spec.secrets.minRecipients: 1 to say that it is meant."},
	{MixedRecipients, Warning, "post-quantum recipient without effect", "The Secret is encrypted to a post-quantum recipient of age and to classic ones, which are enough to decrypt it.", "Use post-quantum recipients alone, or none."},
	{BadRecipient, Error, "invalid recipient", "An entry of spec.secrets.recipients is empty, stands twice, or is not one word such as sops has for a recipient.", "Copy it from .sops.yaml or from the sops block of a Secret."},
	{SecretInItem, Error, "secret in another document", "A ConfigMap of the package holds secret material, or with secrets check any document that is no Secret, a comment or a line of a file. It is stored in plain text in Git, and a ConfigMap in the cluster too.", "Move it into an encrypted Secret, and rotate it."},
	{ShortSecret, Warning, "value too short", "The length of an encrypted value is known without any key, and this one is shorter than any API key of Restate Cloud, or has not the length of an nkey seed, as a placeholder has not.", "Encrypt the real value."},
	{SharedCredential, Warning, "one key in two roles", "Two roles of spec.credentials name the same key of the same Secret, so that whoever reads it for the one has the rights of the other.", "Make a key for each role in Restate Cloud, and keep it in a Secret of its own."},
	{SameURL, Error, "two services with one URL", "Two services have the same namespace, Service, port and path, so that Restate cannot tell them apart.", "Change one of them."},
	{CannotDeploy, Error, "deployment not possible", "A service with deployment needs the Operator mode, port 9080 and scheme http, because Restate's operator makes its Service.", "Correct the fields in the message, or run the service yourself."},
	{NotRegistered, Warning, "service not registered", "Nothing registers this service with Restate Cloud.", "Use one of the ways in the message."},
	{OpenService, Info, "service not isolated", "The service is not isolated, so that who may reach it is decided elsewhere.", "Set isolate: true to admit the tunnel and allowFrom only."},
	{EgressClosed, Info, "egress closed", "The pods of this service may open connections to DNS and to what egressTo names, and to nothing else.", "Add what is missing to egressTo."},
	{BadPodTemplate, Error, "pod template does not fit", "The template of a deployment contradicts what the spec says of the service.", "Correct the template as the message says."},
	{ForcedRegistration, Warning, "forced registration", "registration.force makes Restate look at a known URL again and overwrite what it knew of it. Workflows that began in the old code go on in the new one, and fail where it takes other steps.", "Give each version of the service a URL of its own, by its path or its Service name, and remove force."},
	{UnversionedURL, Warning, "URL without version", "Restate knows a deployment by its URL and never looks at it again, so that each version of a service needs another one. Two services share host and port and have no version in the path, or a path has a version that registration.revision does not name.", "Put a version into each path, and the same into registration.revision."},
	{SharedHosts, Warning, "wasmCloud hosts shared", "Other handlers run in the hosts that an isolated handler closes. All handlers of a host share one port, so that no network policy tells them apart.", "Give the handler a host group of its own."},
	{WasmCloudService, Error, "service leads to wasmCloud hosts", "The tunnel calls a service by its full name, and wasmCloud hosts, which route by the name in the request, know the short one alone: every call would end in 404.", "Register a Restate service that calls the handler, and name the handler in its uses.handlers."},
	{PlainNATS, Warning, "NATS without TLS", "A server in spec.nats.servers has the scheme nats, so that events are carried in plain text unless the server insists on TLS.", "Write tls:// when the servers offer it."},
	{TunnelName, Error, "invalid tunnel name", "The tunnel name is missing, malformed, or reads as a number or a boolean, which the tunnel client refuses even when quoted.", "Set spec.cluster or spec.tunnel.name to letters, digits, -, _ or . that do not read as a number."},
	{TunnelEnv, Error, "variable not allowed", "spec.tunnel.env has a variable that is set by the function, or that would send the API key elsewhere.", "Remove it, or use the field in the message."},
	{ProxyUnguarded, Error, "remote proxy without guard", "remoteProxy opens ports that need no authentication and act with the full key, and no peer is named that may use them.", "Name who may call in allowFrom."},
	{ProxyOpen, Warning, "remote proxy open", "The peers in allowFrom act on the environment with the full key and without authentication.", "Prefer the ingress URL with an Ingress-role key."},
	{OperatorPods, Error, "operator's namespace too strict", "The operator's tunnel pods do not pass Pod Security restricted, and a default-deny would cut the operator off.", "Keep the integration in a namespace of its own."},
	{OperatorPulls, Warning, "pull Secrets not on the tunnel pods", "The CRD of RestateCloudEnvironment has no imagePullSecrets, so that the tunnel pods pull with what their ServiceAccount has.", "Add the Secrets to imagePullSecrets of the ServiceAccount that the message names, or run the tunnel in mode Standalone."},
	{HeldObject, Error, "name held by another object", "The package has an object of the same kind, namespace and name that this integration does not own. It is not overwritten.", "Rename one of them, or hand it over with the annotation restate-integration.dev/adopt: <namespace>/<name> of the integration."},
	{TwoOwners, Error, "two integrations, one object", "Two RestateIntegrations yield the same object, or have the same namespace and name.", "Rename one, or create the namespace in one of them only."},
	{Kept, Warning, "object kept", "The spec no longer yields this object, and it is kept because removing it would orphan every registered URL or delete a namespace.", "Delete it by hand, or set deletionPolicy: Delete."},
	{Summary, Info, "summary", "How many objects the integration yields.", "Nothing has to be done."},
	{NotRetained, Warning, "objects not retained", "Under deletionPolicy Delete, the RestateCloudEnvironment and the Namespace are removed as soon as the spec no longer yields them. Changing the policy changes the environment's annotations, and so restarts the tunnel once.", "Go back to Retain once the removal is done."},
	{RemovalOrder, Error, "removed in the wrong order", "This run would remove the RestateCloudEnvironment together with RestateDeployments that are still in the package. Deleted at once, the deployments hang: their finalizer needs the environment and its key.", "Remove the services' deployment first and apply that. When the RestateDeployments are gone from the cluster, remove the tunnel."},
	{FluxOrder, Info, "Flux orders nothing here", "spec.gitops.tool is Flux, which applies Namespaces first and everything else of a Kustomization at once. No annotation changes that, so none is written.", "Nothing has to be done: Kubernetes retries until all is there. To wait for the tunnel, split Kustomizations and use dependsOn and healthChecks."},
	{NeedsCIDRs, Error, "CIDRs needed", "A BYOC region has private addresses that no default can know.", "Set spec.networkPolicy.restateCloud.cidrs to the VPC endpoint's addresses."},
	{AllPorts, Warning, "every port open to Restate Cloud", "The port of the tunnel servers is in a DNS SRV record and not known here, so the tunnel may open any TCP port to public addresses.", "Look it up with dig SRV tunnel.<region>.restate.cloud and set spec.networkPolicy.restateCloud.tunnelPorts."},
	{BadSubject, Error, "invalid NATS subject", "A subject is malformed, has a wildcard where none may be, or ends in > without allowDeep; or an import or export stands twice or goes both ways with one account, which the server refuses.", "Write tokens of letters, digits, - and _ separated by dots; * stands for one token."},
	{SubjectOutside, Error, "subject outside of the account", "A subject begins with neither restate. nor workflow.outbox., or lies outside of the subjects of the account.", "Narrow it, or widen spec.nats.account.subjects."},
	{BadNKey, Error, "invalid nkey", "A public key is malformed, has a wrong checksum, or stands twice.", "Copy the public key again: U for a user, and 55 more characters."},
	{OtherNKey, Error, "nkey of another type", "A key is not of the type that belongs there: users, accounts, servers and operators have keys of their own.", "Take the public key that begins with U for a user, A for an account, O for an operator."},
	{BadLimit, Error, "limit out of range", "A limit of the account is 0 or negative, which the server takes for no limit or for nobody, is more than 32 bits hold, or is less than the bridge needs.", "Use a number within the bounds in the message."},
	{UndeclaredPeer, Error, "peer not declared", "An import or export names an account that is no key of spec.nats.account.peers. The server refuses a configuration with one side alone.", "Declare the account in peers."},
	{FirstAccounts, Warning, "accounts on a running server", "The account is an accounts block. The first one on a running server cuts off every client without credentials at once, and JetStream is gone from all clients that were without an account.", "Read the guide page on NATS. On a server that has accounts already, nothing has to be done."},
	{StreamAge, Error, "stream older than Restate remembers", "maxAge of the stream is not below the 24 hours in which Restate knows an event again, so that a late delivery would run a second time.", "Use 23h or less."},
	{NoStreams, Warning, "streams made by nobody", "spec.nats.jetstream is set without nack, so that the function writes no stream and no consumers.", "Set nack, or make them yourself."},
	{BadRoute, Error, "route does not fit", "A route has a wildcard, shares its subject with another one, is not kept by the stream, or has no single place for its key; or the stream keeps a subject that no route takes.", "Correct the field in the message."},
	{BadJWT, Error, "invalid account JWT", "The file holds no account JWT with a valid signature, holds a secret besides, or another operator signed it.", "Export the account again, and name the key that signed it in operatorPublicKey."},
	{BroaderJWT, Error, "account JWT broader than the spec", "The signed account allows more than the spec: limits, imports, exports, default permissions, or the role of a signing key.", "Sign it again within the spec, or widen the spec."},
	{JWTWithoutExpiry, Error, "account JWT without expiry", "The signed account never expires, so that it stays valid wherever a copy of it is.", "Sign it again with an expiry."},
	{IngressRetired, Warning, "ingress-nginx is retired", "The gateway is exposed by an Ingress of ingress-nginx, which gets no releases, bug fixes and security updates since March 2026.", "Move to spec.gateway.expose.type GatewayAPI; the gateway itself stays as it is."},
	{SharedGateway, Error, "Gateway without our client certificate", "spec.gateway.expose.parentRef names a Gateway of others. It presents one client certificate to everything behind it, and the restate gateway lets in nobody without.", "Set spec.tls.backend.clientCertificateRef of that Gateway as the message says, then parentPresentsClientCertificate; or use gatewayClassName for a Gateway of its own."},
	{CertificateApproval, Info, "certificates need approval", "Only the requests for its own issuers are approved by cert-manager itself. For others, as StepClusterIssuer, something must approve them, or no certificate is issued and no gateway starts.", "Give cert-manager the right to approve for the signer that the message names (Helm value approveSignerNames), or check that a policy does."},
	{LongCertificate, Warning, "certificates longer than step-ca issues", "Unless its provisioner says otherwise, step-ca issues certificates of at most 24 hours, and refuses longer requests.", "Use 24h, or set maxTLSCertDuration of the provisioner."},
	{UnboundCalls, Warning, "calls that no service bounds", "The paths of attach, output, lookup and awakeables name an invocation and no service: a caller who knows or guesses an id reaches invocations of every service of the environment.", "Leave them out of spec.gateway.allow, or trust the callers of all domains alike."},
	{GRPCUpstream, Error, "gRPC through ingress-nginx", "To gRPC upstreams ingress-nginx presents no client certificate: its template has no grpc_ssl settings, so that the gateway would refuse every call.", "Call over HTTP, as Restate's ingress is called, or expose the gateway by Gateway API."},
	{SharedCallers, Info, "domains with the same API keys", "Two domains read the same file of API keys, so that each of its callers may call the services of both.", "Give each domain apiKeys.secretRef of its own to part their callers."},
	{SameHost, Error, "two domains with one host", "An exposure leads a host to one gateway, with one name in its certificate.", "Give each domain a host of its own."},
	{BadPatch, Error, "patch that cannot be applied", "A patch of spec.patches is no YAML, neither a mapping nor a list of JSON 6902 operations, does not fit the objects that it selects, or changes what an object is and whose, or what the spec alone may say.", "Correct it as the message says. Kinds of Kubernetes are merged strategically, as kubectl does; of others lists are replaced whole."},
	{NoTarget, Error, "patch without a target", "A patch selects no generated object, so that it would do nothing and nobody would notice.", "Correct kind, name or component, or remove the patch; the message lists what there is."},
	{BrokenByPatch, Error, "patch that breaks the objects", "After the patch a selector, a port, an account, or a mounted Secret or ConfigMap leads nowhere, or a container has no image.", "Leave that to the spec, or patch both ends."},
	{WeakerPods, Warning, "patch that weakens pods", "After the patch the pods of a workload are allowed more than Pod Security restricted admits, or may write to their root file system, or the Namespace enforces less.", "Check that it is meant, and that the namespace admits it."},
	{RestartsTunnel, Warning, "patch that restarts the tunnel", "A patch changes labels or annotations of the RestateCloudEnvironment. The operator copies them to the tunnel's pods, so that these are made anew once, and at each further change.", "Leave them out, or select other objects by kind."},
}
