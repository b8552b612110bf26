// Texts and bytes. Strings of AssemblyScript are UTF-16, those of the ABI UTF-8.

/** The UTF-8 bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
}

/** The text of UTF-8 bytes; what is invalid is replaced. */
export function textOf(bytes: Uint8Array): string {
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

/** Both, one after the other. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** Whether two texts or keys hold the same bytes; not in constant time, so not for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): bool {
  return a.length == b.length && memory.compare(a.dataStart, b.dataStart, a.length) == 0;
}

/** The bytes in hexadecimal, lower case. */
export function hexOf(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    out += (bytes[i] >> 4).toString(16) + (bytes[i] & 15).toString(16);
  }
  return out;
}

/** The bytes that a text gives in standard Base64, null if it is none. */
export function fromBase64(text: string): Uint8Array | null {
  const n = text.length;
  if (n % 4 != 0) return null;
  let padding = 0;
  while (padding < 2 && padding < n && text.charCodeAt(n - 1 - padding) == 0x3d) padding++;
  const out = new Uint8Array((n / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < n; i += 4) {
    let group: u32 = 0;
    for (let j = 0; j < 4; j++) {
      const digit = i + j < n - padding ? base64Digit(text.charCodeAt(i + j)) : 0;
      if (digit < 0) return null;
      group = (group << 6) | (digit as u32);
    }
    for (let j = 16; j >= 0 && at < out.length; j -= 8) out[at++] = (group >> j) as u8;
    if (i + 4 == n && padding > 0 && (group & ((1 << (8 * padding)) - 1)) != 0) return null; // another text of the same bytes
  }
  return out;
}

function base64Digit(c: i32): i32 {
  if (c >= 0x41 && c <= 0x5a) return c - 0x41;
  if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
  if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
  return c == 0x2b ? 62 : c == 0x2f ? 63 : -1;
}

/** Whether bytes are valid UTF-8. */
export function validUtf8(at: usize, length: i32): bool {
  const end = at + length;
  while (at < end) {
    const b = load<u8>(at++);
    if (b < 0x80) continue;
    let more: i32, low: u8 = 0x80, high: u8 = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) more = 1;
    else if (b >= 0xe0 && b <= 0xef) {
      more = 2;
      if (b == 0xe0) low = 0xa0; // no longer form than needed
      if (b == 0xed) high = 0x9f; // no half of a surrogate pair
    } else if (b >= 0xf0 && b <= 0xf4) {
      more = 3;
      if (b == 0xf0) low = 0x90;
      if (b == 0xf4) high = 0x8f;
    } else return false;
    for (; more > 0; more--) {
      if (at == end) return false;
      const next = load<u8>(at++);
      if (next < low || next > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}
