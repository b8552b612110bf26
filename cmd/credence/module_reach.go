package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// reachFlags say what a module reaches outside of the sandbox: other systems,
// or one that is played, and secrets.
type reachFlags struct {
	http    string
	secrets []string

	player *httpPlayer // nil for none
	values map[string][]byte
}

// httpReal is the value of --http for the network itself.
const httpReal = "real"

func (f *reachFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.http, "http", "", `answer requests of the module from this `+"`file`"+`, a list like [{"method": "GET", "url": "https://erp.example.com/devices/*", "status": 200, "body": "text"}], or "real" to send them`)
	cmd.Flags().StringArrayVar(&f.secrets, "secret", nil, "a secret, as `NAME=@file`; may be repeated")
}

// read reads the files that the flags name.
func (f *reachFlags) read(w *world) error {
	f.values = map[string][]byte{}
	for _, text := range f.secrets {
		name, path, found := strings.Cut(text, "=@")
		if !found || name == "" || path == "" {
			return usagef("--secret %q: give NAME=@file; a value in the command line could be read by every user of the machine", name)
		}
		value, err := readInput(w, path)
		if err != nil {
			return err
		}
		f.values[name] = bytes.TrimSuffix(value, []byte("\n"))
	}
	if f.http == "" || f.http == httpReal {
		return nil
	}
	content, err := readInput(w, f.http)
	if err != nil {
		return err
	}
	f.player = &httpPlayer{stderr: w.stderr}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&f.player.answers); err != nil {
		return usagef(`--http: %s holds no answers: it should be a list like [{"method": "GET", "url": "https://…", "status": 200, "headers": {}, "body": "text"}]: %v`, f.http, err)
	}
	return nil
}

// apply makes the sandbox reach what the flags say.
func (f *reachFlags) apply(o *wasmhost.SandboxOptions) {
	o.Network = f.http == httpReal
	if f.player != nil {
		o.Transport = f.player
	}
	o.Secrets = func(_ context.Context, name string) ([]byte, error) {
		if value, found := f.values[name]; found {
			return value, nil
		}
		return nil, engine.ErrNotFound
	}
}

// httpPlayer answers requests from a list.
type httpPlayer struct {
	answers []httpAnswer
	stderr  io.Writer
}

type httpAnswer struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"` // whole, or what it begins with before a *
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func (a *httpAnswer) fits(r *http.Request) bool {
	prefix, open := strings.CutSuffix(a.URL, "*")
	url := r.URL.String()
	return (a.Method == "" || a.Method == r.Method) && (url == a.URL || open && strings.HasPrefix(url, prefix))
}

// RoundTrip answers with the first entry that fits.
func (p *httpPlayer) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, a := range p.answers {
		if !a.fits(r) {
			continue
		}
		header := http.Header{}
		for name, value := range a.Headers {
			header.Set(name, value)
		}
		status := a.Status
		if status == 0 {
			status = http.StatusOK
		}
		return &http.Response{
			StatusCode: status, Header: header, ContentLength: int64(len(a.Body)), Request: r,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(a.Body)),
		}, nil
	}
	fmt.Fprintf(p.stderr, "--http has no answer to %s %s: add an entry for it\n", r.Method, output.Clean(r.URL.String()))
	return nil, errors.New("no answer")
}
