// Tests of the SDK: node --test with CORE and CODEC, the paths of the modules
// built from core.ts and codec.ts.

import assert from "node:assert/strict";
import test from "node:test";
import { Engine } from "./engine.mjs";

const codec = new Engine(process.env.CODEC);

test("strings of JSON are unquoted", () => {
  for (const text of ['""', '"a b"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u00e9\\u20AC"', '"\\ud83d\\ude00"', '"é€😀"']) {
    assert.equal(codec.call("json_string", Buffer.from(text)).output.toString(), "=" + JSON.parse(text), text);
  }
  for (const text of ["", '"', "7", '"\\x"', '"\\u12"', '"\\u00g0"', '"a"b"', '"\\"']) {
    assert.equal(codec.call("json_string", Buffer.from(text)).output.toString(), "null", text);
  }
});

test("Base64 is read in its only form", () => {
  for (const text of ["", "AA==", "AAE=", "AAEC", "+/+/", Buffer.from("a longer text").toString("base64")]) {
    assert.equal(codec.call("base64_bytes", Buffer.from(text)).output.toString(), "=" + Buffer.from(text, "base64").toString("hex"), text);
  }
  for (const text of ["A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "AA-_", "AAA=\n", " AAA", "===="]) {
    assert.equal(codec.call("base64_bytes", Buffer.from(text)).output.toString(), "null", text);
  }
});

// LookupRequest {application_id: "app", credentials_id: id}
const lookup = (id) => Buffer.concat([Buffer.from("0a03617070", "hex"), Buffer.from([0x12, id.length]), Buffer.from(id)]);

test("an operation answers with a status and a reason", () => {
  const core = new Engine(process.env.CORE);
  assert.equal(core.call("cred_configure", Buffer.from("{}")).status, 0);
  const found = core.call("lookup_credentials", lookup("SN-1"));
  assert.deepEqual([found.status, found.output.toString("hex")], [0, "0a04534e2d311801"]);
  const missing = core.call("lookup_credentials", lookup("other"));
  assert.deepEqual([missing.status, missing.output.length, missing.reason], [3, 0, "no such credentials"]);
  const malformed = core.call("lookup_credentials", Buffer.from("7f", "hex"));
  assert.deepEqual([malformed.status, malformed.reason], [2, "LookupRequest: unknown field number"]);
  for (const name of ["mark_credentials_in_use", "mark_credentials_revoked"]) {
    assert.deepEqual([core.call(name, lookup("SN-1")).status, core.call(name, Buffer.alloc(0)).status], [6, 2], name);
  }
  const provide = Buffer.from("0a0361707012040a026964", "hex");
  assert.equal(core.call("provide_credentials", provide).status, 6);
});

test("memory stays bounded", () => {
  const core = new Engine(process.env.CORE);
  const request = lookup("SN-001000");
  for (let n = 0; n < 50_000; n++) core.call("lookup_credentials", request);
  assert.ok(core.exports.memory.buffer.byteLength <= 1 << 20, `${core.exports.memory.buffer.byteLength} bytes`);
});
