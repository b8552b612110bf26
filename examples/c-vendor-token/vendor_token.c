/*
 * A credentials service for devices that bring a token of their vendor:
 *
 *     id|end|mac
 *
 * where end is the second since 1970 from which on it is no longer valid, and
 * mac the HMAC-SHA-256 of "id|end" under the vendor's key, in hex. The engine
 * keeps the key as a secret, which this module uses and never sees.
 *
 * See README.md for how to build, deploy and try it.
 */
#include "credence.h"

#define PROOF_TYPE CRED_STR("vendor-token")

/* The vendor's keys. The previous one is there while the vendor changes it. */
#define KEY CRED_STR("vendor-key")
#define PREVIOUS_KEY CRED_STR("vendor-key-previous")

static struct {
    uint64_t leeway, max_lifetime; /* seconds */
    bool one_time;
} config = {30, 24 * 3600, false};

/* optional tells whether a value is missing, and so keeps its default, or read. */
static bool optional(int32_t result) { return result == 0 || result == -CRED_ENOENT; }

static cred_status configure(cred_bytes text) {
    (void)text;
    if (!optional(cred_config_number(CRED_STR("/leewaySeconds"), &config.leeway)) || config.leeway > 3600)
        return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("leewaySeconds must be a whole number of at most 3600"));
    if (!optional(cred_config_number(CRED_STR("/maxLifetimeSeconds"), &config.max_lifetime)) || config.max_lifetime == 0)
        return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("maxLifetimeSeconds must be a whole number of at least 1"));
    if (!optional(cred_config_flag(CRED_STR("/oneTime"), &config.one_time)))
        return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("oneTime must be true or false"));
    return CRED_OK;
}

/* ---- The devices: provisioned ids, each under device/<id> ---------------- */

static uint8_t key_space[16 + CRED_MAX_ID];

/* state_key is valid until the next one is made. An id too long for a key is refused at its provision. */
static cred_bytes state_key(cred_bytes kind, cred_bytes id) {
    cred_builder key = {key_space, 0, CRED_MAX_KV_KEY, false};
    cred_add(&key, kind);
    cred_add(&key, id);
    return cred_built(&key);
}

enum { MAX_ID = CRED_MAX_KV_KEY - (sizeof "device/" - 1) };

static cred_status provide(const cred_provide_request *r, cred_credentials *out) {
    (void)out; /* what was given, AVAILABLE */
    cred_bytes id = r->credentials.id;
    if (id.len > MAX_ID) return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("an id has at most 249 bytes"));
    for (uint32_t i = 0; i < id.len; i++) {
        if (id.ptr[i] == '|') return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("an id has no '|', which ends it in a token"));
    }
    int32_t n = cred_kv_put(state_key(CRED_STR("device/"), id), CRED_STR("1"));
    return n < 0 ? cred_failed(CRED_STR("kv_put"), n) : CRED_OK;
}

static cred_status lookup(const cred_request *r, cred_credentials *out) {
    uint8_t value[1];
    if (r->credentials_id.len > MAX_ID) return CRED_NOT_FOUND;
    int32_t n = cred_kv_get(state_key(CRED_STR("device/"), r->credentials_id), value, sizeof value);
    if (n == -CRED_ENOENT) return CRED_NOT_FOUND;
    if (n < 0) return cred_failed(CRED_STR("kv_get"), n);
    out->status = CRED_AVAILABLE;
    return CRED_OK;
}

/* ---- The tokens --------------------------------------------------------- */

enum { MAC = 32 };

typedef struct {
    cred_bytes id;
    uint64_t end;
    cred_bytes signed_part; /* id|end */
    uint8_t mac[MAC];
} token;

/* nibble is the value of a hexadecimal digit, or 16. */
static uint8_t nibble(uint8_t c) {
    if (c >= '0' && c <= '9') return (uint8_t)(c - '0');
    if (c >= 'a' && c <= 'f') return (uint8_t)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return (uint8_t)(c - 'A' + 10);
    return 16;
}

static bool read_hex(cred_bytes text, uint8_t *out, uint32_t n) {
    if (text.len != 2 * n) return false;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t high = nibble(text.ptr[2 * i]), low = nibble(text.ptr[2 * i + 1]);
        if (high > 15 || low > 15) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* cut splits text at its first '|'. */
static bool cut(cred_bytes text, cred_bytes *before, cred_bytes *after) {
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '|') continue;
        *before = cred_until(text, i);
        *after = cred_from(text, i + 1);
        return true;
    }
    return false;
}

static bool read_token(cred_bytes text, token *out) {
    cred_bytes rest, end, mac;
    if (!cut(text, &out->id, &rest) || !cut(rest, &end, &mac)) return false;
    out->signed_part = cred_until(text, out->id.len + 1 + end.len);
    return cred_number(end, &out->end) && read_hex(mac, out->mac, MAC);
}

/* mac_holds tells by *holds whether the token's MAC is that of a key; a negative result, that it cannot be told. */
static int32_t mac_holds(const token *t, cred_bytes key, bool *holds) {
    uint8_t mac[MAC];
    int32_t n = cred_secret_hmac(key, CRED_SHA256, t->signed_part, mac, sizeof mac);
    *holds = n == MAC && cred_equal((cred_bytes){mac, MAC}, (cred_bytes){t->mac, MAC});
    return n;
}

static cred_status check_mac(const token *t) {
    bool holds = false, held_before = false;
    int32_t now = mac_holds(t, KEY, &holds);
    if (holds) return CRED_OK;
    int32_t before = mac_holds(t, PREVIOUS_KEY, &held_before);
    if (held_before) {
        cred_log(CRED_INFO, CRED_STR("a token under the vendor's previous key"));
        return CRED_OK;
    }
    if (now == -CRED_ENOENT) /* whose fault it is can only be told with the key */
        return cred_fail(CRED_FAILED_PRECONDITION, CRED_STR("the vendor's key is missing: store it with 'credence secret set vendor-key'"));
    if (now < 0) return cred_failed(CRED_STR("secret_hmac"), now);
    if (before < 0 && before != -CRED_ENOENT) return cred_failed(CRED_STR("secret_hmac"), before);
    return cred_refuse(CRED_STR("the token's MAC is not that of the vendor"));
}

static cred_status check_time(const token *t) {
    int64_t now = cred_now();
    if (now < 0) return cred_failed(CRED_STR("clock_now"), (int32_t)now);
    uint64_t seconds = (uint64_t)now / 1000000000;
    uint8_t space[160];
    cred_builder reason = CRED_BUILDER(space);
    if (t->end > seconds && t->end - seconds > config.max_lifetime) {
        cred_add(&reason, CRED_STR("the token is valid for longer than any should be: until "));
    } else if (t->end <= seconds && seconds - t->end >= config.leeway) {
        cred_add(&reason, CRED_STR("the token has ended: "));
    } else {
        return CRED_OK;
    }
    cred_add_number(&reason, t->end);
    cred_add(&reason, CRED_STR(", now is "));
    cred_add_number(&reason, seconds);
    return cred_refuse(cred_built(&reason));
}

/*
 * use takes a token once: what was taken last is kept under used/<id>, and a
 * later token has a later end. That commits with the verification or not at all.
 */
static cred_status use(const token *t) {
    uint8_t digits[20];
    uint64_t last = 0;
    cred_bytes key = state_key(CRED_STR("used/"), t->id);
    int32_t n = cred_kv_get(key, digits, sizeof digits);
    if (n != -CRED_ENOENT) {
        if (n < 0) return cred_failed(CRED_STR("kv_get"), n);
        if (!cred_number((cred_bytes){digits, (uint32_t)n}, &last)) return cred_fail(CRED_INTERNAL, CRED_STR("the state of the device is damaged"));
        if (t->end <= last) return cred_refuse(CRED_STR("the token, or a later one of the device, was used before"));
    }
    cred_builder value = CRED_BUILDER(digits);
    cred_add_number(&value, t->end);
    n = cred_kv_put(key, cred_built(&value));
    return n < 0 ? cred_failed(CRED_STR("kv_put"), n) : CRED_OK;
}

static cred_status verify_proof(const cred_verify_proof_request *r) {
    token t;
    if (!cred_equal(r->proof_type, PROOF_TYPE)) return cred_fail(CRED_UNSUPPORTED, CRED_STR("proofs are of the type vendor-token"));
    if (!read_token(r->proof, &t)) return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("a token is id|end|mac: the second of its end, and 64 hexadecimal digits"));
    if (!cred_equal(t.id, r->credentials.id)) return cred_refuse(CRED_STR("the token is another device's"));
    cred_status status = check_mac(&t);
    if (status == CRED_OK) status = check_time(&t);
    if (status == CRED_OK && config.one_time) status = use(&t);
    return status;
}

CRED_EXPORT_CONFIGURE(configure)
CRED_EXPORT_LOOKUP(lookup)
CRED_EXPORT_PROVIDE(provide)
CRED_EXPORT_VERIFY_PROOF(verify_proof)
