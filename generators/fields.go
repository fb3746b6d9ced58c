// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// FieldRule restricts a field: to tunnel modes, or to a later version. The table is the one place that says which field means
// something where; errors and reference are made from it.
type FieldRule struct {
	// Path is a field below the object, * for any key or index.
	Path string
	// Modes in which the field means something. None: it is not supported yet.
	Modes []v1alpha1.TunnelMode
	// Hint says what to do instead.
	Hint string
}

var (
	operatorOnly   = []v1alpha1.TunnelMode{v1alpha1.TunnelOperator}
	standaloneOnly = []v1alpha1.TunnelMode{v1alpha1.TunnelStandalone}
	withTunnel     = []v1alpha1.TunnelMode{v1alpha1.TunnelOperator, v1alpha1.TunnelStandalone}
)

var fieldRules = []FieldRule{
	{"spec.cluster", standaloneOnly, "in Operator mode the tunnel's name is the uid of the RestateCloudEnvironment"},
	{"spec.images.tunnel", withTunnel, ""},
	{"spec.credentials.tunnel", withTunnel, ""},
	{"spec.networkPolicy.restateCloud.tunnelPorts", withTunnel, ""},
	{"spec.tunnel.name", standaloneOnly, "in Operator mode the tunnel's name is the uid of the RestateCloudEnvironment"},
	{"spec.tunnel.replicas", withTunnel, ""},
	{"spec.tunnel.remoteProxy", withTunnel, ""},
	{"spec.tunnel.egressTo", withTunnel, ""},
	{"spec.tunnel.resources", withTunnel, ""},
	{"spec.tunnel.env", withTunnel, ""},
	{"spec.tunnel.podTemplate", withTunnel, ""},
	{"spec.tunnel.podTemplate.topologySpreadConstraints", standaloneOnly, "the operator's CRD has no such field; use podTemplate.affinity"},
	{"spec.tunnel.podTemplate.priorityClassName", standaloneOnly, "the operator's CRD has no such field"},
	{"spec.tunnel.podTemplate.securityContext", standaloneOnly, "the operator's CRD has no such field"},
	{"spec.tunnel.podDisruptionBudget", withTunnel, ""},
	{"spec.tunnel.operator.namespace", operatorOnly, ""},
	{"spec.tunnel.operator.resourceName", operatorOnly, ""},
	{"spec.tunnel.operator.uid", operatorOnly, ""},
	{"spec.tunnel.operator.apiServer", operatorOnly, ""},
	{"spec.tunnel.existing", []v1alpha1.TunnelMode{v1alpha1.TunnelExisting}, ""},
	{"spec.services.*.deployment", operatorOnly, "without the operator, run the service yourself and describe it by podSelector"},

	{"spec.observability.podMonitor", nil, ""},
	{"spec.observability.rules", nil, ""},
	{"spec.observability.dashboard", nil, ""},
}

// FieldRules returns the table for the reference.
func FieldRules() []FieldRule { return slices.Clone(fieldRules) }

// checkFields holds the fields that are set against the tables. A field that has its zero value counts as not set.
func (r *resolver) checkFields() {
	mode := r.spec.Tunnel.Mode
	if mode == "" {
		mode = v1alpha1.TunnelOperator
	}
	spec := reflect.ValueOf(*r.in)
	for _, rule := range fieldRules {
		for _, found := range lookup(spec, nil, strings.Split(rule.Path, ".")) {
			switch {
			case rule.Modes == nil:
				r.problem(diag.NotSupported, found.path, "", or(rule.Hint, "remove it"), "is not supported yet")
			case !slices.Contains(rule.Modes, mode):
				r.problem(diag.NotInMode, found.path, "", or(rule.Hint, "remove it"), "must not be set when spec.tunnel.mode is %s; it has a meaning in %s", mode, modes(rule.Modes))
			}
		}
	}
	r.unread(mode)
}

// unread refuses what means something only while a service asks for it.
func (r *resolver) unread(mode v1alpha1.TunnelMode) {
	byJob := false
	for _, s := range r.spec.Services {
		byJob = byJob || registeredByJob(r.spec, s)
	}
	if r.spec.Cloud.AdminURL != "" && !r.spec.Tunnel.RemoteProxy.Enabled && !byJob {
		r.problem(diag.NoEffect, specPath.Child("cloud", "adminURL"), "", "remove it", "must not be set while spec.tunnel.remoteProxy is off and no Job registers a service")
	}
	if r.spec.Images.RestateCLI != "" && !byJob {
		r.problem(diag.NoEffect, specPath.Child("images", "restateCli"), "", "remove it", "must not be set while no Job registers a service")
	}
	r.unreadByGateway()
	if c := r.spec.NetworkPolicy.RestateCloud; mode == v1alpha1.TunnelNone && !r.callsCloud() && len(c.CIDRs)+len(c.Except) > 0 {
		r.problem(diag.NoEffect, specPath.Child("networkPolicy", "restateCloud"), "", "remove it", "must not be set while nothing calls Restate Cloud")
	}
}

func modes(list []v1alpha1.TunnelMode) string {
	var names []string
	for _, m := range list {
		names = append(names, string(m))
	}
	return strings.Join(names, " and ")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// foundField is a field that is set, with its path.
type foundField struct {
	path  *field.Path
	value reflect.Value
}

// lookup returns the fields that a path with wildcards leads to and that are set. A block that is present counts as set even
// when it is empty: nats: {} asks for NATS with every default.
func lookup(v reflect.Value, path *field.Path, rest []string) []foundField {
	if len(rest) == 0 {
		if !isSet(v) {
			return nil
		}
		return []foundField{{path, v}}
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if rest[0] == "*" {
		var out []foundField
		for _, key := range sortedKeys(stringKeys(v)) {
			out = append(out, lookup(v.MapIndex(reflect.ValueOf(key)), entry(path, key), rest[1:])...)
		}
		return out
	}
	return lookup(jsonField(v, rest[0]), path.Child(rest[0]), rest[1:])
}

func stringKeys(m reflect.Value) map[string]bool {
	keys := map[string]bool{}
	for _, k := range m.MapKeys() {
		keys[k.String()] = true
	}
	return keys
}

// jsonField is the field of a struct by its JSON name. The paths are those of the table, so that a test finds a wrong one.
func jsonField(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	panic("no field " + name)
}

// isSet reports whether a field differs from an absent one.
func isSet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice:
		return v.Len() > 0
	case reflect.Struct:
		for i := range v.NumField() {
			if isSet(v.Field(i)) {
				return true
			}
		}
		return false
	}
	return !v.IsZero()
}
