// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"strings"
)

// Parts of the configuration that mutants change.
func calling(p *pod) any  { return p.named("listeners", "gateway") }
func called(p *pod) any   { return p.manager("gateway") }
func probed(p *pod) any   { return p.manager("ops") }
func relaying(p *pod) any { return p.named("clusters", "restate_cloud_ingress") }

// provider is that of tokens, logged the access log.
func provider(p *pod) any { return p.having(called(p), "remote_jwks")[0] }
func logged(p *pod) any   { return called(p).(map[string]any)["access_log"] }

func (p *pod) named(list, name string) map[string]any {
	p.t.Helper()
	for _, one := range p.config["bootstrap.yaml"]["static_resources"].(map[string]any)[list].([]any) {
		if m := one.(map[string]any); m["name"] == name {
			return m
		}
	}
	p.t.Fatalf("no %s in %s", name, list)
	return nil
}

// manager is the HTTP connection manager of a listener.
func (p *pod) manager(listener string) map[string]any {
	p.t.Helper()
	return p.having(p.named("listeners", listener), "http_filters")[0]
}

// having lists the messages below v that have a field.
func (p *pod) having(v any, key string) []map[string]any {
	var out []map[string]any
	switch v := v.(type) {
	case map[string]any:
		if _, found := v[key]; found {
			out = append(out, v)
		}
		for _, value := range v {
			out = append(out, p.having(value, key)...)
		}
	case []any:
		for _, value := range v {
			out = append(out, p.having(value, key)...)
		}
	}
	return out
}

// set changes a field wherever it stands in a part; nil takes it away. One that stands nowhere is added to the part itself.
func set(part func(*pod) any, key string, value any) func(*pod) {
	return func(p *pod) {
		found := p.having(part(p), key)
		if len(found) == 0 {
			if value == nil {
				p.t.Fatalf("nothing has %s", key)
			}
			found = []map[string]any{part(p).(map[string]any)}
		}
		for _, m := range found {
			if value == nil {
				delete(m, key)
			} else {
				m[key] = value
			}
		}
	}
}

// onRoute changes a field of the route that has a name.
func onRoute(name, key string, value any) func(*pod) {
	return func(p *pod) {
		p.t.Helper()
		for _, r := range p.routes("gateway") {
			if r["name"] == name {
				if value == nil {
					delete(r, key)
				} else {
					r[key] = value
				}
				return
			}
		}
		p.t.Fatalf("no route %s", name)
	}
}

func (p *pod) routes(listener string) []map[string]any {
	p.t.Helper()
	var out []map[string]any
	for _, r := range p.having(p.manager(listener), "routes")[0]["routes"].([]any) {
		out = append(out, r.(map[string]any))
	}
	return out
}

// keep passes a header of callers on.
func keep(header string) func(*pod) {
	return func(p *pod) {
		p.t.Helper()
		m := p.having(called(p), "request_headers_to_remove")[0]
		all := m["request_headers_to_remove"].([]any)
		less := slices.DeleteFunc(slices.Clone(all), func(h any) bool { return h == header })
		if len(less) != len(all)-1 {
			p.t.Fatalf("%s is not removed", header)
		}
		m["request_headers_to_remove"] = less
	}
}

func dropFilter(name string) func(*pod) { return dropFilterOf("gateway", name) }

// dropFilterOf takes a filter out of a listener, and what routes say of it.
func dropFilterOf(listener, name string) func(*pod) {
	return func(p *pod) {
		p.t.Helper()
		m := p.manager(listener)
		all := m["http_filters"].([]any)
		less := slices.DeleteFunc(slices.Clone(all), func(f any) bool { return f.(map[string]any)["name"] == name })
		if len(less) != len(all)-1 {
			p.t.Fatalf("no filter %s", name)
		}
		m["http_filters"] = less
		for _, r := range p.having(m, "typed_per_filter_config") {
			delete(r["typed_per_filter_config"].(map[string]any), name)
		}
	}
}

// swapDisabled has the routes switch off the other filter.
func swapDisabled(a, b string) func(*pod) {
	return func(p *pod) {
		for _, r := range p.routes("gateway") {
			if off, _ := r["typed_per_filter_config"].(map[string]any); len(off) == 1 {
				if off[a] != nil {
					r["typed_per_filter_config"] = disabled(b)
				} else {
					r["typed_per_filter_config"] = disabled(a)
				}
			}
		}
	}
}

// dropArgument takes an argument with its value away, dropFlag one without.
func dropArgument(name string) func(*pod) { return drop(name, 2) }

func dropFlag(name string) func(*pod) { return drop(name, 1) }

func drop(name string, n int) func(*pod) {
	return func(p *pod) {
		p.t.Helper()
		at := slices.Index(p.args, name)
		if at < 0 {
			p.t.Fatalf("no argument %s in %s", name, strings.Join(p.args, " "))
		}
		p.args = slices.Delete(p.args, at, at+n)
	}
}

// clientCA replaces the CA of clients; without one any certificate is taken whose name is right.
func clientCA(path string) func(*pod) {
	return func(p *pod) {
		context := p.having(p.config["client-ca.xds.yaml"], "validation_context")[0]
		if path == "" {
			context["validation_context"] = map[string]any{"trust_chain_verification": "ACCEPT_UNTRUSTED", "trusted_ca": p.having(context, "trusted_ca")[0]["trusted_ca"]}
			return
		}
		context["validation_context"] = map[string]any{"trusted_ca": map[string]any{"filename": path}}
	}
}

// relayUnknown sends what no route names to Restate Cloud.
func relayUnknown(p *pod) {
	for _, r := range p.routes("gateway") {
		if r["name"] == "deny" {
			delete(r, "direct_response")
			r["route"] = map[string]any{"cluster": "restate_cloud_ingress"}
			return
		}
	}
	p.t.Fatal("no route denies")
}

// injectEarly has the key of Restate Cloud injected by the listener, before the route removes what callers sent.
func injectEarly(p *pod) {
	options := p.having(relaying(p), "http_filters")[0]
	filters := options["http_filters"].([]any)
	options["http_filters"] = filters[1:]
	m := p.manager("gateway")
	m["http_filters"] = append([]any{filters[0]}, m["http_filters"].([]any)...)
}

// openAdmin relays every path of the plain port to the admin interface.
func openAdmin(p *pod) {
	for _, r := range p.routes("ops") {
		if match := r["match"].(map[string]any); match["prefix"] == "/" {
			delete(r, "direct_response")
			r["route"] = map[string]any{"cluster": "admin"}
		}
	}
}
