// A service that aborts on one id.

import { Call, Credentials, register, Service } from "../assembly";

export * from "../assembly/exports";

class GivesUp extends Service {
  lookup(call: Call, id: string): Credentials | null {
    assert(id != "SN-13", "nobody expects SN-13");
    return Credentials.available(id);
  }
}

register(new GivesUp());
