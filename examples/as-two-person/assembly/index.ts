// A credentials service for the rule of two: what one operator provisions is of
// no use until two operators have approved it, each with a signature. See
// README.md for how to build, deploy and try it.

import { Call, Credentials, CredentialsStatus, equal, Level, register, Service, Signature, Status, textOf } from "credence-guest/assembly";
import { ApprovalId, Approvals, MAX_DEVICE_BYTES, statement } from "./approval";
import { Operator, readOperators } from "./operator";

export * from "credence-guest/assembly/exports";

/** The largest body: with the rest of the message it has to fit into a value. */
const MAX_BODY_BYTES = 60 << 10;

/** An Ed25519 signature. */
const SIGNATURE_BYTES = 64;

/**
 * Keeps all of its state in kv:
 *
 *   device/<id>      the credentials, an encoded message
 *   approvals/<id>   who has approved them, see Approvals
 */
class TwoPerson extends Service {
  private needed: i32 = 2;
  private operators: Operator[] = [];

  configure(call: Call): void {
    const needed = call.config.number("/approvals", 2);
    if (needed < 2 || needed > 8) {
      call.fail(Status.InvalidArgument, "/approvals has to be from 2 to 8: one person alone is what this service prevents");
      return;
    }
    this.needed = needed;
    this.operators = readOperators(call);
    if (this.operators.length < this.needed) {
      call.fail(Status.InvalidArgument, "/operators has " + this.operators.length.toString() + " operators, and " + this.needed.toString() + " have to approve: nothing could ever be used");
    }
  }

  lookup(call: Call, id: string): Credentials | null {
    if (ApprovalId.is(id)) return this.lookupApproval(call, id);
    const device = this.load(call, id);
    if (device == null || device.status == CredentialsStatus.Revoked) return device;
    return this.approved(call, id) ? device : null;
  }

  provide(call: Call, given: Credentials): Credentials | null {
    return ApprovalId.is(given.id) ? this.approve(call, given) : this.admit(call, given);
  }

  markInUse(call: Call, id: string): void {
    if (ApprovalId.is(id)) {
      call.refuse("an approval is no device: connect with the id that was approved");
      return;
    }
    const device = this.load(call, id);
    if (device == null) {
      call.fail(Status.NotFound, "no such credentials");
    } else if (device.status == CredentialsStatus.Revoked) {
      call.refuse(id + " was revoked");
    } else if (this.approved(call, id)) {
      device.status = CredentialsStatus.InUse;
      this.store(call, device);
    }
  }

  /** A revoked approval is withdrawn: the device is of no use any more until somebody else approves. */
  markRevoked(call: Call, id: string): void {
    if (ApprovalId.is(id)) {
      const a = ApprovalId.parse(id);
      if (a == null || this.load(call, a.device) == null) return; // was never given
      const approvals = Approvals.load(call, a.device);
      approvals.withdraw(a.operator);
      approvals.save(call);
      return;
    }
    const device = this.load(call, id);
    if (device == null) return;
    device.status = CredentialsStatus.Revoked;
    this.store(call, device);
  }

  /** Takes a device in, which nobody has approved so far. */
  private admit(call: Call, given: Credentials): Credentials | null {
    if (String.UTF8.byteLength(given.id) > MAX_DEVICE_BYTES || hasControls(given.id)) {
      return call.fail(Status.InvalidArgument, "the id has to have at most " + MAX_DEVICE_BYTES.toString() + " bytes, without control characters");
    }
    if (given.body.length > MAX_BODY_BYTES) return call.fail(Status.InvalidArgument, "the body has over " + MAX_BODY_BYTES.toString() + " bytes");
    const known = this.load(call, given.id);
    given.status = CredentialsStatus.Available;
    if (known != null) {
      if (equal(known.body, given.body)) return given;
      const approvals = Approvals.load(call, given.id);
      if (known.status != CredentialsStatus.Available || approvals.count >= this.needed) {
        return call.fail(Status.AlreadyExists, given.id + " was approved with another key: revoke it, and give the device a new id");
      }
      approvals.clear(); // they were for the other key
      approvals.save(call);
    }
    this.store(call, given);
    return given;
  }

  /** Takes an approval in: the body is the operator's signature. */
  private approve(call: Call, given: Credentials): Credentials | null {
    const id = ApprovalId.parse(given.id);
    if (id == null) return call.fail(Status.InvalidArgument, "an approval has an id like approval:alice:SN-1, with the id of a device of at most " + MAX_DEVICE_BYTES.toString() + " bytes");
    const operator = this.operator(id.operator);
    if (operator == null) return call.refuse(id.operator + " is no operator of the configuration");
    const device = this.load(call, id.device);
    if (device == null) return call.fail(Status.FailedPrecondition, id.device + " is not provisioned yet: provision it, then approve");
    if (call.hasFailed) return null;
    const crypto = call.crypto;
    const signed = statement(call, crypto, id.device, device.body);
    const valid = given.body.length == SIGNATURE_BYTES && crypto.verify(Signature.Ed25519, operator.key, signed, given.body);
    if (!valid) return call.refuse("the body is no signature by " + id.operator + " over:\n" + textOf(signed));
    const approvals = Approvals.load(call, id.device);
    if (approvals.hasWithdrawn(id.operator)) return call.refuse(id.operator + " has withdrawn the approval of " + id.device + ", which is final");
    if (!approvals.has(id.operator)) {
      approvals.add(id.operator);
      approvals.save(call);
      call.log(Level.Info, id.operator + " approves " + id.device + ": " + approvals.count.toString() + " of " + this.needed.toString());
    }
    given.status = CredentialsStatus.Available;
    return given;
  }

  private lookupApproval(call: Call, id: string): Credentials | null {
    const a = ApprovalId.parse(id);
    if (a == null) return null;
    const approvals = Approvals.load(call, a.device);
    const c = Credentials.available(id);
    if (approvals.hasWithdrawn(a.operator)) c.status = CredentialsStatus.Revoked;
    else if (!approvals.has(a.operator)) return null;
    return c;
  }

  /** Whether enough operators have approved; if not, the call is refused. */
  private approved(call: Call, device: string): bool {
    const approvals = Approvals.load(call, device);
    if (approvals.count >= this.needed) return true;
    const by = approvals.count > 0 ? ", by " + approvals.names : "";
    call.refuse(device + " waits for approval: " + approvals.count.toString() + " of " + this.needed.toString() + " operators so far" + by);
    return false;
  }

  private operator(name: string): Operator | null {
    for (let i = 0; i < this.operators.length; i++) {
      if (this.operators[i].name == name) return this.operators[i];
    }
    return null;
  }

  /** What was provisioned under an id, null when nothing was. */
  private load(call: Call, id: string): Credentials | null {
    if (String.UTF8.byteLength(id) > MAX_DEVICE_BYTES) return null;
    const value = call.kv.get("device/" + id);
    if (value == null) return null;
    const r = Credentials.reader(value);
    const device = Credentials.decode(r);
    return call.malformed(r) ? null : device;
  }

  private store(call: Call, device: Credentials): void {
    call.kv.put("device/" + device.id, device.encode());
  }
}

function hasControls(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) == 0x7f) return true;
  }
  return false;
}

register(new TwoPerson());
