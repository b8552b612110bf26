// The wire format: protocol buffers, in the subset that ABI.md allows.

import { bytesOf, validUtf8 } from "./bytes";

/** What a field holds. */
export const enum Kind {
  Number,
  Text,
  Blob,
  Message,
}

/** A field by its name; a text or blob with its limit in bytes. */
export class Field {
  /** times is how often it may occur. */
  constructor(public name: string, public kind: Kind, public limit: u64 = u64.MAX_VALUE, public times: i32 = 1) {}
}

/** Walks over the fields of one message, strictly. Its first error ends the walk and stays. */
export class Reader {
  /** Why the bytes are not the message, empty while they are. */
  error: string = "";
  /** Of a number. */
  number: u64 = 0;
  /** Of any other kind. */
  block: Uint8Array = new Uint8Array(0);

  private pos: i32 = 0;
  private seen: StaticArray<i32> = new StaticArray<i32>(8);

  constructor(public message: string, public fields: Field[], public src: Uint8Array) {}

  /** Reads the next field and returns its number, 0 at the end and after an error. */
  next(): i32 {
    if (this.error != "" || this.pos == this.src.length) return 0;
    const tag = this.varint(0);
    if (this.error != "") return 0;
    if (tag >> 3 == 0 || tag >> 3 > (this.fields.length as u64)) return this.fail(0, "unknown field number");
    const n = (tag >> 3) as i32;
    const field = this.fields[n - 1];
    if ((tag & 7) != (field.kind == Kind.Number ? 0 : 2)) return this.fail(n, "wrong wire type");
    if (++this.seen[n - 1] > field.times) return this.fail(n, "the field occurs too often");
    const v = this.varint(n);
    if (this.error != "") return 0;
    if (field.kind == Kind.Number) {
      this.number = v;
      return n;
    }
    if (v > field.limit) return this.fail(n, "over its limit");
    if (v > ((this.src.length - this.pos) as u64)) return this.fail(n, "more bytes announced than are left");
    this.block = this.src.subarray(this.pos, this.pos + (v as i32));
    this.pos += v as i32;
    if (field.kind == Kind.Text && !validUtf8(this.block.dataStart, this.block.length)) return this.fail(n, "not valid UTF-8");
    return n;
  }

  /** The current field as a text. */
  text(): string {
    return String.UTF8.decodeUnsafe(this.block.dataStart, this.block.length);
  }

  /** A copy of the current field, which holds on to nothing else. */
  bytes(): Uint8Array {
    return this.block.slice();
  }

  /** The current field as a number of 32 bits. */
  short(n: i32): u32 {
    if (this.number > u32.MAX_VALUE) this.fail(n, "a number has more than 32 bits");
    return this.number as u32;
  }

  /** Fails when the field with this number was empty or not there. */
  require(n: i32, present: bool): void {
    if (!present) this.fail(n, "missing or empty");
  }

  /** Records an error of the field with this number, 0 for none, and returns 0. */
  fail(n: i32, reason: string): i32 {
    if (this.error == "") this.error = this.message + (n == 0 ? "" : "." + this.fields[n - 1].name) + ": " + reason;
    return 0;
  }

  /** A number of at most 64 bits in its shortest form. */
  private varint(field: i32): u64 {
    let v: u64 = 0;
    for (let i = 0; i < 10; i++) {
      if (this.pos == this.src.length) return this.fail(field, "the message ends within a number");
      const b = this.src[this.pos++];
      if (i == 9 && b > 1) return this.fail(field, "a number has more than 64 bits");
      if (b == 0 && i > 0) return this.fail(field, "a number is not in its shortest form");
      v |= ((b & 0x7f) as u64) << (7 * i);
      if (b < 0x80) break;
    }
    return v;
  }
}

/** Writes a message. Fields that hold their default are left out. */
export class Writer {
  private buffer: Uint8Array = new Uint8Array(256);
  private length: i32 = 0;

  /** What has been written. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  number(n: i32, v: u64): void {
    if (v == 0) return;
    this.push((n << 3) as u8);
    this.varint(v);
  }

  text(n: i32, v: string): void {
    if (v.length > 0) this.message(n, bytesOf(v));
  }

  block(n: i32, v: Uint8Array): void {
    if (v.length > 0) this.message(n, v);
  }

  /** Writes a nested message, even when it is empty: its presence means something. */
  message(n: i32, v: Uint8Array): void {
    this.push(((n << 3) | 2) as u8);
    this.varint(v.length);
    this.reserve(v.length);
    memory.copy(this.buffer.dataStart + this.length, v.dataStart, v.length);
    this.length += v.length;
  }

  private varint(v: u64): void {
    for (; v >= 0x80; v >>= 7) this.push((v as u8) | 0x80);
    this.push(v as u8);
  }

  private push(b: u8): void {
    this.reserve(1);
    this.buffer[this.length++] = b;
  }

  private reserve(n: i32): void {
    if (this.length + n <= this.buffer.length) return;
    const grown = new Uint8Array(2 * (this.length + n));
    grown.set(this.buffer);
    this.buffer = grown;
  }
}
