package wasmbin

// Weights of the operations whose work depends on an operand, as shifts of
// that operand. One unit of fuel stands for one instruction, about a third of
// a nanosecond to one nanosecond; RATIONALE.md has the measurements.
const (
	// memoryShift charges one unit for 16 bytes filled or copied.
	memoryShift = -4
	// tableShift charges one unit for each table entry.
	tableShift = 0
	// growShift charges one unit for 16 bytes of each page of 64 KiB.
	growShift = 12
)

// meter holds the instruction sequences that charge fuel.
type meter struct {
	// load puts the fuel on the stack.
	load []byte
	// settle stores the top of the stack as the fuel, and calls the host if it
	// is below zero.
	settle []byte
}

func newMeter(refuel, fuel uint32) meter {
	var load, settle writer
	load.byte(opGlobalGet)
	load.u32(fuel)
	settle.byte(opGlobalSet)
	settle.u32(fuel)
	settle.byte(opGlobalGet)
	settle.u32(fuel)
	settle.byte(opI64Const, 0, opI64LtS, opIf, emptyBlock, opCall)
	settle.u32(refuel)
	settle.byte(opEnd)
	return meter{load: load.out, settle: settle.out}
}

// charge writes a charge of a fixed amount. It adds a negative constant, which
// wazero compiles better than the subtraction of a positive one.
func (w *rewriter) charge(cost uint32) {
	w.bytes(w.meter.load)
	w.byte(opI64Const)
	w.i64(-int64(cost))
	w.byte(opI64Add)
	w.bytes(w.meter.settle)
}

// chargeTop writes a charge of the unsigned i32 on top of the stack, shifted,
// and leaves the stack as it was. It needs a local variable for that.
func (w *rewriter) chargeTop(shift int, scratch uint32) {
	w.byte(opLocalTee)
	w.u32(scratch)
	w.bytes(w.meter.load)
	w.byte(opLocalGet)
	w.u32(scratch)
	w.byte(opI64ExtendU32)
	if shift != 0 {
		op := byte(opI64Shl)
		if shift < 0 {
			op, shift = opI64ShrU, -shift
		}
		w.byte(opI64Const)
		w.i64(int64(shift))
		w.byte(op)
	}
	w.byte(opI64Sub)
	w.bytes(w.meter.settle)
}

// bulkWeight returns how the length operand of an instruction is charged, and
// false for instructions that take the same time whatever their operands.
func bulkWeight(in *instruction) (shift int, ok bool) {
	if in.op == opMemoryGrow {
		return growShift, true
	}
	if in.op != opMisc {
		return 0, false
	}
	switch in.sub {
	case miscMemoryInit, miscMemoryCopy, miscMemoryFill:
		return memoryShift, true
	case miscTableInit, miscTableCopy, miscTableGrow, miscTableFill:
		return tableShift, true
	}
	return 0, false
}

// code writes the function bodies with their charges.
func (w *rewriter) code() {
	w.length(len(w.m.raw.bodies) + 2)
	walk := walker{m: w.m, limits: &w.m.raw.limits}
	costs := w.m.raw.costs
	for i := range w.m.raw.bodies {
		b := &w.m.raw.bodies[i]
		start := w.open()
		walk.begin(w.m.raw.file, extent{b.code, b.end}, len(w.m.Imports)+i)
		walk.locals = b.locals
		costs = w.body(b, &walk, w.m.Types[w.m.Functions[i]], costs)
		w.close(start)
	}
	w.copiers()
}

// body writes one function and returns the costs that are left for the next.
func (w *rewriter) body(b *body, walk *walker, t FuncType, costs []uint32) []uint32 {
	file := w.m.raw.file
	scratch := uint32(b.locals)
	if b.bulk {
		w.length(b.groupCount + 1)
		w.bytes(file[b.groups:b.code])
		w.byte(1, byte(I32))
	} else {
		w.length(b.groupCount)
		w.bytes(file[b.groups:b.code])
	}
	// A call moves its parameters and results and makes its variables, whatever
	// the body does.
	w.charge(costs[0] + uint32(b.locals+len(t.Results)))
	costs = costs[1:]
	copied := b.code
	for in := (instruction{}); walk.next(&in); {
		switch in.op {
		case opCall, opRefFunc:
			w.bytes(file[copied:in.immediate])
			w.function(in.index)
			copied = in.end
		case opLoop:
			w.bytes(file[copied:in.end])
			copied = in.end
			w.charge(costs[0])
			costs = costs[1:]
		default:
			if shift, ok := bulkWeight(&in); ok {
				w.bytes(file[copied:in.start])
				copied = in.start
				w.chargeTop(shift, scratch)
			}
		}
	}
	w.bytes(file[copied:b.end])
	return costs
}
