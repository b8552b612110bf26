// Write credentials services for Credence in AssemblyScript: see README.md.

export { bytesOf, concat, equal, fromBase64, hexOf, textOf } from "./bytes";
export { Call } from "./call";
export { Config } from "./config";
export { Crypto, Secrets } from "./crypto";
export { Header, Http, HttpRequest, HttpResponse } from "./http";
export { Kv } from "./kv";
export { Credentials, CredentialsStatus, KvEntry, VerifyProofRequest } from "./message";
export { register } from "./dispatch";
export { Service } from "./service";
export { Errno, Hash, Level, Signature, Status } from "./status";
