package wasmbin

// instruction is one instruction of a function body, as offsets in the file.
type instruction struct {
	start int
	// immediate is where the immediates begin, end where the next
	// instruction does.
	immediate int
	end       int
	op        byte
	// sub is the opcode after the prefix opMisc or opVector.
	sub byte
	// index is the index of the function for opCall and opRefFunc.
	index uint32
	// closes is the opcode of the block that an opEnd closes, zero for the
	// end of the function.
	closes byte
}

// walker reads the instructions of one function body and checks everything
// but the types on the operand stack.
type walker struct {
	reader
	m      *Module
	limits *Limits
	// locals is the number of parameters and local variables.
	locals int
	// open holds the opcodes of the open blocks; the first is the function.
	open []byte
	// nest is the number of open loops, loops and blocks the number of all.
	nest, loops, blocks int
}

// next reads one instruction; it returns false at the end of the function, or after an
// error.
func (w *walker) next(in *instruction) bool {
	if w.err != nil || len(w.open) == 0 {
		return false
	}
	*in = instruction{start: w.pos}
	in.op = w.byte()
	imm := plain[in.op]
	switch imm {
	case immMisc, immVector:
		imm = w.prefixed(in)
	case immRefused:
		w.failf(Unsupported, in.start, "the instruction %#x needs %s; compile without it", in.op, refusedFeature(in.op))
		return false
	}
	in.immediate = w.pos
	w.operand(in, imm)
	in.end = w.pos
	return w.err == nil
}

// prefixed reads the second opcode, which must be in its shortest form: wazero
// takes one byte for vector instructions, whatever the number says, so a
// padded one would mean different things here and there.
func (w *walker) prefixed(in *instruction) immediate {
	table, what := &misc, "bulk memory and tables"
	if in.op == opVector {
		table, what = &vector, "vectors"
	}
	at := w.pos
	sub := w.u32()
	if w.err != nil {
		return immNone
	}
	if sub > 0xff || table[sub] == immRefused {
		w.failf(Unsupported, in.start, "the instruction %#x %#x is not part of WebAssembly 2.0 (%s)", in.op, sub, what)
		return immNone
	}
	if shortest := 1 + int(sub>>7); w.pos-at != shortest {
		w.failf(Malformed, at, "the instruction %#x %#x is written with padding", in.op, sub)
	}
	in.sub = byte(sub)
	return table[sub]
}

// operand reads the immediates of an instruction.
func (w *walker) operand(in *instruction, imm immediate) {
	switch imm {
	case immNone:
		w.block(in)
	case immBlock:
		w.blockType()
		w.block(in)
	case immLabel:
		w.label()
	case immLabels:
		for n := w.labels(); n >= 0 && w.err == nil; n-- {
			w.label()
		}
	case immFunc:
		in.index = w.index("function", w.m.functionCount())
	case immLocal:
		w.index("local variable", w.locals)
	case immGlobal:
		w.index("global", len(w.m.Globals))
	case immMemArg, immMemArgLane:
		w.memArg()
		if imm == immMemArgLane {
			w.byte()
		}
	case immLane:
		w.byte()
	case immI32:
		w.signed(32)
	case immI64:
		w.signed(64)
	case immBytes4:
		w.skip(4)
	case immBytes8:
		w.skip(8)
	case immBytes16:
		w.skip(16)
	case immSelect:
		if at := w.pos; w.byte() != 1 && w.err == nil {
			w.failf(Malformed, at, "a select names exactly one type")
		}
		w.valueType()
	case immRef:
		w.refType()
	default:
		w.spaces(imm)
	}
}

// spaces reads the immediates that name memories, tables and segments.
func (w *walker) spaces(imm immediate) {
	switch imm {
	case immMemory:
		w.zero()
	case immTwoMemory:
		w.zero()
		w.zero()
	case immData:
		w.data()
	case immDataMemory:
		w.data()
		w.zero()
	case immElem:
		w.index("element segment", w.m.raw.elems)
	case immElemTable:
		w.index("element segment", w.m.raw.elems)
		w.table()
	case immTable:
		w.table()
	case immTwoTables:
		w.table()
		w.table()
	case immIndirect:
		w.index("type", len(w.m.Types))
		w.table()
	}
}

func (w *walker) table() { w.index("table", len(w.m.Tables)) }

func (w *walker) data() {
	at := w.pos
	if !w.m.raw.hasDataCount {
		w.failf(Invalid, at, "the %s uses a data segment by number without a data count section", w.where)
		return
	}
	w.index("data segment", int(w.m.raw.dataCount))
}

// zero reads the number of the memory, which can only be the first.
func (w *walker) zero() {
	if at := w.pos; w.byte() != 0 {
		w.failf(Unsupported, at, "the %s uses a second memory; compile without multi-memory", w.where)
	}
}

func (w *walker) memArg() {
	at := w.pos
	if align := w.u32(); align > 4 {
		w.failf(Unsupported, at, "the %s has a memory access with alignment 2^%d; the most is 16 bytes, and there is one memory",
			w.where, align)
	}
	w.u32()
}

func (w *walker) label() { w.index("label", len(w.open)) }

func (w *walker) labels() int {
	at := w.pos
	n := int(w.u32())
	if n > w.limits.BrTable {
		w.failf(OverLimit, at, "the %s has a br_table with %d targets, the limit is %d", w.where, n, w.limits.BrTable)
	}
	return n
}

func (w *walker) blockType() {
	at := w.pos
	b := w.byte()
	if w.err != nil || b == emptyBlock {
		return
	}
	w.pos = at
	if b >= 0x41 && b <= 0x7f { // a negative number in one byte: a value type
		w.valueType()
		return
	}
	t := w.signed(33)
	if w.err == nil && (t < 0 || int(t) >= len(w.m.Types)) {
		w.failf(Invalid, at, "the %s has a block of type %d, but the module has %d types", w.where, t, len(w.m.Types))
	}
}

// block keeps the stack of open blocks.
func (w *walker) block(in *instruction) {
	switch in.op {
	case opBlock, opLoop, opIf:
		w.openBlock(in)
	case opElse:
		top := len(w.open) - 1
		if w.open[top] != opIf {
			w.failf(Malformed, in.start, "the %s has an else without an if", w.where)
			return
		}
		w.open[top] = opElse
	case opEnd:
		top := len(w.open) - 1
		in.closes = w.open[top]
		w.open = w.open[:top]
		if in.closes == opLoop {
			w.nest--
		}
	}
}

func (w *walker) openBlock(in *instruction) {
	w.open = append(w.open, in.op)
	w.blocks++
	if in.op == opLoop {
		w.loops++
		w.nest++
	}
	l := w.limits
	switch {
	case len(w.open)-1 > l.BlockNest:
		w.failf(OverLimit, in.start, "the %s has more than %d blocks within each other", w.where, l.BlockNest)
	case w.nest > l.LoopNest:
		w.failf(OverLimit, in.start, "the %s has more than %d loops within each other", w.where, l.LoopNest)
	case w.loops > l.Loops:
		w.failf(OverLimit, in.start, "the %s has more than %d loops; split it", w.where, l.Loops)
	case w.blocks > l.Blocks:
		w.failf(OverLimit, in.start, "the %s has more than %d blocks; split it", w.where, l.Blocks)
	case w.blocks*w.locals > l.VariableBlocks:
		w.failf(OverLimit, in.start, "the %s has %d local variables and more than %d blocks, the limit of the product is %d; split it",
			w.where, w.locals, w.blocks-1, l.VariableBlocks)
	}
}
