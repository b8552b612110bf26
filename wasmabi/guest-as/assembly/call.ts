// One operation, and the way to everything that the engine offers.

import { bytesOf } from "./bytes";
import { Config } from "./config";
import { Crypto, Secrets } from "./crypto";
import { clock_now, deadline_ms, log_enabled, log_write, random_fill } from "./host";
import { Http } from "./http";
import { Kv } from "./kv";
import { Credentials } from "./message";
import { Errno, Level, meaning, Status } from "./status";
import { Reader } from "./wire";

/**
 * One operation. It ends when the method that was given it returns.
 *
 * AssemblyScript has no exceptions, so a failure is kept here: the first one becomes the answer of the operation, whatever the method returns. What the engine refuses
 * (a quota that is used up, a key that is too long) is such a failure, too. A method that can do without takes it back with recover.
 */
export class Call {
  /** OK, or what the operation will answer. */
  status: Status = Status.OK;
  /** The reason, for operators. */
  reason: string = "";
  /** What the last function of the engine that failed has returned. */
  errno: Errno = Errno.None;

  constructor(
    /** The application whose endpoint it is about; empty while the service is configured. */
    public applicationId: string = "",
    /** Names the request in the engine's log; it may be empty. */
    public requestId: string = "",
  ) {}

  /** Fails the operation with a reason for operators, who see at most 1 KiB; devices never see it. It returns null, to be returned. */
  fail(status: Status, reason: string): Credentials | null {
    if (this.status == Status.OK) {
      this.status = status;
      this.reason = reason;
    }
    return null;
  }

  /** Refuses credentials, with a reason for operators. It returns null, to be returned. */
  refuse(reason: string): Credentials | null {
    return this.fail(Status.PermissionDenied, reason);
  }

  /** Whether the operation has failed so far. */
  get hasFailed(): bool {
    return this.status != Status.OK;
  }

  /** Takes back the failure, so that the operation may succeed after all. */
  recover(): void {
    this.status = Status.OK;
    this.reason = "";
    this.errno = Errno.None;
  }

  /** The service's state for this application. It needs the capability kv. */
  get kv(): Kv {
    return new Kv(this);
  }

  /** The service's configuration, over which the application's is laid. */
  get config(): Config {
    return new Config(this);
  }

  /** Calls of other systems. It needs the capability http. */
  get http(): Http {
    return new Http(this);
  }

  /** Cryptography at native speed. It needs the capability crypto. */
  get crypto(): Crypto {
    return new Crypto(this);
  }

  /** Use of named secrets, which cannot be read. It needs the capability secrets. */
  get secrets(): Secrets {
    return new Secrets(this);
  }

  /** Writes one record of at most 1 KiB to the engine's log, which adds the service, the application and the request; at most 64 in an operation. */
  log(level: Level, text: string): void {
    const raw = bytesOf(text);
    log_write(level, raw.dataStart, raw.length);
  }

  /** Whether the engine keeps records of this level, for texts that are costly to make. */
  logs(level: Level): bool {
    return log_enabled(level) == 1;
  }

  /** Milliseconds left for this call. */
  deadline(): i32 {
    return deadline_ms();
  }

  /** Nanoseconds since 1970, UTC, cut to a millisecond; 0 on a failure. It needs the capability clock. */
  now(): i64 {
    const now = clock_now();
    return this.failed("clock_now", now < 0 ? (now as i32) : 0) ? 0 : now;
  }

  /** Cryptographic randomness, at most 64 KiB in one operation. It needs the capability random. */
  random(length: i32): Uint8Array {
    const bytes = new Uint8Array(length);
    this.failed("random_fill", random_fill(bytes.dataStart, length));
    return bytes;
  }

  /** Notes a negative result of a function of the engine as the failure of this operation, and tells whether it was one. */
  failed(name: string, result: i32): bool {
    if (result >= 0) return false;
    this.errno = -result as Errno;
    const status = this.errno == Errno.DQUOT ? Status.ResourceExhausted : this.errno == Errno.AGAIN ? Status.Unavailable : Status.Internal;
    this.fail(status, name + ": " + meaning(this.errno));
    return true;
  }

  /** Notes that a message could not be read, and tells whether it was so. */
  malformed(r: Reader): bool {
    if (r.error == "") return false;
    this.fail(Status.InvalidArgument, r.error);
    return true;
  }
}
