// Package wasmbin reads, checks and rewrites core WebAssembly binaries.
//
// It is the part of the sandbox that works on bytes and runs nothing: [Parse]
// turns an uploaded module into a typed [Module] or refuses it with an [Error]
// that names the byte offset, [Instrument] writes that module back with
// metering and with hard maxima on memory and tables, and [AppendCustom] packs
// a custom section such as a manifest.
//
// The accepted language is what wazero runs as api.CoreFeaturesV2 (WebAssembly
// 2.0 with SIMD), less everything that a guest of ours has no use for:
// imports other than functions, more than one memory, shared and 64-bit
// memories, tags.
//
// Division of work: wasmbin checks the structure, every index and every limit;
// the types on the operand stack are checked by wazero, on the rewritten
// module. RATIONALE.md says why that is enough and why modules are rewritten.
package wasmbin
