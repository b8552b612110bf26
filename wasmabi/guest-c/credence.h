/*
 * credence.h: the SDK for writing a credentials service in C.
 *
 * One header, freestanding C11: no library, no allocation. Compiled for wasm32
 * it makes a module that the engine runs in its sandbox; compiled for another
 * machine, the functions named cred_import_* are left to whoever links it, and
 * those named cred_export_* can be called: a test plays the engine. README.md leads from nothing to a deployed
 * service; the contract underneath is wasmabi/ABI.md.
 *
 * A service is a function for each operation, and a macro that exports it:
 *
 *     static cred_status lookup(const cred_request *r, cred_credentials *out) {
 *         if (!cred_has_prefix(r->credentials_id, CRED_STR("SN-")))
 *             return CRED_NOT_FOUND;
 *         out->status = CRED_AVAILABLE;
 *         return CRED_OK;
 *     }
 *     CRED_EXPORT_LOOKUP(lookup)
 *
 * What a function is given is valid until it returns: it points into a buffer
 * that the next operation uses again. Keep state in cred_kv_*, never in
 * variables: instances come and go, and run on several nodes.
 *
 * Functions that return an int32_t give 0 or more, or a negated error number
 * (-CRED_ENOENT); cred_failed turns one into a status and a reason.
 */
#ifndef CREDENCE_H
#define CREDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Bytes -------------------------------------------------------------- */

/* Some bytes of somebody else's memory. A text has no zero byte at its end. */
typedef struct {
    const uint8_t *ptr;
    uint32_t len;
} cred_bytes;

/* CRED_STR makes bytes of a string literal. It is no constant: not for static variables. */
#define CRED_STR(literal) ((cred_bytes){(const uint8_t *)("" literal), (uint32_t)(sizeof(literal) - 1)})

/* cred_copy copies n bytes; the areas do not overlap. Compile with -mbulk-memory, and it is one instruction. */
static inline void cred_copy(uint8_t *dst, const uint8_t *src, uint32_t n) {
    if (n > 0) __builtin_memcpy(dst, src, n);
}

/*
 * cred_equal compares in a time that depends on the lengths only, so that it is
 * good for what must not be guessed.
 */
static inline bool cred_equal(cred_bytes a, cred_bytes b) {
    if (a.len != b.len) return false;
    volatile uint8_t differ = 0;
    for (uint32_t i = 0; i < a.len; i++) differ = (uint8_t)(differ | (a.ptr[i] ^ b.ptr[i]));
    return differ == 0;
}

static inline cred_bytes cred_from(cred_bytes b, uint32_t at) {
    return at < b.len ? (cred_bytes){b.ptr + at, b.len - at} : (cred_bytes){b.ptr, 0};
}

static inline cred_bytes cred_until(cred_bytes b, uint32_t at) {
    return at < b.len ? (cred_bytes){b.ptr, at} : b;
}

static inline bool cred_has_prefix(cred_bytes b, cred_bytes prefix) {
    return b.len >= prefix.len && cred_equal(cred_until(b, prefix.len), prefix);
}

/* cred_number reads a decimal number: digits only, and no more than 64 bits. */
static inline bool cred_number(cred_bytes text, uint64_t *out) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        if (digit > 9 || n > (UINT64_MAX - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = n;
    return text.len > 0;
}

/*
 * A builder appends to a buffer of its owner: keys, URLs, reasons. What does
 * not fit is left out as a whole and full is set, which stays.
 *
 *     uint8_t space[64];
 *     cred_builder key = CRED_BUILDER(space);
 *     cred_add(&key, CRED_STR("device/"));
 *     cred_add(&key, r->credentials_id);
 *     ... cred_built(&key) ...
 */
typedef struct {
    uint8_t *ptr; /* NULL only counts */
    uint32_t len, cap;
    bool full;
} cred_builder;

#define CRED_BUILDER(array) ((cred_builder){(array), 0, (uint32_t)sizeof(array), false})

static inline void cred_add(cred_builder *b, cred_bytes more) {
    if (b->ptr != NULL) {
        if (b->full || more.len > b->cap - b->len) {
            b->full = true;
            return;
        }
        cred_copy(b->ptr + b->len, more.ptr, more.len);
    }
    b->len += more.len;
}

static inline void cred_add_number(cred_builder *b, uint64_t n) {
    uint8_t digits[20];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    cred_add(b, (cred_bytes){digits + at, (uint32_t)sizeof digits - at});
}

static inline cred_bytes cred_built(const cred_builder *b) { return (cred_bytes){b->ptr, b->len}; }

/* ---- The numbers of the ABI --------------------------------------------- */

/* What an operation returns. */
typedef enum {
    CRED_OK = 0,
    CRED_INTERNAL = 1,            /* the service failed */
    CRED_INVALID_ARGUMENT = 2,    /* what was given is malformed */
    CRED_NOT_FOUND = 3,           /* no such credentials */
    CRED_ALREADY_EXISTS = 4,      /* other credentials hold this id */
    CRED_FAILED_PRECONDITION = 5, /* the present state forbids it */
    CRED_UNSUPPORTED = 6,         /* the service does not offer this */
    CRED_UNAVAILABLE = 7,         /* no answer now; repeating it is safe */
    CRED_PERMISSION_DENIED = 8,   /* the service refuses these credentials */
    CRED_RESOURCE_EXHAUSTED = 9,  /* a quota is used up */
    CRED_DEADLINE = 10            /* the time allowed ran out */
} cred_status;

/* Why a host function did nothing. It returns the number negated. */
enum {
    CRED_EPERM = 1,   /* not granted to this service, or not usable now */
    CRED_ENOENT = 2,  /* no such key, value or secret */
    CRED_E2BIG = 7,   /* over a limit, or the buffer is too small */
    CRED_EAGAIN = 11, /* not now; the operation may be tried again */
    CRED_EINVAL = 22, /* an argument is out of its range, or a message malformed */
    CRED_ENOSYS = 38, /* not offered by this version */
    CRED_EDQUOT = 122 /* the operation has used up what one may use */
};

/* Where credentials stand in their life. */
enum { CRED_UNSPECIFIED = 0, CRED_AVAILABLE = 1, CRED_IN_USE = 2, CRED_REVOKED = 3 };

/* Levels of the log. */
enum { CRED_DEBUG = 0, CRED_INFO = 1, CRED_WARN = 2, CRED_ERROR = 3 };

/* Digests. SHA-1 is for old protocols only. */
enum { CRED_SHA256 = 1, CRED_SHA384 = 2, CRED_SHA512 = 3, CRED_SHA1 = 4 };

/* Signatures. cred_crypto_verify also takes CRED_HMAC(digest). */
enum { CRED_ED25519 = 1, CRED_ECDSA_P256 = 2, CRED_RSA = 3 };
#define CRED_HMAC(hash) (16 + (hash))

/* Limits, in bytes where nothing else is said. */
enum {
    CRED_MAX_ID = 256,
    CRED_MAX_BODY = 64 * 1024,
    CRED_MAX_INPUT = 128 * 1024,
    CRED_MAX_KV_KEY = 256,
    CRED_MAX_KV_VALUE = 64 * 1024,
    CRED_MAX_URL = 2048,
    CRED_MAX_HEADER_NAME = 256,
    CRED_MAX_HEADER_VALUE = 4096,
    CRED_MAX_REQUEST_HEADERS = 32,  /* headers */
    CRED_MAX_RESPONSE_HEADERS = 64, /* headers */
    CRED_MAX_HTTP_RESPONSE = 96 * 1024
};

/* ---- Messages ----------------------------------------------------------- */

typedef struct {
    cred_bytes id;         /* 1 to 256 bytes of UTF-8 */
    cred_bytes body;       /* at most 64 KiB */
    uint64_t status;       /* CRED_AVAILABLE, CRED_IN_USE or CRED_REVOKED */
    uint64_t expires_unix; /* seconds since 1970, UTC; 0 for never */
} cred_credentials;

/* LookupRequest, MarkInUseRequest and MarkRevokedRequest. */
typedef struct {
    cred_bytes application_id, credentials_id;
    cred_bytes request_id; /* names the request in the log; may be empty */
} cred_request;

typedef struct {
    cred_bytes application_id;
    cred_credentials credentials;
    cred_bytes request_id;
} cred_provide_request;

typedef struct {
    cred_bytes application_id;
    cred_credentials credentials;
    cred_bytes proof_type, challenge, proof;
    cred_bytes request_id;
} cred_verify_proof_request;

typedef struct {
    cred_bytes key, value;
} cred_kv_entry;

typedef struct {
    cred_bytes name, value; /* the names of a response are in lower case */
    cred_bytes secret;      /* of a request: a secret that the engine appends to value */
} cred_header;

typedef struct {
    cred_bytes method, url;
    uint32_t header_count;
    cred_header headers[CRED_MAX_REQUEST_HEADERS];
    cred_bytes body;
    uint64_t timeout_ms; /* 0: what is left of the operation's time */
} cred_http_request;

typedef struct {
    uint64_t status;
    uint32_t header_count;
    cred_header headers[CRED_MAX_RESPONSE_HEADERS];
    cred_bytes body;
} cred_http_response;

/* How a message is written: one description for each of its fields, by number. */
typedef struct cred_message cred_message;

typedef enum { CRED_NUMBER, CRED_TEXT, CRED_BLOB, CRED_NESTED, CRED_REPEATED } cred_kind;

typedef struct {
    cred_kind kind;
    bool required;          /* neither absent nor empty */
    uint32_t offset;        /* in the struct */
    uint64_t limit;         /* the largest number, the most bytes, or the most of a repeated field */
    const cred_message *of; /* of a nested or repeated field */
    uint32_t count;         /* of a repeated field: the offset of how many there are */
} cred_field;

struct cred_message {
    uint32_t size; /* of the struct */
    uint32_t last; /* the highest field number */
    const cred_field *fields;
};

#define CRED_MESSAGE(name, type, ...)                                                                                   \
    static const cred_field name##_fields[] = {__VA_ARGS__};                                                            \
    static const cred_message name = {(uint32_t)sizeof(type), (uint32_t)(sizeof name##_fields / sizeof(cred_field)), name##_fields};
#define CRED_AT(type, member) ((uint32_t)offsetof(type, member))

CRED_MESSAGE(cred_credentials_message, cred_credentials,
    {CRED_TEXT, true, CRED_AT(cred_credentials, id), CRED_MAX_ID, 0, 0},
    {CRED_BLOB, false, CRED_AT(cred_credentials, body), CRED_MAX_BODY, 0, 0},
    {CRED_NUMBER, false, CRED_AT(cred_credentials, status), CRED_REVOKED, 0, 0},
    {CRED_NUMBER, false, CRED_AT(cred_credentials, expires_unix), UINT64_MAX, 0, 0})

CRED_MESSAGE(cred_request_message, cred_request,
    {CRED_TEXT, true, CRED_AT(cred_request, application_id), CRED_MAX_ID, 0, 0},
    {CRED_TEXT, true, CRED_AT(cred_request, credentials_id), CRED_MAX_ID, 0, 0},
    {CRED_TEXT, false, CRED_AT(cred_request, request_id), CRED_MAX_ID, 0, 0})

CRED_MESSAGE(cred_provide_request_message, cred_provide_request,
    {CRED_TEXT, true, CRED_AT(cred_provide_request, application_id), CRED_MAX_ID, 0, 0},
    {CRED_NESTED, true, CRED_AT(cred_provide_request, credentials), 0, &cred_credentials_message, 0},
    {CRED_TEXT, false, CRED_AT(cred_provide_request, request_id), CRED_MAX_ID, 0, 0})

CRED_MESSAGE(cred_verify_proof_request_message, cred_verify_proof_request,
    {CRED_TEXT, true, CRED_AT(cred_verify_proof_request, application_id), CRED_MAX_ID, 0, 0},
    {CRED_NESTED, true, CRED_AT(cred_verify_proof_request, credentials), 0, &cred_credentials_message, 0},
    {CRED_TEXT, true, CRED_AT(cred_verify_proof_request, proof_type), CRED_MAX_ID, 0, 0},
    {CRED_BLOB, false, CRED_AT(cred_verify_proof_request, challenge), CRED_MAX_BODY, 0, 0},
    {CRED_BLOB, false, CRED_AT(cred_verify_proof_request, proof), CRED_MAX_BODY, 0, 0},
    {CRED_TEXT, false, CRED_AT(cred_verify_proof_request, request_id), CRED_MAX_ID, 0, 0})

CRED_MESSAGE(cred_kv_entry_message, cred_kv_entry,
    {CRED_BLOB, true, CRED_AT(cred_kv_entry, key), CRED_MAX_KV_KEY, 0, 0},
    {CRED_BLOB, false, CRED_AT(cred_kv_entry, value), CRED_MAX_KV_VALUE, 0, 0})

CRED_MESSAGE(cred_header_message, cred_header,
    {CRED_TEXT, true, CRED_AT(cred_header, name), CRED_MAX_HEADER_NAME, 0, 0},
    {CRED_TEXT, false, CRED_AT(cred_header, value), CRED_MAX_HEADER_VALUE, 0, 0},
    {CRED_TEXT, false, CRED_AT(cred_header, secret), CRED_MAX_ID, 0, 0})

CRED_MESSAGE(cred_http_request_message, cred_http_request,
    {CRED_TEXT, true, CRED_AT(cred_http_request, method), CRED_MAX_ID, 0, 0},
    {CRED_TEXT, true, CRED_AT(cred_http_request, url), CRED_MAX_URL, 0, 0},
    {CRED_REPEATED, false, CRED_AT(cred_http_request, headers), CRED_MAX_REQUEST_HEADERS, &cred_header_message, CRED_AT(cred_http_request, header_count)},
    {CRED_BLOB, false, CRED_AT(cred_http_request, body), CRED_MAX_BODY, 0, 0},
    {CRED_NUMBER, false, CRED_AT(cred_http_request, timeout_ms), UINT32_MAX, 0, 0})

CRED_MESSAGE(cred_http_response_message, cred_http_response,
    {CRED_NUMBER, true, CRED_AT(cred_http_response, status), UINT32_MAX, 0, 0},
    {CRED_REPEATED, false, CRED_AT(cred_http_response, headers), CRED_MAX_RESPONSE_HEADERS, &cred_header_message, CRED_AT(cred_http_response, header_count)},
    {CRED_BLOB, false, CRED_AT(cred_http_response, body), CRED_MAX_BODY, 0, 0})

/* ---- Encoding: fields in the order of their numbers, defaults left out --- */

static inline void cred_add_varint(cred_builder *b, uint64_t v) {
    uint8_t bytes[10];
    uint32_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    cred_add(b, (cred_bytes){bytes, n});
}

/* cred_encode appends a message. It does not check: keep the limits. */
static inline void cred_encode(const cred_message *m, const void *in, cred_builder *b);

static inline void cred_encode_nested(const cred_message *m, uint32_t number, const void *in, cred_builder *b) {
    cred_builder count = {NULL, 0, 0, false}; /* only counts */
    cred_encode(m, in, &count);
    cred_add_varint(b, number << 3 | 2);
    cred_add_varint(b, count.len);
    cred_encode(m, in, b);
}

static inline void cred_encode(const cred_message *m, const void *in, cred_builder *b) {
    for (uint32_t number = 1; number <= m->last; number++) {
        const cred_field *f = &m->fields[number - 1];
        const uint8_t *at = (const uint8_t *)in + f->offset;
        switch (f->kind) {
        case CRED_NUMBER: {
            uint64_t v = *(const uint64_t *)(const void *)at;
            if (v == 0) break;
            cred_add_varint(b, number << 3);
            cred_add_varint(b, v);
            break;
        }
        case CRED_TEXT:
        case CRED_BLOB: {
            const cred_bytes *v = (const cred_bytes *)(const void *)at;
            if (v->len == 0) break;
            cred_add_varint(b, number << 3 | 2);
            cred_add_varint(b, v->len);
            cred_add(b, *v);
            break;
        }
        case CRED_NESTED:
            cred_encode_nested(f->of, number, at, b);
            break;
        case CRED_REPEATED: {
            uint32_t n = *(const uint32_t *)(const void *)((const uint8_t *)in + f->count);
            for (uint32_t i = 0; i < n; i++) cred_encode_nested(f->of, number, at + i * f->of->size, b);
            break;
        }
        }
    }
}

/* ---- Decoding: strict, in any order ------------------------------------- */

/* cred_utf8 tells whether a text is valid UTF-8. */
static inline bool cred_utf8(cred_bytes text) {
    for (uint32_t i = 0; i < text.len;) {
        uint8_t first = text.ptr[i++], low = 0x80, high = 0xbf;
        if (first < 0x80) continue; /* as most are */
        uint32_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (first < 0xc2 || first > 0xf4 || more > text.len - i) return false;
        if (first == 0xe0) low = 0xa0;  /* no longer than needed */
        if (first == 0xed) high = 0x9f; /* no surrogates */
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f; /* nothing above 10FFFF */
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            uint8_t next = text.ptr[i++];
            if (next < low || next > high) return false;
        }
    }
    return true;
}

/* cred_take_varint cuts a number of at most 64 bits, in its shortest form, off src. */
static inline bool cred_take_varint(cred_bytes *src, uint64_t *out) {
    uint64_t v = 0;
    for (uint32_t i = 0; i < src->len && i < 10; i++) {
        uint8_t b = src->ptr[i];
        if ((i == 9 && b > 1) || (b == 0 && i > 0)) return false;
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *src = cred_from(*src, i + 1);
            *out = v;
            return true;
        }
    }
    return false;
}

/* cred_take_block cuts bytes with their length before them off src. */
static inline bool cred_take_block(cred_bytes *src, cred_bytes *out) {
    uint64_t n;
    if (!cred_take_varint(src, &n) || n > src->len) return false;
    *out = cred_until(*src, (uint32_t)n);
    *src = cred_from(*src, (uint32_t)n);
    return true;
}

/*
 * cred_decode reads a message from all of src, which its bytes point into. It
 * returns 0, or -CRED_EINVAL for what the ABI does not allow; what it has
 * written is then of no use.
 */
static inline int32_t cred_decode(const cred_message *m, void *out, cred_bytes src);

/* cred_decode_field reads the value of a field into its place. */
static inline bool cred_decode_field(const cred_field *f, void *out, cred_bytes *src) {
    uint8_t *at = (uint8_t *)out + f->offset;
    if (f->kind == CRED_NUMBER) {
        uint64_t *v = (uint64_t *)(void *)at;
        return cred_take_varint(src, v) && *v <= f->limit && (*v > 0 || !f->required);
    }
    cred_bytes block;
    if (!cred_take_block(src, &block)) return false;
    if (f->kind == CRED_NESTED) return cred_decode(f->of, at, block) == 0;
    if (f->kind == CRED_REPEATED) {
        uint32_t *n = (uint32_t *)(void *)((uint8_t *)out + f->count);
        return *n < f->limit && cred_decode(f->of, at + (*n)++ * f->of->size, block) == 0;
    }
    *(cred_bytes *)(void *)at = block;
    return block.len <= f->limit && (block.len > 0 || !f->required) && (f->kind != CRED_TEXT || cred_utf8(block));
}

static inline int32_t cred_decode(const cred_message *m, void *out, cred_bytes src) {
    __builtin_memset(out, 0, m->size);
    uint32_t seen = 0;
    while (src.len > 0) {
        uint8_t tag = src.ptr[0];
        uint32_t number = tag >> 3;
        if (tag >= 0x80 || number == 0 || number > m->last) return -CRED_EINVAL;
        const cred_field *f = &m->fields[number - 1];
        if ((tag & 7) != (f->kind == CRED_NUMBER ? 0 : 2)) return -CRED_EINVAL;
        if ((seen & 1u << number) != 0 && f->kind != CRED_REPEATED) return -CRED_EINVAL;
        seen |= 1u << number;
        src = cred_from(src, 1);
        if (!cred_decode_field(f, out, &src)) return -CRED_EINVAL;
    }
    for (uint32_t number = 1; number <= m->last; number++) {
        if (m->fields[number - 1].required && (seen & 1u << number) == 0) return -CRED_EINVAL;
    }
    return 0;
}

/* ---- The host ----------------------------------------------------------- */

#ifdef __wasm__
#define CRED_IMPORT(name) __attribute__((import_module("cred_v1"), import_name(#name)))
#define CRED_EXPORT(name) __attribute__((export_name(#name)))
#else
#define CRED_IMPORT(name)
#define CRED_EXPORT(name)
#endif

/* The imports, as ABI.md has them. Those that are not called are not imported. */
CRED_IMPORT(input_read) int32_t cred_import_input_read(void *dst, uint32_t cap, uint32_t off);
CRED_IMPORT(output_write) int32_t cred_import_output_write(const void *src, uint32_t len);
CRED_IMPORT(error_write) int32_t cred_import_error_write(const void *src, uint32_t len);
CRED_IMPORT(log_write) int32_t cred_import_log_write(int32_t level, const void *src, uint32_t len);
CRED_IMPORT(log_enabled) int32_t cred_import_log_enabled(int32_t level);
CRED_IMPORT(config_read) int32_t cred_import_config_read(const void *key, uint32_t klen, void *dst, uint32_t cap);
CRED_IMPORT(deadline_ms) int32_t cred_import_deadline_ms(void);
CRED_IMPORT(kv_get) int32_t cred_import_kv_get(const void *key, uint32_t klen, void *dst, uint32_t cap);
CRED_IMPORT(kv_put) int32_t cred_import_kv_put(const void *key, uint32_t klen, const void *value, uint32_t vlen);
CRED_IMPORT(kv_delete) int32_t cred_import_kv_delete(const void *key, uint32_t klen);
CRED_IMPORT(kv_scan) int32_t cred_import_kv_scan(const void *prefix, uint32_t plen, const void *after, uint32_t alen, void *dst, uint32_t cap);
CRED_IMPORT(clock_now) int64_t cred_import_clock_now(void);
CRED_IMPORT(random_fill) int32_t cred_import_random_fill(void *dst, uint32_t len);
CRED_IMPORT(http_call) int32_t cred_import_http_call(const void *request, uint32_t len);
CRED_IMPORT(result_read) int32_t cred_import_result_read(int32_t handle, void *dst, uint32_t cap, uint32_t off);
CRED_IMPORT(secret_hmac) int32_t cred_import_secret_hmac(const void *name, uint32_t nlen, int32_t alg, const void *data, uint32_t dlen, void *dst, uint32_t cap);
CRED_IMPORT(secret_sign) int32_t cred_import_secret_sign(const void *name, uint32_t nlen, int32_t alg, const void *data, uint32_t dlen, void *dst, uint32_t cap);
CRED_IMPORT(crypto_hash) int32_t cred_import_crypto_hash(int32_t alg, const void *src, uint32_t len, void *dst, uint32_t cap);
CRED_IMPORT(crypto_hmac) int32_t cred_import_crypto_hmac(int32_t alg, const void *key, uint32_t klen, const void *data, uint32_t dlen, void *dst, uint32_t cap);
CRED_IMPORT(crypto_verify) int32_t cred_import_crypto_verify(int32_t alg, const void *key, uint32_t klen, const void *data, uint32_t dlen, const void *sig, uint32_t slen);

/* cred_fits makes a result that was not copied an error. */
static inline int32_t cred_fits(int32_t result, uint32_t cap) { return result > 0 && (uint32_t)result > cap ? -CRED_E2BIG : result; }

/* Core: no capability. */

/* cred_fail gives operators a reason, and returns the status. No device sees it. */
static inline cred_status cred_fail(cred_status status, cred_bytes reason) {
    cred_import_error_write(reason.ptr, reason.len);
    return status;
}

/* cred_refuse refuses credentials or a proof, with a reason for operators. */
static inline cred_status cred_refuse(cred_bytes reason) { return cred_fail(CRED_PERMISSION_DENIED, reason); }

/* cred_failed reports a negative result of the function that is named. */
static inline cred_status cred_failed(cred_bytes name, int32_t result) {
    uint8_t space[128];
    cred_builder reason = CRED_BUILDER(space);
    cred_add(&reason, name);
    cred_add(&reason, CRED_STR(" failed with error "));
    cred_add_number(&reason, result < 0 ? (uint64_t)-(int64_t)result : 0);
    switch (-result) {
    case CRED_EDQUOT: return cred_fail(CRED_RESOURCE_EXHAUSTED, cred_built(&reason));
    case CRED_EAGAIN: return cred_fail(CRED_UNAVAILABLE, cred_built(&reason));
    default: return cred_fail(CRED_INTERNAL, cred_built(&reason));
    }
}

/* cred_log writes a record of at most 1 KiB to the engine's log. */
static inline void cred_log(int32_t level, cred_bytes text) { cred_import_log_write(level, text.ptr, text.len); }

static inline bool cred_log_enabled(int32_t level) { return cred_import_log_enabled(level) == 1; }

/* cred_deadline_ms returns the milliseconds that are left for this call. */
static inline int32_t cred_deadline_ms(void) { return cred_import_deadline_ms(); }

/*
 * cred_config copies the JSON text at a JSON pointer (RFC 6901) of the
 * configuration, all of it for an empty one, and returns its length;
 * -CRED_ENOENT where nothing is, -CRED_E2BIG when it does not fit.
 */
static inline int32_t cred_config(cred_bytes pointer, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_config_read(pointer.ptr, pointer.len, dst, cap), cap);
}

/* cred_config_number reads a whole number; 0, or -CRED_EINVAL for anything else. */
static inline int32_t cred_config_number(cred_bytes pointer, uint64_t *out) {
    uint8_t text[24];
    int32_t n = cred_config(pointer, text, sizeof text);
    if (n == -CRED_E2BIG) return -CRED_EINVAL;
    if (n < 0) return n;
    return cred_number((cred_bytes){text, (uint32_t)n}, out) ? 0 : -CRED_EINVAL;
}

/* cred_config_flag reads true or false; 0, or -CRED_EINVAL for anything else. */
static inline int32_t cred_config_flag(cred_bytes pointer, bool *out) {
    uint8_t text[8];
    int32_t n = cred_config(pointer, text, sizeof text);
    if (n == -CRED_E2BIG) return -CRED_EINVAL;
    if (n < 0) return n;
    cred_bytes found = {text, (uint32_t)n};
    *out = cred_equal(found, CRED_STR("true"));
    return *out || cred_equal(found, CRED_STR("false")) ? 0 : -CRED_EINVAL;
}

/*
 * cred_config_text copies a string without its quotes and returns its length;
 * -CRED_EINVAL for what is no string, and for one with a backslash in it.
 */
static inline int32_t cred_config_text(cred_bytes pointer, uint8_t *dst, uint32_t cap) {
    int32_t n = cred_config(pointer, dst, cap);
    if (n < 0) return n;
    if (n < 2 || dst[0] != '"') return -CRED_EINVAL;
    for (int32_t i = 1; i < n - 1; i++) {
        if (dst[i] == '\\') return -CRED_EINVAL;
        dst[i - 1] = dst[i];
    }
    return n - 2;
}

/* Capability kv: the service's state for this application. */

/* cred_kv_get copies a value and returns its length; -CRED_ENOENT, or -CRED_E2BIG when it does not fit. */
static inline int32_t cred_kv_get(cred_bytes key, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_kv_get(key.ptr, key.len, dst, cap), cap);
}

static inline int32_t cred_kv_put(cred_bytes key, cred_bytes value) {
    return cred_import_kv_put(key.ptr, key.len, value.ptr, value.len);
}

static inline int32_t cred_kv_delete(cred_bytes key) { return cred_import_kv_delete(key.ptr, key.len); }

/*
 * cred_kv_scan writes a page of the entries whose keys begin with prefix and
 * come after the key after, in byte order, and returns its length: 0 when there
 * are no more, -CRED_E2BIG when not even one fits. cred_kv_next goes over it.
 */
static inline int32_t cred_kv_scan(cred_bytes prefix, cred_bytes after, uint8_t *dst, uint32_t cap) {
    return cred_import_kv_scan(prefix.ptr, prefix.len, after.ptr, after.len, dst, cap);
}

/* cred_kv_next cuts an entry off a page: 1, or 0 at its end, or -CRED_EINVAL. */
static inline int32_t cred_kv_next(cred_bytes *page, cred_kv_entry *out) {
    cred_bytes block;
    if (page->len == 0) return 0;
    if (page->ptr[0] != (1 << 3 | 2)) return -CRED_EINVAL;
    *page = cred_from(*page, 1);
    if (!cred_take_block(page, &block)) return -CRED_EINVAL;
    return cred_decode(&cred_kv_entry_message, out, block) == 0 ? 1 : -CRED_EINVAL;
}

/* Capability clock. cred_now returns nanoseconds since 1970, UTC, or a negated error number. */
static inline int64_t cred_now(void) { return cred_import_clock_now(); }

/* Capability random. At most 64 KiB in one operation. */
static inline int32_t cred_random(uint8_t *dst, uint32_t len) { return cred_import_random_fill(dst, len); }

/*
 * Capability http. cred_http sends a request and waits for the response, which
 * points into buf; buf holds the encoded request first, and nothing of the
 * request may point into it. 0; -CRED_EPERM for what is not granted, -CRED_EAGAIN when
 * the network failed or the time ran out, -CRED_E2BIG when buf is too small.
 */
static inline int32_t cred_http(const cred_http_request *request, uint8_t *buf, uint32_t cap, cred_http_response *out) {
    cred_builder b = {buf, 0, cap, false};
    cred_encode(&cred_http_request_message, request, &b);
    if (b.full) return -CRED_E2BIG;
    int32_t handle = cred_import_http_call(buf, b.len);
    if (handle < 0) return handle;
    int32_t n = cred_import_result_read(handle, buf, cap, 0);
    if (n < 0) return n;
    uint8_t more;
    if ((uint32_t)n == cap && cred_import_result_read(handle, &more, 1, cap) != 0) return -CRED_E2BIG;
    return cred_decode(&cred_http_response_message, out, (cred_bytes){buf, (uint32_t)n});
}

/* cred_http_header finds a header of a response by its name, in lower case. */
static inline bool cred_http_header(const cred_http_response *r, cred_bytes name, cred_bytes *value) {
    for (uint32_t i = 0; i < r->header_count; i++) {
        if (!cred_equal(r->headers[i].name, name)) continue;
        *value = r->headers[i].value;
        return true;
    }
    return false;
}

/* Capability secrets: -CRED_EPERM when the name is not granted, -CRED_ENOENT when there is no such secret. */

/* cred_secret_hmac writes the HMAC with a named secret as key, and returns its length. */
static inline int32_t cred_secret_hmac(cred_bytes name, int32_t hash, cred_bytes data, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_secret_hmac(name.ptr, name.len, hash, data.ptr, data.len, dst, cap), cap);
}

/* cred_secret_sign writes the signature with a named private key, and returns its length. */
static inline int32_t cred_secret_sign(cred_bytes name, int32_t signature, cred_bytes data, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_secret_sign(name.ptr, name.len, signature, data.ptr, data.len, dst, cap), cap);
}

/* Capability crypto. */

/* cred_crypto_hash writes a digest, and returns its length. */
static inline int32_t cred_crypto_hash(int32_t hash, cred_bytes data, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_crypto_hash(hash, data.ptr, data.len, dst, cap), cap);
}

/* cred_crypto_hmac writes an HMAC, and returns its length. */
static inline int32_t cred_crypto_hmac(int32_t hash, cred_bytes key, cred_bytes data, uint8_t *dst, uint32_t cap) {
    return cred_fits(cred_import_crypto_hmac(hash, key.ptr, key.len, data.ptr, data.len, dst, cap), cap);
}

/* cred_crypto_verify returns 1 if the signature is that of the data, 0 if not. */
static inline int32_t cred_crypto_verify(int32_t signature, cred_bytes key, cred_bytes data, cred_bytes sig) {
    return cred_import_crypto_verify(signature, key.ptr, key.len, data.ptr, data.len, sig.ptr, sig.len);
}

/* ---- The operations ----------------------------------------------------- */

/* cred_input holds the request, and is used again for the next. */
static uint8_t cred_input[CRED_MAX_INPUT];

static inline cred_bytes cred_read_input(uint32_t len) {
    int32_t n = len > sizeof cred_input ? 0 : cred_import_input_read(cred_input, len, 0);
    return (cred_bytes){cred_input, n < 0 ? 0 : (uint32_t)n};
}

static inline bool cred_read_request(const cred_message *m, void *out, uint32_t len) {
    if (cred_decode(m, out, cred_read_input(len)) == 0) return true;
    cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("the request is malformed"));
    return false;
}

/* cred_answer writes credentials as the answer, their body from where it is. */
static inline int32_t cred_answer(const cred_credentials *c) {
    uint8_t space[CRED_MAX_ID + 64];
    cred_builder part = CRED_BUILDER(space);
    cred_credentials first = {.id = c->id}, last = {.status = c->status, .expires_unix = c->expires_unix};
    int32_t n = 0;
    cred_encode(&cred_credentials_message, &first, &part);
    if (c->body.len > 0) {
        cred_add_varint(&part, 2 << 3 | 2);
        cred_add_varint(&part, c->body.len);
        n = cred_import_output_write(part.ptr, part.len);
        if (n >= 0) n = cred_import_output_write(c->body.ptr, c->body.len);
        part.len = 0;
    }
    cred_encode(&cred_credentials_message, &last, &part);
    if (part.full) return cred_fail(CRED_INTERNAL, CRED_STR("the id of the answer is too long"));
    if (n >= 0) n = cred_import_output_write(part.ptr, part.len);
    return n < 0 ? (int32_t)cred_failed(CRED_STR("output_write"), n) : (int32_t)CRED_OK;
}

static inline int32_t cred_serve_configure(cred_status (*f)(cred_bytes config), uint32_t len) { return (int32_t)f(cred_read_input(len)); }

static inline int32_t cred_serve_lookup(cred_status (*f)(const cred_request *, cred_credentials *), uint32_t len) {
    cred_request r;
    if (!cred_read_request(&cred_request_message, &r, len)) return CRED_INVALID_ARGUMENT;
    cred_credentials out = {.id = r.credentials_id};
    cred_status status = f(&r, &out);
    return status == CRED_OK ? cred_answer(&out) : (int32_t)status;
}

static inline int32_t cred_serve_provide(cred_status (*f)(const cred_provide_request *, cred_credentials *), uint32_t len) {
    cred_provide_request r;
    if (!cred_read_request(&cred_provide_request_message, &r, len)) return CRED_INVALID_ARGUMENT;
    cred_credentials out = r.credentials;
    out.status = CRED_AVAILABLE;
    cred_status status = f(&r, &out);
    return status == CRED_OK ? cred_answer(&out) : (int32_t)status;
}

static inline int32_t cred_serve_mark(cred_status (*f)(const cred_request *), uint32_t len) {
    cred_request r;
    return cred_read_request(&cred_request_message, &r, len) ? (int32_t)f(&r) : (int32_t)CRED_INVALID_ARGUMENT;
}

static inline int32_t cred_serve_verify_proof(cred_status (*f)(const cred_verify_proof_request *), uint32_t len) {
    cred_verify_proof_request r;
    return cred_read_request(&cred_verify_proof_request_message, &r, len) ? (int32_t)f(&r) : (int32_t)CRED_INVALID_ARGUMENT;
}

/*
 * CRED_EXPORT_LOOKUP exports the operation that every service has, and the mark
 * of the ABI's version. f is cred_status f(const cred_request *r, cred_credentials *out):
 * out has the id already; give it a status, or return why not.
 */
#define CRED_EXPORT_LOOKUP(f)                                                                                \
    CRED_EXPORT(cred_abi_v1) void cred_abi_v1(void);                                                         \
    void cred_abi_v1(void) {}                                                                                \
    CRED_EXPORT(lookup_credentials) int32_t cred_export_lookup(uint32_t len);                                \
    int32_t cred_export_lookup(uint32_t len) { return cred_serve_lookup(f, len); }

/*
 * CRED_EXPORT_PROVIDE: cred_status f(const cred_provide_request *r, cred_credentials *out).
 * out is what was given, AVAILABLE: return CRED_OK to take it in.
 */
#define CRED_EXPORT_PROVIDE(f)                                                                               \
    CRED_EXPORT(provide_credentials) int32_t cred_export_provide(uint32_t len);                              \
    int32_t cred_export_provide(uint32_t len) { return cred_serve_provide(f, len); }

/* CRED_EXPORT_MARK_IN_USE: cred_status f(const cred_request *r); anything but CRED_OK refuses the claim. */
#define CRED_EXPORT_MARK_IN_USE(f)                                                                           \
    CRED_EXPORT(mark_credentials_in_use) int32_t cred_export_mark_in_use(uint32_t len);                      \
    int32_t cred_export_mark_in_use(uint32_t len) { return cred_serve_mark(f, len); }

/* CRED_EXPORT_MARK_REVOKED: cred_status f(const cred_request *r); it is called until it succeeds. */
#define CRED_EXPORT_MARK_REVOKED(f)                                                                          \
    CRED_EXPORT(mark_credentials_revoked) int32_t cred_export_mark_revoked(uint32_t len);                    \
    int32_t cred_export_mark_revoked(uint32_t len) { return cred_serve_mark(f, len); }

/*
 * CRED_EXPORT_VERIFY_PROOF: cred_status f(const cred_verify_proof_request *r). CRED_OK says
 * that the proof holds, CRED_PERMISSION_DENIED or CRED_INVALID_ARGUMENT that it does not;
 * anything else is no decision.
 */
#define CRED_EXPORT_VERIFY_PROOF(f)                                                                          \
    CRED_EXPORT(verify_proof) int32_t cred_export_verify_proof(uint32_t len);                                \
    int32_t cred_export_verify_proof(uint32_t len) { return cred_serve_verify_proof(f, len); }

/*
 * CRED_EXPORT_CONFIGURE: cred_status f(cred_bytes config), a JSON object, {} if there is none.
 * CRED_INVALID_ARGUMENT and a reason refuse the deployment. cred_config reads single values.
 */
#define CRED_EXPORT_CONFIGURE(f)                                                                             \
    CRED_EXPORT(cred_configure) int32_t cred_export_configure(uint32_t len);                                 \
    int32_t cred_export_configure(uint32_t len) { return cred_serve_configure(f, len); }

#endif
