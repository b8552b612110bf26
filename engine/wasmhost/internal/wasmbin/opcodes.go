package wasmbin

// Opcodes that the reader or the rewriter treats by name.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opCall         = 0x10
	opLocalGet     = 0x20
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableSet     = 0x26
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI64LtS       = 0x53
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendU32 = 0xad
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opMisc         = 0xfc
	opVector       = 0xfd

	miscMemoryInit = 0x08
	miscDataDrop   = 0x09
	miscMemoryCopy = 0x0a
	miscMemoryFill = 0x0b
	miscTableInit  = 0x0c
	miscElemDrop   = 0x0d
	miscTableCopy  = 0x0e
	miscTableGrow  = 0x0f
	miscTableSize  = 0x10
	miscTableFill  = 0x11

	vecConst = 0x0c

	emptyBlock = 0x40
)

// immediate says what follows an opcode. The zero value is an opcode that is
// not accepted, so what a table does not name is refused.
type immediate byte

const (
	immRefused immediate = iota
	immNone
	immBlock
	immLabel
	immLabels
	immFunc
	immIndirect
	immLocal
	immGlobal
	immTable
	immMemory     // one zero byte
	immTwoMemory  // two zero bytes
	immMemArg     // alignment and offset
	immMemArgLane // the same and a lane
	immLane
	immI32
	immI64
	immBytes4
	immBytes8
	immBytes16
	immSelect
	immRef
	immData
	immDataMemory
	immElem
	immElemTable
	immTwoTables
	immMisc
	immVector
)

// span fills a range of a table of immediates, both ends included.
func span(t *[256]immediate, from, to byte, imm immediate) {
	for op := int(from); op <= int(to); op++ {
		t[op] = imm
	}
}

// plain holds the opcodes of one byte: WebAssembly 2.0, section 5.4.
var plain = func() (t [256]immediate) {
	span(&t, 0x00, 0x01, immNone) // unreachable, nop
	span(&t, opBlock, opIf, immBlock)
	t[opElse], t[opEnd] = immNone, immNone
	span(&t, 0x0c, 0x0d, immLabel) // br, br_if
	t[0x0e] = immLabels            // br_table
	t[0x0f] = immNone              // return
	t[opCall] = immFunc
	t[0x11] = immIndirect          // call_indirect
	span(&t, 0x1a, 0x1b, immNone)  // drop, select
	t[0x1c] = immSelect            // select with types
	span(&t, 0x20, 0x22, immLocal) // local.get, set, tee
	span(&t, opGlobalGet, opGlobalSet, immGlobal)
	span(&t, 0x25, 0x26, immTable)          // table.get, set
	span(&t, 0x28, 0x3e, immMemArg)         // loads and stores
	span(&t, 0x3f, opMemoryGrow, immMemory) // memory.size, grow
	t[opI32Const], t[opI64Const] = immI32, immI64
	t[opF32Const], t[opF64Const] = immBytes4, immBytes8
	span(&t, 0x45, 0xc4, immNone) // comparisons to sign extensions
	t[opRefNull], t[0xd1], t[opRefFunc] = immRef, immNone, immFunc
	t[opMisc], t[opVector] = immMisc, immVector
	return t
}()

// misc holds the opcodes after the prefix 0xfc.
var misc = func() (t [256]immediate) {
	span(&t, 0x00, 0x07, immNone) // saturating truncations
	t[miscMemoryInit], t[miscDataDrop] = immDataMemory, immData
	t[miscMemoryCopy], t[miscMemoryFill] = immTwoMemory, immMemory
	t[miscTableInit], t[miscElemDrop] = immElemTable, immElem
	t[miscTableCopy] = immTwoTables
	span(&t, miscTableGrow, miscTableFill, immTable)
	return t
}()

// vector holds the opcodes after the prefix 0xfd: 128-bit SIMD without the
// relaxed instructions.
var vector = func() (t [256]immediate) {
	span(&t, 0x00, 0xff, immNone)
	span(&t, 0x00, 0x0b, immMemArg)      // v128.load*, v128.store
	span(&t, vecConst, 0x0d, immBytes16) // v128.const, i8x16.shuffle
	span(&t, 0x15, 0x22, immLane)        // extract and replace lanes
	span(&t, 0x54, 0x5b, immMemArgLane)  // load and store lanes
	span(&t, 0x5c, 0x5d, immMemArg)      // v128.load32_zero, load64_zero
	for _, hole := range []byte{
		0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb,
		0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee,
	} {
		t[hole] = immRefused
	}
	return t
}()

// refusedFeature names the proposal to which an opcode belongs, for messages.
func refusedFeature(op byte) string {
	switch op {
	case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f:
		return "exception handling"
	case 0x12, 0x13:
		return "tail calls"
	case 0x14, 0x15, 0xd3, 0xd4, 0xd5, 0xd6:
		return "typed function references"
	case 0xfb:
		return "garbage collected types"
	case 0xfe:
		return "threads and atomics"
	default:
		return "a feature that is not part of WebAssembly 2.0"
	}
}
