// The service's state.

import { bytesOf } from "./bytes";
import { Call } from "./call";
import { kv_delete, kv_get, kv_put, kv_scan } from "./host";
import { KvEntry, KvPage } from "./message";
import { Errno } from "./status";

/** Has room for the largest entry. */
const MAX_PAGE_BYTES: i32 = 256 + (64 << 10) + 32;

/**
 * The service's state for one application: keys of 1 to 256 bytes, values of at most 64 KiB, and at most 32 calls in one operation.
 *
 * Everything that one operation reads and writes commits at once or not at all, and a conflict runs the operation again. A get conflicts with changes of its key only, a
 * scan with any change of this state; so prefer get where many endpoints connect at once.
 */
export class Kv {
  constructor(private call: Call) {}

  /** The value of a key, null when there is none, or after a failure. */
  get(key: string): Uint8Array | null {
    const raw = bytesOf(key);
    let value = new Uint8Array(256);
    while (true) {
      const n = kv_get(raw.dataStart, raw.length, value.dataStart, value.length);
      if (n == -Errno.NOENT || this.call.failed("kv_get", n)) return null;
      if (n <= value.length) return value.subarray(0, n);
      value = new Uint8Array(n);
    }
  }

  /** Sets a key. */
  put(key: string, value: Uint8Array): void {
    const raw = bytesOf(key);
    this.call.failed("kv_put", kv_put(raw.dataStart, raw.length, value.dataStart, value.length));
  }

  /** Removes a key, present or not. */
  delete(key: string): void {
    const raw = bytesOf(key);
    this.call.failed("kv_delete", kv_delete(raw.dataStart, raw.length));
  }

  /** One page of the keys that begin with prefix and come after the key after, in byte order; empty at the end, and after a failure. */
  scan(prefix: string, after: Uint8Array): KvEntry[] {
    const raw = bytesOf(prefix);
    let page = new Uint8Array(4 << 10);
    let n = kv_scan(raw.dataStart, raw.length, after.dataStart, after.length, page.dataStart, page.length);
    if (n == -Errno.TOO_BIG) {
      page = new Uint8Array(MAX_PAGE_BYTES);
      n = kv_scan(raw.dataStart, raw.length, after.dataStart, after.length, page.dataStart, page.length);
    }
    if (this.call.failed("kv_scan", n)) return [];
    const r = KvPage.reader(page.subarray(0, n));
    const entries = KvPage.decode(r).entries;
    return this.call.malformed(r) ? [] : entries;
  }
}
