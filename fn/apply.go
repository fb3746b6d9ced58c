// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/emit"
	"github.com/restate-integration/restate-integration/internal/redact"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
)

// idOf identifies an item as the API server would.
func idOf(m resourcelist.Meta) generators.ID {
	group, _, found := strings.Cut(m.APIVersion, "/")
	if !found {
		group = ""
	}
	id := generators.ID{Group: group, Kind: m.Kind, Namespace: m.Namespace, Name: m.Name}
	if generators.ClusterScoped(id.Group, id.Kind) {
		id.Namespace = "" // kustomize stamps one on kinds that it does not know
	}
	return id
}

// owns reports whether an item is earlier output of the job, kept in the config's own directory.
func (j *job) owns(e entry) bool {
	return e.meta.Annotations[generators.AnnotationOwnedBy] == j.owner() && j.at.holds(e.at)
}

func (j *job) owner() string { return j.meta.Namespace + "/" + j.meta.Name }

// apply puts the objects of every job into the list: own earlier output is replaced in place, what the spec no longer yields is
// pruned, and a name that somebody else holds is refused.
func (p *pkg) apply() []diag.Diagnostic {
	ds := p.twoOwners()
	if diag.HasError(ds) {
		return ds // every object of the second would be held by the first
	}
	written := map[generators.ID]bool{}
	for _, j := range p.jobs {
		for _, b := range j.built {
			written[b.ID()] = true
			ds = append(ds, p.put(j, b)...)
		}
		for _, text := range j.sealed {
			if err := p.list.AppendText(text); err != nil { // it was read as one Secret before
				ds = append(ds, diag.Diagnostic{Code: diag.InternalError, Subject: subject(j.meta), Message: "an encrypted Secret cannot be put into the list: " + err.Error()})
			}
		}
	}
	return append(ds, p.prune(written)...)
}

// twoOwners refuses objects that two integrations yield, and an integration that stands twice.
func (p *pkg) twoOwners() []diag.Diagnostic {
	var ds []diag.Diagnostic
	owners := map[string]bool{}
	yields := map[generators.ID]*job{}
	tunnels := map[string]*job{}
	for _, j := range p.jobs {
		if j.ambiguous {
			ds = append(ds, diag.Diagnostic{
				Code: diag.TwoOwners, Path: "metadata.name", Value: j.meta.Name, Subject: subject(j.meta), Hint: "use kpt fn render, or run kpt fn eval on one package",
				Message: "must not be the name of two RestateIntegrations in what is evaluated",
			})
		}
		if owners[j.owner()] {
			ds = append(ds, diag.Diagnostic{
				Code: diag.TwoOwners, Path: "metadata.name", Value: j.meta.Name, Subject: subject(j.meta), Hint: "rename one of them",
				Message: "must not be the name of two RestateIntegrations in one namespace",
			})
			continue
		}
		owners[j.owner()] = true
		for _, b := range j.built {
			if other := yields[b.ID()]; other != nil {
				ds = append(ds, diag.Diagnostic{
					Code: diag.TwoOwners, Path: b.Source, Subject: subject(j.meta), Hint: "let one of them make it",
					Message: fmt.Sprintf("yields %s, which RestateIntegration %s yields as well", idText(b.ID()), redact.Text(other.owner())),
				})
				continue
			}
			yields[b.ID()] = j
		}
		name := j.model.TunnelID()
		if other := tunnels[name]; name != "" && other != nil {
			ds = append(ds, diag.Diagnostic{
				Code: diag.TunnelName, Path: "spec.tunnel.name", Subject: subject(j.meta), Hint: "give each its own spec.cluster or spec.tunnel.name",
				Message: fmt.Sprintf("must not be the name of the tunnel of RestateIntegration %s in the same environment, which would take half of its calls", redact.Text(other.owner())),
			})
		}
		tunnels[name] = j
	}
	return ds
}

func idText(id generators.ID) string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// put writes one object: into the place of its predecessor, of an object that was handed over, or at the end of the list.
func (p *pkg) put(j *job, b generators.Built) []diag.Diagnostic {
	var ds []diag.Diagnostic
	var place *entry
	for i, e := range p.items {
		switch {
		case e.id != b.ID():
		case !j.owns(e) && e.meta.Annotations[generators.AnnotationAdopt] != j.owner():
			ds = append(ds, held(j, b, e))
		case place == nil:
			place = &p.items[i]
		case j.at.file == "" && e.at.file != "" && j.owns(e):
			ds = append(ds, twice(j, b, *place, e))
		default:
			p.list.Remove(e.Item) // a copy of our own output, or an adopted object beside it
		}
	}
	if place == nil {
		p.list.Append(document(b, j.placement(b)))
		return ds
	}
	host := j.placement(b) // an adopted object from outside of the config's directory is ours only when it moves there
	if j.at.holds(place.at) {
		host = hostAnnotations(place.meta)
	}
	p.list.Replace(place.Item, document(b, host))
	return ds
}

// hostAnnotations are the ones with which the host tells items and files apart.
func hostAnnotations(m resourcelist.Meta) map[string]string {
	out := map[string]string{}
	for key, value := range m.Annotations {
		if hostAnnotation(key) {
			out[key] = value
		}
	}
	return out
}

// twice refuses to choose: without the place of the config, two copies may be the output of two packages.
func twice(j *job, b generators.Built, first, second entry) diag.Diagnostic {
	return diag.Diagnostic{
		Code: diag.HeldObject, Path: b.Source, Subject: subject(j.meta),
		Message: fmt.Sprintf("yields %s, which stands twice: in %s and in %s", idText(b.ID()), redact.Path(first.at.file), redact.Path(second.at.file)),
		Hint:    "use kpt fn render, or run kpt fn eval on one package",
	}
}

func held(j *job, b generators.Built, e entry) diag.Diagnostic {
	file := redact.Path(e.at.file)
	if e.meta.Annotations[generators.AnnotationOwnedBy] == j.owner() {
		return diag.Diagnostic{
			Code: diag.HeldObject, Path: b.Source, Subject: subject(j.meta),
			Message: fmt.Sprintf("yields %s, of which earlier output lies outside of the integration's directory, in %s", idText(b.ID()), file),
			Hint:    "delete it, or move it below the directory of the RestateIntegration",
		}
	}
	by := "an object that this integration does not own"
	if owner := e.meta.Annotations[generators.AnnotationOwnedBy]; owner != "" {
		by = "an object of RestateIntegration " + redact.Text(owner)
	}
	if e.at.file != "" {
		by += " in " + file
	}
	return diag.Diagnostic{
		Code: diag.HeldObject, Path: b.Source, Subject: subject(j.meta),
		Message: fmt.Sprintf("yields %s, which is held by %s", idText(b.ID()), by),
		Hint:    fmt.Sprintf("rename one of them, or hand it over with the annotation %s: %s", generators.AnnotationAdopt, j.owner()),
	}
}

// placement gives a new object a file of its own, where the host keeps files: kpt wants each path and index once.
func (j *job) placement(b generators.Built) map[string]string {
	if j.at.file == "" {
		return nil
	}
	name := strings.ToLower(b.ID().Kind) + "-" + b.ID().Name + ".yaml"
	if b.ID().Namespace != "" {
		name = path.Join(b.ID().Namespace, name)
	}
	annotations := map[string]string{annotationPath: path.Join(j.at.dir(), "generated", j.meta.Name, name), annotationIndex: "0"}
	if j.at.pkg != "" {
		annotations[annotationPackage] = j.at.pkg
	}
	return annotations
}

// document is the YAML of an object with the host's annotations added.
func document(b generators.Built, host map[string]string) []byte {
	annotations := maps.Clone(b.Object.GetAnnotations())
	maps.Copy(annotations, host)
	b.Object.SetAnnotations(annotations)
	text, err := emit.YAML(b.Object)
	if err != nil {
		panic(err) // typed objects always marshal
	}
	return text
}

// prune removes what we wrote earlier and no longer yield.
func (p *pkg) prune(written map[generators.ID]bool) []diag.Diagnostic {
	var ds []diag.Diagnostic
	for _, e := range p.items {
		j, stale := p.stale(e, written)
		if !stale {
			continue
		}
		if generators.Precious(e.id.Group, e.id.Kind) && retained(j, e) {
			ds = append(ds, kept(j, e))
			continue
		}
		ds = append(ds, p.removedTogether(e, written)...)
		p.list.Remove(e.Item)
	}
	return ds
}

// removedTogether refuses to take an environment away in the same run as deployments that are registered through it: the finalizer
// of a RestateDeployment needs the environment and its key, and holds it for ever without them (run with the operator, main after
// 2.8.1).
func (p *pkg) removedTogether(environment entry, written map[generators.ID]bool) []diag.Diagnostic {
	if !generators.IsCloudEnvironment(environment.id) {
		return nil
	}
	owner := environment.meta.Annotations[generators.AnnotationOwnedBy]
	var ds []diag.Diagnostic
	for _, e := range p.items {
		if _, stale := p.stale(e, written); stale && generators.IsDeployment(e.id) && e.meta.Annotations[generators.AnnotationOwnedBy] == owner {
			ds = append(ds, diag.Diagnostic{
				Code: diag.RemovalOrder, Subject: subject(e.meta),
				Message: fmt.Sprintf("would be removed together with %s, which its finalizer needs", idText(environment.id)),
				Hint:    "keep the tunnel, remove the service's deployment alone, apply that, and remove the tunnel when the RestateDeployment is gone from the cluster",
			})
		}
	}
	return ds
}

// stale reports whether an item is output of ours that nothing yields any more, and of which job; the job is nil when its
// integration left the list.
func (p *pkg) stale(e entry, written map[generators.ID]bool) (*job, bool) {
	owner := e.meta.Annotations[generators.AnnotationOwnedBy]
	if owner == "" {
		return nil, false
	}
	for _, j := range p.jobs {
		if j.owner() == owner {
			return j, j.owns(e) && !written[e.id]
		}
	}
	return nil, p.inList && !written[e.id] // another integration may have taken it over
}

// retained follows the present policy, and for a departed owner the object's own annotations, which record the last one.
func retained(j *job, e entry) bool {
	if j != nil {
		return j.model.Retain
	}
	return e.meta.Annotations[generators.AnnotationKptDeletion] == "detach"
}

func kept(j *job, e entry) diag.Diagnostic {
	hint := "delete it by hand when nothing needs it"
	if j != nil {
		hint += ", or set deletionPolicy: Delete"
	}
	return diag.Diagnostic{Code: diag.Kept, Subject: subject(e.meta), Message: "is kept although no RestateIntegration yields it any more", Hint: hint}
}
