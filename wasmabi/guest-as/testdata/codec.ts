// Reads a message by its number and its bytes, and writes what it makes of it:
// "ok", the message encoded again in hex, and its fields; or "no" and why.

import { bytesOf, Credentials, fromBase64, Header, hexOf, HttpRequest, HttpResponse, textOf } from "../assembly";
import { unquote } from "../assembly/config";
import { input_read, output_write } from "../assembly/host";
import { IdRequest, KvPage, ProvideRequest, VerifyProofRequest } from "../assembly/message";
import { Reader } from "../assembly/wire";

let fields = "";

function input(length: i32): Uint8Array {
  const raw = new Uint8Array(length);
  input_read(raw.dataStart, length, 0);
  return raw;
}

function output(text: string): void {
  const out = bytesOf(text);
  output_write(out.dataStart, out.length);
}

export function codec(message: i32, length: i32): void {
  const raw = input(length);
  fields = "";
  let r: Reader, encoded: Uint8Array;
  switch (message) {
    case 0: {
      r = Credentials.reader(raw);
      const m = Credentials.decode(r);
      encoded = m.encode();
      credentials("", m);
      break;
    }
    case 1: {
      r = IdRequest.reader("a request", raw);
      const m = IdRequest.decode(r);
      encoded = m.encode();
      text("applicationId", m.applicationId);
      text("credentialsId", m.credentialsId);
      text("requestId", m.requestId);
      break;
    }
    case 2: {
      r = ProvideRequest.reader(raw);
      const m = ProvideRequest.decode(r);
      encoded = m.encode();
      text("applicationId", m.applicationId);
      text("requestId", m.requestId);
      credentials("credentials.", m.credentials);
      break;
    }
    case 3: {
      r = VerifyProofRequest.reader(raw);
      const m = VerifyProofRequest.decode(r);
      encoded = m.encode();
      text("applicationId", m.applicationId);
      text("requestId", m.requestId);
      text("proofType", m.proofType);
      field("challenge", hexOf(m.challenge));
      field("proof", hexOf(m.proof));
      credentials("credentials.", m.credentials);
      break;
    }
    case 4: {
      r = KvPage.reader(raw);
      const m = KvPage.decode(r);
      encoded = m.encode();
      for (let i = 0; i < m.entries.length; i++) {
        field("entries." + i.toString() + ".key", hexOf(m.entries[i].key));
        field("entries." + i.toString() + ".value", hexOf(m.entries[i].value));
      }
      break;
    }
    case 5: {
      r = HttpRequest.reader(raw);
      const m = HttpRequest.decode(r);
      encoded = m.encode();
      text("method", m.method);
      text("url", m.url);
      field("body", hexOf(m.body));
      number("timeoutMs", m.timeoutMs);
      headers(m.headers);
      break;
    }
    default: {
      r = HttpResponse.reader(raw);
      const m = HttpResponse.decode(r);
      encoded = m.encode();
      number("status", m.status);
      field("body", hexOf(m.body));
      headers(m.headers);
    }
  }
  output(r.error != "" ? "no " + r.error : "ok " + hexOf(encoded) + fields);
}

/** Writes the text of a JSON string, or "null". */
export function json_string(length: i32): void {
  const value = unquote(textOf(input(length)));
  output(value == null ? "null" : "=" + value);
}

/** Writes the bytes of Base64 in hex, or "null". */
export function base64_bytes(length: i32): void {
  const value = fromBase64(textOf(input(length)));
  output(value == null ? "null" : "=" + hexOf(value));
}

function field(name: string, value: string): void {
  if (value != "") fields += " " + name + "=" + value;
}

function number(name: string, value: u64): void {
  if (value != 0) field(name, value.toString());
}

function text(name: string, value: string): void {
  field(name, hexOf(bytesOf(value)));
}

function credentials(path: string, c: Credentials): void {
  text(path + "id", c.id);
  field(path + "body", hexOf(c.body));
  number(path + "status", c.status);
  number(path + "expiresUnix", c.expiresUnix);
}

function headers(all: Header[]): void {
  for (let i = 0; i < all.length; i++) {
    const path = "headers." + i.toString();
    text(path + ".name", all[i].name);
    text(path + ".value", all[i].value);
    text(path + ".secret", all[i].secret);
  }
}
