// The service of the benchmarks, in AssemblyScript: it knows every id, with a
// body of 290 bytes.

import { Call, Credentials, register, Service } from "credence-guest/assembly";

export * from "credence-guest/assembly/exports";

const body = Uint8Array.wrap(String.UTF8.encode("0123456789".repeat(29)));

class Lookup extends Service {
  lookup(call: Call, id: string): Credentials | null {
    const found = Credentials.available(id);
    found.body = body;
    return found;
  }
}

register(new Lookup());
