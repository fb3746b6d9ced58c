// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"net/http"
	"strings"
)

// What many steps share.
const (
	v1 = `path: v1, registration: {revision: "1"}`
	v2 = `path: v2, registration: {revision: "2"}`

	good    = "registered KEY as ID"
	failed  = "registration of KEY failed: "
	refused = failed + "ADMIN refused the token: put an Admin-role key of this environment into Secret SECRET"
	silent  = ": check that the tunnel is up, that the service runs and listens there, that its policies admit the tunnel, and that it speaks HTTP/2, or set spec.services.KEY.useHTTP11"
	away    = failed + "ADMIN cannot be reached: check DNS, the egress policy of this pod, and spec.cloud.adminURL"

	known = `"v1" revision "1", called: greet`
)

// first is a Job that registers v1.
func first(reason string) step {
	return step{reason: reason, fields: v1, last: good, knows: []string{known}, asked: 2}
}

var scenarios = []scenario{
	{name: "same url", steps: []step{
		{reason: "a URL that nobody knows", fields: v1, last: good, knows: []string{known}, asked: 2, answer: "one greets you"},
		{reason: "the same again asks nobody", fields: v1, last: good, knows: []string{known}, answer: "one greets you"},
		{
			reason: "what changed without a new revision is not looked at", prepare: changeV1,
			fields: v1, last: good, knows: []string{known},
		},
		{
			reason: "a new revision at a known URL", fields: `path: v1, registration: {revision: "2"}`,
			exit: 2, last: failed + "URL/v1 is registered as revision '1', and Restate does not look at a known URL again: revision '2' needs a new path or Service name, or spec.services.KEY.registration.force",
			knows: []string{known},
		},
		{
			reason: "the same by force", fields: `path: v1, registration: {revision: "2", force: true}`,
			last: good, knows: []string{`"v1" revision "2", called: added greet`}, asked: 2, answer: "one, changed, greets you",
		},
	}},
	{name: "new url", steps: []step{
		{reason: "the first version", fields: v1, last: good, knows: []string{known}, asked: 2, answer: "one greets you"},
		{
			reason: "a new revision at a new URL", fields: v2,
			last: good, knows: []string{`"v1" revision "1"`, `"v2" revision "2", called: greet`}, asked: 2, answer: "two greets you",
		},
		{
			reason: "the Job of the first version again changes nothing, and says so", fields: v1,
			last:  "registered KEY as ID, but new calls go to a newer deployment: to go back to this one, set registration.force",
			knows: []string{`"v1" revision "1"`, `"v2" revision "2", called: greet`}, answer: "two greets you",
		},
		{
			reason: "the way back", fields: `path: v1, registration: {revision: "1", force: true}`,
			last: good, knows: []string{known, `"v2" revision "2"`}, asked: 2, answer: "one greets you",
		},
	}},
	{name: "by hand", steps: []step{
		{
			reason:  "somebody registered the URL without a revision, and the spec has none",
			prepare: func(s *stage) { restateServer.registerByHand(s.T, s.url()+"/v1") },
			fields:  `path: v1`, last: good, knows: []string{`"v1" revision "", called: greet`},
		},
		{
			reason: "the spec has one", fields: v1,
			exit: 2, last: failed + "URL/v1 is registered as revision '', and Restate does not look at a known URL again: revision '1' needs a new path or Service name, or spec.services.KEY.registration.force",
			knows: []string{`"v1" revision "", called: greet`},
		},
	}},
	{name: "breaking", steps: []step{
		first("a service"),
		{
			reason:  "that is an object in its next version",
			prepare: func(s *stage) { s.at("v2", endpoint(s.T, restateServer.publicKey, true, s.object())) }, fields: v2,
			exit: 2, last: failed + "Restate takes the change for a breaking one: give the Restate service another name, or set spec.services.KEY.registration.force",
			knows: []string{known}, asked: 1,
		},
		{
			reason: "the same by force", fields: `path: v2, registration: {revision: "2", force: true}`,
			last: good, knows: []string{`"v1" revision "1"`, `"v2" revision "2", called: greet`}, asked: 2,
		},
	}},
	{name: "no path", steps: path("")},
	{name: "quotes in the path", steps: path(`it's;a&b(c)*!`)},
	{name: "escapes in the path", steps: path(`a%20b%27c%2Fd`)},
	{name: "long path", steps: path(strings.Repeat("long/", 60) + "v1")},

	{name: "blanks around the token", steps: []step{{
		reason: "an editor's line break and more", prepare: token(" \t" + goodToken + " \r\n\n"), fields: v1,
		last: good, knows: []string{known}, asked: 2,
	}}},
	{name: "empty token", steps: []step{
		{reason: "an empty file", prepare: token(""), fields: v1, exit: 1, last: failed + "the token is empty: put an Admin-role key into Secret SECRET"},
		{reason: "a line break alone", prepare: token("\n"), fields: v1, exit: 1, last: failed + "the token is empty: put an Admin-role key into Secret SECRET"},
	}},
	{name: "two tokens", steps: []step{{
		reason: "a line break inside", prepare: token(goodToken + "\n" + goodToken + "\n"), fields: v1,
		exit: 1, last: failed + "the token has a blank or a line break inside: put one Admin-role key into Secret SECRET",
	}}},
	{name: "no token file", steps: []step{{
		reason: "nothing is mounted", prepare: func(s *stage) { s.token = nil }, fields: v1,
		exit: 1, last: failed + "the token cannot be read: put an Admin-role key into Secret SECRET",
	}}},
	{name: "refused token", steps: []step{
		{reason: "a key of nobody (401)", prepare: func(s *stage) { s.token = &cloudAdmin.nobodysToken }, fields: v1, exit: 1, last: refused},
		{reason: "a key of a role without admin API (403)", prepare: func(s *stage) { s.token = &cloudAdmin.callersToken }, fields: v1, exit: 1, last: refused},
		{reason: "a key of a role that changes nothing (403)", prepare: func(s *stage) { s.token = &cloudAdmin.readersToken }, fields: v1, exit: 1, last: refused},
	}},

	{name: "admin url", steps: []step{
		{reason: "nobody listens", prepare: func(s *stage) { s.adminURL = cloudAdmin.refused }, fields: v1, exit: 1, last: away},
		{
			reason: "the ingress", prepare: func(s *stage) { s.adminURL = cloudAdmin.ingress }, fields: v1,
			exit: 1, last: failed + "ADMIN answers 400 Bad Request, as the admin API does not: check spec.cloud.adminURL",
		},
		{
			reason: "a web page", prepare: func(s *stage) { s.adminURL = cloudAdmin.page }, fields: v1,
			exit: 1, last: failed + "ADMIN does not answer as the admin API does: check spec.cloud.adminURL, and that Secret SECRET has an Admin-role key",
		},
	}},
	{name: "admin silent", slow: true, steps: []step{
		{reason: "connected and never answered", prepare: func(s *stage) { s.adminURL = cloudAdmin.silent }, fields: v1, exit: 1, last: away},
	}},
	{name: "admin dropped", slow: true, steps: []step{
		{reason: "never connected", prepare: func(s *stage) { s.adminURL = cloudAdmin.dropped }, fields: v1, exit: 1, last: away},
	}},

	{name: "service down", steps: []step{{
		reason: "the tunnel reaches nobody (502)", prepare: func(s *stage) { _ = s.server.Close() }, fields: v1,
		exit: 1, last: failed + "Restate got no answer through URL/v1" + silent,
	}}},
	{name: "tunnel down", steps: []step{{
		reason: "Restate reaches nobody", prepare: func(s *stage) { s.direct = hostOf(cloudAdmin.refused) }, fields: v1,
		exit: 1, last: failed + "Restate got no answer through DIRECT/v1" + silent,
	}}},
	{name: "service hangs", slow: true, steps: []step{{
		reason: "it takes the request and never answers", prepare: func(s *stage) { s.at("v1", http.HandlerFunc(hang)) }, fields: v1,
		exit: 1, last: failed + "Restate got no answer through URL/v1" + silent, asked: 1,
	}}},
	{name: "tunnel hangs", slow: true, steps: []step{{
		reason: "it takes the connection and never answers", prepare: func(s *stage) { s.direct = hostOf(cloudAdmin.silent) }, fields: v1,
		exit: 1, last: failed + "Restate got no answer through DIRECT/v1" + silent,
	}}},
	{name: "http 1", steps: []step{
		{
			reason: "the tunnel does not say which (502)", prepare: speakHTTP1, fields: v1,
			exit: 1, last: failed + "Restate got no answer through URL/v1" + silent,
		},
		{reason: "as the spec says", fields: v1 + ", useHTTP11: true", last: good, knows: []string{known}, asked: 2, answer: "one greets you"},
	}},
	{name: "http 1 without a tunnel", steps: []step{{
		reason: "Restate sees it itself", prepare: func(s *stage) { speakHTTP1(s); s.direct = s.address }, fields: v1,
		exit: 2, last: failed + "the service speaks HTTP/1.1 only: set spec.services.KEY.useHTTP11",
	}}},
	{name: "another identity", steps: []step{{
		reason: "the service knows another signing key", prepare: knowAnotherKey, fields: v1,
		exit: 1, last: failed + "Restate's signature was refused: the service and spec.cloud.signingPublicKey need the signing public key of this environment", asked: 1,
	}}},
	{name: "wrong path", steps: []step{{
		reason: "404", fields: `path: v3`,
		exit: 1, last: failed + "nothing is at URL/v3: check port and path of spec.services.KEY, and that the tunnel is up", asked: 1,
	}}},
	{name: "no restate", steps: []step{{
		reason: "a web page", prepare: func(s *stage) { s.at("v1", http.HandlerFunc(page)) }, fields: v1,
		exit: 1, last: failed + "what answers at URL/v1 is no Restate endpoint: check port and path of spec.services.KEY", asked: 1,
	}}},
}

// path registers and calls a service below a path, and sees that the URL is read back as it was written.
func path(p string) []step {
	fields := `path: "` + p + `", registration: {revision: "1"}`
	knows := []string{`"` + p + `" revision "1", called: greet`}
	return []step{
		{
			reason: "the first time", prepare: func(s *stage) { s.at(p, s.version(s.T, "below", "greet")) }, fields: fields,
			last: good, knows: knows, asked: 2, answer: "below greets you",
		},
		{reason: "again", fields: fields, last: good, knows: knows},
	}
}

// goodToken stands for the one that is made at the start of a run.
const goodToken = "TOKEN"

func token(text string) func(*stage) {
	return func(s *stage) {
		text := strings.ReplaceAll(text, goodToken, cloudAdmin.token)
		s.token = &text
	}
}

func changeV1(s *stage) { s.at("v1", s.version(s.T, "one, changed,", "added", "greet")) }

func speakHTTP1(s *stage) {
	s.at("v1", endpoint(s.T, restateServer.publicKey, false, s.definition("one", "greet")))
	s.serve(s.T, protocols(true, false))
}

func knowAnotherKey(s *stage) {
	_, public, err := newIdentity()
	if err != nil {
		s.Fatal(err)
	}
	s.at("v1", endpoint(s.T, public, true, s.definition("one", "greet")))
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func page(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html></html>")) }

func hostOf(url string) string { return strings.TrimPrefix(url, "https://") }
