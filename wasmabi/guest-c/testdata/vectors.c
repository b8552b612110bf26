/*
 * vectors reads lines of a message's name and its bytes in hex, decodes each,
 * and prints a line: what the fields hold and what they are encoded to, or
 * "refused". A field is path=hex for bytes and texts, path=number otherwise.
 */
#include "../credence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_hex(cred_bytes b) {
    for (uint32_t i = 0; i < b.len; i++) printf("%02x", b.ptr[i]);
}

static void print_bytes(const char *path, const char *name, cred_bytes b) {
    if (b.len == 0) return;
    printf("%s%s=", path, name);
    print_hex(b);
    putchar(' ');
}

static void print_number(const char *path, const char *name, uint64_t n) {
    if (n != 0) printf("%s%s=%llu ", path, name, (unsigned long long)n);
}

static void print_credentials(const char *path, const cred_credentials *c) {
    print_bytes(path, "id", c->id);
    print_bytes(path, "body", c->body);
    print_number(path, "status", c->status);
    print_number(path, "expiresUnix", c->expires_unix);
}

static void print_headers(const cred_header *headers, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        char path[32];
        snprintf(path, sizeof path, "headers.%u.", i);
        print_bytes(path, "name", headers[i].name);
        print_bytes(path, "value", headers[i].value);
        print_bytes(path, "secret", headers[i].secret);
    }
}

static union {
    cred_credentials credentials;
    cred_request request;
    cred_provide_request provide;
    cred_verify_proof_request verify;
    cred_http_request http_request;
    cred_http_response http_response;
} m;

static void print_message_credentials(void) { print_credentials("", &m.credentials); }

static void print_request(void) {
    print_bytes("", "applicationId", m.request.application_id);
    print_bytes("", "credentialsId", m.request.credentials_id);
    print_bytes("", "requestId", m.request.request_id);
}

static void print_provide(void) {
    print_bytes("", "applicationId", m.provide.application_id);
    print_credentials("credentials.", &m.provide.credentials);
    print_bytes("", "requestId", m.provide.request_id);
}

static void print_verify(void) {
    print_bytes("", "applicationId", m.verify.application_id);
    print_credentials("credentials.", &m.verify.credentials);
    print_bytes("", "proofType", m.verify.proof_type);
    print_bytes("", "challenge", m.verify.challenge);
    print_bytes("", "proof", m.verify.proof);
    print_bytes("", "requestId", m.verify.request_id);
}

static void print_http_request(void) {
    print_bytes("", "method", m.http_request.method);
    print_bytes("", "url", m.http_request.url);
    print_headers(m.http_request.headers, m.http_request.header_count);
    print_bytes("", "body", m.http_request.body);
    print_number("", "timeoutMs", m.http_request.timeout_ms);
}

static void print_http_response(void) {
    print_number("", "status", m.http_response.status);
    print_headers(m.http_response.headers, m.http_response.header_count);
    print_bytes("", "body", m.http_response.body);
}

static const struct {
    const char *name;
    const cred_message *message;
    void (*print)(void);
} known[] = {
    {"Credentials", &cred_credentials_message, print_message_credentials},
    {"LookupRequest", &cred_request_message, print_request},
    {"MarkInUseRequest", &cred_request_message, print_request},
    {"MarkRevokedRequest", &cred_request_message, print_request},
    {"ProvideRequest", &cred_provide_request_message, print_provide},
    {"VerifyProofRequest", &cred_verify_proof_request_message, print_verify},
    {"HttpRequest", &cred_http_request_message, print_http_request},
    {"HttpResponse", &cred_http_response_message, print_http_response},
};

static uint8_t encoded[256 * 1024];

static void page(cred_bytes src) {
    cred_builder out = CRED_BUILDER(encoded);
    cred_bytes rest = src;
    cred_kv_entry e;
    int32_t more;
    while ((more = cred_kv_next(&rest, &e)) == 1) continue;
    if (more < 0) {
        puts("refused");
        return;
    }
    for (uint32_t i = 0; cred_kv_next(&src, &e) == 1; i++) {
        char path[32];
        snprintf(path, sizeof path, "entries.%u.", i);
        print_bytes(path, "key", e.key);
        print_bytes(path, "value", e.value);
        cred_encode_nested(&cred_kv_entry_message, 1, &e, &out);
    }
    print_hex(cred_built(&out));
    putchar('\n');
}

static void message(const char *name, cred_bytes src) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        if (cred_decode(known[i].message, &m, src) != 0) {
            puts("refused");
            return;
        }
        known[i].print();
        cred_builder out = CRED_BUILDER(encoded);
        cred_encode(known[i].message, &m, &out);
        print_hex(cred_built(&out));
        putchar('\n');
        return;
    }
    printf("unknown message %s\n", name);
}

int main(void) {
    static char line[600 * 1024];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *name = strtok(line, " \n"), *hex = strtok(NULL, " \n");
        uint32_t n = hex == NULL ? 0 : (uint32_t)strlen(hex) / 2;
        /* Of exactly this size, so that a sanitizer sees what reads beyond it. */
        uint8_t *raw = malloc(n > 0 ? n : 1);
        for (uint32_t i = 0; i < n; i++) {
            char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
            raw[i] = (uint8_t)strtoul(digits, NULL, 16);
        }
        cred_bytes src = {raw, n};
        if (strcmp(name, "KvPage") == 0)
            page(src);
        else
            message(name, src);
        fflush(stdout);
        free(raw);
    }
    return 0;
}
