package wasmhost

import (
	"context"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
	"github.com/credence-engine/credence/wasmabi"
)

// hostFunction is a function that a guest may import.
type hostFunction struct {
	name    string
	params  []api.ValueType
	results []api.ValueType // one or none
	// free functions count against no quota: the runtimes of languages call
	// them as they like, and the deadline bounds them.
	free bool
	do   func(c *call, m api.Memory, args []uint64) int64
}

// importOf returns the capability behind an import and its signature, or nil
// if the engine does not have it.
func importOf(module, name string) (*wasmabi.Capability, wasmbin.FuncType) {
	capability := wasmabi.Core
	if module == wasmabi.ImportModule {
		for _, i := range wasmabi.Imports() {
			if i.Name == name {
				capability = i.Capability
			}
		}
	}
	for _, f := range hostModules()[module] {
		if f.name == name {
			return &capability, wasmbin.FuncType{Params: types(f.params), Results: types(f.results)}
		}
	}
	return nil, wasmbin.FuncType{}
}

func types(of []api.ValueType) []wasmbin.ValueType {
	out := make([]wasmbin.ValueType, len(of))
	for i, t := range of {
		out[i] = wasmbin.ValueType(t)
	}
	return out
}

// hostModules are all functions that a guest may import, by module.
func hostModules() map[string][]hostFunction {
	return map[string][]hostFunction{
		wasmabi.ImportModule: abiFunctions(),
		wasiModule:           wasiFunctions(),
		"env":                {{name: "abort", params: i32s(4), do: abort}},
	}
}

// abiFunctions are those of cred_v1.
func abiFunctions() []hostFunction {
	bodies := map[string]func(*call, api.Memory, []uint64) int64{
		wasmabi.ImportInputRead: inputRead, wasmabi.ImportOutputWrite: outputWrite, wasmabi.ImportErrorWrite: errorWrite,
		wasmabi.ImportLogWrite: logWrite, wasmabi.ImportLogEnabled: logEnabled,
		wasmabi.ImportConfigRead: configRead, wasmabi.ImportDeadlineMs: deadlineMs,
		wasmabi.ImportKvGet: kvGet, wasmabi.ImportKvPut: kvPut, wasmabi.ImportKvDelete: kvDelete, wasmabi.ImportKvScan: kvScan,
		wasmabi.ImportClockNow: clockNow, wasmabi.ImportRandomFill: randomFill,
		wasmabi.ImportHTTPCall: httpCall, wasmabi.ImportResultRead: resultRead,
		wasmabi.ImportSecretHmac: secretHmac, wasmabi.ImportSecretSign: secretSign,
		wasmabi.ImportCryptoHash: cryptoHash, wasmabi.ImportCryptoHmac: cryptoHmac, wasmabi.ImportCryptoVerify: cryptoVerify,
	}
	functions := make([]hostFunction, 0, len(bodies))
	for _, i := range wasmabi.Imports() {
		returns := api.ValueTypeI32
		if i.Wide {
			returns = api.ValueTypeI64
		}
		functions = append(functions, hostFunction{
			name: i.Name, params: i32s(i.Params), results: []api.ValueType{returns}, do: bodies[i.Name],
		})
	}
	return functions
}

func i32s(n int) []api.ValueType {
	out := make([]api.ValueType, n)
	for i := range out {
		out[i] = api.ValueTypeI32
	}
	return out
}

// instantiateHost makes the functions known to the runtime.
func instantiateHost(ctx context.Context, r wazero.Runtime) error {
	for name, functions := range hostModules() {
		b := r.NewHostModuleBuilder(name)
		for _, f := range functions {
			b.NewFunctionBuilder().WithGoModuleFunction(f.bind(), f.params, f.results).Export(f.name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	b := r.NewHostModuleBuilder(meterModule)
	b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(refuel), nil, nil).Export(refuelName)
	_, err := b.Instantiate(ctx)
	return err
}

// callContext takes the call of an instance to the host's functions: wazero
// hands them the context that it is given. It is made once for each instance.
type callContext struct {
	context.Context //nolint:containedctx // it is a context
	call            *call
}

func callOf(ctx context.Context) *call {
	return ctx.(*callContext).call //nolint:forcetypeassert // see callContext
}

// bind adapts the function to wazero, whose stack holds the arguments first
// and the result afterwards.
func (f hostFunction) bind() api.GoModuleFunc {
	wide := len(f.results) == 1 && f.results[0] == api.ValueTypeI64
	return func(ctx context.Context, guest api.Module, stack []uint64) {
		c := callOf(ctx)
		n := result(wasmabi.EDQUOT)
		if f.free || c.admit() {
			n = f.do(c, guest.Memory(), stack)
		}
		switch {
		case wide:
			stack[0] = uint64(n)
		case len(f.results) == 1:
			stack[0] = api.EncodeI32(int32(n))
		}
	}
}

// fuelSlice is what a guest may spend before it has to come back: about a
// tenth of a millisecond, in instructions.
const fuelSlice = 100_000

// refuel is called by metered code whose slice is spent. It is the only place
// where running code meets its deadline and the bound of its stack, and where the goroutine can be moved
// aside: compiled code cannot be pre-empted.
func refuel(ctx context.Context, guest api.Module, _ []uint64) {
	c := callOf(ctx)
	c.checkTime()
	if c.function.stackBytes() > maxStack {
		c.stop(errDeep)
	}
	runtime.Gosched()
	if c.fuel == nil {
		c.fuel, _ = guest.ExportedGlobal(fuelExport).(api.MutableGlobal)
	}
	c.spent.fuel += fuelSlice - int64(c.fuel.Get()) // it is below zero when much was spent at once
	c.fuel.Set(fuelSlice)
	c.prolong()
}
