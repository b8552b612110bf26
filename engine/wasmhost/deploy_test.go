package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func TestGrantsBoundWhatAModuleMayAskFor(t *testing.T) {
	r := newRuntime(t, Options{CacheDir: compiled})
	full := goGuest(t) // asks for kv, clock and random
	for grants, want := range map[string]struct {
		code  engine.Code
		names string
	}{
		``:                                 {},
		`{"kv":{},"clock":{},"random":{}}`: {},
		`{"kv":{},"clock":{},"random":{},"crypto":{}}`: {},
		`{"kv":{}}`:              {engine.CodeConflict, "namely clock, random"},
		`{}`:                     {engine.CodeConflict, "namely kv, clock, random"},
		`{"kv":{},"root":{}}`:    {engine.CodeInvalid, `"root" is unknown`},
		`{"kv":true}`:            {engine.CodeInvalid, `"kv" must be {}`},
		`{"kv":{},"secrets":{}}`: {engine.CodeInvalid, `"secrets" must be a list`},
	} {
		s, err := r.Start(t.Context(), engine.Service{Name: "s", Module: "full", Grants: json.RawMessage(grants)}, fetch(full))
		if want.code == "" {
			require.NoError(t, err, grants)
			s.Close()
			continue
		}
		e := failure(t, want.code, err)
		require.Equal(t, "/grants", e.Field)
		require.Contains(t, e.Message, want.names)
	}
}

func TestLimitsCanOnlyBeLowered(t *testing.T) {
	r := newRuntime(t, Options{Limits: Limits{CallTimeout: 250 * time.Millisecond, ProvideTimeout: time.Second}})
	plain := wattest.Module(t, "kv-echo")
	asking := withManifest(t, plain, `{"abi":1,"name":"x","version":"1","capabilities":{"kv":{}},"limits":{"memoryPages":512,"callMs":100}}`)
	for _, c := range []struct {
		wasm   []byte
		limits string
		code   engine.Code
		names  string
	}{
		{plain, ``, "", ""},
		{plain, `{"memoryPages":16,"callMs":50,"provideMs":100,"hostCalls":10,"concurrency":1}`, "", ""},
		{plain, `{"memoryPages":256}`, "", ""},
		{plain, `{"memoryPages":257}`, engine.CodeInvalid, "at most"},
		{plain, `{"callMs":251}`, engine.CodeInvalid, "250 at most"},
		{plain, `{"callMs":0}`, engine.CodeInvalid, "to 1 at least"},
		{plain, `{"callMs":null}`, "", ""},
		{plain, `{"callMs":1.5}`, engine.CodeInvalid, "callMs"},
		{plain, `{"cpu":1}`, engine.CodeInvalid, `"cpu" is unknown`},
		{plain, `{"memoryPages":5}`, engine.CodeTooLarge, "the memory starts with 6 pages"},
		{asking, ``, "", ""},
		{asking, `{"memoryPages":512}`, "", ""},
		{asking, `{"memoryPages":511}`, engine.CodeConflict, "needs 512 pages"},
		{asking, `{"callMs":99}`, engine.CodeConflict, "needs 100 ms"},
	} {
		s, err := r.Start(t.Context(), engine.Service{Name: "s", Module: engine.DigestOf(c.wasm), Limits: json.RawMessage(c.limits)}, fetch(c.wasm))
		if c.code == "" {
			require.NoError(t, err, c.limits)
			s.Close()
			continue
		}
		require.Contains(t, failure(t, c.code, err).Message, c.names, c.limits)
	}
}

// A node whose ceiling was lowered cannot run what was deployed. Whoever asks
// to connect is not at fault.
func TestAServiceThatCannotStartHereIsNoFaultOfTheRequest(t *testing.T) {
	store := enginetest.NewMemoryStore()
	w := newWorldOn(t, store, Options{})
	w.deploy("asking", withManifest(t, wattest.Module(t, "kv-echo"),
		`{"abi":1,"name":"x","version":"1","capabilities":{"kv":{}},"limits":{"memoryPages":512}}`), engine.ServiceSpec{})
	app := w.app("asking")
	other := newWorldOn(t, store, Options{Limits: Limits{MemoryPagesCeiling: 511}})
	_, err := other.verify(app, "x")
	require.Contains(t, failure(t, engine.CodeModuleFault, err).Message, "at most 511")
}

func TestALoweredLimitHolds(t *testing.T) {
	w := newWorld(t, Options{})
	w.deploy("spin", wattest.Module(t, "spin"), engine.ServiceSpec{Limits: []byte(`{"callMs":20}`)})
	began := time.Now()
	_, err := w.lookup(w.app("spin"), "x")
	requireCode(t, engine.CodeDeadline, err)
	require.Less(t, time.Since(began), soon)
}

func TestAGoModuleGetsTwiceTheMemory(t *testing.T) {
	r := newRuntime(t, Options{})
	p, err := r.read(goGuest(t))
	require.NoError(t, err)
	l, err := r.limits.of(p)
	require.NoError(t, err)
	require.EqualValues(t, 512, l.MemoryPages)
	p, err = r.read(tiny(t))
	require.NoError(t, err)
	l, err = r.limits.of(p)
	require.NoError(t, err)
	require.EqualValues(t, 256, l.MemoryPages)
}

func TestAModuleThatCannotBeFetchedIsNotStarted(t *testing.T) {
	r := newRuntime(t, Options{})
	away := errors.New("away")
	_, err := r.Start(t.Context(), engine.Service{Name: "s"}, func(context.Context) ([]byte, error) { return nil, away })
	require.Equal(t, away, err)
	_, err = r.Start(t.Context(), engine.Service{Name: "s"}, fetch([]byte("other bytes")))
	requireCode(t, engine.CodeInvalid, err)
}

// Only wazero checks the types of operands.
func TestAModuleWithWrongTypesIsRefused(t *testing.T) {
	r := newRuntime(t, Options{})
	wasm := wattest.Module(t, "unknown-status")
	broken := append([]byte(nil), wasm...)
	for i := range broken[:len(broken)-3] {
		if broken[i] == 0x41 && broken[i+1] == 0xe3 && broken[i+2] == 0 { // i32.const 99
			broken[i] = 0x42 // i64.const 99
		}
	}
	require.NotEqual(t, wasm, broken)
	_, err := r.Inspect(t.Context(), broken)
	require.NoError(t, err)
	_, err = start(t, r, "s", broken)
	require.Contains(t, failure(t, engine.CodeInvalid, err).Message, "not valid WebAssembly")
}

func TestPatchesAreMergedAsInTheStandard(t *testing.T) {
	// The cases of appendix A of RFC 7396 whose target is an object.
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"n":12345678901234567890.10,"t":"<&>"}`, `{"n":12345678901234567890.10,"t":"<&>"}`},
		{``, ``, `{}`},
		{`{ "as": "written" }`, ``, `{ "as": "written" }`},
	} {
		merged, err := configure([]byte(c[0]), []byte(c[1]))
		require.NoError(t, err)
		require.Equal(t, c[2], string(merged.text))
	}
	for _, c := range [][2]string{{`{`, ``}, {`{}`, `{`}} {
		_, err := configure([]byte(c[0]), []byte(c[1]))
		require.Error(t, err)
	}
}
