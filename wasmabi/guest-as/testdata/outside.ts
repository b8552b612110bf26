// A service that uses all that the SDK offers for one proof, which holds only if
// each function of the SDK is right. Those in the other languages of the same name
// do the same.

import {
  bytesOf, Call, concat, Credentials, equal, Hash, Header, HttpRequest, Level, register, Service, Signature, Status, textOf, VerifyProofRequest,
} from "../assembly";

export * from "../assembly/exports";
export * from "../assembly/proof";

class Outside extends Service {
  provide(call: Call, given: Credentials): Credentials | null {
    call.kv.put("body/" + given.id, given.body);
    return given;
  }

  lookup(call: Call, id: string): Credentials | null {
    const body = call.kv.get("body/" + id);
    if (body == null) return null;
    const c = Credentials.available(id);
    c.body = body;
    return c;
  }

  verifyProof(call: Call, request: VerifyProofRequest): void {
    const given = request.credentials;
    look(call, given.id);
    const kept = keep(call, request.challenge);
    const told = ask(call, given.id, request.challenge);
    const signature = sign(call, given.body, concat(kept, told));
    if (!call.crypto.verify(Signature.Ed25519, given.body.subarray(0, P256_KEY), signature, request.proof)) call.refuse("the proof does not hold");
  }
}

/** Where the keys begin that follow the one of Ed25519 in the credentials. */
const P256_KEY = 32;
const RSA_KEY = P256_KEY + 91;

/** Uses clock, randomness, deadline and log. */
function look(call: Call, id: string): void {
  const year2025: i64 = 1735689600000000000;
  if (equal(call.random(16), call.random(16)) || call.now() < year2025 || call.deadline() < 1) call.fail(Status.Internal, "randomness, clock or deadline is wrong");
  if (call.logs(Level.Debug)) call.log(Level.Debug, "judging " + id);
}

/** Uses the state, and returns the one key that is left with its value, twice. */
function keep(call: Call, value: Uint8Array): Uint8Array {
  const keys = ["seen/a", "seen/b", "seen/c"];
  for (let i = 0; i < keys.length; i++) call.kv.put(keys[i], value);
  call.kv.delete("seen/b");
  let kept = new Uint8Array(0);
  let after = bytesOf("seen/a");
  for (let page = call.kv.scan("seen/", after); page.length > 0; page = call.kv.scan("seen/", after)) {
    for (let i = 0; i < page.length; i++) {
      after = page[i].key;
      kept = concat(kept, concat(after, page[i].value));
      const again = call.kv.get(textOf(after));
      if (again != null) kept = concat(kept, again);
    }
  }
  return kept;
}

/** Uses configuration and HTTP, and returns a header and the body. */
function ask(call: Call, id: string, body: Uint8Array): Uint8Array {
  const erp = call.config.string("/erp");
  const request = new HttpRequest("POST", (erp == null ? "" : erp) + id);
  request.headers = [new Header("authorization", "Bearer ", "erp-token"), new Header("x-application", call.applicationId)];
  request.body = body;
  request.timeoutMs = call.config.number("/patienceMs", 0);
  const answer = call.http.send(request);
  if (answer == null) return body;
  if (answer.status != 201) call.fail(Status.Unavailable, "the ERP answers with " + answer.status.toString());
  const nonce = answer.header("x-nonce");
  return nonce == null ? answer.body : concat(bytesOf(nonce), answer.body);
}

/** Uses secrets and cryptography. */
function sign(call: Call, keys: Uint8Array, data: Uint8Array): Uint8Array {
  const hashes = [Hash.Sha1, Hash.Sha256, Hash.Sha384, Hash.Sha512];
  let digests = new Uint8Array(0);
  for (let i = 0; i < hashes.length; i++) digests = concat(digests, call.crypto.hash(hashes[i], data));
  const inner = call.crypto.hmac(Hash.Sha384, keys, digests);
  const outer = call.secrets.hmac("shared", Hash.Sha256, inner);
  const p256 = call.secrets.sign("p256", Signature.P256, outer);
  const rsa = call.secrets.sign("rsa", Signature.Rsa, outer);
  const hold =
    call.crypto.verifyHmac(Hash.Sha384, keys, digests, inner) &&
    call.crypto.verify(Signature.P256, keys.subarray(P256_KEY, RSA_KEY), outer, p256) &&
    call.crypto.verify(Signature.Rsa, keys.subarray(RSA_KEY), outer, rsa);
  if (!hold) call.fail(Status.Internal, "a signature of the engine is not taken back");
  return call.secrets.sign("ed25519", Signature.Ed25519, outer);
}

register(new Outside());
