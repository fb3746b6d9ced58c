// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"strings"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	// The types of every message that stands in an Any.
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/body_size_limit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/credential_injector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/injected_credentials/generic/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/fixed_heap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/tracers/opentelemetry/samplers/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// protoProblems holds files of configuration, as JSON by name, against the types of Envoy's API: unknown fields and types, values out of
// range, deprecated fields.
func protoProblems(files map[string]string) []string {
	var out []string
	for name, text := range files {
		var m proto.Message = &bootstrapv3.Bootstrap{}
		if strings.HasSuffix(name, ".xds.yaml") {
			m = &discoveryv3.DiscoveryResponse{}
		}
		if err := protojson.Unmarshal([]byte(text), m); err != nil {
			out = append(out, name+": "+err.Error())
			continue
		}
		for _, problem := range messageProblems(m) {
			out = append(out, name+problem)
		}
	}
	return out
}

// messageProblems goes through a message and those within every Any of it.
func messageProblems(m proto.Message) []string {
	out := invalid(m, "")
	err := protorange.Range(m.ProtoReflect(), func(v protopath.Values) error {
		last := v.Index(-1)
		switch last.Step.Kind() {
		case protopath.AnyExpandStep:
			out = append(out, invalid(last.Value.Message().Interface(), v.Path.String())...)
		case protopath.FieldAccessStep:
			fd := last.Step.FieldDescriptor()
			if fd.Options().(*descriptorpb.FieldOptions).GetDeprecated() {
				out = append(out, v.Path.String()+" is deprecated")
			}
			if e := fd.Enum(); e != nil && !fd.IsList() && !fd.IsMap() && deprecatedValue(e, last.Value) {
				out = append(out, v.Path.String()+" has a deprecated value")
			}
		}
		return nil
	})
	if err != nil {
		out = append(out, err.Error())
	}
	return out
}

func deprecatedValue(e protoreflect.EnumDescriptor, v protoreflect.Value) bool {
	value := e.Values().ByNumber(v.Enum())
	return value == nil || value.Options().(*descriptorpb.EnumValueOptions).GetDeprecated()
}

// invalid holds a message against the rules of its API; what is within an Any has rules of its own.
func invalid(m proto.Message, path string) []string {
	v, ok := m.(interface{ ValidateAll() error })
	if !ok {
		return []string{fmt.Sprintf("%s: %T has no rules", path, m)}
	}
	if err := v.ValidateAll(); err != nil {
		return []string{path + ": " + err.Error()}
	}
	return nil
}
