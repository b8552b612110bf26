package wasmhost

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
)

// Options are what a [Runtime] is made of. The zero value is usable.
type Options struct {
	// CacheDir is a folder for compiled code, which makes the next start of a
	// module many times faster. Whoever can write there can run code in this
	// process. Empty keeps compiled code in memory only.
	CacheDir string
	// Compiler fills the cache, so that a module that takes too long or too
	// much to compile cannot harm this process. Nil, or without a CacheDir,
	// modules are compiled in this process.
	Compiler Compiler
	// Limits bound what modules may use. The zero value means [DefaultLimits].
	Limits Limits
	// MemoryBudget is how many bytes of memory the instances of all modules
	// may hold together; zero means a quarter of the machine's memory, or of
	// the container's. What does not fit is not there: a guest that grows is
	// told so, and an instance that cannot start ends its call.
	MemoryBudget int64
	// Ceiling is what modules may have at most.
	Ceiling Ceiling
	// Secrets reads what operators keep for modules; nil means that there are
	// none.
	Secrets SecretReader
	// Roots are the authorities that servers of HTTPS are trusted with; nil
	// means the system's.
	Roots *x509.CertPool
	// Log receives the records of modules and the details of incidents. Nil
	// drops them.
	Log *slog.Logger
	// Now is the time that modules are told; nil is the system's. Deadlines
	// do not depend on it.
	Now func() time.Time
}

// Runtime runs modules. It is safe for concurrent use.
type Runtime struct {
	wazero           wazero.Runtime
	cache            wazero.CompilationCache // nil without a folder
	turns, longTurns *turns
	codes            codes
	memory           *linear.Budget
	limits           Limits
	log              *slog.Logger
	now              func() time.Time

	ceiling  Ceiling
	secrets  SecretReader
	roots    *x509.CertPool
	resolver *net.Resolver // nil: the system's

	mu       sync.Mutex // guards what follows
	services map[*service]struct{}
}

var _ engine.ModuleRuntime = (*Runtime)(nil)

// New makes a runtime. It fails when CacheDir cannot be used.
func New(ctx context.Context, o Options) (*Runtime, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MemoryBudget == 0 {
		o.MemoryBudget = linear.Installed() / budgetShare
	}
	r := &Runtime{limits: o.Limits, log: o.Log, now: o.Now, services: map[*service]struct{}{}, turns: newTurns(callsOfNode()), longTurns: newTurns(callsOfNode() / 2)}
	r.ceiling, r.secrets, r.roots = o.Ceiling, o.Secrets, o.Roots
	r.memory = linear.NewBudget(o.MemoryBudget, r.giveUpIdle)
	config := wazeroConfig(r.limits.MemoryPagesCeiling)
	if o.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(o.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("the folder for compiled modules cannot be used, choose another one: %w", err)
		}
		r.cache, config = cache, config.WithCompilationCache(cache)
		codeCache{o.CacheDir}.tidy(time.Now())
	}
	r.wazero = wazero.NewRuntimeWithConfig(ctx, config)
	r.codes = codes{
		wazero: r.wazero, cache: codeCache{o.CacheDir}, compiler: o.Compiler, log: o.Log,
		ceiling: r.limits.MemoryPagesCeiling, slots: make(chan struct{}, compilers()),
	}
	if err := instantiateHost(ctx, r.wazero); err != nil {
		r.Close()
		return nil, fmt.Errorf("the functions for modules cannot be set up: %w", err)
	}
	return r, nil
}

// Close releases everything. The caller closes the services first.
func (r *Runtime) Close() {
	ctx := context.Background()
	if err := r.wazero.Close(ctx); err != nil {
		r.log.Error("closing the WebAssembly runtime", "error", err)
	}
	if r.cache == nil {
		return
	}
	if err := r.cache.Close(ctx); err != nil {
		r.log.Error("closing the cache of compiled modules", "error", err)
	}
}
