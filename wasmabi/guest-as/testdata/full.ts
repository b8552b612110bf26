// A service that uses all that the SDK offers.

import { bytesOf, Call, concat, Credentials, Errno, Hash, Level, register, Service, Signature, textOf, VerifyProofRequest } from "../assembly";

export * from "../assembly/exports";
export * from "../assembly/proof";

class Full extends Service {
  prefix: string = "";

  configure(call: Call): void {
    const prefix = call.config.string("/prefix");
    if (prefix != null) this.prefix = prefix;
  }

  lookup(call: Call, id: string): Credentials | null {
    const body = call.kv.get(this.prefix + id);
    if (body == null) return null;
    const c = Credentials.available(id);
    c.body = body;
    c.expiresUnix = ((call.now() / 1000000000) as u64) + 3600;
    return c;
  }

  provide(call: Call, given: Credentials): Credentials | null {
    if (call.logs(Level.Debug)) call.log(Level.Debug, "provide " + given.id + ", " + call.deadline().toString() + " ms left");
    call.kv.put(this.prefix + given.id, given.body);
    return given;
  }

  markInUse(call: Call, id: string): void {
    const signature = call.secrets.sign("key", Signature.Ed25519, call.random(8));
    const answer = call.http.get("https://erp.example.com/" + id);
    if (call.errno == Errno.AGAIN) call.recover();
    call.kv.put("used/" + id, answer == null ? signature : concat(signature, answer.body));
  }

  markRevoked(call: Call, id: string): void {
    let after = new Uint8Array(0);
    for (let page = call.kv.scan("used/", after); page.length > 0; page = call.kv.scan("used/", after)) {
      for (let i = 0; i < page.length; i++) {
        after = page[i].key;
        if (textOf(after).endsWith(id)) call.kv.delete(textOf(after));
      }
    }
  }

  verifyProof(call: Call, request: VerifyProofRequest): void {
    const digest = call.crypto.hash(Hash.Sha256, request.challenge);
    const key = call.crypto.hmac(Hash.Sha256, request.credentials.body, digest);
    const mac = call.secrets.hmac("key", Hash.Sha256, concat(key, bytesOf(request.proofType)));
    if (!call.crypto.verifyHmac(Hash.Sha256, key, mac, request.proof)) call.refuse("the proof does not hold");
  }
}

register(new Full());
