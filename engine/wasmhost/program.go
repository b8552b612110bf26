package wasmhost

import (
	"context"
	"errors"
	"fmt"
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
	saveExport  = "cred_save"
	backExport  = "cred_restore"
)

// goSection is the custom section in which Go's linker writes its build id.
const goSection = "go:buildid"

// Inspect checks a module without running it and says what it is.
func (r *Runtime) Inspect(_ context.Context, wasm []byte) (engine.Module, error) {
	p, err := r.read(wasm)
	if err != nil {
		return engine.Module{}, err
	}
	return p.describe(), nil
}

// describe says what the module is, as far as it could be read.
func (p *program) describe() engine.Module {
	m := engine.Module{
		ABI: wasmabi.Version, Name: p.manifest.name, Release: p.manifest.version,
		Description: p.manifest.description, Manifest: p.manifest.raw,
	}
	for method, offered := range p.methods {
		if offered {
			m.Methods = append(m.Methods, exportOf[method])
		}
	}
	for _, c := range p.manifest.capabilities.names {
		m.Capabilities = append(m.Capabilities, string(c))
	}
	return m
}

// read parses a module and checks it against the ABI.
func (r *Runtime) read(wasm []byte) (*program, error) {
	p, found := r.examine(wasm)
	return p, found.refusal()
}

// examine does so too, and goes on after what it finds as far as it can.
func (r *Runtime) examine(wasm []byte) (*program, findings) {
	var found findings
	p := &program{}
	limits := wasmbin.DefaultLimits()
	limits.MemoryPages = r.limits.MemoryPagesCeiling
	var err error
	if p.binary, err = wasmbin.Parse(wasm, limits); err != nil {
		found.refuse(codeOfBinary(err), refused(err))
		return p, found
	}
	p.golang = slices.ContainsFunc(p.binary.Customs, func(c wasmbin.Custom) bool { return c.Name == goSection })
	p.checkExports(&found)
	readable := p.checkManifest(&found)
	p.checkImports(&found, readable)
	if found.refusal() != nil {
		return p, found
	}
	own, err := r.limits.of(p)
	if err == nil {
		_, err = p.metered(own.MemoryPages)
	}
	if err != nil {
		found.refuse(FoundOverLimit, err)
	}
	return p, found
}

// checkManifest reads the manifest, if there is one, and tells whether what it
// asks for is known.
func (p *program) checkManifest(found *findings) bool {
	section, present, err := p.binary.Custom(wasmabi.ManifestSection)
	switch {
	case err != nil:
		found.refuse(FoundManifest, refused(err))
		return false
	case !present:
		found.warnf(FoundNoManifest, "the module has no manifest, so operators see neither its name nor its version: add one with credence module pack")
		return true
	}
	if p.manifest, err = readManifest(section); err != nil {
		found.refuse(FoundManifest, engine.Errorf(refusalCode(err), "the manifest (custom section %q, at byte offset %#x) is refused: %v",
			wasmabi.ManifestSection, p.manifestOffset(), err))
		return false
	}
	return true
}

func (p *program) manifestOffset() int {
	i := slices.IndexFunc(p.binary.Customs, func(c wasmbin.Custom) bool { return c.Name == wasmabi.ManifestSection })
	return p.binary.Customs[i].Offset
}

// checkExports checks the exports that the ABI names, and notes which of them
// are there.
func (p *program) checkExports(found *findings) {
	if _, ok := p.binary.Export(wasmabi.ExportStart); ok {
		found.refuse(FoundExportCommand, engine.Errorf(engine.CodeInvalid,
			"the module exports %s, so it is a command: build a reactor (Go: -buildmode=c-shared, clang: -mexec-model=reactor)", wasmabi.ExportStart))
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
		{wasmabi.ExportVerifyProof, operation, false, &p.methods[verifyProof]},
	} {
		export, ok := p.binary.Export(e.name)
		switch {
		case !ok && e.required:
			found.refuse(FoundExportMissing, engine.Errorf(engine.CodeInvalid,
				"the module does not export the function %s, which %s requires: export it with the signature %s", e.name, wasmabi.ImportModule, e.is))
			continue
		case !ok:
			continue
		case export.Kind != wasmbin.KindFunc:
			found.refuse(FoundExportWrong, engine.Errorf(engine.CodeInvalid, "the export %s is a %s: it must be a function", e.name, export.Kind))
			continue
		}
		if is := p.binary.FuncType(export.Index); !is.Equal(e.is) {
			found.refuse(FoundExportWrong, engine.Errorf(engine.CodeInvalid, "the export %s has the signature %s: it must have %s", e.name, is, e.is))
			continue
		}
		*e.found = true
	}
}

// checkImports refuses what the host does not have, and what the manifest does
// not ask for, unless the manifest could not be read. What it asks for in vain
// is a warning.
func (p *program) checkImports(found *findings, readable bool) {
	used := map[wasmabi.Capability]bool{}
	for _, i := range p.binary.Imports {
		known, is := importOf(i.Module, i.Name)
		if known != nil {
			used[*known] = true
		}
		switch {
		case known == nil:
			found.refuse(FoundImportUnknown, engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x), which the engine does not have: see the imports of %s",
				i.Module, i.Name, i.Offset, wasmabi.ImportModule))
		case !i.Type.Equal(is):
			found.refuse(FoundImportWrong, engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x) with the signature %s: it has %s",
				i.Module, i.Name, i.Offset, i.Type, is))
		case readable && *known != wasmabi.Core && !p.manifest.capabilities.has(*known):
			found.refuse(FoundImportUndeclared, engine.Errorf(engine.CodeInvalid, "the module imports %q %q (at byte offset %#x) and the manifest does not ask for the capability %q: add %s to its capabilities",
				i.Module, i.Name, i.Offset, string(*known), memberOf(*known)))
		}
	}
	for _, c := range p.manifest.capabilities.names {
		if !used[c] && (c != wasmabi.Secrets || !used[wasmabi.HTTP]) { // a header of a request may name a secret
			found.warnf(FoundCapabilityUnused, "the manifest asks for the capability %q and the module imports no function of it: leave %q out, so that operators need not grant it", string(c), string(c))
		}
	}
}

// memberOf is the member of a manifest's capabilities that asks for one.
func memberOf(c wasmabi.Capability) string {
	switch c {
	case wasmabi.HTTP:
		return `"http": [{"url": "https://host/path/", "methods": ["GET"]}]`
	case wasmabi.Secrets:
		return `"secrets": ["name"]`
	default:
		return fmt.Sprintf("%q: {}", string(c))
	}
}

// metered rewrites the module with fuel and with its memory capped.
func (p *program) metered(pages uint32) ([]byte, error) {
	out, err := wasmbin.Instrument(p.binary, wasmbin.Options{
		RefuelModule: meterModule, RefuelName: refuelName, FuelExport: fuelExport, SaveExport: saveExport, RestoreExport: backExport,
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
