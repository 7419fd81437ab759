/* SPDX-License-Identifier: MIT
   PROXY headers judged, see claim.h. */
#include "connection/claim.h"

#include <assert.h>

#include "accept/admission.h"
#include "accept/proxy_header.h"

static_assert((int)CONFIG_PROXY_V1 == (int)PROXY_V1 && (int)CONFIG_PROXY_V2 == (int)PROXY_V2,
              "the configuration names the versions for proxy_header_read");

/* Who comes through a proxy comes in only now, however long ago the proxy did. */
static enum close_reason claim__judge(const struct endpoint *endpoint, const struct proxy_header *header)
{
    if (endpoint->is_stopping != 0) {
        return REFUSED_STOPPING;
    }
    if (endpoint->is_paused != 0) {
        return REFUSED_PAUSED;
    }
    return header->is_local ? CLOSE_REASON_NONE
                            : admission_reason(admission_claim(endpoint->admission, &header->source));
}

bool claim_read(const struct endpoint *endpoint, const uint8_t *at, size_t length, struct claim *claim_out)
{
    struct proxy_header header;
    switch (proxy_header_read(endpoint->config->proxy_protocol, false, at, length, &header)) {
    case PROXY_MORE:
        return false;
    case PROXY_BAD:
        *claim_out = (struct claim){.refusal = REFUSED_PROXY, .problem = header.problem};
        return true;
    case PROXY_DONE:
        break;
    }
    *claim_out = (struct claim){.refusal = claim__judge(endpoint, &header),
                                .length = header.length,
                                .is_proxied = !header.is_local,
                                .source = header.source,
                                .destination = header.destination};
    return true;
}
