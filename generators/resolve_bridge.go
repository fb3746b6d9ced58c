// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// idempotencyRetention is how long Restate remembers an idempotency key by default (run: restate-server 1.7.12). An event that is
// delivered again after it runs twice.
const idempotencyRetention = 24 * time.Hour

// streamPattern leaves out what separates subjects and what a file name could not hold (docs.nats.io, naming).
var streamPattern = newPattern(`^[A-Za-z0-9_-]{1,63}$`)

func (r *resolver) jetStream(path *field.Path) {
	j := r.spec.NATS.JetStream
	if j == nil {
		return
	}
	for _, f := range []struct{ name, value string }{{"stream", j.Stream}, {"deadLetterStream", j.DeadLetterStream}} {
		if !streamPattern().MatchString(f.value) {
			r.problem(diag.BadName, path.Child(f.name), f.value, "", "must be at most 63 letters, digits, - or _")
		}
	}
	if j.Stream == j.DeadLetterStream {
		r.problem(diag.BadName, path.Child("deadLetterStream"), j.DeadLetterStream, "rename it", "must not be the stream of the events")
	}
	if len(j.Subjects) == 0 {
		r.problem(diag.Required, path.Child("subjects"), "", "add the subjects, or a bridge with routes", "must name what the stream keeps")
	}
	r.streamSubjects(path.Child("subjects"), j.Subjects)
	if n := *j.Replicas; n != 1 && n != 3 && n != 5 {
		r.problem(diag.OutOfRange, path.Child("replicas"), strconv.Itoa(int(n)), "", "must be 1, 3 or 5")
	}
	if age := j.MaxAge.Duration; age <= 0 || age >= idempotencyRetention {
		r.problem(diag.StreamAge, path.Child("maxAge"), age.String(), "use 23h", "must be more than 0 and less than the 24 hours in which Restate knows an event again")
	}
	if w := j.DuplicateWindow.Duration; w < 100*time.Millisecond || w > j.MaxAge.Duration {
		r.problem(diag.OutOfRange, path.Child("duplicateWindow"), w.String(), "", "must be at least 100ms and at most maxAge")
	}
	l := j.Limits
	for _, f := range []struct {
		name  string
		value int64
		min   int64
	}{{"file", *l.File, 1}, {"memory", *l.Memory, 0}, {"streams", *l.Streams, 2}, {"consumers", *l.Consumers, 1}} {
		if f.value < f.min {
			r.problem(diag.BadLimit, path.Child("limits", f.name), strconv.FormatInt(f.value, 10), "", "must be at least %d", f.min)
		}
	}
	if j.NACK == nil {
		r.problem(diag.NoStreams, path.Child("nack"), "", "set nack, or make them yourself as the guide page on NATS says", "is not set, so that nobody makes %s", r.streamsOf(j))
	} else if j.NACK.Account != "" {
		r.domain(path.Child("nack", "account"), j.NACK.Account)
	}
}

// streamsOf names what NACK would make.
func (r *resolver) streamsOf(j *v1alpha1.JetStream) string {
	text := "the streams " + j.Stream + " and " + j.DeadLetterStream
	if b := r.spec.NATS.Bridge; b != nil {
		text += ", and a consumer for each route"
	}
	return text
}

// streamSubjects: the stream is a work queue, in which an event that no consumer takes stays until it is too old. A subject of a route is
// checked there, and that there is no route is said once.
func (r *resolver) streamSubjects(path *field.Path, subjects []string) {
	b := r.spec.NATS.Bridge
	for i, s := range subjects {
		switch {
		case b == nil:
			r.eventSubject(path.Index(i), s)
		case len(b.Routes) > 0 && !slices.ContainsFunc(sortedKeys(b.Routes), func(key string) bool { return b.Routes[key].Subject == s }):
			r.problem(diag.BadRoute, path.Index(i), "", "remove it, or add a route for each of its subjects", "must be the subject of a route: the stream would keep its events until maxAge, and then lose them")
		}
	}
}

// eventSubject checks one that the stream keeps.
func (r *resolver) eventSubject(path *field.Path, s string) bool {
	if overlap(s, deadLetterSubjects) {
		r.problem(diag.BadSubject, path, "", "leave the dead letters to their own stream", "must not have the subjects of the dead letters")
		return false
	}
	return r.permittedOne(path, s)
}

func (r *resolver) bridge(path *field.Path) {
	b := r.spec.NATS.Bridge
	if b == nil {
		return
	}
	if r.spec.NATS.JetStream == nil {
		r.problem(diag.Required, specPath.Child("nats", "jetstream"), "", "add jetstream: {}", "must be set with a bridge, which reads from a stream")
		return
	}
	r.bridgeLimits(b)
	r.atLeast(path.Child("replicas"), b.Replicas, 0)
	r.resources(path.Child("resources"), b.Resources)
	r.podTemplate(path.Child("podTemplate"), b.PodTemplate, r.m.bridgeLabels())
	if age := b.MaxEventAge.Duration; age < time.Minute || age >= r.spec.NATS.JetStream.MaxAge.Duration {
		r.problem(diag.OutOfRange, path.Child("maxEventAge"), age.String(), "", "must be at least 1m and less than spec.nats.jetstream.maxAge, after which the stream drops the event")
	}
	if idle := b.IdleExit.Duration; idle < time.Minute {
		r.problem(diag.OutOfRange, path.Child("idleExit"), idle.String(), "", "must be at least 1m")
	}
	if given := r.given.IngressURL; given != "" && !plainURL().MatchString(given) {
		r.problem(diag.BadURL, specPath.Child("cloud", "ingressURL"), "", "write https://host:port", "must have letters, digits and - . _ ~ %% alone in its path with a bridge, into whose configuration it goes")
	}
	out := &Bridge{Bridge: *b, Image: r.imageFor("bento", r.spec.Images.Bento), Creds: r.spec.Credentials.NATS.Type == v1alpha1.NATSCreds}
	r.natsCredential(specPath.Child("credentials", roleNATS, "type"))
	r.routes(path.Child("routes"), b.Routes)
	for _, key := range sortedKeys(b.Routes) {
		out.Routes = append(out.Routes, Route{key, b.Routes[key]})
	}
	r.m.NATS.Bridge = out
}

// bridgeLimits holds the account's limits against what the bridge needs. A number below 1 has a finding of its own.
func (r *resolver) bridgeLimits(b *v1alpha1.Bridge) {
	n := r.spec.NATS
	account, jetStream := specPath.Child("nats", "account", "limits"), specPath.Child("nats", "jetstream", "limits")
	for _, f := range []struct {
		path *field.Path
		has  int64
		need need
	}{
		{account.Child("payload"), *n.Account.Limits.Payload, need{2 * letterOverhead, "which adds to an event what Restate said of it"}},
		{account.Child("connections"), *n.Account.Limits.Connections, connectionsOf(b)},
		{jetStream.Child("consumers"), *n.JetStream.Limits.Consumers, consumersOf(b)},
	} {
		if f.has > 0 && f.has < f.need.least {
			r.problem(diag.BadLimit, f.path, strconv.FormatInt(f.has, 10), "leave it out, or raise it", "must be at least %d with this bridge, %s", f.need.least, f.need.why)
		}
	}
}

// need is the least that a limit of the account must be with a bridge.
type need struct {
	least int64
	why   string
}

func connectionsOf(b *v1alpha1.Bridge) need {
	return need{b.Connections(), "whose pods have one for each route and one for dead letters, and of which a rollout has one more"}
}

func consumersOf(b *v1alpha1.Bridge) need {
	return need{int64(len(b.Routes)), "which has one for each route"}
}

// natsCredential: without an operator the server knows users by their nkey alone, with one by a JWT alone (github.com/nats-io/nats-server
// v2.15, server/auth.go).
func (r *resolver) natsCredential(path *field.Path) {
	want, mode := v1alpha1.NATSCredentialType("NKey"), r.spec.NATS.Account.Mode
	if mode == v1alpha1.AccountJWT || mode == v1alpha1.AccountNauth {
		want = v1alpha1.NATSCreds
	}
	if got := r.spec.Credentials.NATS.Type; got != want && slices.Contains(got.Values(), string(got)) {
		r.problem(diag.NotInMode, path, string(got), "", "must be %s while spec.nats.account.mode is %s", want, mode)
	}
}

// plainURL has nothing that ends a text in YAML or that Bento replaces ($).
var plainURL = newPattern(`^https://[A-Za-z0-9.:\[\]-]+[A-Za-z0-9._~%/-]*$`)

// restateName is that of a service or handler (github.com/restatedev/service-protocol, discovery schema).
var restateName = newPattern(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]{0,126}$`)

// headerPattern and fieldPattern are what is taken as they are into a mapping.
var (
	headerPattern = newPattern(`^[A-Za-z0-9-]{1,63}$`)
	fieldPattern  = newPattern(`^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,7}$`)
)

func (r *resolver) routes(path *field.Path, routes map[string]v1alpha1.Route) {
	if len(routes) == 0 {
		r.problem(diag.Required, path, "", "", "must have at least one route")
	}
	seen := map[string]string{}
	for _, key := range sortedKeys(routes) {
		route, p := routes[key], entry(path, key)
		r.required(p, key, "the name of the route")
		r.label(p, key, maxName) // it is a part of a label of Bento's
		r.routeSubject(p.Child("subject"), route.Subject)
		hash := Route{key, route}.subjectHash()
		switch other, found := seen[hash]; {
		case found && routes[other].Subject == route.Subject:
			r.problem(diag.BadRoute, p.Child("subject"), "", "an event has one handler: remove one of the two", "must not be the subject of route %q as well", other)
		case found: // of ten thousand subjects, some two
			r.problem(diag.BadRoute, p.Child("subject"), "", "rename the subject", "must not have the hash of the subject of route %q: one consumer would have the name of both", other)
		}
		seen[hash] = key
		for _, f := range []struct{ name, value string }{{"service", route.Service}, {"handler", route.Handler}} {
			if !restateName().MatchString(f.value) {
				r.problem(diag.BadName, p.Child(f.name), f.value, "", "must be a name of Restate: letters, digits, -, _ or ., beginning with a letter")
			}
		}
		r.routeKey(p.Child("key"), route.Key)
	}
}

// routeSubject: a wildcard would let the name of an event choose among handlers that nobody listed.
func (r *resolver) routeSubject(path *field.Path, s string) {
	if strings.ContainsAny(s, "*>") {
		r.problem(diag.BadRoute, path, "", "add a route for each subject", "must have no wildcard")
		return
	}
	if r.eventSubject(path, s) && !isWithin(s, r.spec.NATS.JetStream.Subjects) {
		r.problem(diag.BadRoute, path, "", "add it to spec.nats.jetstream.subjects", "must be kept by the stream, or no event would come")
	}
}

func (r *resolver) routeKey(path *field.Path, k *v1alpha1.RouteKey) {
	switch {
	case k == nil:
	case (k.Header == "") == (k.JSONField == ""):
		r.problem(diag.BadRoute, path, "", "", "must have exactly one of header and jsonField")
	case k.Header != "" && !headerPattern().MatchString(k.Header):
		r.problem(diag.BadName, path.Child("header"), k.Header, "", "must be at most 63 letters, digits or -")
	case strings.HasPrefix(strings.ToLower(k.Header), "restate-"):
		r.problem(diag.BadName, path.Child("header"), k.Header, "rename the header", "must not begin with restate-, as the headers of dead letters do")
	case k.JSONField != "" && !fieldPattern().MatchString(k.JSONField):
		r.problem(diag.BadName, path.Child("jsonField"), k.JSONField, "write a name, or names separated by dots like order.id", "must be names of letters, digits, - or _")
	}
}
