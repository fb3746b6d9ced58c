// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// bridgeConfig is the configuration of Bento 1.20. Every value that goes into it was checked by Resolve to be a name, a number or a
// subject without a character that Bloblang or YAML would read as something else.
//
// What it rests on was run against nats-server 2.15 and Restate 1.7: events are never lost (no acknowledgement before Restate has
// taken them or the dead-letter stream has), and never sent twice under two keys.
func bridgeConfig(m Model) string {
	n := m.NATS
	return strings.NewReplacer(
		"<urls>", n.URL,
		"<stream>", n.JetStream.Stream,
		"<auth>", natsAuth(n.Bridge),
		"<tls>", natsTLS(n),
		"<routes>", bridgeRoutes(n.Bridge.Routes),
		"<ingress>", m.Cloud.IngressURL,
		"<token>", ingressDir+"/"+tokenFile,
		"<dlq>", deadLetterPrefix,
		"<kept>", keptHeaders(n.Bridge.Routes),
		"<idle>", duration(n.Bridge.IdleExit.Duration),
		"<age>", strconv.FormatInt(int64(n.Bridge.MaxEventAge.Seconds()), 10),
		"<port>", strconv.Itoa(int(portBridge)),
	).Replace(strings.Replace(bridgeTemplate, "<inputs>\n", bridgeInputs(n.Bridge.Routes), 1))
}

// bridgeInputs is one input for each route. A label of Bento's may have no hyphen, and a name of a route no underscore.
func bridgeInputs(routes []Route) string {
	var b strings.Builder
	for _, r := range routes {
		b.WriteString(strings.NewReplacer(
			"<label>", "events_"+strings.ReplaceAll(r.Name, "-", "_"),
			"<durable>", r.durable(),
			"<name>", r.Name,
			"<subject>", r.Subject,
			"<letter>", strings.ReplaceAll(r.Service, ".", "_"),
		).Replace(bridgeInput))
	}
	return b.String()
}

// natsAuth is flow YAML: the file with the seed, or that with JWT and seed.
func natsAuth(b *Bridge) string {
	kind := "nkey_file"
	if b.Creds {
		kind = "user_credentials_file"
	}
	return fmt.Sprintf("{%s: %s/%s}", kind, natsDir, tokenFile)
}

func natsTLS(n *NATS) string {
	if n.TLS == nil {
		return fmt.Sprintf("{enabled: %t}", strings.HasPrefix(n.URL, "tls://"))
	}
	tls := fmt.Sprintf("enabled: true, root_cas_file: %s/%s", natsCADir, corev1.ServiceAccountRootCAKey)
	if n.TLS.CertSecretRef != nil {
		tls += fmt.Sprintf(", client_certs: [{cert_file: %[1]s/%[2]s, key_file: %[1]s/%[3]s}]", natsCertDir, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	return "{" + tls + "}"
}

// bridgeRoutes is the closed table: nothing of an event but the key of an object becomes a part of a URL.
func bridgeRoutes(routes []Route) string {
	var lines []string
	for _, r := range routes {
		target := fmt.Sprintf("%q", r.Service+"/"+r.Handler)
		if r.Key != nil {
			key := fmt.Sprintf("metadata(%q)", r.Key.Header)
			if r.Key.JSONField != "" {
				key = fmt.Sprintf("json(%q)", r.Key.JSONField)
			}
			target = fmt.Sprintf("%q + %s.apply(\"segment\") + %q", r.Service+"/", key, "/"+r.Handler)
		}
		lines = append(lines, fmt.Sprintf("          %q => %s", r.Name, target))
	}
	return strings.Join(lines, "\n")
}

// keptHeaders are patterns of the headers that an event needs to be sent once more, beside its id.
func keptHeaders(routes []Route) string {
	names := []string{"traceparent"}
	for _, r := range routes {
		if r.Key != nil && r.Key.Header != "" && r.Key.Header != "Nats-Msg-Id" {
			names = append(names, r.Key.Header)
		}
	}
	slices.Sort(names)
	return "^(" + strings.Join(slices.Compact(names), "|") + ")$"
}

// bridgeInput has placeholders in <>. Its subject makes it bind to no consumer but that of the subject: one that was there before, under
// the name of a route that is now another's, would bring the events of one route to the handler of another.
const bridgeInput = `          - read_until:
              restart_input: true
              restart_backoff: {initial_interval: 1s, max_interval: 5s}
              check: 'false'
              input:
                read_until:
                  idle_timeout: <idle>
                  input:
                    label: <label>
                    nats_jetstream:
                      urls: [<urls>]
                      stream: "<stream>"
                      durable: <durable>
                      subject: "<subject>"
                      bind: true
                      auth: <auth>
                      tls: <tls>
            processors:
              - mapping: |
                  meta route_name = "<name>"
                  meta route_subject = "<subject>"
                  meta route_letter = "<letter>"
                  meta letters_broken = deleted()
`

// bridgeTemplate has placeholders in <>. The numbers of http_client belong together: (retries + 1) x timeout plus the waits between
// them, 45 s, stay below the consumer's ackWait, or an event is delivered again while it is still on its way.
//
// Bento puts the headers of a message over its own metadata. So each name below that is read and not Nats-Msg-Id is set before, whatever a
// header says, but for what the server says of the event, by which a publisher harms its own alone. The names have underscores, which
// the header of a route's key has not.
const bridgeTemplate = `# Made by restate-integration. No secret is in here: keys are read from files.
http:
  address: 0.0.0.0:<port>
logger: {level: INFO, format: logfmt}
shutdown_timeout: 20s
input:
  label: until_broken
  # Ends the process with 0 when a dead letter found its connection closed for good; Kubernetes starts it again.
  read_until:
    check: '@letters_broken.or(false)'
    input:
      broker:
        inputs:
          # One for each route: the consumer says which route an event is of, and no header can. The NATS client gives up after a longer
          # outage or a refused key, and only a new one helps; nothing tells that it did. So one that has brought no event for the idle
          # time is replaced. A new one reads the key anew, and /ready is 503 until it is connected.
<inputs>
          - label: broken
            inproc: dead_letters_broken
            processors:
              - mapping: meta letters_broken = true
pipeline:
  processors:
    # A failed mapping applies none of its assignments, and every event needs its identity, one without a key too.
    - label: identity
      mapping: |
        meta event_id = @."Nats-Msg-Id".not_empty() | "%v-%v-%v".format("<stream>", @nats_sequence_stream, @nats_timestamp_unix_nano)
        # A header may stand in for the server's time: what is no number, or more than a minute ahead, is old.
        let age = (timestamp_unix_nano() - @nats_timestamp_unix_nano.number().catch(0)) / 1000000000
        meta event_old = !($age >= -60 && $age < <age>)
        # Restate takes a body that is not JSON and fails later, where nobody sees it. parse_json would let more follow behind it.
        meta event_json = json().type().catch("invalid")
    - label: route
      mapping: |
        map segment {
          let key = this # match gives this another meaning
          let text = match $key.type() {
            "string" => $key
            # More digits do not survive every JSON parser: two keys could become one.
            "number" => if $key.string().re_match("^-?[0-9]{1,15}$") { $key.string() } else { throw("a number as key is whole and has at most 15 digits") }
            _ => throw("the key is missing, or neither text nor a number")
          }
          root = if ["", ".", ".."].contains($text) {
            throw("the key is empty or a dot segment")
          } else {
            $text.escape_url_query().replace_all("+", "%20")
          }
        }
        meta route_target = match @route_name {
<routes>
          _ => throw("no route") # or a header of that name would stay
        }
output:
  label: deliver
  switch:
    cases:
      - check: '@letters_broken.or(false)'
        output: {drop: {}}
      - check: 'errored() || @event_json == "invalid"'
        output:
          processors:
            - mapping: 'meta letter_reason = if @event_json == "invalid" { "the body is not JSON" } else { error().slice(0, 512) }'
          resource: dead_letters
      - output:
          label: restate_or_dead_letter
          fallback:
            - label: restate
              http_client:
                url: '<ingress>/restate/send/${! @route_target }'
                verb: POST
                headers:
                  Content-Type: application/json
                  # Read for each request, so that a rotated key needs no restart; a final newline does no harm. Without the file
                  # Restate refuses the request, and it is tried again as any other: an error here would be, without a pause.
                  Authorization: 'Bearer ${! file("<token>", true).string().trim().catch("missing") }'
                  Idempotency-Key: '${! @event_id }'
                metadata: {include_patterns: [^traceparent$]} # sent only when the event has one
                timeout: 5s
                retries: 5
                retry_period: 1s
                max_retry_backoff: 4s
                backoff_on: [429, 500, 502, 503, 504]
                drop_on: [400, 404, 405, 413, 414, 415, 422, 431]
                max_in_flight: 8
            - label: permanent_or_too_old
              switch:
                cases:
                  - check: '@fallback_error.re_match("response code \\((400|404|405|413|414|415|422|431)\\)") || @event_old'
                    output:
                      processors:
                        - mapping: meta letter_reason = @fallback_error.slice(0, 512)
                      resource: dead_letters
                  # What may pass is given back: the server delivers it again.
                  - output: {reject: '${! @fallback_error }'}
output_resources:
  - label: dead_letters
    retry:
      max_retries: 2
      backoff: {initial_interval: 1s, max_interval: 2s}
      output:
        fallback:
          - label: dead_letter
            nats_jetstream:
              urls: [<urls>]
              subject: '<dlq>${! @route_letter }'
              headers:
                # A letter that is written twice is a duplicate. One of another event with this id is none: on another subject, or sent again.
                Nats-Msg-Id: '${! [@route_subject, @event_id, @nats_sequence_stream, @nats_timestamp_unix_nano].format_json(no_indent: true).hash("sha256").encode("hex") }'
                restate-event-id: '${! @event_id }'
                restate-error: '${! @letter_reason }'
                restate-subject: '${! @route_subject }'
              metadata: {include_patterns: ['<kept>']}
              auth: <auth>
              tls: <tls>
          - label: give_back
            switch:
              cases:
                - check: '@fallback_error.contains("connection closed")'
                  continue: true
                  output: {drop_on: {back_pressure: 1s, error: true, output: {inproc: dead_letters_broken}}}
                - output: {reject: '${! @fallback_error }'}
`
