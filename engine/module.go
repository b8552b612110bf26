package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// chunkBytes is the size of the pieces in which a module is stored: well under
// what one request to etcd may carry.
const chunkBytes = 512 << 10

// Module is an uploaded WebAssembly module. It never changes: its digest is
// its name.
type Module struct {
	Digest      Digest   `cbor:"1,keyasint"`
	Size        int      `cbor:"2,keyasint"` // bytes
	ABI         int      `cbor:"3,keyasint"`
	Methods     []string `cbor:"4,keyasint"` // exports that the engine may call
	Name        string   `cbor:"5,keyasint,omitempty"`
	Release     string   `cbor:"6,keyasint,omitempty"` // the manifest's version
	Description string   `cbor:"7,keyasint,omitempty"`
	// Capabilities are those that the manifest asks for, by name.
	Capabilities []string `cbor:"8,keyasint,omitempty"`
	// Manifest is the manifest as the module carries it.
	Manifest   json.RawMessage `cbor:"9,keyasint,omitempty"`
	UploadedAt time.Time       `cbor:"10,keyasint"`
	UploadedBy UserName        `cbor:"11,keyasint,omitempty"`
	Chunks     int             `cbor:"12,keyasint"`
	// Signatures are kept as they came; see [Engine.Vouching].
	Signatures []Signature `cbor:"13,keyasint,omitempty"`

	Version Revision `cbor:"-"`
}

func decodeModule(r Record) (Module, error) {
	m := Module{Version: r.Version}
	return m, decode(r, &m)
}

// Uploaded answers an upload. Created is false when the same bytes were there
// already.
type Uploaded struct {
	Module  Module `cbor:"1,keyasint"`
	Created bool   `cbor:"2,keyasint"`
}

// UploadModule checks and stores a module. The same bytes again change nothing.
func (e *Engine) UploadModule(ctx context.Context, caller Caller, wasm []byte) (Uploaded, error) {
	if e.services.runtime == nil {
		return Uploaded{}, Errorf(CodeUnsupported, "this node runs no custom services")
	}
	info, err := e.services.runtime.Inspect(ctx, wasm)
	if err != nil {
		return Uploaded{}, err
	}
	info.Digest, info.Size, info.Chunks = DigestOf(wasm), len(wasm), (len(wasm)+chunkBytes-1)/chunkBytes
	if err := e.putChunks(ctx, info.Digest, wasm); err != nil {
		return Uploaded{}, err
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Uploaded, error) {
		r, err := tx.get(ctx, moduleKey(info.Digest))
		if err != nil {
			return Uploaded{}, err
		}
		if r.Exists() {
			m, err := decodeModule(r)
			return Uploaded{Module: m}, err
		}
		for n := range info.Chunks { // a delete that ran between is noticed here
			if r, err := tx.get(ctx, chunkKey(info.Digest, n)); err != nil || !r.Exists() {
				return Uploaded{}, cmp.Or(err, ErrConflict)
			}
		}
		m := info
		m.UploadedAt, m.UploadedBy = e.now(), caller.User
		tx.audit("module.upload", "", string(m.Digest))
		return Uploaded{Module: m, Created: true}, tx.save(moduleKey(m.Digest), m)
	})
	if out.Module.Version == 0 {
		out.Module.Version = rev
	}
	return out, err
}

// putChunks stores the bytes under their digest. Doing so twice changes
// nothing.
func (e *Engine) putChunks(ctx context.Context, d Digest, wasm []byte) error {
	for n := 0; n*chunkBytes < len(wasm); n++ {
		chunk := wasm[n*chunkBytes : min((n+1)*chunkBytes, len(wasm))]
		_, err := e.store.Commit(ctx, Commit{Writes: []Write{{Key: chunkKey(d, n), Value: chunk}}, Grows: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// readModule fetches a module's bytes and checks them against the digest.
func readModule(ctx context.Context, store Store, d Digest) ([]byte, error) {
	snap, err := store.Read(ctx, Strict, moduleKey(d))
	if err != nil {
		return nil, err
	}
	if !snap.Records[0].Exists() {
		return nil, Errorf(CodeModuleFault, "the module %s is not stored: upload it again", d)
	}
	m, err := decodeModule(snap.Records[0])
	if err != nil {
		return nil, err
	}
	wasm := make([]byte, 0, m.Size)
	for n := range m.Chunks {
		snap, err := store.Read(ctx, Strict, chunkKey(d, n))
		if err != nil {
			return nil, err
		}
		wasm = append(wasm, snap.Records[0].Value...)
	}
	if DigestOf(wasm) != d {
		return nil, Wrap(fmt.Errorf("module %s: %d bytes stored, digest %s", d, len(wasm), DigestOf(wasm)),
			CodeModuleFault, "the stored bytes of the module do not match its digest: upload it again")
	}
	return wasm, nil
}

// Modules lists the modules by digest.
func (e *Engine) Modules(ctx context.Context, o ListOptions) (List[Module], error) {
	keep, err := filterBy(o, map[string]func(*Module, string) bool{
		"name": func(m *Module, v string) bool { return m.Name == v },
	})
	if err != nil {
		return List[Module]{}, err
	}
	return listRecords(ctx, e, o, []string{moduleKey("")}, decodeModule, keep)
}

// Module returns one module.
func (e *Engine) Module(ctx context.Context, d Digest) (Module, error) {
	var m Module
	_, err := e.run(ctx, Caller{}, Strict, func(tx *Tx) (err error) {
		m, err = tx.module(ctx, d)
		return err
	})
	return m, err
}

func (tx *Tx) module(ctx context.Context, d Digest) (Module, error) {
	r, err := tx.get(ctx, moduleKey(d))
	if err != nil {
		return Module{}, err
	}
	if !r.Exists() {
		return Module{}, Errorf(CodeNotFound, "there is no module %s: upload it with POST /v1/modules", d)
	}
	return decodeModule(r)
}

// DeleteModule removes a module that no revision of a service refers to.
// ifMatch, when not 0, must be its version.
func (e *Engine) DeleteModule(ctx context.Context, caller Caller, d Digest, ifMatch Revision) error {
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		m, err := tx.module(ctx, d)
		if err != nil {
			return err
		}
		if err := checkMatch(ifMatch, m.Version); err != nil {
			return err
		}
		if err := tx.load(ctx, moduleGuardKey(d)); err != nil {
			return err
		}
		uses, err := tx.list(ctx, moduleUsePrefix(d), "", 1)
		if err != nil {
			return err
		}
		if len(uses.Records) > 0 {
			return Errorf(CodeConflict, "the module is used by a revision of the credentials service %q: delete that service first, or deploy it ten times more", uses.Records[0].Value)
		}
		tx.delete(moduleKey(d))
		for n := range m.Chunks {
			tx.delete(chunkKey(d, n))
		}
		tx.audit("module.delete", "", string(d))
		return nil
	})
	return err
}
