// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// referenceProblems are what neither the API's types nor Envoy itself find: names that lead nowhere, and a proxy that trusts everybody.
// The files of the pod must be there.
func referenceProblems(p *pod) []string {
	r := &references{pod: p, clusters: map[string]bool{}}
	static := p.config["bootstrap.yaml"]["static_resources"].(map[string]any)
	for _, c := range static["clusters"].([]any) {
		r.clusters[c.(map[string]any)["name"].(string)] = true
	}
	for name, file := range p.config {
		r.name = name
		r.files(file)
	}
	r.name = "bootstrap.yaml"
	r.names(static)
	for _, l := range static["listeners"].([]any) {
		r.filters(p.manager(l.(map[string]any)["name"].(string)))
	}
	r.trust(static)
	for _, m := range p.having(p.config["bootstrap.yaml"]["admin"], "address") {
		if host, isHost := m["address"].(string); isHost && host != "127.0.0.1" {
			r.add("the admin interface listens on %s", host)
		}
	}
	return r.problems
}

type references struct {
	pod      *pod
	name     string
	clusters map[string]bool
	problems []string
}

func (r *references) add(format string, args ...any) {
	r.problems = append(r.problems, r.name+": "+fmt.Sprintf(format, args...))
}

// files must be there, in the pod.
func (r *references) files(file map[string]any) {
	for _, key := range []string{"filename", "path"} {
		for _, m := range r.pod.having(file, key) {
			path, isText := m[key].(string)
			if !isText || !filepath.IsAbs(path) || !r.mounted(path) && !has(m, "poll_interval", "filename") {
				continue // a path of requests
			}
			if _, err := os.Stat(r.pod.root + path); err != nil {
				r.add("%s is not in the pod", path)
			}
		}
	}
}

func (r *references) mounted(path string) bool { return r.pod.movedText(path) != path }

func has(m map[string]any, keys ...string) bool {
	for _, key := range keys {
		if _, found := m[key]; found {
			return true
		}
	}
	return false
}

// names of clusters, secrets and providers must be those of something, and expressions must be some.
func (r *references) names(static map[string]any) {
	for _, key := range []string{"cluster", "cluster_name"} {
		for _, m := range r.pod.having(static, key) {
			if name := m[key].(string); !r.clusters[name] {
				r.add("no cluster %q", name)
			}
		}
	}
	for _, m := range r.pod.having(static, "sds_config") {
		path := r.pod.having(m["sds_config"], "path")[0]["path"].(string)
		resources, _ := r.pod.config[filepath.Base(path)]["resources"].([]any)
		if len(resources) != 1 || resources[0].(map[string]any)["name"] != m["name"] {
			r.add("%s has not the secret %v alone", path, m["name"])
		}
	}
	for _, m := range r.pod.having(static, "regex") {
		if _, err := regexp.Compile(m["regex"].(string)); err != nil {
			r.add("%v", err)
		}
	}
	for _, m := range r.pod.having(static, "providers") {
		for _, rule := range r.pod.having(m, "provider_name") {
			if m["providers"].(map[string]any)[rule["provider_name"].(string)] == nil {
				r.add("no provider %v", rule["provider_name"])
			}
		}
	}
}

// filters that a route speaks of must be those of its listener, or what it says is never read.
func (r *references) filters(manager map[string]any) {
	known := map[string]bool{}
	for _, f := range manager["http_filters"].([]any) {
		known[f.(map[string]any)["name"].(string)] = true
	}
	for _, m := range r.pod.having(manager, "typed_per_filter_config") {
		for name := range m["typed_per_filter_config"].(map[string]any) {
			if !known[name] {
				r.add("no filter %q", name)
			}
		}
	}
	for _, m := range r.pod.having(manager, "config_discovery") {
		if m["name"] != keysFilter {
			r.add("the file of keys has filter %q, not %v", keysFilter, m["name"])
		}
	}
}

// trust: whoever is called by TLS must show a certificate of a CA and a name.
func (r *references) trust(static map[string]any) {
	for _, m := range r.pod.having(static, "sni") {
		if len(r.pod.having(m, "trusted_ca")) == 0 || len(r.pod.having(m, "match_typed_subject_alt_names")) == 0 {
			r.add("anybody may be %v", m["sni"])
		}
	}
}
