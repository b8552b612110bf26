package wasmbin

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// smith makes a valid module of any bytes: each byte chooses what comes next,
// and when there are no more, all that is open is closed. Its functions end:
// loops count down, and functions call only those behind them. They may trap.
type smith struct {
	writer
	choices []byte
	current int // function
	labels  int // blocks around
	loops   int // of them, each with a counter of its own
	calls   int // in this function
}

// What each function has: a parameter, variables of both types, and a counter
// for each depth of loops.
const (
	smithFunctions = 4
	smithDepth     = 3
	smithCalls     = 2
	smithWords     = 3                       // i32, the parameter among them
	smithLongs     = 2                       // i64, behind those
	smithCounters  = smithWords + smithLongs // where the counters begin
	smithLoopNest  = smithDepth              // the most loops around a statement
	smithVariables = smithLongs + smithWords - 1 + smithLoopNest
)

func (s *smith) choose(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	c := int(s.choices[0])
	s.choices = s.choices[1:]
	return c % n
}

// module writes the whole module. Each function is exported as "a", "b", ...
func (s *smith) module() []byte {
	var code, exports, functions, elements writer
	code.length(smithFunctions)
	exports.length(smithFunctions + 3)
	functions.length(smithFunctions)
	elements.byte(1, 0, opI32Const, 0, opEnd, smithFunctions)
	for s.current = range smithFunctions {
		s.calls = 0
		s.out = []byte{3, smithWords - 1, byte(I32), smithLongs, byte(I64), smithLoopNest, byte(I32)}
		s.statements(smithDepth)
		s.word(smithDepth)
		s.byte(opEnd)
		code.length(len(s.out))
		code.bytes(s.out)
		exports.byte(1, 'a'+byte(s.current), byte(KindFunc), byte(s.current))
		functions.byte(0)
		elements.byte(byte(s.current))
	}
	exports.byte(memoryName.content[1:]...)
	exports.byte(2, 'g', '0', byte(KindGlobal), 0, 2, 'g', '1', byte(KindGlobal), 1)
	return file(
		section(sectionType, 1, 0x60, 1, byte(I32), 1, byte(I32)),
		part{sectionFunction, functions.out},
		section(sectionTable, 1, byte(FuncRef), 0, smithFunctions+1),
		section(sectionMemory, 1, 1, 1, 3),
		section(sectionGlobal, 2, byte(I32), 1, opI32Const, 7, opEnd, byte(I64), 1, opI64Const, 9, opEnd),
		part{sectionExport, exports.out},
		part{sectionElement, elements.out},
		part{sectionCode, code.out},
	)
}

func (s *smith) statements(depth int) {
	for range s.choose(4) + 1 {
		if len(s.choices) > 0 && len(s.out) < 2<<10 {
			s.statement(depth)
		}
	}
}

// within writes a block, a loop or an if around statements.
func (s *smith) within(op byte, depth int) {
	s.byte(op, emptyBlock)
	s.labels++
	s.statements(depth)
}

func (s *smith) leave() {
	s.labels--
	s.byte(opEnd)
}

func (s *smith) statement(depth int) {
	kind := s.choose(13)
	if depth == 0 {
		kind %= 6
	}
	switch kind {
	case 0:
		s.word(2)
		s.byte(0x21, byte(s.choose(smithWords))) // local.set
	case 1:
		s.long(2)
		s.byte(0x21, byte(smithWords+s.choose(smithLongs)))
	case 2:
		s.word(2)
		s.byte(opGlobalSet, 0)
	case 3:
		s.address()
		s.word(2)
		s.byte([]byte{0x36, 0x3a, 0x3b}[s.choose(3)], 0, byte(s.choose(4))) // i32.store, 8, 16
	case 4:
		s.address()
		s.long(2)
		s.byte(0x37, 0, byte(s.choose(4))) // i64.store
	case 5:
		if s.labels > 0 {
			s.word(1)
			s.byte(0x0d, byte(s.labels-1)) // br_if out of the outermost, which is no loop
		}
	case 6:
		s.word(2)
		s.within(opIf, depth-1)
		if s.choose(2) == 1 {
			s.byte(0x05) // else
			s.statements(depth - 1)
		}
		s.leave()
	case 7:
		s.within(opBlock, depth-1)
		s.leave()
	case 8:
		s.loop(depth)
	case 9:
		s.bulk()
	case 10:
		s.within(opBlock, depth-1)
		s.word(1)
		s.byte(0x0e, 2, 0, 0, 0) // br_table, all to the end of this block
		s.leave()
	case 11:
		s.long(2)
		s.byte(opGlobalSet, 1)
	case 12:
		s.byte(opI32Const, byte(s.choose(2)), 0x40, 0, 0x1a) // memory.grow, drop
	}
}

// loop counts down from a small number. Around it stands a block, so that the
// outermost label is never that of a loop.
func (s *smith) loop(depth int) {
	if s.loops == smithLoopNest {
		return
	}
	counter := byte(smithCounters + s.loops)
	s.loops++
	s.byte(opI32Const, byte(s.choose(6)+1), 0x21, counter)
	s.byte(opBlock, emptyBlock)
	s.labels++
	s.within(opLoop, depth-1)
	s.byte(opLocalGet, counter, opI32Const, 1, 0x6b, 0x22, counter, 0x0d, 0) // sub, tee, br_if
	s.leave()
	s.leave()
	s.loops--
}

// bulk fills or copies up to 255 bytes.
func (s *smith) bulk() {
	s.address()
	kind := s.choose(2)
	if kind == 0 {
		s.word(1)
	} else {
		s.address()
	}
	s.word(1)
	s.byte(opI32Const, 0xff, 1, 0x71) // and 255
	if kind == 0 {
		s.byte(opMisc, miscMemoryFill, 0)
	} else {
		s.byte(opMisc, 10, 0, 0) // memory.copy
	}
}

// address is within the memory most of the time.
func (s *smith) address() {
	s.word(1)
	if s.choose(16) != 0 {
		s.byte(opI32Const, 0xff, 0xff, 3, 0x71) // and 65535
	}
}

func (s *smith) word(depth int) {
	kind := s.choose(10)
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		s.byte(opI32Const)
		s.i64(int64(int8(s.choose(256))))
	case 1:
		s.byte(opLocalGet, byte(s.choose(smithWords)))
	case 2:
		s.byte(0x23, 0) // global.get
	case 3:
		s.byte(0x3f, 0) // memory.size
	case 4, 5:
		s.word(depth - 1)
		s.word(depth - 1)
		s.byte(0x6a + byte(s.choose(15))) // i32.add to i32.rotr, the divisions among them
	case 6:
		s.long(depth - 1)
		s.long(depth - 1)
		s.byte(0x51 + byte(s.choose(10))) // i64.eq to i64.ge_u
	case 7:
		s.address()
		s.byte([]byte{0x28, 0x2c, 0x2d, 0x2e, 0x2f}[s.choose(5)], 0, byte(s.choose(4))) // loads
	case 8:
		s.long(depth - 1)
		s.byte(0xa7) // i32.wrap_i64
	case 9:
		s.call(depth)
	}
}

// call calls one of the functions behind this one, by its name or by the table,
// or does the same as i32.eqz where there is none.
func (s *smith) call(depth int) {
	s.word(depth - 1)
	behind := smithFunctions - s.current - 1
	if behind == 0 || s.loops > 0 || s.calls == smithCalls { // each within the other, that would take minutes
		s.byte(0x45)
		return
	}
	s.calls++
	callee := byte(s.current + 1 + s.choose(behind))
	if s.choose(2) == 0 {
		s.byte(opCall, callee)
	} else {
		s.byte(opI32Const, callee, 0x11, 0, 0) // call_indirect
	}
}

func (s *smith) long(depth int) {
	kind := s.choose(6)
	if depth == 0 {
		kind %= 3
	}
	switch kind {
	case 0:
		s.byte(opI64Const)
		s.i64(int64(int8(s.choose(256))) << (s.choose(8) * 8))
	case 1:
		s.byte(opLocalGet, byte(smithWords+s.choose(smithLongs)))
	case 2:
		s.byte(0x23, 1)
	case 3:
		s.long(depth - 1)
		s.long(depth - 1)
		s.byte(0x7c + byte(s.choose(15))) // i64.add to i64.rotr
	case 4:
		s.word(depth - 1)
		s.byte(0xac + byte(s.choose(2))) // i64.extend_i32
	case 5:
		s.address()
		s.byte(0x29, 0, byte(s.choose(4)))
	}
}

// effect is what a module did and left.
type effect struct {
	results []uint64
	traps   []bool
	globals [2]uint64
	memory  [sha256.Size]byte
}

// smithed runs all functions of a module with each of the arguments.
func smithed(t *testing.T, config wazero.RuntimeConfig, wasm []byte, arguments []uint64) (e effect) {
	t.Helper()
	ctx := context.Background()
	r := newRuntimeWith(t, config.WithMemoryLimitPages(options().MemoryPages), refill)
	mod := start(t, r, wasm)
	for n := range smithFunctions {
		for _, arg := range arguments {
			results, err := mod.ExportedFunction(string(rune('a'+n))).Call(ctx, arg)
			e.results, e.traps = append(e.results, results...), append(e.traps, err != nil)
		}
	}
	e.globals = [2]uint64{mod.ExportedGlobal("g0").Get(), mod.ExportedGlobal("g1").Get()}
	all, _ := mod.Memory().Read(0, mod.Memory().Size())
	e.memory = sha256.Sum256(all)
	return e
}

// FuzzMeteredModules: a metered module, compiled, does what the original does
// in the interpreter, whatever it is made of; and it is paid for.
func FuzzMeteredModules(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 24 {
		seed := make([]byte, 50*(n+1))
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed, random.Uint32())
	}
	f.Fuzz(func(t *testing.T, choices []byte, argument uint32) {
		if len(choices) > 2<<10 {
			t.Skip("longer ones show nothing more")
		}
		wasm := (&smith{choices: choices}).module()
		m, err := Parse(wasm, limits())
		require.NoError(t, err)
		out, err := Instrument(m, options())
		require.NoError(t, err)
		require.Less(t, len(out), 8*len(wasm)+1024)
		began := time.Now()
		arguments := []uint64{0, uint64(argument)}
		original := smithed(t, wazero.NewRuntimeConfigInterpreter(), wasm, arguments)
		require.Equal(t, original, smithed(t, wazero.NewRuntimeConfigCompiler(), out, arguments))
		require.Less(t, time.Since(began), time.Minute)
	})
}

// The comparison would be worth little if most modules only trapped.
func TestSmithedModulesRun(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	calls, trapped, different := 0, 0, map[uint64]bool{}
	for range 20 {
		choices := make([]byte, 1500)
		for i := range choices {
			choices[i] = byte(random.Uint32())
		}
		e := smithed(t, wazero.NewRuntimeConfigInterpreter(), (&smith{choices: choices}).module(), []uint64{1, 1 << 20})
		for _, trap := range e.traps {
			if calls++; trap {
				trapped++
			}
		}
		for _, r := range e.results {
			different[r] = true
		}
	}
	t.Logf("%d of %d calls trapped, %d different results", trapped, calls, len(different))
	require.Less(t, trapped, calls*3/4)
	require.Greater(t, len(different), 10)
}
