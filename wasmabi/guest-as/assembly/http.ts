// HTTP calls to the systems that the operator allows.

import { Call } from "./call";
import { http_call, result_read } from "./host";
import { Field, Kind, Reader, Writer } from "./wire";

/** A line of a request or response. */
export class Header {
  /** In requests, secret names a secret whose value the engine appends to value. */
  constructor(public name: string = "", public value: string = "", public secret: string = "") {}
}

/** What is asked of an external system. */
export class HttpRequest {
  /** At most 32. */
  headers: Header[] = [];
  /** At most 64 KiB. */
  body: Uint8Array = new Uint8Array(0);
  /** Bounds the call; 0 means what is left of the operation's time, which bounds it in any case. */
  timeoutMs: u32 = 0;

  /** A method in upper case and an absolute URL of at most 2 KiB. */
  constructor(public method: string = "", public url: string = "") {}

  encode(): Uint8Array {
    const w = new Writer();
    w.text(1, this.method);
    w.text(2, this.url);
    encodeHeaders(w, 3, this.headers);
    w.block(4, this.body);
    w.number(5, this.timeoutMs);
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("HttpRequest", REQUEST, raw);
  }

  static decode(r: Reader): HttpRequest {
    const m = new HttpRequest();
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.method = r.text();
      else if (n == 2) m.url = r.text();
      else if (n == 3) m.headers.push(header(r));
      else if (n == 4) m.body = r.bytes();
      else m.timeoutMs = r.short(5);
    }
    r.require(1, m.method != "");
    r.require(2, m.url != "");
    return m;
  }
}

/** What it answered. */
export class HttpResponse {
  /** 3xx answers come as they are: redirects are never followed. */
  status: u32 = 0;
  /** At most 64, with their names in lower case. */
  headers: Header[] = [];
  /** At most 64 KiB. */
  body: Uint8Array = new Uint8Array(0);

  /** The value of the first header with this name in lower case, null when there is none. */
  header(name: string): string | null {
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i].name == name) return this.headers[i].value;
    }
    return null;
  }

  encode(): Uint8Array {
    const w = new Writer();
    w.number(1, this.status);
    encodeHeaders(w, 2, this.headers);
    w.block(3, this.body);
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("HttpResponse", RESPONSE, raw);
  }

  static decode(r: Reader): HttpResponse {
    const m = new HttpResponse();
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.status = r.short(1);
      else if (n == 2) m.headers.push(header(r));
      else m.body = r.bytes();
    }
    r.require(1, m.status != 0);
    return m;
  }
}

function encodeHeaders(w: Writer, n: i32, headers: Header[]): void {
  for (let i = 0; i < headers.length; i++) {
    const h = new Writer();
    h.text(1, headers[i].name);
    h.text(2, headers[i].value);
    h.text(3, headers[i].secret);
    w.message(n, h.bytes());
  }
}

/** Reads the header in the current field of a message. */
function header(r: Reader): Header {
  const inner = new Reader("Header", HEADER, r.block);
  const m = new Header();
  for (let n = inner.next(); n != 0; n = inner.next()) {
    if (n == 1) m.name = inner.text();
    else if (n == 2) m.value = inner.text();
    else m.secret = inner.text();
  }
  inner.require(1, m.name != "");
  if (inner.error != "") r.error = inner.error;
  return m;
}

/** Sends requests. It needs the capability http, with the URLs in the manifest and in the service's grants. At most four in one operation. */
export class Http {
  constructor(private call: Call) {}

  /** Asks for a URL, see send. */
  get(url: string): HttpResponse | null {
    return this.send(new HttpRequest("GET", url));
  }

  /**
   * Sends a request and waits for the answer. It gives null when there is none, with the reason in the call's errno: Errno.PERM when the URL or method is not
   * allowed, Errno.AGAIN when the network failed or time ran out, Errno.TOO_BIG when the answer's body is over 64 KiB.
   */
  send(request: HttpRequest): HttpResponse | null {
    const raw = request.encode();
    const handle = http_call(raw.dataStart, raw.length);
    if (this.call.failed("http_call", handle)) return null;
    let buffer = new Uint8Array(96 << 10);
    let length = 0;
    while (true) {
      const n = result_read(handle, buffer.dataStart + length, buffer.length - length, length);
      if (this.call.failed("result_read", n)) return null;
      if (n == 0) break;
      length += n;
    }
    const r = HttpResponse.reader(buffer.subarray(0, length));
    const response = HttpResponse.decode(r);
    return this.call.malformed(r) ? null : response;
  }
}

const HEADER: Field[] = [new Field("name", Kind.Text, 256), new Field("value", Kind.Text, 4 << 10), new Field("secret", Kind.Text, 256)];
const REQUEST: Field[] = [
  new Field("method", Kind.Text, 256), new Field("url", Kind.Text, 2 << 10), new Field("headers", Kind.Message, u64.MAX_VALUE, 32),
  new Field("body", Kind.Blob, 64 << 10), new Field("timeout_ms", Kind.Number),
];
const RESPONSE: Field[] = [new Field("status", Kind.Number), new Field("headers", Kind.Message, u64.MAX_VALUE, 64), new Field("body", Kind.Blob, 64 << 10)];
