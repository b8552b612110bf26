// The numbers that cross the boundary.

/** What an operation answers. */
export enum Status {
  OK = 0,
  /** The service failed. */
  Internal = 1,
  /** What was given is malformed; repeating it cannot help. */
  InvalidArgument = 2,
  /** There are no such credentials. */
  NotFound = 3,
  /** Other credentials hold this id. */
  AlreadyExists = 4,
  /** The present state forbids it. */
  FailedPrecondition = 5,
  /** The service does not offer this operation. */
  Unsupported = 6,
  /** No answer now; repeating it is safe. */
  Unavailable = 7,
  /** The service refuses these credentials. */
  PermissionDenied = 8,
  /** A quota is used up. */
  ResourceExhausted = 9,
  /** The time allowed ran out. */
  Deadline = 10,
}

/** Why the engine did nothing; the numbers are those of Linux. */
export enum Errno {
  None = 0,
  /** Not granted to this service, or not usable now. */
  PERM = 1,
  /** No such key, value or secret. */
  NOENT = 2,
  /** Over a size limit. */
  TOO_BIG = 7,
  /** Not now; the operation may be tried again. */
  AGAIN = 11,
  /** An argument is out of its range. */
  INVAL = 22,
  /** Not offered by this version. */
  NOSYS = 38,
  /** The operation has used up what one may use. */
  DQUOT = 122,
}

/** Says what an error number means. */
export function meaning(errno: Errno): string {
  switch (errno) {
    case Errno.PERM: return "not granted to this service, or not usable now (EPERM)";
    case Errno.NOENT: return "no such key or secret (ENOENT)";
    case Errno.TOO_BIG: return "over a size limit (E2BIG)";
    case Errno.AGAIN: return "not now, try again (EAGAIN)";
    case Errno.INVAL: return "argument out of range (EINVAL)";
    case Errno.NOSYS: return "not offered by this version (ENOSYS)";
    case Errno.DQUOT: return "quota of this operation is used up (EDQUOT)";
  }
  return "error number " + (errno as i32).toString();
}

/** A hash function. */
export enum Hash {
  Sha256 = 1,
  Sha384 = 2,
  Sha512 = 3,
  /** For legacy protocols only. */
  Sha1 = 4,
}

/** A signature algorithm. */
export enum Signature {
  /** Public keys are DER (SubjectPublicKeyInfo) or the raw 32 bytes. */
  Ed25519 = 1,
  /** ECDSA on P-256 with SHA-256; signatures are ASN.1 DER. */
  P256 = 2,
  /** RSA PKCS #1 v1.5 with SHA-256, keys of 2048 to 8192 bits. */
  Rsa = 3,
}

/** The severity of a log record. */
export enum Level {
  Debug = 0,
  Info = 1,
  Warn = 2,
  Error = 3,
}
