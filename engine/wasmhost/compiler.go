package wasmhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// A Compiler compiles a rewritten module, whose memory has at most so many
// pages, into a folder of wazero's cache. A refusal of the module is an
// *engine.Error; any other error says that the work could not be done.
type Compiler func(ctx context.Context, module []byte, pages uint32, dir string) error

// ChildCompiler compiles in a process of its own, which can be ended: a
// compilation in this process cannot.
type ChildCompiler struct {
	// Command starts the process, which calls [Compile] on its standard input
	// and output. It gets no environment.
	Command []string
	// Time bounds the process, on the clock and on the processor.
	Time time.Duration
	// Memory is what the process may use besides what it starts with, in bytes.
	Memory int64
}

// The bounds of one compilation on a node without configuration.
const (
	DefaultCompileTime   = 10 * time.Second
	DefaultCompileMemory = 1 << 30
)

// Compile is a [Compiler].
func (c ChildCompiler) Compile(ctx context.Context, module []byte, pages uint32, dir string) error {
	task, err := json.Marshal(compileTask{Dir: dir, Pages: pages, Time: c.Time, Memory: c.Memory})
	if err != nil {
		return err
	}
	// The process ends with the thread that has started it, where the system
	// can do that.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	limited, cancel := context.WithTimeout(ctx, c.Time)
	defer cancel()
	var out, complaint capped
	cmd := exec.CommandContext(limited, c.Command[0], c.Command[1:]...)
	cmd.Env = []string{"GOTRACEBACK=none"}
	cmd.Stdin = io.MultiReader(bytes.NewReader(append(task, '\n')), bytes.NewReader(module))
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	endWithParent(cmd)
	failed := cmd.Run()
	var report compileReport
	switch {
	case ctx.Err() != nil:
		return gone(ctx.Err()).cause
	case limited.Err() != nil:
		return c.over(c.Time.String())
	case failed == nil && json.Unmarshal(out.text, &report) == nil:
		return report.err()
	case cmd.ProcessState == nil:
		return fmt.Errorf("the compiling process cannot be started: %w", failed)
	case cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime() >= c.Time*9/10: // the system counts in ticks
		return c.over(c.Time.String())
	case !cmd.ProcessState.Exited(), wantsMemory(string(complaint.text)): // killed, or ended by itself
		return c.over(fmt.Sprintf("%d MiB of memory", c.Memory>>20))
	default: // a defect of the compiler, which must not meet this process
		return engine.Wrap(fmt.Errorf("%w: %s", failed, printable(complaint.text, maxTextBytes)),
			engine.CodeInvalid, "the compiler fails at the module: leave out what is unusual in it")
	}
}

// wantsMemory recognizes the last words of a Go program that gets no more
// memory, for its heap or for the stack of a thread.
func wantsMemory(text string) bool {
	return strings.Contains(text, "memory") || strings.Contains(text, "allocate") || strings.Contains(text, "pthread_create") || strings.Contains(text, "newosproc")
}

// over is the refusal of a module that needs more than there is.
func (c ChildCompiler) over(limit string) error {
	return engine.Errorf(engine.CodeTooLarge, "compiling the module took more than %s: simplify the module", limit)
}

func (r compileReport) err() error {
	switch {
	case r.Refusal != "":
		return engine.Errorf(engine.CodeInvalid, "%s", r.Refusal)
	case r.Failure != "":
		return errors.New(r.Failure)
	default:
		return nil
	}
}

// capped keeps the first bytes of what is written to it.
type capped struct{ text []byte }

func (c *capped) Write(p []byte) (int, error) {
	const most = 16 << 10
	c.text = append(c.text, p[:min(len(p), most-len(c.text))]...)
	return len(p), nil
}
