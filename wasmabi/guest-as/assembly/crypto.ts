// Cryptography of the engine, with keys of the service and with secrets.

import { bytesOf } from "./bytes";
import { Call } from "./call";
import { crypto_hash, crypto_hmac, crypto_verify, secret_hmac, secret_sign } from "./host";
import { Hash, Signature } from "./status";

const NOTHING = new Uint8Array(0);

/** The longest result: a signature by an RSA key of 8192 bits. */
const MAX_RESULT: i32 = 1 << 10;

/** Computes. All functions together take at most 1 MiB in one operation. After a failure they return nothing: no bytes, or false. */
export class Crypto {
  constructor(private call: Call) {}

  /** The digest of data. */
  hash(hash: Hash, data: Uint8Array): Uint8Array {
    const out = new Uint8Array(MAX_RESULT);
    const n = crypto_hash(hash, data.dataStart, data.length, out.dataStart, out.length);
    return this.call.failed("crypto_hash", n) ? NOTHING : out.subarray(0, n);
  }

  /** The HMAC of data under a key of the service's own. */
  hmac(hash: Hash, key: Uint8Array, data: Uint8Array): Uint8Array {
    const out = new Uint8Array(MAX_RESULT);
    const n = crypto_hmac(hash, key.dataStart, key.length, data.dataStart, data.length, out.dataStart, out.length);
    return this.call.failed("crypto_hmac", n) ? NOTHING : out.subarray(0, n);
  }

  /** Whether a signature over data is valid under a public key. */
  verify(algorithm: Signature, publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): bool {
    return this.check(algorithm, publicKey, data, signature);
  }

  /** Whether an HMAC over data is valid, compared in constant time. */
  verifyHmac(hash: Hash, key: Uint8Array, data: Uint8Array, mac: Uint8Array): bool {
    return this.check(16 + (hash as i32), key, data, mac);
  }

  private check(algorithm: i32, key: Uint8Array, data: Uint8Array, signature: Uint8Array): bool {
    const n = crypto_verify(algorithm, key.dataStart, key.length, data.dataStart, data.length, signature.dataStart, signature.length);
    return !this.call.failed("crypto_verify", n) && n == 1;
  }
}

/** Uses secrets that the operator has granted, without reading them. After a failure there are no bytes. */
export class Secrets {
  constructor(private call: Call) {}

  /** The HMAC of data with the named secret as the key. */
  hmac(name: string, hash: Hash, data: Uint8Array): Uint8Array {
    const raw = bytesOf(name);
    const out = new Uint8Array(MAX_RESULT);
    const n = secret_hmac(raw.dataStart, raw.length, hash, data.dataStart, data.length, out.dataStart, out.length);
    return this.call.failed("secret_hmac", n) ? NOTHING : out.subarray(0, n);
  }

  /** The signature of data by the named secret, a private key in PKCS #8. */
  sign(name: string, algorithm: Signature, data: Uint8Array): Uint8Array {
    const raw = bytesOf(name);
    const out = new Uint8Array(MAX_RESULT);
    const n = secret_sign(raw.dataStart, raw.length, algorithm, data.dataStart, data.length, out.dataStart, out.length);
    return this.call.failed("secret_sign", n) ? NOTHING : out.subarray(0, n);
  }
}
