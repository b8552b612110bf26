// What the exports have in common.

import { bytesOf } from "./bytes";
import { Call } from "./call";
import { error_write, input_read, output_write } from "./host";
import { Credentials } from "./message";
import { Service } from "./service";
import { Status } from "./status";

let registered: Service | null = null;

/** Makes s the service of this module. Call it once, at the top level of the entry file. */
export function register(s: Service): void {
  assert(registered == null, "register was called twice: a module holds one service");
  registered = s;
}

/** The service of this module. */
export function service(): Service {
  assert(registered != null, "the module holds no service: call register");
  return registered!;
}

/** Copies the request in. */
export function input(length: i32): Uint8Array {
  const request = new Uint8Array(length);
  const n = input_read(request.dataStart, length, 0);
  return request.subarray(0, n < 0 ? 0 : n);
}

export function answer(call: Call, credentials: Credentials | null): void {
  if (call.hasFailed) return;
  if (credentials == null) {
    call.fail(Status.NotFound, "no such credentials");
    return;
  }
  const raw = credentials.encode();
  call.failed("output_write", output_write(raw.dataStart, raw.length));
}

export function finish(call: Call): i32 {
  if (call.hasFailed && call.reason != "") {
    const raw = bytesOf(call.reason);
    error_write(raw.dataStart, raw.length);
  }
  return call.status;
}
