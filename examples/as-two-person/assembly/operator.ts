// The operators of the configuration.

import { Call, equal, fromBase64, Status } from "credence-guest/assembly";

export class Operator {
  /** key is the raw 32 bytes of an Ed25519 public key. */
  constructor(public name: string, public key: Uint8Array) {}
}

const MAX_OPERATORS = 32;

/** Reads the operators, and fails the call with what to change if they make no sense. */
export function readOperators(call: Call): Operator[] {
  const all: Operator[] = [];
  for (let i = 0; call.config.json("/operators/" + i.toString()) != null; i++) {
    const at = "/operators/" + i.toString();
    if (i == MAX_OPERATORS) {
      call.fail(Status.InvalidArgument, "/operators has more than " + MAX_OPERATORS.toString() + " operators");
      return all;
    }
    const name = call.config.string(at + "/name");
    if (name == null || !isName(name)) {
      call.fail(Status.InvalidArgument, at + "/name has to have 1 to 32 letters, digits, dots, dashes or underscores");
      return all;
    }
    const text = call.config.string(at + "/key");
    const key = rawKey(fromBase64(text == null ? "-" : text));
    if (key == null) {
      call.fail(Status.InvalidArgument, at + "/key is no Ed25519 public key in Base64: openssl pkey -in alice.pem -pubout -outform DER | base64 prints one");
      return all;
    }
    for (let j = 0; j < all.length; j++) {
      if (all[j].name == name || equal(all[j].key, key)) {
        call.fail(Status.InvalidArgument, at + " has the name or the key of " + all[j].name + ": two operators are two people, each with a key of their own");
        return all;
      }
    }
    all.push(new Operator(name, key));
  }
  return all;
}

function isName(text: string): bool {
  if (text.length < 1 || text.length > 32) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const lower = c | 0x20;
    if (!((lower >= 0x61 && lower <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x2d || c == 0x2e || c == 0x5f)) return false;
  }
  return true;
}

/** What DER writes before the 32 bytes of an Ed25519 public key. */
const DER_HEAD: u8[] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/** The raw form, in which one key has one form only; null if it is none. */
function rawKey(key: Uint8Array | null): Uint8Array | null {
  if (key == null || key.length == 32) return key;
  if (key.length != DER_HEAD.length + 32) return null;
  for (let i = 0; i < DER_HEAD.length; i++) {
    if (key[i] != DER_HEAD[i]) return null;
  }
  return key.slice(DER_HEAD.length);
}
