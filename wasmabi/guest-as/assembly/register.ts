import { Service } from "./service";

let service: Service | null = null;

/** Makes s the service of this module. Call it once, at the top level of the entry file. */
export function register(s: Service): void {
  assert(service == null, "register was called twice: a module holds one service");
  service = s;
}

/** The service of this module. */
export function registered(): Service | null {
  return service;
}
