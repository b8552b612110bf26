package wasmhost

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/credence-engine/credence/engine"
)

// codes holds compiled modules for as long as a service uses them. Services of
// the same module with the same memory share one.
type codes struct {
	wazero   wazero.Runtime
	cache    codeCache // without a folder there is none
	compiler Compiler  // nil compiles in this process
	log      *slog.Logger
	ceiling  uint32        // pages
	slots    chan struct{} // held by those who compile

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
	key       codeKey
	users     int           // guarded by codes.mu
	ready     chan struct{} // closed when what follows is set
	abandoned bool          // with the request that compiled it
	compiled  wazero.CompiledModule
	err       error
}

// compilers is how many modules are compiled at once: as many as leave half of
// the processors to those who decide.
func compilers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// acquire compiles a module, or returns what is compiled or being compiled
// already. Each success has to be released.
func (c *codes) acquire(ctx context.Context, key codeKey, p *program) (*code, error) {
	for {
		shared, mine := c.join(key)
		if mine {
			shared.compiled, shared.err = c.build(ctx, key, p)
			shared.abandoned = ctx.Err() != nil
			close(shared.ready)
		}
		select {
		case <-shared.ready:
		case <-ctx.Done():
			c.release(shared)
			return nil, gone(ctx.Err()).cause
		}
		if shared.err == nil {
			return shared, nil
		}
		c.release(shared)
		if mine || !shared.abandoned {
			return nil, shared.err
		}
	}
}

// join counts a user of the code, and says whether it is this user's to
// compile. Code that failed to compile is no longer joined.
func (c *codes) join(key codeKey) (shared *code, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[codeKey]*code{}
	}
	shared = c.all[key]
	if shared != nil {
		select {
		case <-shared.ready:
			mine = shared.err != nil
		default:
		}
	}
	if shared == nil || mine {
		shared, mine = &code{key: key, ready: make(chan struct{})}, true
		c.all[key] = shared
	}
	shared.users++
	return shared, mine
}

func (c *codes) build(ctx context.Context, key codeKey, p *program) (wazero.CompiledModule, error) {
	metered, err := p.metered(key.pages)
	if err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, gone(ctx.Err()).cause
	}
	if err := c.precompile(ctx, metered, p); err != nil {
		return nil, err
	}
	compiled, err := c.wazero.CompileModule(context.Background(), metered)
	if err != nil && ofCache(err) {
		c.cache.forget()
		if err := c.precompile(ctx, metered, p); err != nil {
			return nil, err
		}
		compiled, err = c.wazero.CompileModule(context.Background(), metered)
	}
	if err != nil {
		return nil, invalid(err)
	}
	return compiled, nil
}

// precompile has a module compiled into the cache, if that is not done yet.
// What the compiler refuses is refused; when it cannot do its work, the module
// is compiled in this process.
func (c *codes) precompile(ctx context.Context, metered []byte, p *program) error {
	if c.compiler == nil || c.cache.dir == "" || c.cache.has(metered) {
		return nil
	}
	err := c.cache.add(metered, func(dir string) error { return c.compiler(ctx, metered, c.ceiling, dir) })
	if e, ok := errors.AsType[*engine.Error](err); ok {
		if e.Code == engine.CodeTooLarge {
			index, offset, size := p.binary.Largest()
			return engine.Errorf(e.Code, "%s; its largest function has the index %d and %d bytes at byte offset %#x", e.Message, index, size, offset)
		}
		return e
	}
	if err != nil {
		c.log.Warn("a module could not be compiled in a process of its own and is compiled here", "error", err)
	}
	return nil
}

// ofCache tells that an error comes from the cache on disk, a damaged file or
// a disk that cannot be written, and not from the module.
func ofCache(err error) bool {
	_, file := errors.AsType[*fs.PathError](err)
	return file || strings.HasPrefix(err.Error(), "compilationcache:")
}

// release gives the code up; its instances are closed before.
func (c *codes) release(shared *code) {
	c.mu.Lock()
	shared.users--
	last := shared.users == 0
	if last && c.all[shared.key] == shared {
		delete(c.all, shared.key)
	}
	c.mu.Unlock()
	if last && shared.compiled != nil {
		_ = shared.compiled.Close(context.Background()) // frees memory, has nothing to say
	}
}
