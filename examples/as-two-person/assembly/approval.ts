// Approvals: who has approved a device, and under which ids that is provisioned.

import { bytesOf, Call, Crypto, Hash, hexOf, textOf } from "credence-guest/assembly";

/** The longest id of a device: with an operator's name before it, it has to be an id again. */
export const MAX_DEVICE_BYTES = 200;

const PREFIX = "approval:";

/** An id of the form approval:<operator>:<device>. */
export class ApprovalId {
  constructor(public operator: string, public device: string) {}

  /** Whether an id is about an approval, well formed or not. */
  static is(id: string): bool {
    return id.startsWith(PREFIX);
  }

  /** Reads an id, null if it is not of the form. */
  static parse(id: string): ApprovalId | null {
    const colon = id.indexOf(":", PREFIX.length);
    if (!ApprovalId.is(id) || colon <= PREFIX.length || colon + 1 == id.length) return null;
    const device = id.substring(colon + 1);
    if (ApprovalId.is(device) || String.UTF8.byteLength(device) > MAX_DEVICE_BYTES) return null;
    return new ApprovalId(id.substring(PREFIX.length, colon), device);
  }
}

/** What an operator signs: this application, this id, this key, and nothing else. */
export function statement(call: Call, crypto: Crypto, device: string, body: Uint8Array): Uint8Array {
  return bytesOf(
    "credence approval v1\napplication: " + call.applicationId + "\ncredentials: " + device + "\nbody-sha256: " + hexOf(crypto.hash(Hash.Sha256, body)) + "\n",
  );
}

/** Who has approved one device, and who has withdrawn that. Both are kept in one value: a name on each line, a dash before those that withdrew. */
export class Approvals {
  private given: string[] = [];
  private withdrawn: string[] = [];

  constructor(private device: string) {}

  static load(call: Call, device: string): Approvals {
    const a = new Approvals(device);
    const value = call.kv.get("approvals/" + device);
    if (value == null) return a;
    const lines = textOf(value).split("\n");
    for (let i = 0; i < lines.length; i++) {
      if (lines[i].startsWith("-")) a.withdrawn.push(lines[i].substring(1));
      else if (lines[i] != "") a.given.push(lines[i]);
    }
    return a;
  }

  save(call: Call): void {
    let text = "";
    for (let i = 0; i < this.given.length; i++) text += this.given[i] + "\n";
    for (let i = 0; i < this.withdrawn.length; i++) text += "-" + this.withdrawn[i] + "\n";
    call.kv.put("approvals/" + this.device, bytesOf(text));
  }

  get count(): i32 {
    return this.given.length;
  }

  /** The names, for messages. */
  get names(): string {
    return this.given.join(", ");
  }

  has(operator: string): bool {
    return this.given.includes(operator);
  }

  hasWithdrawn(operator: string): bool {
    return this.withdrawn.includes(operator);
  }

  add(operator: string): void {
    if (!this.has(operator)) this.given.push(operator);
  }

  withdraw(operator: string): void {
    const i = this.given.indexOf(operator);
    if (i >= 0) this.given.splice(i, 1);
    if (!this.hasWithdrawn(operator)) this.withdrawn.push(operator);
  }

  /** Forgets what was approved; what was withdrawn stays. */
  clear(): void {
    this.given = [];
  }
}
