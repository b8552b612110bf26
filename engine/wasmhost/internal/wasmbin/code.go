package wasmbin

import "fmt"

// code reads the function bodies and counts their instructions.
func (p *parser) code() {
	at := p.pos
	n := p.count("function bodies", p.limits.Functions, 3)
	if n != len(p.m.Functions) {
		p.failf(Malformed, at, "the module declares %d functions and has code for %d", len(p.m.Functions), n)
		return
	}
	p.m.raw.bodies = make([]body, n)
	p.m.raw.costs = make([]uint32, 0, 2*n)
	w := walker{m: p.m, limits: p.limits}
	for i := range p.m.raw.bodies {
		size := int(p.u32())
		start := p.pos
		if p.err == nil && size > p.limits.BodyBytes {
			p.failf(OverLimit, start, "the function %d has %d bytes of code, the limit is %d; split it",
				len(p.m.Imports)+i, size, p.limits.BodyBytes)
		}
		p.skip(size)
		if p.err != nil {
			return
		}
		b := &p.m.raw.bodies[i]
		b.extent = extent{start, start + size}
		w.begin(p.file, b.extent, len(p.m.Imports)+i)
		w.variables(b, len(p.m.FuncType(uint32(len(p.m.Imports)+i)).Params))
		b.bulk = w.measure()
		if w.err != nil {
			p.err = w.err
			return
		}
	}
}

// begin points the walker at the code of one function.
func (w *walker) begin(file []byte, at extent, function int) {
	w.reader = reader{file: file, pos: at.start, end: at.end, where: fmt.Sprintf("function %d", function)}
	w.open = append(w.open[:0], opCall)
	w.nest, w.loops, w.blocks = 0, 0, 0
}

// variables reads the groups of local variables.
func (w *walker) variables(b *body, params int) {
	b.groupCount = w.count("groups of local variables in one function", w.limits.Locals, 2)
	b.groups = w.pos
	total := params
	for range b.groupCount {
		at := w.pos
		total += int(w.u32())
		w.valueType()
		if total > w.limits.Locals {
			w.failf(OverLimit, at, "the %s has %d local variables with its parameters, the limit is %d; split it",
				w.where, total, w.limits.Locals)
			return
		}
	}
	b.code, b.locals, w.locals = w.pos, total, total
}

// note remembers what an instruction says about the module.
func (r *raw) note(in *instruction) {
	switch {
	case in.op == opTableSet:
		r.changesTables = true
	case in.op != opMisc:
	case in.sub == miscTableGrow:
		r.changesTables, r.growsTables = true, true
	case in.sub == miscDataDrop, in.sub >= miscTableInit && in.sub <= miscTableFill && in.sub != miscTableSize:
		r.changesTables = true
	}
}

// measure checks the instructions and counts them: one number for what stands
// outside of loops, then one for each loop, without the loops inside of it.
// It reports whether there are instructions with a [bulkWeight].
func (w *walker) measure() (bulk bool) {
	costs := append(w.m.raw.costs, 0)
	region := make([]int, 1, 8)
	region[0] = len(costs) - 1
	for in := (instruction{}); w.next(&in); {
		costs[region[len(region)-1]]++
		switch {
		case in.op == opLoop:
			costs = append(costs, 0)
			region = append(region, len(costs)-1)
		case in.op == opEnd && in.closes == opLoop:
			region = region[:len(region)-1]
		default:
			_, weighted := bulkWeight(&in)
			bulk = bulk || weighted
			w.m.raw.note(&in)
		}
	}
	w.done()
	w.m.raw.costs = costs
	return bulk
}
