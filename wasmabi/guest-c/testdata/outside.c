/*
 * A service that uses all that the SDK offers for one proof, which holds only
 * if each function of the SDK is right. Those in the other languages of the
 * same name do the same.
 */
#include "../credence.h"

/* TRY reports the failure of a function by its name. */
#define TRY(name, call)                                             \
    do {                                                            \
        int32_t result = (call);                                    \
        if (result < 0) return cred_failed(CRED_STR(name), result); \
    } while (false)
#define ALL(array) ((cred_bytes){array, sizeof array})

static uint8_t scratch[CRED_MAX_HTTP_RESPONSE], gathered[2 * CRED_MAX_HTTP_RESPONSE];
static cred_http_request request;
static cred_http_response response;

/* Where the keys begin that follow the one of Ed25519 in the credentials. */
enum { P256_KEY = 32, RSA_KEY = P256_KEY + 91 };

static cred_bytes body_key(cred_bytes id) {
    static uint8_t space[CRED_MAX_KV_KEY];
    cred_builder key = CRED_BUILDER(space);
    cred_add(&key, CRED_STR("body/"));
    cred_add(&key, id);
    return cred_built(&key);
}

static cred_status provide(const cred_provide_request *r, cred_credentials *out) {
    TRY("kv_put", cred_kv_put(body_key(r->credentials.id), out->body));
    return CRED_OK;
}

static cred_status lookup(const cred_request *r, cred_credentials *out) {
    int32_t n = cred_kv_get(body_key(r->credentials_id), scratch, sizeof scratch);
    if (n == -CRED_ENOENT) return CRED_NOT_FOUND;
    TRY("kv_get", n);
    out->body = (cred_bytes){scratch, (uint32_t)n};
    out->status = CRED_AVAILABLE;
    return CRED_OK;
}

/* look uses clock, randomness, deadline and log. */
static cred_status look(cred_bytes id) {
    uint8_t one[16], other[16], text[CRED_MAX_ID + 16];
    TRY("random_fill", cred_random(one, sizeof one));
    TRY("random_fill", cred_random(other, sizeof other));
    if (cred_equal(ALL(one), ALL(other)) || cred_now() < 1735689600000000000 || cred_deadline_ms() < 1)
        return cred_fail(CRED_INTERNAL, CRED_STR("randomness, clock or deadline is wrong"));
    cred_builder line = CRED_BUILDER(text);
    cred_add(&line, CRED_STR("judging "));
    cred_add(&line, id);
    if (cred_log_enabled(CRED_DEBUG)) cred_log(CRED_DEBUG, cred_built(&line));
    return CRED_OK;
}

/* keep uses the state, and adds the one key that is left with its value, twice. */
static cred_status keep(cred_bytes value, cred_builder *to) {
    TRY("kv_put", cred_kv_put(CRED_STR("seen/a"), value));
    TRY("kv_put", cred_kv_put(CRED_STR("seen/b"), value));
    TRY("kv_put", cred_kv_put(CRED_STR("seen/c"), value));
    TRY("kv_delete", cred_kv_delete(CRED_STR("seen/b")));
    uint8_t space[CRED_MAX_KV_KEY];
    cred_bytes after = CRED_STR("seen/a");
    for (;;) {
        int32_t n = cred_kv_scan(CRED_STR("seen/"), after, scratch, sizeof scratch);
        TRY("kv_scan", n);
        if (n == 0) return CRED_OK;
        cred_bytes page = {scratch, (uint32_t)n};
        cred_kv_entry entry;
        while ((n = cred_kv_next(&page, &entry)) == 1) {
            cred_builder last = CRED_BUILDER(space);
            cred_add(&last, entry.key);
            after = cred_built(&last);
            cred_add(to, entry.key);
            cred_add(to, entry.value);
            n = cred_kv_get(after, to->ptr + to->len, to->cap - to->len);
            TRY("kv_get", n);
            to->len += (uint32_t)n;
        }
        TRY("cred_kv_next", n);
    }
}

/* ask uses configuration and HTTP, and adds a header and the body. */
static cred_status ask(const cred_verify_proof_request *r, cred_builder *to) {
    uint8_t erp[256], address[512];
    uint64_t patience;
    bool closed;
    int32_t n = cred_config_text(CRED_STR("/erp"), erp, sizeof erp);
    TRY("config_read", n);
    TRY("config_read", cred_config_number(CRED_STR("/patienceMs"), &patience));
    TRY("config_read", cred_config_flag(CRED_STR("/closed"), &closed));
    if (closed) return cred_fail(CRED_INVALID_ARGUMENT, CRED_STR("closed is not false"));
    cred_builder url = CRED_BUILDER(address);
    cred_add(&url, (cred_bytes){erp, (uint32_t)n});
    cred_add(&url, r->credentials.id);
    request = (cred_http_request){.method = CRED_STR("POST"), .url = cred_built(&url), .header_count = 2, .body = r->challenge, .timeout_ms = patience};
    request.headers[0] = (cred_header){.name = CRED_STR("authorization"), .value = CRED_STR("Bearer "), .secret = CRED_STR("erp-token")};
    request.headers[1] = (cred_header){.name = CRED_STR("x-application"), .value = r->application_id};
    TRY("http_call", cred_http(&request, scratch, sizeof scratch, &response));
    if (response.status != 201) return cred_fail(CRED_UNAVAILABLE, CRED_STR("the ERP does not answer with 201"));
    cred_bytes nonce = {0};
    if (cred_http_header(&response, CRED_STR("x-nonce"), &nonce)) cred_add(to, nonce);
    cred_add(to, response.body);
    return CRED_OK;
}

/* taken_back signs with a secret and verifies with its public key. */
static cred_status taken_back(cred_bytes secret, int32_t signature, cred_bytes key, cred_bytes data) {
    uint8_t space[512];
    int32_t n = cred_secret_sign(secret, signature, data, space, sizeof space);
    TRY("secret_sign", n);
    n = cred_crypto_verify(signature, key, data, (cred_bytes){space, (uint32_t)n});
    TRY("crypto_verify", n);
    return n == 1 ? CRED_OK : cred_fail(CRED_INTERNAL, CRED_STR("a signature of the engine is not taken back"));
}

/* sign uses secrets and cryptography. */
static cred_status sign(cred_bytes keys, cred_bytes data, uint8_t sig[64]) {
    uint8_t digests[20 + 32 + 48 + 64], inner[48], outer[32];
    TRY("crypto_hash", cred_crypto_hash(CRED_SHA1, data, digests, 20));
    TRY("crypto_hash", cred_crypto_hash(CRED_SHA256, data, digests + 20, 32));
    TRY("crypto_hash", cred_crypto_hash(CRED_SHA384, data, digests + 52, 48));
    TRY("crypto_hash", cred_crypto_hash(CRED_SHA512, data, digests + 100, 64));
    TRY("crypto_hmac", cred_crypto_hmac(CRED_SHA384, keys, ALL(digests), inner, sizeof inner));
    if (cred_crypto_verify(CRED_HMAC(CRED_SHA384), keys, ALL(digests), ALL(inner)) != 1)
        return cred_fail(CRED_INTERNAL, CRED_STR("the HMAC is not taken back"));
    TRY("secret_hmac", cred_secret_hmac(CRED_STR("shared"), CRED_SHA256, ALL(inner), outer, sizeof outer));
    cred_status status = taken_back(CRED_STR("p256"), CRED_ECDSA_P256, cred_until(cred_from(keys, P256_KEY), RSA_KEY - P256_KEY), ALL(outer));
    if (status == CRED_OK) status = taken_back(CRED_STR("rsa"), CRED_RSA, cred_from(keys, RSA_KEY), ALL(outer));
    if (status != CRED_OK) return status;
    TRY("secret_sign", cred_secret_sign(CRED_STR("ed25519"), CRED_ED25519, ALL(outer), sig, 64));
    return CRED_OK;
}

static cred_status verify_proof(const cred_verify_proof_request *r) {
    uint8_t sig[64];
    cred_bytes keys = r->credentials.body;
    cred_builder all = CRED_BUILDER(gathered);
    cred_status status = look(r->credentials.id);
    if (status == CRED_OK) status = keep(r->challenge, &all);
    if (status == CRED_OK) status = ask(r, &all);
    if (status == CRED_OK) status = sign(keys, cred_built(&all), sig);
    if (status != CRED_OK) return status;
    int32_t valid = cred_crypto_verify(CRED_ED25519, cred_until(keys, P256_KEY), ALL(sig), r->proof);
    TRY("crypto_verify", valid);
    return valid == 1 ? CRED_OK : cred_refuse(CRED_STR("the proof does not hold"));
}

CRED_EXPORT_PROVIDE(provide)
CRED_EXPORT_LOOKUP(lookup)
CRED_EXPORT_VERIFY_PROOF(verify_proof)
