package wasmbin

import (
	"slices"
	"strings"
)

// ValueType is the type of a value, as encoded in the binary format.
type ValueType byte

// The value types of WebAssembly 2.0.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

// String returns the name that the text format uses.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	default:
		return "unknown"
	}
}

// FuncType is the signature of a function.
type FuncType struct {
	Params  []ValueType
	Results []ValueType
}

// Equal reports whether both signatures are the same.
func (t FuncType) Equal(other FuncType) bool {
	return slices.Equal(t.Params, other.Params) && slices.Equal(t.Results, other.Results)
}

// String writes the signature like "(i32, i32) -> (i32)".
func (t FuncType) String() string {
	return "(" + names(t.Params) + ") -> (" + names(t.Results) + ")"
}

func names(types []ValueType) string {
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = t.String()
	}
	return strings.Join(parts, ", ")
}

// Kind is the kind of a thing that is exported.
type Kind byte

// The kinds of exports, as encoded in the binary format.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
)

// String returns the name that the text format uses.
func (k Kind) String() string {
	switch k {
	case KindFunc:
		return "func"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	default:
		return "unknown"
	}
}

// Import is an imported function; [Parse] refuses imports of other kinds.
type Import struct {
	Module string
	Name   string
	// Type is the signature; its slices are shared and must not be changed.
	Type FuncType
	// Offset is where the import stands in the file, in bytes.
	Offset int
}

// Export is something that the module offers to its host.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Size is the size of a memory (in pages) or of a table (in entries).
type Size struct {
	Min uint32
	// Max is meaningful if HasMax.
	Max    uint32
	HasMax bool
}

// Table is a defined table.
type Table struct {
	Elem ValueType
	Size Size
}

// Global is a defined global variable.
type Global struct {
	Type    ValueType
	Mutable bool
}

// Custom is a custom section.
type Custom struct {
	Name string
	// Payload is the content after the name. It is a part of the parsed file.
	Payload []byte
	// Offset is where the section stands in the file, in bytes.
	Offset int
}

// Module is a core module that passed [Parse]. It refers to the bytes that it
// was parsed from, which must not change while the module is in use.
type Module struct {
	Types   []FuncType
	Imports []Import
	// Functions holds the type index of each defined function.
	Functions []uint32
	Tables    []Table
	// Memory is the size of the one memory.
	Memory  Size
	Globals []Global
	Exports []Export
	// Start is the index of the start function, meaningful if HasStart.
	Start    uint32
	HasStart bool
	Customs  []Custom

	raw raw
}

// TableEntries returns how many entries all tables can have together, where
// each can grow to the given maximum.
func (m *Module) TableEntries(maximum uint32) (entries uint64) {
	for _, t := range m.Tables {
		most := t.Size.Min
		if m.raw.growsTables {
			most = maximum
		}
		if t.Size.HasMax {
			most = min(most, t.Size.Max)
		}
		entries += uint64(most)
	}
	return entries
}

// ChangesTables reports whether there is code that changes a table or drops a
// segment. Where there is none, tables and segments stay as they are from the
// instantiation on.
func (m *Module) ChangesTables() bool { return m.raw.changesTables }

// Export returns the export with that name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// ExportedFunc returns the signature of the function exported under that name,
// and false if there is no such export or if it is no function.
func (m *Module) ExportedFunc(name string) (FuncType, bool) {
	e, ok := m.Export(name)
	if !ok || e.Kind != KindFunc {
		return FuncType{}, false
	}
	return m.FuncType(e.Index), true
}

// FuncType returns the signature of a function by its index, imported
// functions first. The index must come from the module itself.
func (m *Module) FuncType(index uint32) FuncType {
	if int(index) < len(m.Imports) {
		return m.Imports[index].Type
	}
	return m.Types[m.Functions[int(index)-len(m.Imports)]]
}

// Custom returns the payload of the custom section with that name, false if
// there is none, and an error if there are two: a second one could show the
// reader something else than what was checked.
func (m *Module) Custom(name string) ([]byte, bool, error) {
	var found *Custom
	for i := range m.Customs {
		c := &m.Customs[i]
		if c.Name != name {
			continue
		}
		if found != nil {
			return nil, false, refuse(Invalid, c.Offset,
				"the custom section %q occurs twice; pack the module again with exactly one", name)
		}
		found = c
	}
	if found == nil {
		return nil, false, nil
	}
	return found.Payload, true, nil
}
