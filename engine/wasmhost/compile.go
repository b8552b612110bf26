package wasmhost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/credence-engine/credence/engine"
)

// compileTask is what a compiling process reads first, as a line of JSON. The
// module follows.
type compileTask struct {
	Dir    string        `json:"dir"`
	Pages  uint32        `json:"pages"`
	Time   time.Duration `json:"time"`
	Memory int64         `json:"memory"`
}

// compileReport is its answer, as a line of JSON. A process that dies of its
// limits gives none.
type compileReport struct {
	Refusal string `json:"refusal,omitempty"` // what the compiler has against the module
	Failure string `json:"failure,omitempty"` // why it could not do its work
}

// compileWorkers share the functions of one module, which nearly halves the
// time.
const compileWorkers = 2

// Compile is what the process does that a [ChildCompiler] starts: it bounds
// itself, reads a task and a module from in, writes the code into the task's
// folder, and reports on out. Its error says that the report could not be
// given.
func Compile(ctx context.Context, in io.Reader, out io.Writer) error {
	report := compileReport{}
	if err := compile(ctx, bufio.NewReader(in)); err != nil {
		if e, ok := errors.AsType[*engine.Error](err); ok {
			report.Refusal = e.Message
		} else {
			report.Failure = err.Error()
		}
	}
	return json.NewEncoder(out).Encode(report)
}

func compile(ctx context.Context, in *bufio.Reader) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("there is no task on standard input: %w", err)
	}
	var task compileTask
	if err := json.Unmarshal(line, &task); err != nil {
		return fmt.Errorf("the task on standard input cannot be read: %w", err)
	}
	// Whoever has started this process may be gone.
	giveUp := time.AfterFunc(task.Time, func() { os.Exit(1) })
	defer giveUp.Stop()
	debug.SetGCPercent(400)               // a process that ends soon need not collect much
	debug.SetMemoryLimit(task.Memory / 2) // but before the limit is met
	if err := limitProcess(task); err != nil {
		return fmt.Errorf("this process cannot be limited: %w", err)
	}
	module, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(task.Dir)
	if err != nil {
		return err
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazeroConfig(task.Pages).WithCompilationCache(cache))
	_, err = r.CompileModule(experimental.WithCompilationWorkers(ctx, compileWorkers), module)
	if err != nil && !ofCache(err) {
		err = invalid(err)
	}
	return errors.Join(err, r.Close(ctx), cache.Close(ctx))
}

// wazeroConfig is the same wherever modules are compiled: what is compiled in
// one process serves in another.
func wazeroConfig(pages uint32) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(pages).
		WithDebugInfoEnabled(false)
}

// invalid is the compiler's refusal of a module.
func invalid(err error) *engine.Error {
	return engine.Errorf(engine.CodeInvalid, "the module is not valid WebAssembly: %s", printable(err.Error(), maxTextBytes))
}

// seconds rounds up, for limits that count whole seconds.
func seconds(d time.Duration) uint64 { return uint64(math.Ceil(d.Seconds())) }
