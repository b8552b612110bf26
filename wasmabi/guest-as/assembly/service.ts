// What a credentials service is.

import { Call } from "./call";
import { Credentials, VerifyProofRequest } from "./message";
import { Status } from "./status";

/**
 * A credentials service. Only lookup is required.
 *
 * Calls come one after the other. State belongs into the call's kv, not into the service: instances come and go, and an operation may run again after a conflict. Only
 * configure should change fields of the service.
 */
export abstract class Service {
  /** Called once before any other method. A failure refuses the deployment; its text should say what to change. */
  configure(call: Call): void {}

  /**
   * The credentials with exactly this id, with their status; null when there are none; call.refuse(reason) when they must not be accepted. It is on the path of every
   * connection, and should write no state.
   */
  abstract lookup(call: Call, id: string): Credentials | null;

  /** Registers credentials, or refuses. It returns them with the same id and body and the status Available. The same ones may come again. */
  provide(call: Call, given: Credentials): Credentials | null {
    return call.fail(Status.Unsupported, "");
  }

  /** An endpoint claims credentials for the first time. It runs in the transaction of the claim; a failure refuses it. */
  markInUse(call: Call, id: string): void {
    call.fail(Status.Unsupported, "");
  }

  /** Credentials were revoked, which cannot be prevented. It runs again until it succeeds. */
  markRevoked(call: Call, id: string): void {
    call.fail(Status.Unsupported, "");
  }

  /**
   * Whether a proof shows possession of credentials: call.refuse(reason) when it does not. It is called only in a module that exports verify_proof, see proof.ts.
   */
  verifyProof(call: Call, request: VerifyProofRequest): void {
    call.fail(Status.Unsupported, "");
  }
}
