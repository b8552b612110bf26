package wasmbin

func (p *parser) custom(start int) {
	if len(p.m.Customs) >= p.limits.CustomSections {
		p.failf(OverLimit, start, "the module has more than %d custom sections; strip it", p.limits.CustomSections)
		return
	}
	name := p.name()
	p.m.Customs = append(p.m.Customs, Custom{Name: name, Payload: p.skip(p.left()), Offset: start})
}

func (p *parser) types() {
	n := p.count("types", p.limits.Types, 3)
	p.m.Types = make([]FuncType, 0, n)
	for range n {
		at := p.pos
		if form := p.byte(); form != 0x60 && p.err == nil {
			p.failf(Unsupported, at, "the type %d is no function type; compile without garbage collected types", len(p.m.Types))
		}
		t := FuncType{Params: p.valueTypes("parameters"), Results: p.valueTypes("results")}
		if p.err != nil {
			return
		}
		p.m.Types = append(p.m.Types, t)
	}
}

func (p *parser) valueTypes(what string) []ValueType {
	n := p.count(what+" in one type", p.limits.Params, 1)
	if n == 0 {
		return nil
	}
	types := make([]ValueType, n)
	for i := range types {
		types[i] = p.valueType()
	}
	return types
}

func (p *parser) imports() {
	n := p.count("imports", p.limits.Imports, 4)
	for range n {
		i := Import{Offset: p.pos}
		i.Module, i.Name = p.name(), p.name()
		at := p.pos
		kind := p.byte()
		if p.err == nil && Kind(kind) != KindFunc {
			p.failf(Invalid, at, "the module imports %q %q, which is a %s; only functions can be imported",
				i.Module, i.Name, importKind(kind))
		}
		t := p.index("type", len(p.m.Types))
		if p.err != nil {
			return
		}
		i.Type = p.m.Types[t]
		p.m.Imports = append(p.m.Imports, i)
	}
}

func importKind(kind byte) string {
	if kind == 4 {
		return "tag"
	}
	return Kind(kind).String()
}

func (p *parser) functions() {
	n := p.count("functions", p.limits.Functions, 1)
	p.m.Functions = make([]uint32, n)
	for i := range p.m.Functions {
		p.m.Functions[i] = p.index("type", len(p.m.Types))
	}
}

// size reads the limits of a memory or table.
func (p *parser) size(what string) (s Size) {
	at := p.pos
	flags := p.byte()
	switch {
	case flags&0x02 != 0:
		p.failf(Unsupported, at, "the %s is shared; compile without threads", what)
	case flags&0x04 != 0:
		p.failf(Unsupported, at, "the %s is 64-bit; compile for wasm32", what)
	case flags > 1:
		p.failf(Unsupported, at, "the %s has the unknown flags %#x", what, flags)
	}
	s.HasMax = flags&1 != 0
	s.Min = p.u32()
	if s.HasMax {
		s.Max = p.u32()
		if p.err == nil && s.Max < s.Min {
			p.failf(Invalid, at, "the %s has the maximum %d, less than its minimum %d", what, s.Max, s.Min)
		}
	}
	return s
}

func (p *parser) tables() {
	n := p.count("tables", p.limits.Tables, 3)
	for range n {
		at := p.pos
		t := Table{Elem: p.refType(), Size: p.size("table")}
		if p.err == nil && t.Size.Min > p.limits.TableEntries {
			p.failf(OverLimit, at, "the table %d starts with %d entries, the limit is %d", len(p.m.Tables), t.Size.Min, p.limits.TableEntries)
		}
		p.m.Tables = append(p.m.Tables, t)
	}
}

func (p *parser) memory() {
	at := p.pos
	p.memories = p.count("memories", 1, 2)
	if p.memories == 0 {
		return
	}
	p.m.Memory = p.size("memory")
	if p.err != nil {
		return
	}
	if p.m.Memory.Min > p.limits.MemoryPages {
		p.failf(OverLimit, at, "the memory starts with %d pages of 64 KiB, the limit is %d", p.m.Memory.Min, p.limits.MemoryPages)
	}
	if p.m.Memory.Max > 65536 {
		p.failf(Invalid, at, "the memory has the maximum %d pages, more than 32-bit addresses reach", p.m.Memory.Max)
	}
}

func (p *parser) globals() {
	n := p.count("globals", p.limits.Globals, 4)
	p.m.Globals = make([]Global, 0, n)
	for range n {
		g := Global{Type: p.valueType()}
		at := p.pos
		mutable := p.byte()
		if mutable > 1 {
			p.failf(Malformed, at, "the global %d has the unknown flags %#x", len(p.m.Globals), mutable)
		}
		g.Mutable = mutable == 1
		p.constant()
		if p.err != nil {
			return
		}
		p.m.Globals = append(p.m.Globals, g)
	}
}

func (p *parser) exports() {
	n := p.count("exports", p.limits.Exports, 3)
	names := make(map[string]struct{}, n)
	for range n {
		at := p.pos
		e := Export{Name: p.name()}
		kindAt := p.pos
		e.Kind = Kind(p.byte())
		switch e.Kind {
		case KindFunc:
			e.Index = p.index("function", p.m.functionCount())
		case KindTable:
			e.Index = p.index("table", len(p.m.Tables))
		case KindMemory:
			e.Index = p.index("memory", p.memories)
		case KindGlobal:
			e.Index = p.index("global", len(p.m.Globals))
		default:
			p.failf(Unsupported, kindAt, "the export %q is of the unknown kind %#x", e.Name, byte(e.Kind))
		}
		if _, twice := names[e.Name]; twice {
			p.failf(Invalid, at, "the name %q is exported twice", e.Name)
		}
		if p.err != nil {
			return
		}
		names[e.Name] = struct{}{}
		p.m.Exports = append(p.m.Exports, e)
	}
}

func (p *parser) start() {
	at := p.pos
	p.m.Start = p.index("function", p.m.functionCount())
	if p.err != nil {
		return
	}
	p.m.HasStart = true
	if t := p.m.FuncType(p.m.Start); len(t.Params)+len(t.Results) > 0 {
		p.failf(Invalid, at, "the start function must be () -> () and is %s", t)
	}
}
