package wasmbin

import (
	"slices"
)

// Options says how [Instrument] rewrites a module.
type Options struct {
	// RefuelModule and RefuelName name the host function, () -> (), that the
	// guest calls when its fuel is used up. It becomes the last import. The host must
	// set the fuel global to a new slice before it returns, or end the call.
	RefuelModule string
	RefuelName   string
	// FuelExport is the name under which the fuel global, a mutable i64, is
	// exported. It starts at zero, so that the first charge calls the host.
	FuelExport string
	// SaveExport and RestoreExport are the names of two functions, () -> (),
	// that the module gets: one that keeps the values of all its mutable
	// globals, and one that brings them back. The fuel is not among them, and
	// neither function costs fuel.
	SaveExport    string
	RestoreExport string
	// MemoryPages is written as the maximum of the memory, in pages, unless
	// the module asks for less.
	MemoryPages uint32
	// TableEntries is written as the maximum of each table, in entries,
	// unless the module asks for less.
	TableEntries uint32
	// KeepCustom lists the custom sections that stay; all others are dropped.
	KeepCustom []string
}

// Instrument writes the module with metering and hard maxima, see RATIONALE.md.
// The module must come from [Parse]. It fails with an *[Error] if the module
// already exports one of the names of the options, already imports the refuel
// function, or needs more memory or table entries from the start than the
// options allow.
func Instrument(m *Module, o Options) ([]byte, error) {
	if err := o.accept(m); err != nil {
		return nil, err
	}
	// Charges add a fifth to a Go module; a guest of nothing but loops grows
	// the buffer further.
	w := &rewriter{
		writer: writer{out: make([]byte, 0, len(m.raw.file)+len(m.raw.file)/3+256)},
		m:      m,
		o:      &o,
		refs:   m.raw.functionRefs,
	}
	w.meter = newMeter(uint32(len(m.Imports)), uint32(len(m.Globals)))
	w.module()
	return w.out, nil
}

// accept refuses modules that the rewriter cannot combine with the options.
func (o *Options) accept(m *Module) error {
	for _, name := range []string{o.FuelExport, o.SaveExport, o.RestoreExport} {
		if _, taken := m.Export(name); taken {
			return refuse(Invalid, m.raw.sections[sectionExport].start,
				"the module exports %q, a name that the engine keeps for itself; rename the export", name)
		}
	}
	for _, i := range m.Imports {
		if i.Module == o.RefuelModule && i.Name == o.RefuelName {
			return refuse(Invalid, i.Offset,
				"the module imports %q %q, which only the engine itself may call; remove the import", i.Module, i.Name)
		}
	}
	if m.Memory.Min > o.MemoryPages {
		return refuse(OverLimit, m.raw.sections[sectionMemory].start,
			"the memory starts with %d pages of 64 KiB, the limit is %d", m.Memory.Min, o.MemoryPages)
	}
	for i, t := range m.Tables {
		if t.Size.Min > o.TableEntries {
			return refuse(OverLimit, m.raw.sections[sectionTable].start,
				"the table %d starts with %d entries, the limit is %d", i, t.Size.Min, o.TableEntries)
		}
	}
	return nil
}

// rewriter writes the sections of a module in their order.
type rewriter struct {
	writer
	m     *Module
	o     *Options
	meter meter
	// refs are the function references that are still to be shifted.
	refs []int
}

func (w *rewriter) module() {
	w.bytes(w.m.raw.file[:8])
	empty := w.types()
	w.section(sectionImport, func() { w.imports(empty) })
	w.section(sectionFunction, func() { w.functions(empty) })
	if len(w.m.Tables) > 0 {
		w.section(sectionTable, w.tables)
	}
	w.section(sectionMemory, func() {
		w.length(1)
		w.size(w.m.Memory, w.o.MemoryPages)
	})
	w.section(sectionGlobal, w.globals)
	w.section(sectionExport, w.exports)
	if w.m.HasStart {
		w.section(sectionStart, func() { w.function(w.m.Start) })
	}
	if w.m.raw.elems > 0 {
		w.section(sectionElement, func() { w.shifted(w.m.raw.sections[sectionElement]) })
	}
	w.verbatim(sectionDataCount)
	w.section(sectionCode, w.code)
	w.verbatim(sectionData)
	for _, c := range w.m.Customs {
		if slices.Contains(w.o.KeepCustom, c.Name) {
			w.custom(c.Name, c.Payload)
		}
	}
}

// function writes the index of a function in the new numbering: the refuel
// function stands behind the imports and moves every defined function by one.
func (w *rewriter) function(index uint32) {
	if int(index) >= len(w.m.Imports) {
		index++
	}
	w.u32(index)
}

// verbatim copies a section as it was, if there is one.
func (w *rewriter) verbatim(id byte) {
	if s := w.m.raw.sections[id]; s.end > s.start {
		w.byte(id)
		w.length(s.end - s.start)
		w.bytes(w.m.raw.file[s.start:s.end])
	}
}

// vector writes the number of entries of a section and returns the range of
// its entries in the file.
func (w *rewriter) vector(id int, entries, added int) extent {
	w.length(entries + added)
	s := w.m.raw.sections[id]
	r := reader{file: w.m.raw.file, pos: s.start, end: s.end}
	if s.end > s.start {
		r.u32()
	}
	return extent{r.pos, s.end}
}

// shifted copies a range and shifts the function references in it.
func (w *rewriter) shifted(s extent) {
	for len(w.refs) > 0 && w.refs[0] < s.end {
		r := reader{file: w.m.raw.file, pos: w.refs[0], end: s.end}
		w.bytes(w.m.raw.file[s.start:r.pos])
		w.function(r.u32())
		s.start = r.pos
		w.refs = w.refs[1:]
	}
	w.bytes(w.m.raw.file[s.start:s.end])
}

// types writes the type section and returns the number of the type () -> (),
// which is appended if the module has none.
func (w *rewriter) types() uint32 {
	index := slices.IndexFunc(w.m.Types, func(t FuncType) bool { return len(t.Params)+len(t.Results) == 0 })
	if index >= 0 {
		w.verbatim(sectionType)
		return uint32(index)
	}
	w.section(sectionType, func() {
		s := w.vector(sectionType, len(w.m.Types), 1)
		w.bytes(w.m.raw.file[s.start:s.end])
		w.byte(0x60, 0, 0)
	})
	return uint32(len(w.m.Types))
}

func (w *rewriter) imports(empty uint32) {
	s := w.vector(sectionImport, len(w.m.Imports), 1)
	w.bytes(w.m.raw.file[s.start:s.end])
	w.name(w.o.RefuelModule)
	w.name(w.o.RefuelName)
	w.byte(byte(KindFunc))
	w.u32(empty)
}

func (w *rewriter) tables() {
	w.length(len(w.m.Tables))
	for _, t := range w.m.Tables {
		w.byte(byte(t.Elem))
		w.size(t.Size, w.o.TableEntries)
	}
}

// functions appends those that save and restore globals.
func (w *rewriter) functions(empty uint32) {
	s := w.vector(sectionFunction, len(w.m.Functions), 2)
	w.bytes(w.m.raw.file[s.start:s.end])
	w.u32(empty)
	w.u32(empty)
}

func (w *rewriter) globals() {
	s := w.vector(sectionGlobal, len(w.m.Globals), 1+w.m.mutableGlobals())
	w.shifted(s)
	w.byte(byte(I64), 1, opI64Const, 0, opEnd)
	w.shadows()
}

func (w *rewriter) exports() {
	w.length(len(w.m.Exports) + 3)
	for _, e := range w.m.Exports {
		w.name(e.Name)
		w.byte(byte(e.Kind))
		if e.Kind == KindFunc {
			w.function(e.Index)
		} else {
			w.u32(e.Index)
		}
	}
	w.name(w.o.FuelExport)
	w.byte(byte(KindGlobal))
	w.length(len(w.m.Globals))
	for n, name := range []string{w.o.SaveExport, w.o.RestoreExport} {
		w.name(name)
		w.byte(byte(KindFunc))
		w.function(uint32(w.m.functionCount() + n))
	}
}
