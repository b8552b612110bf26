package wasmhost

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/credence-engine/credence/engine"
)

// codes holds compiled modules for as long as a service uses them. Services of
// the same module with the same memory share one.
type codes struct {
	wazero wazero.Runtime
	dir    string // of the cache on disk, or empty

	mu  sync.Mutex // guards what follows
	all map[codeKey]*code
}

// codeKey says what is compiled: the memory's maximum is part of the code.
type codeKey struct {
	module engine.Digest
	pages  uint32
}

// code is a compiled module, or what its compiler had to say against it.
type code struct {
	key      codeKey
	users    int // guarded by codes.mu
	compile  sync.Once
	compiled wazero.CompiledModule
	err      error
}

// acquire compiles a module, or returns what is compiled or being compiled
// already. Each success has to be released.
func (c *codes) acquire(key codeKey, p *program) (*code, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = map[codeKey]*code{}
	}
	shared := c.all[key]
	if shared == nil {
		shared = &code{key: key}
		c.all[key] = shared
	}
	shared.users++
	c.mu.Unlock()
	shared.compile.Do(func() { shared.compiled, shared.err = c.build(key, p) })
	if shared.err != nil {
		c.release(shared)
		return nil, shared.err
	}
	return shared, nil
}

func (c *codes) build(key codeKey, p *program) (wazero.CompiledModule, error) {
	metered, err := p.metered(key.pages)
	if err != nil {
		return nil, err
	}
	// A compilation cannot be interrupted, and others may wait for it.
	compiled, err := c.wazero.CompileModule(context.Background(), metered)
	if err != nil && ofCache(err) {
		c.forget()
		compiled, err = c.wazero.CompileModule(context.Background(), metered)
	}
	if err != nil {
		return nil, engine.Errorf(engine.CodeInvalid, "the module is not valid WebAssembly: %s", printable(err.Error(), maxTextBytes))
	}
	return compiled, nil
}

// ofCache tells that an error comes from the cache on disk, a damaged file or
// a disk that cannot be written, and not from the module.
func ofCache(err error) bool {
	_, file := errors.AsType[*fs.PathError](err)
	return file || strings.HasPrefix(err.Error(), "compilationcache:")
}

// forget empties the cache on disk. What cannot be removed stays: then the
// second try fails like the first.
func (c *codes) forget() {
	files, _ := filepath.Glob(filepath.Join(c.dir, "wazero-*", "*"))
	for _, file := range files {
		_ = os.Remove(file)
	}
}

// release gives the code up; its instances are closed before.
func (c *codes) release(shared *code) {
	c.mu.Lock()
	shared.users--
	last := shared.users == 0
	if last {
		delete(c.all, shared.key)
	}
	c.mu.Unlock()
	if last && shared.compiled != nil {
		_ = shared.compiled.Close(context.Background()) // frees memory, has nothing to say
	}
}
