package wasmbin

// PageSize is the size of one page of linear memory, in bytes.
const PageSize = 65536

// Limits bounds the structure of a module. They stop compile bombs: wazero's
// compiler needs time that grows faster than linearly in loop nests, local
// variables and branch tables, and it cannot be interrupted. All limits are
// inclusive: a module that has exactly as many is accepted.
type Limits struct {
	// ModuleBytes is the size of the whole file.
	ModuleBytes int
	// Types is the number of entries of the type section.
	Types int
	// Params is the number of parameters, and of results, of one type.
	Params int
	// Imports is the number of imports.
	Imports int
	// Functions is the number of defined functions.
	Functions int
	// BodyBytes is the size of one function body with its locals.
	BodyBytes int
	// Locals is the number of local variables of one function, parameters
	// included.
	Locals int
	// LoopNest is how deep loops may stand within each other.
	LoopNest int
	// BlockNest is how deep blocks of any kind may stand within each other.
	BlockNest int
	// Loops and Blocks count the loops and the blocks of any kind in one
	// function: the compiler's time grows with their square.
	Loops  int
	Blocks int
	// VariableBlocks is the product of the local variables and the blocks of
	// one function: the compiler looks at each variable in each block.
	VariableBlocks int
	// BrTable is the number of targets of one br_table, default not counted.
	BrTable int
	// Globals is the number of defined globals.
	Globals int
	// Exports is the number of exports.
	Exports int
	// DataSegments is the number of data segments. Go's linker writes one for
	// each run of bytes between zeros, 22 000 in a module of 2 MB.
	DataSegments int
	// ElemSegments is the number of element segments.
	ElemSegments int
	// Tables is the number of tables.
	Tables int
	// TableEntries is the largest initial size of one table, in entries.
	TableEntries uint32
	// MemoryPages is the largest initial size of the memory, in pages.
	MemoryPages uint32
	// CustomSections is the number of custom sections.
	CustomSections int
}

// DefaultLimits returns the limits of a node without configuration:
// 8 MiB of module, 16 MiB of memory, 65 536 table entries.
func DefaultLimits() Limits {
	return Limits{
		ModuleBytes:    8 << 20,
		Types:          4096,
		Params:         1000,
		Imports:        64,
		Functions:      50_000,
		BodyBytes:      512 << 10,
		Locals:         2048,
		LoopNest:       32,
		BlockNest:      4096,
		Loops:          1024,
		Blocks:         8192,
		VariableBlocks: 1 << 20,
		BrTable:        8192,
		Globals:        4096,
		Exports:        256,
		DataSegments:   100_000,
		ElemSegments:   4096,
		Tables:         4,
		TableEntries:   65_536,
		MemoryPages:    256,
		CustomSections: 64,
	}
}
