package wasmbin

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// everything returns a module in which every index zero is valid, with a
// function of this code.
func everything(code []byte) []byte {
	var w writer
	w.length(1)
	w.length(len(code) + 3)
	w.byte(1, 1, byte(I32))
	w.bytes(code)
	return file(
		oneType,
		section(sectionFunction, 1, 0),
		section(sectionTable, 1, byte(FuncRef), 0, 1),
		oneMemory,
		section(sectionGlobal, 1, byte(I32), 1, opI32Const, 0, opEnd),
		memoryName,
		section(sectionElement, 1, 3, 0, 1, 0),
		section(sectionDataCount, 1),
		part{sectionCode, w.out},
		section(sectionData, 1, 1, 0),
	)
}

// The parser must read exactly the instructions that wazero reads, with the
// same immediates: a difference would let a guest hide one from the other.
// Behind an unreachable every operand type is accepted, so that wazero's
// verdict is about the encoding. The immediates are zeros, of each length;
// those that are too many are read as unreachable instructions, and the returns
// behind them leave an empty stack.
func TestTheParserAndWazeroReadTheSameInstructions(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { require.NoError(t, r.Close(ctx)) })

	var instructions [][]byte
	for op := range 256 {
		if op != opMisc && op != opVector {
			instructions = append(instructions, []byte{byte(op)})
		}
	}
	for sub := range 32 {
		instructions = append(instructions, []byte{opMisc, byte(sub)})
	}
	for sub := range 128 {
		instructions = append(instructions, []byte{opVector, byte(sub)}, []byte{opVector, byte(128 + sub), 1})
	}
	accepted := 0
	for _, instruction := range instructions {
		for zeros := range 18 {
			for _, ends := range [][]byte{{opEnd}, {opEnd, opEnd}} {
				code := join([]byte{0x00}, instruction, repeat(zeros, 0), repeat(17, 0x0f), ends)
				wasm := everything(code)
				_, ours := Parse(wasm, limits())
				_, theirs := r.CompileModule(ctx, wasm)
				if theirs != nil && strings.Contains(theirs.Error(), "invalid lane index") {
					continue // a number in one byte, which only wazero judges
				}
				require.Equal(t, theirs == nil, ours == nil, "% x\nwazero: %v\nparser: %v", code, theirs, ours)
				if ours == nil {
					accepted++
				}
			}
		}
	}
	require.Greater(t, accepted, 1000, "most instructions must be accepted with the right immediates")
}
