// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"regexp"
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
var streamPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

func (r *resolver) jetStream(path *field.Path) {
	j := r.spec.NATS.JetStream
	if j == nil {
		return
	}
	for _, f := range []struct{ name, value string }{{"stream", j.Stream}, {"deadLetterStream", j.DeadLetterStream}} {
		if !streamPattern.MatchString(f.value) {
			r.problem(diag.BadName, path.Child(f.name), f.value, "", "must be at most 63 letters, digits, - or _")
		}
	}
	if j.Stream == j.DeadLetterStream {
		r.problem(diag.BadName, path.Child("deadLetterStream"), j.DeadLetterStream, "rename it", "must not be the stream of the events")
	}
	if len(j.Subjects) == 0 {
		r.problem(diag.Required, path.Child("subjects"), "", "add the subjects, or a bridge with routes", "must name what the stream keeps")
	}
	r.permitted(path.Child("subjects"), j.Subjects)
	for i, s := range j.Subjects {
		if overlap(s, deadLetterSubjects) {
			r.problem(diag.BadSubject, path.Child("subjects").Index(i), "", "leave the dead letters to their own stream", "must not have the subjects of the dead letters")
		}
	}
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
		r.problem(diag.NoStreams, path.Child("nack"), "", "set nack, or make the streams and the consumer yourself as the guide page on NATS says",
			"is not set, so that nobody makes the streams %s and %s and the consumer %s", j.Stream, j.DeadLetterStream, bridgeConsumer)
	} else if j.NACK.Account != "" {
		r.domain(path.Child("nack", "account"), j.NACK.Account)
	}
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
	if payload := *r.spec.NATS.Account.Limits.Payload; payload < 2*letterOverhead {
		r.problem(diag.BadLimit, specPath.Child("nats", "account", "limits", "payload"), strconv.FormatInt(payload, 10), "", "must be at least %d with a bridge, which adds to an event what Restate said of it", 2*letterOverhead)
	}
	r.atLeast(path.Child("replicas"), b.Replicas, 0)
	r.resources(path.Child("resources"), b.Resources)
	r.podTemplate(path.Child("podTemplate"), b.PodTemplate, r.m.bridgeLabels())
	if age := b.MaxEventAge.Duration; age < time.Minute || age >= r.spec.NATS.JetStream.MaxAge.Duration {
		r.problem(diag.OutOfRange, path.Child("maxEventAge"), age.String(), "", "must be at least 1m and less than spec.nats.jetstream.maxAge, after which the stream drops the event")
	}
	if idle := b.IdleExit.Duration; idle < time.Minute {
		r.problem(diag.OutOfRange, path.Child("idleExit"), idle.String(), "", "must be at least 1m")
	}
	if given := r.given.IngressURL; given != "" && !plainURL.MatchString(given) {
		r.problem(diag.BadURL, specPath.Child("cloud", "ingressURL"), "", "write https://host:port", "must have letters, digits and - . _ ~ %% alone in its path with a bridge, into whose configuration it goes")
	}
	out := &Bridge{Bridge: *b, Image: or(r.spec.Images.Bento, imageBento), Creds: r.spec.Credentials.NATS.Type == v1alpha1.NATSCreds}
	r.image(specPath.Child("images", "bento"), r.spec.Images.Bento)
	r.natsCredential(specPath.Child("credentials", roleNATS, "type"))
	r.routes(path.Child("routes"), b.Routes)
	for _, key := range sortedKeys(b.Routes) {
		out.Routes = append(out.Routes, b.Routes[key])
	}
	slices.SortStableFunc(out.Routes, func(a, b v1alpha1.Route) int { return strings.Compare(a.Subject, b.Subject) })
	r.m.NATS.Bridge = out
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
var plainURL = regexp.MustCompile(`^https://[A-Za-z0-9.:\[\]-]+[A-Za-z0-9._~%/-]*$`)

// restateName is that of a service or handler (github.com/restatedev/service-protocol, discovery schema).
var restateName = regexp.MustCompile(`^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]{0,126}$`)

// headerPattern and fieldPattern are what is taken as they are into a mapping.
var (
	headerPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)
	fieldPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,7}$`)
)

func (r *resolver) routes(path *field.Path, routes map[string]v1alpha1.Route) {
	if len(routes) == 0 {
		r.problem(diag.Required, path, "", "", "must have at least one route: every other event is a dead letter")
	}
	seen := map[string]string{}
	for _, key := range sortedKeys(routes) {
		route, p := routes[key], entry(path, key)
		r.routeSubject(p.Child("subject"), route.Subject)
		if other, found := seen[route.Subject]; found {
			r.problem(diag.BadRoute, p.Child("subject"), "", "an event has one handler: remove one of the two", "must not be the subject of route %q as well", other)
		}
		seen[route.Subject] = key
		for _, f := range []struct{ name, value string }{{"service", route.Service}, {"handler", route.Handler}} {
			if !restateName.MatchString(f.value) {
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
	if r.subject(path, s) && !slices.ContainsFunc(r.spec.NATS.JetStream.Subjects, func(outer string) bool { return within(s, outer) }) {
		r.problem(diag.BadRoute, path, "", "add it to spec.nats.jetstream.subjects", "must be kept by the stream, or no event would come")
	}
}

func (r *resolver) routeKey(path *field.Path, k *v1alpha1.RouteKey) {
	switch {
	case k == nil:
	case (k.Header == "") == (k.JSONField == ""):
		r.problem(diag.BadRoute, path, "", "", "must have exactly one of header and jsonField")
	case k.Header != "" && !headerPattern.MatchString(k.Header):
		r.problem(diag.BadName, path.Child("header"), k.Header, "", "must be at most 63 letters, digits or -")
	case k.JSONField != "" && !fieldPattern.MatchString(k.JSONField):
		r.problem(diag.BadName, path.Child("jsonField"), k.JSONField, "write a name, or names separated by dots like order.id", "must be names of letters, digits, - or _")
	}
}

// sharedRoutes warns of publishers that reach more routes than their subjects: Bento 1.20 puts the headers of a message over its own
// metadata, the subject too (run: test/e2e/bridge, TestHeaderChoosesRoute).
func (r *resolver) sharedRoutes(path *field.Path) {
	if r.m.NATS.Bridge == nil {
		return
	}
	a := r.spec.NATS.Account
	for _, name := range sortedKeys(a.Users) {
		r.publisher(path, "user "+strconv.Quote(name), a.Users[name].Publish)
	}
	for _, key := range sortedKeys(a.Imports) {
		r.publisher(path, "account "+strconv.Quote(a.Imports[key].Account), []string{a.Imports[key].Subject})
	}
}

func (r *resolver) publisher(path *field.Path, who string, subjects []string) {
	var reached, others []string
	for _, route := range r.m.NATS.Bridge.Routes {
		if isWithin(route.Subject, subjects) {
			reached = append(reached, route.Subject)
		} else {
			others = append(others, route.Subject)
		}
	}
	if len(reached) > 0 && len(others) > 0 {
		r.problem(diag.SharedRoutes, path, "", "trust the publishers of all routes alike, or give each group a stream and a bridge of its own",
			"let %s reach the handlers of %s too, by a message header named nats_subject", who, quoted(others))
	}
}
