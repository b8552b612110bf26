package wasmhost

import (
	"context"
	"errors"
	"slices"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
	"github.com/credence-engine/credence/wasmabi"
)

// program is a module that was read and keeps to the ABI as far as that can be
// seen without running it.
type program struct {
	binary    *wasmbin.Module
	manifest  manifest
	methods   [methodCount]bool // offered by an export
	configure bool              // whether there is cred_configure
	golang    bool              // whether the Go toolchain made it
}

// Names that the rewriting adds to a module. No module may use them itself.
const (
	meterModule = "cred_meter"
	refuelName  = "refuel"
	fuelExport  = "cred_fuel"
)

// goSection is the custom section in which Go's linker writes its build id.
const goSection = "go:buildid"

// Inspect checks a module without running it and says what it is.
func (r *Runtime) Inspect(_ context.Context, wasm []byte) (engine.Module, error) {
	p, err := r.read(wasm)
	if err != nil {
		return engine.Module{}, err
	}
	limits, err := r.limits.of(p)
	if err != nil {
		return engine.Module{}, err
	}
	if _, err := p.metered(limits.MemoryPages); err != nil {
		return engine.Module{}, err
	}
	m := engine.Module{
		ABI: wasmabi.Version, Name: p.manifest.name, Release: p.manifest.version,
		Description: p.manifest.description, Manifest: p.manifest.raw,
	}
	for method, offered := range p.methods {
		if offered {
			m.Methods = append(m.Methods, exportOf[method])
		}
	}
	for _, c := range p.manifest.capabilities {
		m.Capabilities = append(m.Capabilities, string(c))
	}
	return m, nil
}

// read parses a module and checks it against the ABI.
func (r *Runtime) read(wasm []byte) (*program, error) {
	limits := wasmbin.DefaultLimits()
	limits.MemoryPages = r.limits.MemoryPagesCeiling
	binary, err := wasmbin.Parse(wasm, limits)
	if err != nil {
		return nil, refused(err)
	}
	p := &program{binary: binary}
	p.golang = slices.ContainsFunc(binary.Customs, func(c wasmbin.Custom) bool { return c.Name == goSection })
	if err := p.readExports(); err != nil {
		return nil, err
	}
	section, present, err := binary.Custom(wasmabi.ManifestSection)
	if err != nil {
		return nil, refused(err)
	}
	if present {
		if p.manifest, err = readManifest(section); err != nil {
			return nil, engine.Errorf(refusalCode(err), "the manifest (custom section %q, at byte offset %#x) is refused: %v",
				wasmabi.ManifestSection, p.manifestOffset(), err)
		}
	}
	return p, p.checkImports()
}

func (p *program) manifestOffset() int {
	i := slices.IndexFunc(p.binary.Customs, func(c wasmbin.Custom) bool { return c.Name == wasmabi.ManifestSection })
	return p.binary.Customs[i].Offset
}

// readExports checks the exports that the ABI names, and notes which of them
// are there.
func (p *program) readExports() error {
	if _, ok := p.binary.Export(wasmabi.ExportStart); ok {
		return engine.Errorf(engine.CodeInvalid,
			"the module exports %s, so it is a command: build a reactor (Go: -buildmode=c-shared, clang: -mexec-model=reactor)", wasmabi.ExportStart)
	}
	var (
		nothing   = wasmbin.FuncType{}
		operation = wasmbin.FuncType{Params: []wasmbin.ValueType{wasmbin.I32}, Results: []wasmbin.ValueType{wasmbin.I32}}
		unused    bool
	)
	for _, e := range []struct {
		name     string
		is       wasmbin.FuncType
		required bool
		found    *bool
	}{
		{wasmabi.ExportMarker, nothing, true, &unused},
		{wasmabi.ExportInitialize, nothing, false, &unused},
		{wasmabi.ExportConfigure, operation, false, &p.configure},
		{wasmabi.ExportLookup, operation, true, &p.methods[lookup]},
		{wasmabi.ExportProvide, operation, false, &p.methods[provide]},
		{wasmabi.ExportMarkInUse, operation, false, &p.methods[markInUse]},
		{wasmabi.ExportMarkRevoked, operation, false, &p.methods[markRevoked]},
		{wasmabi.ExportVerifyProof, operation, false, &unused}, // front ends refuse proofs for now
	} {
		export, ok := p.binary.Export(e.name)
		switch {
		case !ok && e.required:
			return engine.Errorf(engine.CodeInvalid, "the module does not export the function %s, which %s requires", e.name, wasmabi.ImportModule)
		case !ok:
			continue
		case export.Kind != wasmbin.KindFunc:
			return engine.Errorf(engine.CodeInvalid, "the export %s is a %s: it must be a function", e.name, export.Kind)
		}
		if is := p.binary.FuncType(export.Index); !is.Equal(e.is) {
			return engine.Errorf(engine.CodeInvalid, "the export %s has the signature %s: it must have %s", e.name, is, e.is)
		}
		*e.found = true
	}
	return nil
}

// checkImports refuses what the host does not have, and what the manifest does
// not ask for.
func (p *program) checkImports() error {
	for _, i := range p.binary.Imports {
		known, is := importOf(i.Module, i.Name)
		switch {
		case known == nil:
			return engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x), which the engine does not have: see the imports of %s",
				i.Module, i.Name, i.Offset, wasmabi.ImportModule)
		case !known.Offered():
			return engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x): %v", i.Module, i.Name, i.Offset, notOfferedError{*known})
		case !i.Type.Equal(is):
			return engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x) with the signature %s: it has %s",
				i.Module, i.Name, i.Offset, i.Type, is)
		case *known != wasmabi.Core && !slices.Contains(p.manifest.capabilities, *known):
			return engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x) and does not ask for the capability %q: add it to the manifest",
				i.Module, i.Name, i.Offset, string(*known))
		}
	}
	return nil
}

// metered rewrites the module with fuel and with its memory capped.
func (p *program) metered(pages uint32) ([]byte, error) {
	out, err := wasmbin.Instrument(p.binary, wasmbin.Options{
		RefuelModule: meterModule, RefuelName: refuelName, FuelExport: fuelExport,
		MemoryPages: pages, TableEntries: wasmbin.DefaultLimits().TableEntries,
	})
	if err != nil {
		return nil, refused(err)
	}
	return out, nil
}

// refused turns a refusal of the binary into an error of the engine.
func refused(err error) error {
	return engine.Errorf(refusalCode(err), "the module is refused: %v", err)
}

func refusalCode(err error) engine.Code {
	if e, ok := errors.AsType[*wasmbin.Error](err); ok && e.Reason == wasmbin.OverLimit {
		return engine.CodeTooLarge
	}
	return engine.CodeInvalid
}
