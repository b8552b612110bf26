// The configuration, read by JSON pointer.

import { bytesOf, textOf } from "./bytes";
import { Call } from "./call";
import { config_read } from "./host";
import { Errno, Status } from "./status";

/**
 * The service's configuration, a JSON object. Values are found by JSON pointer (RFC 6901): "/sites/0/name", and all of it under the empty one. A value of another type
 * than asked for fails the operation with words that say so.
 */
export class Config {
  constructor(private call: Call) {}

  /** The JSON text at a pointer, null where nothing is. */
  json(pointer: string): string | null {
    const raw = bytesOf(pointer);
    let value = new Uint8Array(256);
    while (true) {
      const n = config_read(raw.dataStart, raw.length, value.dataStart, value.length);
      if (n == -Errno.NOENT || this.call.failed("config_read", n)) return null;
      if (n <= value.length) return textOf(value.subarray(0, n));
      value = new Uint8Array(n);
    }
  }

  /** The string at a pointer, null where nothing is. */
  string(pointer: string): string | null {
    const text = this.json(pointer);
    if (text == null) return null;
    const value = unquote(text.trim());
    if (value == null) this.wrong(pointer, "a string");
    return value;
  }

  /** The whole number at a pointer, otherwise where nothing is. */
  number(pointer: string, otherwise: u32): u32 {
    const json = this.json(pointer);
    if (json == null) return otherwise;
    const text = json.trim();
    let value: u64 = 0;
    for (let i = 0; i < text.length; i++) {
      const digit = text.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9 || i == 10) {
        value = u64.MAX_VALUE;
        break;
      }
      value = 10 * value + (digit as u64);
    }
    if (text.length > 0 && value <= u32.MAX_VALUE) return value as u32;
    this.wrong(pointer, "a whole number from 0 to 4294967295");
    return otherwise;
  }

  private wrong(pointer: string, want: string): void {
    this.call.fail(Status.InvalidArgument, pointer + " in the configuration is not " + want);
  }
}

/** The text of a JSON string, null if it is none. */
export function unquote(json: string): string | null {
  const end = json.length - 1;
  if (end < 1 || json.charCodeAt(0) != 0x22 || json.charCodeAt(end) != 0x22) return null;
  let out = "";
  for (let i = 1; i < end; i++) {
    const c = json.charCodeAt(i);
    if (c == 0x22) return null;
    if (c != 0x5c) {
      out += String.fromCharCode(c);
      continue;
    }
    if (++i == end) return null;
    const escape = json.charAt(i);
    if (escape == "u") {
      let unit = 0;
      for (let j = 0; j < 4; j++) {
        const digit = ++i < end ? hexDigit(json.charCodeAt(i)) : -1;
        if (digit < 0) return null;
        unit = 16 * unit + digit;
      }
      out += String.fromCharCode(unit); // halves of a pair are written one after the other
    } else {
      const at = "\"\\/bfnrt".indexOf(escape);
      if (at < 0) return null;
      out += "\"\\/\b\f\n\r\t".charAt(at);
    }
  }
  return out;
}

function hexDigit(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  c |= 0x20;
  return c >= 0x61 && c <= 0x66 ? c - 0x61 + 10 : -1;
}
