package wasmhost

import (
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
)

// Anatomy is what can be seen of a module without running or compiling it.
type Anatomy struct {
	// Report says what the module is and whether it would be accepted, as far
	// as that can be seen.
	Report
	Sections []Section
	Imports  []Import
	// MemoryStart is the memory that the module begins with, MemoryPages what
	// it can grow to here; both in pages of 64 KiB.
	MemoryStart, MemoryPages uint32
	// CallTimeout bounds a lookup, ProvideTimeout a provision.
	CallTimeout, ProvideTimeout time.Duration
}

// Section is one section of a module's file.
type Section struct {
	// Name is "code", "data", …, or the name of a custom section in quotes.
	Name string `json:"name"`
	// Offset and Bytes say where it lies, its header included.
	Offset int `json:"offset"`
	Bytes  int `json:"bytes"`
}

// Import is a function that a module imports.
type Import struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Signature string `json:"signature"`
	// Capability is what the manifest has to ask for; empty for core functions
	// and for those that the host does not have.
	Capability string `json:"capability,omitempty"`
}

// Dissect looks at a module, and at whether it fits the settings of a service.
func (r *Runtime) Dissect(wasm []byte, o CheckOptions) Anatomy {
	p, found := r.examine(wasm)
	a := Anatomy{Report: Report{Module: p.describe()}}
	a.Module.Size, a.Module.Digest = len(wasm), engine.DigestOf(wasm)
	for _, s := range wasmbin.Outline(wasm) {
		a.Sections = append(a.Sections, Section{Name: s.Name, Offset: s.Offset, Bytes: s.Size})
	}
	if p.binary == nil {
		a.Findings = found
		return a
	}
	for _, i := range p.binary.Imports {
		one := Import{Module: i.Module, Name: i.Name, Signature: strings.ReplaceAll(i.Type.String(), " -> ()", "")}
		if known, _ := importOf(i.Module, i.Name); known != nil {
			one.Capability = string(*known)
		}
		a.Imports = append(a.Imports, one)
	}
	p.warnOfGrants(o.Grants, &found)
	limits, _, err := r.fit(p, engine.Service{Grants: p.granted(o.Grants), Limits: o.Limits})
	if err != nil && found.refusal() == nil {
		found = append(found, refusalOf(err))
	}
	a.Findings = found
	a.MemoryStart, a.MemoryPages = p.binary.Memory.Min, limits.MemoryPages
	if m := p.binary.Memory; m.HasMax {
		a.MemoryPages = min(a.MemoryPages, m.Max)
	}
	a.CallTimeout, a.ProvideTimeout = limits.CallTimeout, limits.ProvideTimeout
	return a
}
