// The exports of a module. Its entry file passes them on:
//
//   export * from "credence-guest/assembly/exports";

import { bytesOf } from "./bytes";
import { Call } from "./call";
import { error_write, input_read, output_write } from "./host";
import { Credentials, IdRequest, ProvideRequest, VerifyProofRequest } from "./message";
import { registered } from "./register";
import { Service } from "./service";
import { Status } from "./status";

export function cred_abi_v1(): void {}

export function cred_configure(length: i32): i32 {
  const call = new Call();
  service().configure(call);
  return finish(call);
}

export function lookup_credentials(length: i32): i32 {
  const r = IdRequest.reader("LookupRequest", input(length));
  const request = IdRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) answer(call, service().lookup(call, request.credentialsId));
  return finish(call);
}

export function provide_credentials(length: i32): i32 {
  const r = ProvideRequest.reader(input(length));
  const request = ProvideRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) answer(call, service().provide(call, request.credentials));
  return finish(call);
}

export function mark_credentials_in_use(length: i32): i32 {
  const r = IdRequest.reader("MarkInUseRequest", input(length));
  const request = IdRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) service().markInUse(call, request.credentialsId);
  return finish(call);
}

export function mark_credentials_revoked(length: i32): i32 {
  const r = IdRequest.reader("MarkRevokedRequest", input(length));
  const request = IdRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) service().markRevoked(call, request.credentialsId);
  return finish(call);
}

export function verify_proof(length: i32): i32 {
  const r = VerifyProofRequest.reader(input(length));
  const request = VerifyProofRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) service().verifyProof(call, request);
  return finish(call);
}

function service(): Service {
  const s = registered();
  assert(s != null, "the module holds no service: call register");
  return s!;
}

/** Copies the request in. */
function input(length: i32): Uint8Array {
  const request = new Uint8Array(length);
  const n = input_read(request.dataStart, length, 0);
  return request.subarray(0, n < 0 ? 0 : n);
}

function answer(call: Call, credentials: Credentials | null): void {
  if (call.hasFailed) return;
  if (credentials == null) {
    call.fail(Status.NotFound, "no such credentials");
    return;
  }
  const raw = credentials.encode();
  call.failed("output_write", output_write(raw.dataStart, raw.length));
}

function finish(call: Call): i32 {
  if (call.hasFailed && call.reason != "") {
    const raw = bytesOf(call.reason);
    error_write(raw.dataStart, raw.length);
  }
  return call.status;
}
