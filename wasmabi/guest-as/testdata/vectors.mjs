// Gives the lines of the standard input, a message and its bytes in hex, to the
// codec in the module that is named, and prints its answers.

import { readFileSync } from "node:fs";
import { Engine } from "./engine.mjs";

const numbers = { Credentials: 0, LookupRequest: 1, MarkInUseRequest: 1, MarkRevokedRequest: 1, ProvideRequest: 2, VerifyProofRequest: 3, KvPage: 4, HttpRequest: 5, HttpResponse: 6 };
const engine = new Engine(process.argv[2]);
for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const [message, hex] = line.split(" ");
  if (!(message in numbers)) throw new Error(`the message ${message} is unknown`);
  console.log(engine.call("codec", Buffer.from(hex, "hex"), numbers[message]).output.toString());
}
