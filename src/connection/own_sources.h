/* SPDX-License-Identifier: MIT
   Whether a datagram comes from one of this engine's own endpoints, which would answer our answer, and so on for ever.
   One for each UDP socket; on its worker. */
#ifndef PORTLISTENER_CONNECTION_OWN_SOURCES_H
#define PORTLISTENER_CONNECTION_OWN_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "endpoint/own_ports.h"

enum {
    OWN_SOURCES_CACHED = 256,
    OWN_SOURCES_FRESH = 30000, /* milliseconds that the system's answer is believed */
    OWN_SOURCES_ASKED = 1000   /* times a second, at most */
};

struct own_source;

struct own_sources {
    const struct own_ports *ports;
    struct hash_key key;
    struct own_source *cache; /* NULL until somebody needs it */
    uint64_t second;          /* in which the system was asked `asked` times */
    uint32_t asked;
};

/* own_sources_init: `ports` stay the caller's. `key` is random. */
void own_sources_init(struct own_sources *sources, const struct own_ports *ports, const struct hash_key *key);
void own_sources_fini(struct own_sources *sources);

/* own_sources_has: `now` in milliseconds. Asks the system (is that an address of this machine?) only for a port that
   is bound on all addresses, and for each address once in a while; where it cannot ask, it says yes: an answer too few
   does less harm. */
bool own_sources_has(struct own_sources *sources, const struct pl_address *source, uint64_t now);

#endif
