// Package wasmhost runs credentials services that are WebAssembly modules. Its
// [Runtime] is an engine.ModuleRuntime: it says what a module is, starts it
// with a configuration, and answers as an engine.CredentialsService.
//
// A module is treated as hostile. It is checked and rewritten before anything
// of it runs (internal/wasmbin), so that it hands control back many times in a
// millisecond; it reaches nothing but the functions of cred_v1 (package
// wasmabi) and stubs of WASI; and whatever goes wrong in it ends that one call
// and that one instance, with an error and never with an acceptance.
//
// From the outside in: a Runtime holds the compiled code and the host's
// functions; a service holds a pool for each application; a pool holds
// instances; an instance serves one call at a time, and the call is what the
// host's functions work on. RATIONALE.md says why.
package wasmhost
