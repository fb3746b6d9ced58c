// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"path"
	"reflect"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
)

// Annotations in which the hosts keep where an item belongs (KRM functions specification; kpt adds the package).
const (
	annotationPath    = "internal.config.kubernetes.io/path"
	annotationIndex   = "internal.config.kubernetes.io/index"
	annotationPackage = "internal.config.kubernetes.io/package-path"
	legacyPath        = "config.kubernetes.io/path"
	legacyIndex       = "config.kubernetes.io/index"
)

// hostAnnotation reports whether a key is bookkeeping of a host: kept on an object that is replaced in place, and on nothing else.
func hostAnnotation(key string) bool {
	return strings.HasPrefix(key, "internal.config.kubernetes.io/") || key == legacyPath || key == legacyIndex ||
		strings.HasPrefix(key, "config.k8s.io/") || key == "kustomize.config.k8s.io/id"
}

// location is where an item is kept. The zero location is that of an item without a file, as kustomize gives them.
type location struct {
	// pkg is the host's own path of the kpt package or sub-package: an opaque key that is never shown.
	pkg string
	// file is relative to the package.
	file string
}

func locationOf(m resourcelist.Meta) location {
	file := m.Annotations[annotationPath]
	if file == "" {
		file = m.Annotations[legacyPath]
	}
	return location{pkg: m.Annotations[annotationPackage], file: file}
}

// dir is the directory of a file in the package, "." at its root.
func (l location) dir() string { return path.Dir(l.file) }

// holds reports whether other lies in the directory of l, or below it. Without a file everything is in one place.
func (l location) holds(other location) bool {
	if l.file == "" || other.file == "" {
		return true
	}
	return l.pkg == other.pkg && (l.dir() == "." || strings.HasPrefix(other.file, l.dir()+"/"))
}

// pkg is the list, the integrations to expand, and what the host lets us see.
type pkg struct {
	list  *resourcelist.List
	items []entry
	jobs  []*job
	// inList says that every integration of the list is expanded, so that objects whose owner left are pruned.
	inList bool
}

// entry is an item with its metadata and what follows from it, read once.
type entry struct {
	*resourcelist.Item
	meta resourcelist.Meta
	id   generators.ID
	at   location
}

func newEntry(item *resourcelist.Item) entry {
	m := item.Meta()
	return entry{item, m, idOf(m), locationOf(m)}
}

func (e entry) isIntegration() bool { return isIntegration(e.meta) }

func isIntegration(m resourcelist.Meta) bool {
	return m.Kind == v1alpha1.Kind && strings.HasPrefix(m.APIVersion, v1alpha1.Group+"/")
}

// newPackage tells the host's form from the functionConfig and the items (krm functions do not learn it otherwise), and makes a
// job for each integration to expand.
func newPackage(list *resourcelist.List, files Files) (*pkg, []diag.Diagnostic) {
	p := &pkg{list: list}
	for _, item := range list.Items() {
		p.items = append(p.items, newEntry(item))
	}
	config := list.FunctionConfig()
	switch {
	case config == nil:
		p.every()
	case isIntegration(config.Meta()):
		p.one(newEntry(config), files)
	case emptyConfigMap(config):
		p.every()
	default:
		m := config.Meta()
		return p, []diag.Diagnostic{{
			Code:    diag.BadConfig,
			Message: "the functionConfig must be a RestateIntegration, or a ConfigMap without data",
			Value:   strings.TrimSpace(m.APIVersion + " " + m.Kind),
			Hint:    "point it at the RestateIntegration, or leave it out to expand every one in the package",
			Subject: subject(m),
		}}
	}
	return p, nil
}

// every expands all integrations of the list: kustomize's transformers, and kpt without a config.
func (p *pkg) every() {
	p.inList = true
	for _, e := range p.items {
		if !e.isIntegration() {
			continue
		}
		var source secretFiles = refusedFiles{}
		if e.at.file != "" {
			source = itemFiles{p, e.at}
		}
		p.jobs = append(p.jobs, &job{entry: e, files: source})
	}
}

// one expands the functionConfig.
func (p *pkg) one(config entry, files Files) {
	j := &job{entry: config}
	switch {
	case config.at.file != "":
		j.files = itemFiles{p, config.at} // kpt fn render
	case p.onlyCopy(config):
		j.files = diskFiles{files} // kustomize generators
	default:
		j.files = refusedFiles{} // kpt fn eval, or listed under kustomize's transformers
	}
	p.locate(j)
	p.jobs = append(p.jobs, j)
}

// locate gives a config without a file, as kpt fn eval passes it, the place of its copy among the items: it decides what is
// earlier output. Two copies are two packages, and nothing says which is meant.
func (p *pkg) locate(j *job) {
	if j.at.file != "" {
		return
	}
	for _, e := range p.items {
		if e.at.file == "" || !e.isIntegration() || e.meta.Name != j.meta.Name || e.meta.Namespace != j.meta.Namespace {
			continue
		}
		// Newer kpt leaves the config itself out of the items, so that one of the same name may be another package's.
		j.ambiguous = j.ambiguous || j.at.file != "" || !reflect.DeepEqual(specOf(j.Node()), specOf(e.Node()))
		j.at = e.at
	}
}

// specOf is the decoded spec of an integration.
func specOf(n *yaml.Node) any {
	var object struct{ Spec any }
	_ = n.Decode(&object) // what cannot be decoded equals nothing that can, and is reported when it is read
	return object.Spec
}

// onlyCopy reports whether the list holds nothing but the config, and no host keeps files: kustomize mirrors a generator's config
// into the items.
func (p *pkg) onlyCopy(config entry) bool {
	for _, e := range p.items {
		if e.at.file != "" || !e.isIntegration() || e.meta.Name != config.meta.Name || e.meta.Namespace != config.meta.Namespace {
			return false
		}
	}
	return true
}

// emptyConfigMap reports whether the config is what hosts send when there is none.
func emptyConfigMap(config *resourcelist.Item) bool {
	m := config.Meta()
	if m.APIVersion != "v1" || m.Kind != "ConfigMap" {
		return false
	}
	n := config.Node()
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; (key == "data" || key == "binaryData") && len(n.Content[i+1].Content) > 0 {
			return false
		}
	}
	return true
}

func subject(m resourcelist.Meta) diag.Subject {
	s := diag.Subject{APIVersion: m.APIVersion, Kind: m.Kind, Namespace: m.Namespace, Name: m.Name}
	s.File = locationOf(m).file
	s.Index, _ = strconv.Atoi(m.Annotations[annotationIndex]) // 0 where the host gave none
	return s
}

// annotationLocal keeps an item out of the cluster; any value but "false" counts (kpt, kustomize).
const annotationLocal = "config.kubernetes.io/local-config"

// staysLocal reports whether the hosts keep the integration out of what is applied. A generator's config never gets there.
func (j *job) staysLocal() bool {
	value := j.meta.Annotations[annotationLocal]
	_, generator := j.files.(diskFiles)
	return generator || value != "" && value != "false"
}
