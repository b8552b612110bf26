// Just enough of an engine to call a module: the input, the output and the
// reason. Every other function says that it is not granted.

import { readFileSync } from "node:fs";

export class Engine {
  constructor(path) {
    const module = new WebAssembly.Module(readFileSync(path));
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => -1;
    const memory = (at, length) => new Uint8Array(this.exports.memory.buffer, at, length);
    Object.assign((imports.cred_v1 ??= {}), {
      input_read: (dst, capacity, offset) => {
        const part = this.input.subarray(offset, offset + capacity);
        memory(dst, part.length).set(part);
        return part.length;
      },
      output_write: (src, length) => (this.output.push(Buffer.from(memory(src, length))), length),
      error_write: (src, length) => ((this.reason = Buffer.from(memory(src, length)).toString()), length),
    });
    (imports.env ??= {}).abort = () => { throw new Error("abort"); };
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.exports._initialize?.();
  }

  // Calls an export with a request; its length is the last argument.
  call(name, request, ...args) {
    this.input = request;
    this.output = [];
    this.reason = "";
    const status = this.exports[name](...args, request.length);
    return { status, output: Buffer.concat(this.output), reason: this.reason };
  }
}
