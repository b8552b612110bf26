// The export of a module whose service judges proofs. Its entry file passes it on,
// which tells the engine that there is a judge:
//
//   export * from "credence-guest/assembly/proof";

import { Call } from "./call";
import { finish, input, service } from "./dispatch";
import { VerifyProofRequest } from "./message";

export function verify_proof(length: i32): i32 {
  const r = VerifyProofRequest.reader(input(length));
  const request = VerifyProofRequest.decode(r);
  const call = new Call(request.applicationId, request.requestId);
  if (!call.malformed(r)) service().verifyProof(call, request);
  return finish(call);
}
