// The messages of cred_v1. The decoders are as strict as the engine's: each
// leaves the reason in the reader's error when the bytes are not the message.

import { Field, Kind, Reader, Writer } from "./wire";

const MAX_ID_BYTES: u64 = 256;
const MAX_BODY_BYTES: u64 = 64 << 10;

/** Where credentials stand in their life. */
export enum CredentialsStatus {
  /** What a message without the field says. The engine refuses an answer that leaves it so. */
  Unspecified = 0,
  /** Nobody has claimed them. */
  Available = 1,
  /** An endpoint has claimed them. */
  InUse = 2,
  /** They are refused, for good. */
  Revoked = 3,
}

/** What a service knows under one id. */
export class Credentials {
  /** 1 to 256 bytes. */
  id: string = "";
  /** The public part, at most 64 KiB: a public key, a certificate, or whatever the service wants. */
  body: Uint8Array = new Uint8Array(0);
  status: CredentialsStatus = CredentialsStatus.Unspecified;
  /** The second since 1970, UTC, from which on they are no longer valid; 0 means never. */
  expiresUnix: u64 = 0;

  /** Credentials that nobody has claimed and that never expire. */
  static available(id: string): Credentials {
    const c = new Credentials();
    c.id = id;
    c.status = CredentialsStatus.Available;
    return c;
  }

  encode(): Uint8Array {
    const w = new Writer();
    w.text(1, this.id);
    w.block(2, this.body);
    w.number(3, this.status);
    w.number(4, this.expiresUnix);
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("Credentials", CREDENTIALS, raw);
  }

  static decode(r: Reader): Credentials {
    const m = new Credentials();
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.id = r.text();
      else if (n == 2) m.body = r.bytes();
      else if (n == 4) m.expiresUnix = r.number;
      else if (r.number > 3) r.fail(3, "unknown status");
      else m.status = r.number as CredentialsStatus;
    }
    r.require(1, m.id != "");
    return m;
  }
}

/** Reads the credentials in the current field of a message. */
function nested(r: Reader): Credentials {
  const inner = Credentials.reader(r.block);
  const c = Credentials.decode(inner);
  if (inner.error != "" && r.error == "") r.error = inner.error;
  return c;
}

/** A request about an id: LookupRequest, MarkInUseRequest and MarkRevokedRequest. */
export class IdRequest {
  applicationId: string = "";
  credentialsId: string = "";
  requestId: string = "";

  encode(): Uint8Array {
    const w = new Writer();
    w.text(1, this.applicationId);
    w.text(2, this.credentialsId);
    w.text(3, this.requestId);
    return w.bytes();
  }

  static reader(message: string, raw: Uint8Array): Reader {
    return new Reader(message, ID_REQUEST, raw);
  }

  static decode(r: Reader): IdRequest {
    const m = new IdRequest();
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.applicationId = r.text();
      else if (n == 2) m.credentialsId = r.text();
      else m.requestId = r.text();
    }
    r.require(1, m.applicationId != "");
    r.require(2, m.credentialsId != "");
    return m;
  }
}

/** Asks the service to take credentials in. */
export class ProvideRequest {
  applicationId: string = "";
  credentials: Credentials = new Credentials();
  requestId: string = "";

  encode(): Uint8Array {
    const w = new Writer();
    w.text(1, this.applicationId);
    w.message(2, this.credentials.encode());
    w.text(3, this.requestId);
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("ProvideRequest", PROVIDE, raw);
  }

  static decode(r: Reader): ProvideRequest {
    const m = new ProvideRequest();
    let given = false;
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.applicationId = r.text();
      else if (n == 3) m.requestId = r.text();
      else {
        m.credentials = nested(r);
        given = true;
      }
    }
    r.require(1, m.applicationId != "");
    r.require(2, given);
    return m;
  }
}

/** Asks the service whether a proof shows possession of credentials. */
export class VerifyProofRequest {
  applicationId: string = "";
  /** As the lookup has answered them. */
  credentials: Credentials = new Credentials();
  /** What kind of proof the device says it is. */
  proofType: string = "";
  /** What the device was asked, at most 64 KiB; it may be empty. */
  challenge: Uint8Array = new Uint8Array(0);
  /** What it answered, at most 64 KiB. */
  proof: Uint8Array = new Uint8Array(0);
  requestId: string = "";

  encode(): Uint8Array {
    const w = new Writer();
    w.text(1, this.applicationId);
    w.message(2, this.credentials.encode());
    w.text(3, this.proofType);
    w.block(4, this.challenge);
    w.block(5, this.proof);
    w.text(6, this.requestId);
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("VerifyProofRequest", VERIFY_PROOF, raw);
  }

  static decode(r: Reader): VerifyProofRequest {
    const m = new VerifyProofRequest();
    let given = false;
    for (let n = r.next(); n != 0; n = r.next()) {
      if (n == 1) m.applicationId = r.text();
      else if (n == 3) m.proofType = r.text();
      else if (n == 4) m.challenge = r.bytes();
      else if (n == 5) m.proof = r.bytes();
      else if (n == 6) m.requestId = r.text();
      else {
        m.credentials = nested(r);
        given = true;
      }
    }
    r.require(1, m.applicationId != "");
    r.require(2, given);
    r.require(3, m.proofType != "");
    return m;
  }
}

/** One key of the state with its value. */
export class KvEntry {
  key: Uint8Array = new Uint8Array(0);
  value: Uint8Array = new Uint8Array(0);
}

/** What kv_scan writes. */
export class KvPage {
  entries: KvEntry[] = [];

  encode(): Uint8Array {
    const w = new Writer();
    for (let i = 0; i < this.entries.length; i++) {
      const e = new Writer();
      e.block(1, this.entries[i].key);
      e.block(2, this.entries[i].value);
      w.message(1, e.bytes());
    }
    return w.bytes();
  }

  static reader(raw: Uint8Array): Reader {
    return new Reader("KvPage", KV_PAGE, raw);
  }

  static decode(r: Reader): KvPage {
    const m = new KvPage();
    while (r.next() != 0) {
      const inner = new Reader("KvEntry", KV_ENTRY, r.block);
      const e = new KvEntry();
      for (let n = inner.next(); n != 0; n = inner.next()) {
        if (n == 1) e.key = inner.bytes();
        else e.value = inner.bytes();
      }
      inner.require(1, e.key.length > 0);
      if (inner.error != "") r.error = inner.error;
      m.entries.push(e);
    }
    return m;
  }
}

const CREDENTIALS: Field[] = [
  new Field("id", Kind.Text, MAX_ID_BYTES), new Field("body", Kind.Blob, MAX_BODY_BYTES), new Field("status", Kind.Number), new Field("expires_unix", Kind.Number),
];
const ID_REQUEST: Field[] = [
  new Field("application_id", Kind.Text, MAX_ID_BYTES), new Field("credentials_id", Kind.Text, MAX_ID_BYTES), new Field("request_id", Kind.Text, MAX_ID_BYTES),
];
const PROVIDE: Field[] = [
  new Field("application_id", Kind.Text, MAX_ID_BYTES), new Field("credentials", Kind.Message), new Field("request_id", Kind.Text, MAX_ID_BYTES),
];
const VERIFY_PROOF: Field[] = [
  new Field("application_id", Kind.Text, MAX_ID_BYTES), new Field("credentials", Kind.Message), new Field("proof_type", Kind.Text, MAX_ID_BYTES),
  new Field("challenge", Kind.Blob, MAX_BODY_BYTES), new Field("proof", Kind.Blob, MAX_BODY_BYTES), new Field("request_id", Kind.Text, MAX_ID_BYTES),
];
const KV_PAGE: Field[] = [new Field("entries", Kind.Message, u64.MAX_VALUE, i32.MAX_VALUE)];
const KV_ENTRY: Field[] = [new Field("key", Kind.Blob, 256), new Field("value", Kind.Blob, 64 << 10)];
