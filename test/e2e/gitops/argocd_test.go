// SPDX-License-Identifier: Apache-2.0

// Package gitops_test judges the examples for Argo CD and Flux by what these programs run themselves.
package gitops_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

const examples = "../../../examples/"

// condition is the condition Ready of an object of Restate's operator.
type condition struct{ status, reason string }

// object is one with this condition, and none has another one alone.
func object(c *condition) map[string]any {
	conditions := []any{map[string]any{"type": "Reconciling", "status": "False", "reason": "Disabled", "message": "off"}}
	if c != nil {
		conditions = append(conditions, map[string]any{"type": "Ready", "status": c.status, "reason": c.reason, "message": "says " + c.reason})
	}
	return map[string]any{"metadata": map[string]any{"name": "restate"}, "status": map[string]any{"conditions": conditions}}
}

// The reasons are those of restate-operator 3.1.0.
var healthCases = []struct {
	what        string
	object      map[string]any
	environment string // what Argo CD is told of a RestateCloudEnvironment
	deployment  string // and of a RestateDeployment
	flux        string // what Flux is told of a RestateDeployment
}{
	{"no status yet", map[string]any{"metadata": map[string]any{"name": "restate"}}, "Healthy", "Progressing", "error"},
	{"a status without conditions, as before 3.1.0", map[string]any{"status": map[string]any{"replicas": int64(1)}}, "Healthy", "Progressing", "InProgress"},
	{"no condition Ready", object(nil), "Healthy", "Progressing", "InProgress"},
	{"applied", object(&condition{"True", "Reconciled"}), "Healthy", "Healthy", "Current"},
	{"registered", object(&condition{"True", "Deployed"}), "Healthy", "Healthy", "Current"},
	{"could not be applied", object(&condition{"Unknown", "FailedReconcile"}), "Progressing", "Progressing", "InProgress"},
	{"Restate Cloud is away", object(&condition{"False", "AdminCallFailed"}), "Progressing", "Progressing", "InProgress"},
	{"pods are starting", object(&condition{"False", "ReplicaSetNotReady"}), "Progressing", "Progressing", "InProgress"},
	{"Restate Cloud refuses", object(&condition{"False", "AdminCallRejected"}), "Progressing", "Degraded", "Failed"},
	{"two versions of one hash", object(&condition{"False", "HashCollision"}), "Progressing", "Degraded", "Failed"},
	{"refused once, and registered since", object(&condition{"True", "AdminCallRejected"}), "Healthy", "Healthy", "Current"},
}

// TestArgoCDHealth runs the checks with the interpreter of Argo CD, and the libraries that it opens.
func TestArgoCDHealth(t *testing.T) {
	var config struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   map[string]string `json:"metadata"`
		Data       map[string]string `json:"data"`
	}
	text, err := os.ReadFile(examples + "argocd/argocd-cm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Data) != 2 {
		t.Errorf("%d checks, and 2 are run", len(config.Data))
	}
	for _, c := range healthCases {
		t.Run(c.what, func(t *testing.T) {
			for kind, want := range map[string]string{"RestateCloudEnvironment": c.environment, "RestateDeployment": c.deployment} {
				status, message := health(t, config.Data["resource.customizations.health.restate.dev_"+kind], c.object)
				if status != want {
					t.Errorf("a %s is %s, and must be %s", kind, status, want)
				}
				if said := readyMessage(c.object); said != "" && message != said {
					t.Errorf("a %s says %q, and the operator said %q", kind, message, said)
				}
			}
		})
	}
}

// readyMessage is what the condition Ready of an object says.
func readyMessage(object map[string]any) string {
	status, _ := object["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == "Ready" {
			return c["message"].(string)
		}
	}
	return ""
}

// health runs a script as Argo CD does (argo-cd v3.6.1, util/lua): obj is the object, and what it returns has status and message.
func health(t *testing.T, script string, object map[string]any) (status, message string) {
	t.Helper()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		t.Fatal(err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns a %s", state.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func value(state *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case []any:
		list := state.NewTable()
		for _, item := range v {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, item := range v {
			table.RawSetString(key, value(state, item))
		}
		return table
	}
	return lua.LNil
}

// application has the fields of Argo CD's Application that the example uses (argo-cd v3.6.1, manifests/crds/application-crd.yaml): the
// module with its types is as large as Argo CD.
type application struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Project string `json:"project"`
		Source  struct {
			RepoURL        string `json:"repoURL"`
			TargetRevision string `json:"targetRevision"`
			Path           string `json:"path"`
		} `json:"source"`
		Destination struct {
			Server string `json:"server"`
		} `json:"destination"`
		SyncPolicy struct {
			Automated struct {
				Prune    bool `json:"prune"`
				SelfHeal bool `json:"selfHeal"`
			} `json:"automated"`
			SyncOptions []string `json:"syncOptions"`
			Retry       struct {
				Limit int64 `json:"limit"`
			} `json:"retry"`
		} `json:"syncPolicy"`
	} `json:"spec"`
}

func TestArgoCDApplication(t *testing.T) {
	text, err := os.ReadFile(examples + "argocd/application.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var a application
	if err := yaml.UnmarshalStrict(text, &a); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"argoproj.io/v1alpha1", "Application"}, []string{a.APIVersion, a.Kind}); d != "" {
		t.Error(d)
	}
	if a.Spec.Project == "" || a.Spec.Source.RepoURL == "" || a.Spec.Destination.Server == "" { // required by the CRD
		t.Errorf("lacks a required field: %+v", a.Spec)
	}
}
