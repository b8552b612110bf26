/* The service of the benchmarks, in C: it knows every id, with a body of 290
 * bytes. */
#include "credence.h"

#define TEN "0123456789"
#define BODY TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static cred_status lookup(const cred_request *r, cred_credentials *out) {
    (void)r;
    out->body = CRED_STR(BODY);
    out->status = CRED_AVAILABLE;
    return CRED_OK;
}

CRED_EXPORT_LOOKUP(lookup)
