package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	strictjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// dropInUser is who deploys what lies in the folder, in the audit log.
const dropInUser engine.UserName = "drop-in"

// dropInPause is how long a node waits when another one is deploying the same
// service, before it looks whether anything is left to do.
const dropInPause = 200 * time.Millisecond

// dropIn deploys the modules of a folder when a node starts: each NAME.wasm
// under the name in its manifest, with the settings of NAME.json beside it.
// What serves already as the folder says is left alone, so that several nodes
// with the same folder make one revision.
type dropIn struct {
	dir       string
	engine    *engine.Engine
	log       *slog.Logger
	maxBytes  int64         // of a module
	timeout   time.Duration // of one deployment
	conflicts time.Duration // how long to give way to other nodes
}

// settings are the content of NAME.json.
type settings struct {
	Config      jsontext.Value `json:"config"`
	Grants      jsontext.Value `json:"grants"`
	Limits      jsontext.Value `json:"limits"`
	Description string         `json:"description"`
}

// run looks at every file once, in the order of names. One that cannot be
// deployed is a problem of the node, in its log and in the list of nodes, and
// keeps no other from being deployed.
func (d dropIn) run(ctx context.Context) {
	if d.dir == "" {
		return
	}
	files, err := os.ReadDir(d.dir) // sorted by name
	if err != nil {
		d.engine.ReportProblems("drop-in", []string{d.trouble(d.dir, err)})
		return
	}
	var problems []string
	taken := map[engine.ServiceName]string{} // service → file
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".wasm" || ctx.Err() != nil {
			continue
		}
		if err := d.deploy(ctx, f.Name(), taken); err != nil && ctx.Err() == nil {
			problems = append(problems, d.trouble(f.Name(), err))
		}
	}
	d.engine.ReportProblems("drop-in", problems)
}

// trouble logs why a file could not be deployed, and returns it in words.
func (d dropIn) trouble(file string, err error) string {
	words := err.Error()
	if e, ok := errors.AsType[*engine.Error](err); ok {
		words = e.Message
	}
	d.log.Error("a file of the drop-in folder could not be deployed", "file", file, "folder", d.dir, "error", err)
	return file + ": " + words
}

// deploy brings one file into service, if it is not.
func (d dropIn) deploy(ctx context.Context, file string, taken map[engine.ServiceName]string) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	path := filepath.Join(d.dir, file)
	wasm, err := d.read(path)
	if err != nil {
		return err
	}
	spec, err := readSettings(strings.TrimSuffix(path, ".wasm") + ".json")
	if err != nil {
		return err
	}
	module, err := d.upload(ctx, wasm)
	if err != nil {
		return err
	}
	spec.Module = module.Digest
	if err := d.sign(ctx, path+".sig", wasm); err != nil {
		return err
	}
	name := engine.ServiceName(module.Name)
	if name == "" {
		return errors.New("the module has no manifest, so there is no name to deploy it under: make one with credence module pack")
	}
	if other, twice := taken[name]; twice {
		return fmt.Errorf("its manifest has the same name as that of %s, %s, which was deployed", other, name)
	}
	taken[name] = file
	return d.settle(ctx, name, spec)
}

func (d dropIn) read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > d.maxBytes {
		return nil, fmt.Errorf("the module has %d bytes; http.maxModuleBytes allows %d", info.Size(), d.maxBytes)
	}
	return os.ReadFile(path)
}

// readSettings reads the file beside a module, if there is one.
func readSettings(path string) (engine.ServiceSpec, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return engine.ServiceSpec{}, nil
	}
	if err != nil {
		return engine.ServiceSpec{}, err
	}
	var s settings
	if err := strictjson.Unmarshal(content, &s, strictjson.RejectUnknownMembers(true)); err != nil {
		return engine.ServiceSpec{}, fmt.Errorf("%s must be a JSON object of config, grants, limits and description: %w", filepath.Base(path), err)
	}
	return engine.ServiceSpec{
		Config: compact(s.Config), Grants: compact(s.Grants), Limits: compact(s.Limits), Description: s.Description,
	}, nil
}

// compact drops spaces; null is the same as nothing.
func compact(v jsontext.Value) json.RawMessage {
	if len(v) == 0 || v.Kind() == 'n' {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		return json.RawMessage(v)
	}
	return b.Bytes()
}

func (d dropIn) caller() engine.Caller {
	return engine.Caller{Tenant: engine.DefaultTenant, User: dropInUser}
}

// upload stores the module unless it is stored already.
func (d dropIn) upload(ctx context.Context, wasm []byte) (engine.Module, error) {
	module, err := d.engine.Module(ctx, engine.DigestOf(wasm))
	if engine.CodeOf(err) != engine.CodeNotFound {
		return module, err
	}
	out, err := d.engine.UploadModule(ctx, d.caller(), wasm)
	return out.Module, err
}

// sign adds the signature in a file beside the module, if there is one.
func (d dropIn) sign(ctx context.Context, path string, wasm []byte) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := parseSignature(filepath.Base(path), content, wasm)
	if err != nil {
		return err
	}
	_, err = d.engine.AddSignature(ctx, d.caller(), s.Module, engine.Signature{Key: s.Key, Value: s.Signature})
	return err
}

// settle deploys until the service is what the folder says: another node may
// be doing the same.
func (d dropIn) settle(ctx context.Context, name engine.ServiceName, spec engine.ServiceSpec) error {
	patience := time.Now().Add(d.conflicts)
	for {
		now, err := d.engine.Service(ctx, name)
		if err != nil && engine.CodeOf(err) != engine.CodeNotFound {
			return err
		}
		if err == nil && sameAs(now, spec) {
			return nil
		}
		deployed, err := d.engine.DeployService(ctx, d.caller(), name, spec, engine.DeployOptions{IfMatch: now.Version})
		switch code := engine.CodeOf(err); {
		case err == nil:
			d.log.Info("deployed from the drop-in folder", "service", name, "revision", deployed.Number, "module", deployed.Module)
			return nil
		case code != engine.CodeConflict && code != engine.CodeStale, time.Now().After(patience), refused(err):
			return err
		}
		select {
		case <-time.After(dropInPause):
		case <-ctx.Done():
			return err
		}
	}
}

// refused tells a conflict that time does not solve: the service or some node
// cannot take the module.
func refused(err error) bool {
	e, ok := errors.AsType[*engine.Error](err)
	return ok && (e.Nodes != nil || e.Field != "")
}

// sameAs tells whether a service is what a specification says.
func sameAs(s engine.Service, spec engine.ServiceSpec) bool {
	same := s.Module == spec.Module && s.Description == spec.Description
	for _, pair := range [][2]json.RawMessage{{s.Config, spec.Config}, {s.Grants, spec.Grants}, {s.Limits, spec.Limits}} {
		same = same && sameJSON(pair[0], pair[1])
	}
	return same
}

func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var values [2]any
	for i, text := range []json.RawMessage{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&values[i]) != nil {
			return slices.Equal(a, b)
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
