// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Writes crd.yaml.gz from crd.yaml.
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
)

func main() {
	text, err := os.ReadFile("crd.yaml")
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
	if _, err := w.Write(text); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("crd.yaml.gz", out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
