// The exports of a module, but for verify_proof. Its entry file passes them on:
//
//   export * from "credence-guest/assembly/exports";

import { Call } from "./call";
import { answer, finish, input, service } from "./dispatch";
import { IdRequest, ProvideRequest } from "./message";

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
