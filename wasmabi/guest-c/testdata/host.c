/*
 * host plays the engine for the functions of credence.h that talk to it, and
 * ends with a message and an exit code when one of them does not do what it says.
 */
#include "../credence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *now_testing = "";

#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "%s, line %d: not so: %s\n", now_testing, __LINE__, #condition);  \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

/* ---- The engine --------------------------------------------------------- */

static uint8_t input[CRED_MAX_INPUT], output[CRED_MAX_INPUT], reason[1024], response[CRED_MAX_HTTP_RESPONSE];
static uint32_t input_len, output_len, reason_len, response_len;
static const char *configuration; /* the JSON text at every pointer; NULL for none */

int32_t cred_import_input_read(void *dst, uint32_t cap, uint32_t off) {
    uint32_t n = input_len - off < cap ? input_len - off : cap;
    memcpy(dst, input + off, n);
    return (int32_t)n;
}

int32_t cred_import_output_write(const void *src, uint32_t len) {
    if (len > sizeof output - output_len) return -CRED_E2BIG;
    if (len > 0) memcpy(output + output_len, src, len);
    output_len += len;
    return (int32_t)len;
}

int32_t cred_import_error_write(const void *src, uint32_t len) {
    reason_len = len < sizeof reason ? len : sizeof reason;
    memcpy(reason, src, reason_len);
    return (int32_t)len;
}

/* answer copies a value if it fits, and returns its length. */
static int32_t answer(const void *value, uint32_t len, void *dst, uint32_t cap) {
    if (len > 0 && len <= cap) memcpy(dst, value, len);
    return (int32_t)len;
}

int32_t cred_import_config_read(const void *key, uint32_t klen, void *dst, uint32_t cap) {
    (void)key, (void)klen;
    if (configuration == NULL) return -CRED_ENOENT;
    return answer(configuration, (uint32_t)strlen(configuration), dst, cap);
}

int32_t cred_import_kv_get(const void *key, uint32_t klen, void *dst, uint32_t cap) {
    if (klen == 4 && memcmp(key, "none", 4) == 0) return -CRED_ENOENT;
    return answer(key, klen, dst, cap); /* every key is its own value */
}

int32_t cred_import_http_call(const void *request, uint32_t len) {
    cred_http_request r;
    if (cred_decode(&cred_http_request_message, &r, (cred_bytes){request, len}) != 0) return -CRED_EINVAL;
    return cred_equal(r.url, CRED_STR("https://a/")) ? 7 : -CRED_EPERM;
}

int32_t cred_import_result_read(int32_t handle, void *dst, uint32_t cap, uint32_t off) {
    if (handle != 7) return -CRED_EINVAL;
    uint32_t n = response_len - off < cap ? response_len - off : cap;
    if (n > 0) memcpy(dst, response + off, n);
    return (int32_t)n;
}

int32_t cred_import_secret_hmac(const void *name, uint32_t nlen, int32_t alg, const void *data, uint32_t dlen, void *dst, uint32_t cap) {
    (void)name, (void)nlen, (void)alg, (void)data, (void)dlen;
    return answer("01234567890123456789012345678901", 32, dst, cap);
}

/* ---- A service ---------------------------------------------------------- */

static cred_status verdict = CRED_OK;
static uint8_t large[CRED_MAX_BODY];

static cred_status lookup(const cred_request *r, cred_credentials *out) {
    CHECK(cred_equal(r->application_id, CRED_STR("app")));
    out->status = CRED_IN_USE;
    out->expires_unix = 9;
    out->body = (cred_bytes){large, verdict == CRED_OK ? (uint32_t)sizeof large : 0};
    return verdict == CRED_OK ? CRED_OK : cred_fail(verdict, CRED_STR("why"));
}

static cred_status provide(const cred_provide_request *r, cred_credentials *out) {
    CHECK(cred_equal(r->credentials.body, out->body));
    return verdict;
}

static cred_status mark(const cred_request *r) { return cred_equal(r->credentials_id, CRED_STR("id")) ? verdict : CRED_INTERNAL; }

static cred_status verify(const cred_verify_proof_request *r) { return cred_equal(r->proof, CRED_STR("good")) ? CRED_OK : cred_refuse(CRED_STR("bad")); }

static cred_status configure(cred_bytes text) { return cred_equal(text, CRED_STR("{}")) ? CRED_OK : CRED_INVALID_ARGUMENT; }

CRED_EXPORT_LOOKUP(lookup)
CRED_EXPORT_PROVIDE(provide)
CRED_EXPORT_MARK_IN_USE(mark)
CRED_EXPORT_MARK_REVOKED(mark)
CRED_EXPORT_VERIFY_PROOF(verify)
CRED_EXPORT_CONFIGURE(configure)

/* ask makes a message the request, and calls an operation. */
static int32_t ask(int32_t (*operation)(uint32_t), const cred_message *m, const void *request) {
    cred_builder b = CRED_BUILDER(input);
    if (m != NULL) cred_encode(m, request, &b);
    input_len = b.len;
    output_len = reason_len = 0;
    return operation(b.len);
}

static cred_credentials answered(void) {
    cred_credentials c;
    CHECK(cred_decode(&cred_credentials_message, &c, (cred_bytes){output, output_len}) == 0);
    return c;
}

static bool reason_is(cred_bytes text) { return cred_equal((cred_bytes){reason, reason_len}, text); }

static void operations(void) {
    now_testing = "operations";
    cred_request r = {.application_id = CRED_STR("app"), .credentials_id = CRED_STR("id")};
    CHECK(ask(cred_export_lookup, &cred_request_message, &r) == CRED_OK);
    cred_credentials c = answered();
    CHECK(cred_equal(c.id, r.credentials_id) && c.status == CRED_IN_USE && c.expires_unix == 9 && c.body.len == sizeof large);
    cred_builder again = {malloc(sizeof output), 0, sizeof output, false};
    cred_encode(&cred_credentials_message, &c, &again);
    CHECK(cred_equal(cred_built(&again), (cred_bytes){output, output_len})); /* in the order of the numbers */
    free(again.ptr);

    verdict = CRED_UNAVAILABLE;
    CHECK(ask(cred_export_lookup, &cred_request_message, &r) == CRED_UNAVAILABLE && output_len == 0 && reason_is(CRED_STR("why")));
    CHECK(ask(cred_export_mark_in_use, &cred_request_message, &r) == CRED_UNAVAILABLE);
    verdict = CRED_OK;
    CHECK(ask(cred_export_mark_revoked, &cred_request_message, &r) == CRED_OK && output_len == 0);

    cred_provide_request p = {.application_id = CRED_STR("app"), .credentials = {.id = CRED_STR("id"), .body = CRED_STR("key")}};
    CHECK(ask(cred_export_provide, &cred_provide_request_message, &p) == CRED_OK);
    c = answered();
    CHECK(cred_equal(c.body, CRED_STR("key")) && c.status == CRED_AVAILABLE);

    cred_verify_proof_request v = {.application_id = CRED_STR("app"), .credentials = {.id = CRED_STR("id")}, .proof_type = CRED_STR("t"), .proof = CRED_STR("good")};
    CHECK(ask(cred_export_verify_proof, &cred_verify_proof_request_message, &v) == CRED_OK && output_len == 0);
    v.proof = CRED_STR("evil");
    CHECK(ask(cred_export_verify_proof, &cred_verify_proof_request_message, &v) == CRED_PERMISSION_DENIED && reason_is(CRED_STR("bad")));

    memcpy(input, "{}", 2);
    input_len = 2;
    CHECK(cred_export_configure(2) == CRED_OK);
    CHECK(ask(cred_export_lookup, NULL, NULL) == CRED_INVALID_ARGUMENT && reason_is(CRED_STR("the request is malformed")));
    CHECK(cred_export_lookup(UINT32_MAX) == CRED_INVALID_ARGUMENT);
}

static void numbers_and_texts(void) {
    now_testing = "numbers and texts";
    uint64_t n = 5;
    CHECK(cred_number(CRED_STR("18446744073709551615"), &n) && n == UINT64_MAX);
    CHECK(!cred_number(CRED_STR("18446744073709551616"), &n) && !cred_number(CRED_STR(""), &n) && !cred_number(CRED_STR("1x"), &n) && !cred_number(CRED_STR("-1"), &n));
    CHECK(cred_has_prefix(CRED_STR("SN-1"), CRED_STR("SN-")) && !cred_has_prefix(CRED_STR("SN"), CRED_STR("SN-")));
    CHECK(cred_equal(CRED_STR(""), CRED_STR("")) && !cred_equal(CRED_STR("a"), CRED_STR("b")) && !cred_equal(CRED_STR("a"), CRED_STR("ab")));

    uint8_t space[5];
    cred_builder b = CRED_BUILDER(space);
    cred_add(&b, CRED_STR("abc"));
    cred_add(&b, CRED_STR("def"));
    CHECK(b.full && cred_equal(cred_built(&b), CRED_STR("abc")));
    cred_add(&b, CRED_STR("d"));
    CHECK(cred_equal(cred_built(&b), CRED_STR("abc"))); /* nothing after what was left out */
    b = CRED_BUILDER(space);
    cred_add_number(&b, 65535);
    CHECK(!b.full && cred_equal(cred_built(&b), CRED_STR("65535")));
}

static void configurations(void) {
    now_testing = "configurations";
    uint64_t n = 5;
    bool flag = false;
    uint8_t text[8];
    CHECK(cred_config_number(CRED_STR("/n"), &n) == -CRED_ENOENT && n == 5);
    configuration = "42";
    CHECK(cred_config_number(CRED_STR("/n"), &n) == 0 && n == 42);
    CHECK(cred_config_flag(CRED_STR("/n"), &flag) == -CRED_EINVAL && cred_config_text(CRED_STR("/n"), text, sizeof text) == -CRED_EINVAL);
    configuration = "1.5";
    CHECK(cred_config_number(CRED_STR("/n"), &n) == -CRED_EINVAL);
    configuration = "100000000000000000000000000";
    CHECK(cred_config_number(CRED_STR("/n"), &n) == -CRED_EINVAL && cred_config_flag(CRED_STR("/n"), &flag) == -CRED_EINVAL);
    configuration = "true";
    CHECK(cred_config_flag(CRED_STR("/n"), &flag) == 0 && flag);
    configuration = "false";
    CHECK(cred_config_flag(CRED_STR("/n"), &flag) == 0 && !flag);
    configuration = "\"abc\"";
    CHECK(cred_config_text(CRED_STR("/t"), text, sizeof text) == 3 && memcmp(text, "abc", 3) == 0);
    configuration = "\"a\\n\"";
    CHECK(cred_config_text(CRED_STR("/t"), text, sizeof text) == -CRED_EINVAL);
    configuration = "\"too long for it\"";
    CHECK(cred_config_text(CRED_STR("/t"), text, sizeof text) == -CRED_E2BIG);
}

static void results(void) {
    now_testing = "results";
    uint8_t value[4], mac[32];
    CHECK(cred_kv_get(CRED_STR("k"), value, sizeof value) == 1 && value[0] == 'k');
    CHECK(cred_kv_get(CRED_STR("none"), value, sizeof value) == -CRED_ENOENT);
    CHECK(cred_kv_get(CRED_STR("large"), value, sizeof value) == -CRED_E2BIG);
    CHECK(cred_secret_hmac(CRED_STR("s"), CRED_SHA256, CRED_STR(""), mac, sizeof mac) == 32);
    CHECK(cred_secret_hmac(CRED_STR("s"), CRED_SHA256, CRED_STR(""), mac, 31) == -CRED_E2BIG);
    CHECK(cred_failed(CRED_STR("kv_get"), -CRED_EDQUOT) == CRED_RESOURCE_EXHAUSTED && reason_is(CRED_STR("kv_get failed with error 122")));
    CHECK(cred_failed(CRED_STR("http_call"), -CRED_EAGAIN) == CRED_UNAVAILABLE);
    CHECK(cred_failed(CRED_STR("kv_get"), -CRED_EPERM) == CRED_INTERNAL);
}

static void http(void) {
    now_testing = "http";
    static uint8_t buf[CRED_MAX_HTTP_RESPONSE];
    cred_http_request r = {.method = CRED_STR("GET"), .url = CRED_STR("https://a/")};
    cred_http_response out, given = {.status = 200, .header_count = 1, .headers = {{.name = CRED_STR("etag"), .value = CRED_STR("7")}}, .body = CRED_STR("body")};
    cred_bytes tag;
    cred_builder b = CRED_BUILDER(response);
    cred_encode(&cred_http_response_message, &given, &b);
    response_len = b.len;
    CHECK(cred_http(&r, buf, sizeof buf, &out) == 0 && out.status == 200 && cred_equal(out.body, CRED_STR("body")));
    CHECK(cred_http_header(&out, CRED_STR("etag"), &tag) && cred_equal(tag, CRED_STR("7")) && !cred_http_header(&out, CRED_STR("date"), &tag));
    CHECK(cred_http(&r, buf, response_len, &out) == 0);
    CHECK(cred_http(&r, buf, response_len - 1, &out) == -CRED_E2BIG); /* the response does not fit */
    CHECK(cred_http(&r, buf, 5, &out) == -CRED_E2BIG);                /* the request does not */
    r.url = CRED_STR("https://b/");
    CHECK(cred_http(&r, buf, sizeof buf, &out) == -CRED_EPERM);
    r.url = CRED_STR("https://a/");
    response_len--;
    CHECK(cred_http(&r, buf, sizeof buf, &out) == -CRED_EINVAL);
}

int main(void) {
    operations();
    numbers_and_texts();
    configurations();
    results();
    http();
    return 0;
}
