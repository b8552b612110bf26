package wasmhost

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
)

// past is what lets an instance for single use forget what it has done. An
// instance that cannot is thrown away after each call.
type past struct {
	single  bool
	memory  *linear.Memory
	restore api.Function // brings the globals back; nil if the instance cannot forget
	tainted bool         // has served, and has not forgotten it
}

// remember keeps what the instance is at this moment, after its start.
func (i *instance) remember(s *service, memory *linear.Memory) error {
	i.past.single = s.limits.SingleUse
	if !s.frozen {
		return nil
	}
	if err := i.module.ExportedFunction(saveExport).CallWithStack(i.ctx, nil); err != nil {
		return i.call.blame(err)
	}
	if err := memory.Freeze(); err != nil {
		return &aborted{engine.Wrap(err, engine.CodeUnavailable, "this node cannot keep the memory of an instance of a module")}
	}
	i.past.memory, i.past.restore = memory, i.module.ExportedFunction(backExport)
	return nil
}

// forget brings the instance back to where it was after its start, if it is
// for single use. If that fails in any way it is not used again.
func (i *instance) forget() {
	if !i.past.single {
		return
	}
	i.past.tainted = true
	if i.broken || i.past.restore == nil {
		return
	}
	if err := i.past.restore.CallWithStack(i.ctx, nil); err != nil {
		return
	}
	i.past.tainted = i.past.memory.Restore(i.module.Memory()) != nil
}
