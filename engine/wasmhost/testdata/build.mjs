// Compiles wat/*.wat into build/*.wasm, in one process, sources newer than
// their output only. Usage: node build.mjs
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import wabtModule from "wabt";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "build");
mkdirSync(out, { recursive: true });

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;

const wabt = await wabtModule();
const features = {
  annotations: true, bulk_memory: true, multi_value: true, mutable_globals: true, reference_types: true,
  sat_float_to_int: true, sign_extension: true, simd: true,
};
// Sources that begin with this line use proposals that the engine refuses.
const proposals = { ...features, exceptions: true, memory64: true, multi_memory: true, tail_call: true, threads: true };

for (const file of readdirSync(join(here, "wat")).filter((f) => f.endsWith(".wat"))) {
  const source = join(here, "wat", file);
  const target = join(out, file.replace(/\.wat$/, ".wasm"));
  if (modified(target) > modified(source)) continue;
  const text = readFileSync(source, "utf8");
  const enabled = text.startsWith(";; proposals") ? proposals : features;
  let module;
  try {
    module = wabt.parseWat(file, text, enabled);
    module.resolveNames();
    module.validate(enabled);
    const { buffer } = module.toBinary({ write_debug_names: false });
    // A reader never sees half a file.
    writeFileSync(target + ".new", buffer);
    renameSync(target + ".new", target);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    module?.destroy();
  }
}
