// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// saved is an image as it is stored: its configuration, and the files of all its layers.
type saved struct {
	Architecture string
	Created      time.Time
	Config       struct {
		User         string
		Env          []string
		Entrypoint   []string
		Cmd          []string
		Volumes      map[string]any
		ExposedPorts map[string]any
		Labels       map[string]string
	}
	files []file
	// size is that of the layers, without compression.
	size int
}

type file struct {
	*tar.Header
	data []byte
}

// save reads an image in the format of docker save, which podman has too.
func save(t *testing.T, image string) saved {
	t.Helper()
	archive := map[string][]byte{}
	for _, f := range untar(t, []byte(engine(t, "save", image))) {
		archive[f.Name] = f.data
	}
	var manifest []struct {
		Config string
		Layers []string
	}
	decode(t, archive["manifest.json"], &manifest)
	if len(manifest) != 1 {
		t.Fatalf("%s has %d manifests", image, len(manifest))
	}
	var s saved
	decode(t, archive[manifest[0].Config], &s)
	for _, name := range manifest[0].Layers {
		layer := decompress(t, archive[name])
		s.size += len(layer)
		s.files = append(s.files, untar(t, layer)...)
	}
	return s
}

// decompress undoes what some versions of docker keep of a layer's way to a registry.
func decompress(t *testing.T, layer []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(layer, []byte{0x1f, 0x8b}) {
		return layer
	}
	r, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func untar(t *testing.T, archive []byte) []file {
	t.Helper()
	var files []file
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{header, data})
	}
}

// find returns the file of a path, in the form that begins with no slash.
func (s saved) find(path string) (file, bool) {
	for _, f := range s.files {
		if strings.TrimPrefix(f.Name, "./") == strings.TrimPrefix(path, "/") {
			return f, true
		}
	}
	return file{}, false
}
