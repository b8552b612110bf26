/*
 * A service that judges proofs, with all that the SDK offers for it: an
 * external system, secrets and cryptography. The one in Go of the same name
 * (../guest/testdata/outside) does the same.
 */
#include "../credence.h"

static cred_status lookup(const cred_request *r, cred_credentials *out) {
    (void)r;
    out->status = CRED_AVAILABLE;
    return CRED_OK;
}

static cred_http_request request;
static cred_http_response response;
static uint8_t buffer[8192];

static cred_status verify_proof(const cred_verify_proof_request *r) {
    uint8_t address[512], digest[32], inner[32], outer[32], sig[64];
    cred_builder url = CRED_BUILDER(address);
    cred_add(&url, CRED_STR("https://erp.example.com/devices/"));
    cred_add(&url, r->credentials.id);
    request = (cred_http_request){.method = CRED_STR("GET"), .url = cred_built(&url), .header_count = 1};
    request.headers[0] = (cred_header){.name = CRED_STR("authorization"), .value = CRED_STR("Bearer "), .secret = CRED_STR("erp-token")};

    int32_t n = cred_http(&request, buffer, sizeof buffer, &response);
    if (n < 0) return cred_failed(CRED_STR("http_call"), n);
    n = cred_crypto_hash(CRED_SHA256, response.body, digest, sizeof digest);
    if (n < 0) return cred_failed(CRED_STR("crypto_hash"), n);
    n = cred_crypto_hmac(CRED_SHA256, r->credentials.body, (cred_bytes){digest, sizeof digest}, inner, sizeof inner);
    if (n < 0) return cred_failed(CRED_STR("crypto_hmac"), n);
    n = cred_secret_hmac(CRED_STR("shared"), CRED_SHA256, (cred_bytes){inner, sizeof inner}, outer, sizeof outer);
    if (n < 0) return cred_failed(CRED_STR("secret_hmac"), n);
    n = cred_secret_sign(CRED_STR("signer"), CRED_ED25519, (cred_bytes){outer, sizeof outer}, sig, sizeof sig);
    if (n < 0) return cred_failed(CRED_STR("secret_sign"), n);
    n = cred_crypto_verify(CRED_ED25519, r->credentials.body, (cred_bytes){sig, sizeof sig}, r->proof);
    if (n < 0) return cred_failed(CRED_STR("crypto_verify"), n);
    return n == 1 ? CRED_OK : cred_refuse(CRED_STR("the proof does not hold"));
}

CRED_EXPORT_LOOKUP(lookup)
CRED_EXPORT_VERIFY_PROOF(verify_proof)
