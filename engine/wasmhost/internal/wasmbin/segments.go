package wasmbin

// constant reads a constant expression: one instruction and an end. Reading a
// global is not among them, because only imported globals could be read there
// and there are none.
func (p *parser) constant() {
	at := p.pos
	switch op := p.byte(); op {
	case opI32Const:
		p.signed(32)
	case opI64Const:
		p.signed(64)
	case opF32Const:
		p.skip(4)
	case opF64Const:
		p.skip(8)
	case opRefNull:
		p.refType()
	case opRefFunc:
		p.functionRef()
	case opVector:
		if p.byte() != vecConst {
			p.failf(Invalid, at, "the %s has a constant expression with a vector instruction that is no constant", p.where)
		}
		p.skip(16)
	case opGlobalGet:
		p.failf(Invalid, at, "the %s has a constant expression that reads a global; only an imported one could be read, and modules import functions only", p.where)
	default:
		p.failf(Unsupported, at, "the %s has a constant expression with the instruction %#x; compile without extended constant expressions", p.where, op)
	}
	at = p.pos
	if p.byte() != opEnd {
		p.failf(Unsupported, at, "the %s has a constant expression of more than one instruction; compile without extended constant expressions", p.where)
	}
}

// functionRef reads the index of a function and notes where it stands.
func (p *parser) functionRef() {
	p.m.raw.functionRefs = append(p.m.raw.functionRefs, p.pos)
	p.index("function", p.m.functionCount())
}

// The bits of the flags of an element segment, section 5.5.12.
const (
	elemNotActive   = 1 // passive, or declared with elemExplicit
	elemExplicit    = 2 // an active one names its table
	elemExpressions = 4 // the entries are expressions instead of indexes
)

func (p *parser) elements() {
	n := p.count("element segments", p.limits.ElemSegments, 2)
	p.m.raw.elems = n
	for range n {
		p.element()
		if p.err != nil {
			return
		}
	}
}

func (p *parser) element() {
	at := p.pos
	flags := p.u32()
	if flags > elemNotActive|elemExplicit|elemExpressions {
		p.failf(Unsupported, at, "the element segment has the unknown flags %#x", flags)
		return
	}
	if flags&elemNotActive == 0 {
		table := uint32(0)
		if flags&elemExplicit != 0 {
			table = p.u32()
		}
		if p.err == nil && int(table) >= len(p.m.Tables) {
			p.failf(Invalid, at, "the element segment fills table %d, but the module has %d", table, len(p.m.Tables))
		}
		p.constant()
	}
	if flags&(elemNotActive|elemExplicit) != 0 {
		p.elementType(flags)
	}
	// An entry needs at least a byte; a segment larger than every table is
	// useless, and the number of bytes left bounds it anyway.
	for range p.count("entries in one element segment", p.limits.ModuleBytes, 1) {
		if flags&elemExpressions != 0 {
			p.constant()
		} else {
			p.functionRef()
		}
		if p.err != nil {
			return
		}
	}
}

func (p *parser) elementType(flags uint32) {
	if flags&elemExpressions != 0 {
		p.refType()
		return
	}
	at := p.pos
	if kind := p.byte(); kind != 0 {
		p.failf(Unsupported, at, "the element segment has entries of the unknown kind %#x", kind)
	}
}

func (p *parser) data() {
	p.dataSegments = p.count("data segments", p.limits.DataSegments, 2)
	for range p.dataSegments {
		at := p.pos
		switch flags := p.u32(); flags {
		case 0:
			p.constant()
		case 1:
		case 2:
			if memory := p.u32(); memory != 0 {
				p.failf(Unsupported, at, "the data segment fills memory %d; compile without multi-memory", memory)
			}
			p.constant()
		default:
			p.failf(Unsupported, at, "the data segment has the unknown flags %#x", flags)
		}
		p.skip(int(p.u32()))
		if p.err != nil {
			return
		}
	}
}
