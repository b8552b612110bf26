package wasmbin

// Each mutable global has a shadow, a global of its type behind the fuel. One
// appended function copies all globals to their shadows, the other copies them
// back. That works for every type: references and vectors cannot be read or
// written from outside.

func (m *Module) mutableGlobals() (n int) {
	for _, g := range m.Globals {
		if g.Mutable {
			n++
		}
	}
	return n
}

// shadows writes the entries of the global section.
func (w *rewriter) shadows() {
	for _, g := range w.m.Globals {
		if !g.Mutable {
			continue
		}
		w.byte(byte(g.Type), 1)
		switch g.Type {
		case I32:
			w.byte(opI32Const, 0)
		case I64:
			w.byte(opI64Const, 0)
		case F32:
			w.byte(opF32Const)
			w.bytes(make([]byte, 4))
		case F64:
			w.byte(opF64Const)
			w.bytes(make([]byte, 8))
		case V128:
			w.byte(opVector, vecConst)
			w.bytes(make([]byte, 16))
		default:
			w.byte(opRefNull, byte(g.Type))
		}
		w.byte(opEnd)
	}
}

// copiers writes the bodies of both functions.
func (w *rewriter) copiers() {
	w.copier(func(global, shadow uint32) (from, to uint32) { return global, shadow })
	w.copier(func(global, shadow uint32) (from, to uint32) { return shadow, global })
}

func (w *rewriter) copier(direction func(global, shadow uint32) (from, to uint32)) {
	start := w.open()
	w.byte(0) // no local variables
	shadow := uint32(len(w.m.Globals)) + 1
	for i, g := range w.m.Globals {
		if !g.Mutable {
			continue
		}
		from, to := direction(uint32(i), shadow)
		w.byte(opGlobalGet)
		w.u32(from)
		w.byte(opGlobalSet)
		w.u32(to)
		shadow++
	}
	w.byte(opEnd)
	w.close(start)
}
