package wasmhost

import (
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// instance is a module with its memory, configured for one application. It
// serves one call at a time, and none after the first that failed.
type instance struct {
	module    api.Module
	functions [methodCount]function
	ctx       context.Context //nolint:containedctx // carries call into host functions, made once
	call      call
	stack     [1]uint64
	born      time.Time
	served    int
	footprint uint32 // bytes of memory after the start
	broken    bool
	deep      bool // keeps a large native stack
	past      past
}

// When an instance is replaced by a fresh one although nothing is wrong with
// it: a module that loses a little with each call then never runs dry.
const (
	maxServed = 10_000
	maxAge    = 10 * time.Minute
)

// start makes an instance and configures it, within the time for that. Errors
// are *fault or *aborted.
func (s *service) start(ctx context.Context, config *configuration, of subject) (*instance, error) {
	return s.startAt(ctx, config, of, turn{})
}

// startAt does so at a turn, which the instance has then. After an error the
// turn is as it was.
func (s *service) startAt(ctx context.Context, config *configuration, of subject, at turn) (_ *instance, err error) {
	i := &instance{born: time.Now()}
	defer func() {
		if err != nil && i.call.turn.long {
			at.lane.long.give()
		}
	}()
	i.call = call{limits: &s.limits, config: config, log: s.guestLog, now: s.runtime.now, rights: s.rights, firstResult: 1, turn: at}
	own := &callContext{context.Background(), &i.call}
	i.ctx = own
	i.call.begin(ctx, nil, of, i.born.Add(s.limits.StartTimeout))
	defer i.call.end()
	memory, err := s.newMemory()
	if err != nil {
		return nil, err
	}
	own.Context = experimental.WithMemoryAllocator(own.Context, memory)
	module, err := s.runtime.wazero.InstantiateModule(i.ctx, s.code.compiled, instanceConfig)
	if err != nil {
		memory.Free() // a module that was never made is not closed
		return nil, i.call.blame(err)
	}
	own.Context = context.Background() // which is asked for a value in each call
	i.module = module
	if err := i.configure(); err != nil {
		i.close()
		return nil, err
	}
	for m, name := range exportOf {
		i.functions[m] = i.exported(name)
	}
	i.footprint = module.Memory().Size()
	if err := i.remember(s, memory); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// instanceConfig has no name, since names are unique, and leaves _initialize
// to us.
var instanceConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions()

// configure runs _initialize and cred_configure, where there are any.
func (i *instance) configure() error {
	if f := i.exported(wasmabi.ExportInitialize); f.Function != nil {
		if err := i.run(&f, nil); err != nil {
			return err
		}
	}
	f := i.exported(wasmabi.ExportConfigure)
	if f.Function == nil {
		return nil
	}
	i.call.input = append(i.call.input[:0], i.call.config.text...)
	i.stack[0] = uint64(len(i.call.input))
	if err := i.run(&f, i.stack[:]); err != nil {
		return err
	}
	status := wasmabi.Status(api.DecodeI32(i.stack[0]))
	if status == wasmabi.OK {
		return nil
	}
	if !status.Valid() {
		return violation("the status %d does not exist", int32(status))
	}
	return &fault{kind: unwilling, cause: fmt.Errorf("%s: %s", status, i.call.reason)}
}

// run calls a function of the module. Errors are *fault or *aborted.
func (i *instance) run(f *function, stack []uint64) error {
	i.call.function = f
	if err := f.CallWithStack(i.ctx, stack); err != nil {
		return i.call.blame(err)
	}
	return nil
}

// serve runs one operation. After any error that is not the module's own
// decision the instance is broken.
func (i *instance) serve(ctx context.Context, tx *engine.Tx, o *operation, of subject, now time.Time) error {
	c := &i.call
	c.begin(ctx, tx, of, now.Add(c.limits.timeout(o.method)))
	defer c.end()
	if i.past.single {
		c.firstResult = 1 // a higher one would tell of earlier calls
	}
	c.input = o.encode(c.input[:0], of)
	i.stack[0] = uint64(len(c.input))
	i.served++
	i.broken = true // unless it comes through
	f := &i.functions[o.method]
	if err := i.run(f, i.stack[:]); err != nil {
		return err
	}
	i.deep = f.stackBytes() > keptStack
	var err error
	if status := wasmabi.Status(api.DecodeI32(i.stack[0])); status == wasmabi.OK {
		err = o.accept(c.output)
	} else {
		err = refusal(status, c.reason)
	}
	if err != nil && c.state != nil {
		c.state.Discard() // the engine may go on, as after an operation that is not offered
	}
	_, i.broken = err.(*fault) //nolint:errorlint // made here, never wrapped
	i.forget()
	return err
}

// blame says why wazero ended a call: the host did, or else it is a trap.
func (c *call) blame(err error) error {
	if c.failure != nil {
		return c.failure
	}
	return &fault{kind: trapped, cause: err}
}

// spent tells that a fresh instance should take this one's place.
func (i *instance) spent(now time.Time) bool {
	memory := i.module.Memory().Size()
	return i.broken || i.deep || i.past.tainted || i.served >= maxServed || now.Sub(i.born) > maxAge ||
		memory > i.footprint && uint64(memory) > uint64(i.call.limits.MemoryPages)*pageBytes/2
}

const pageBytes = 64 << 10

func (i *instance) close() {
	_ = i.module.Close(i.ctx) // frees memory, has nothing to say
}
