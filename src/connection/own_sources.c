/* SPDX-License-Identifier: MIT
   Datagrams from our own endpoints, see own_sources.h. Only the system knows exactly which addresses this machine has,
   and it says so by binding a socket to them: no list to keep up to date. */
#include "connection/own_sources.h"

#include "base/address.h"
#include "base/memory.h"
#include "io/network.h"

struct own_source {
    struct pl_address address; /* without its port; family 0: none */
    uint64_t until;
    bool is_own;
};

void own_sources_init(struct own_sources *sources, const struct own_ports *ports, const struct hash_key *key)
{
    *sources = (struct own_sources){.ports = ports, .key = *key};
}

void own_sources_fini(struct own_sources *sources)
{
    memory_free(sources->cache);
    sources->cache = NULL;
}

/* 0: it is an address of this machine; WSAEADDRNOTAVAIL: it is not; else nobody knows. By a socket for TCP: Wine 8
   binds those for UDP to any address. */
static DWORD own_sources__try(const struct pl_address *address)
{
    SOCKADDR_STORAGE to;
    const int family = network_family(address), length = network_address_to(address, family, &to);
    const SOCKET socket = network_socket(family, SOCK_STREAM);
    if (socket == INVALID_SOCKET) {
        return (DWORD)WSAGetLastError();
    }
    const DWORD error = bind(socket, (const SOCKADDR *)&to, length) == 0 ? 0 : (DWORD)WSAGetLastError();
    closesocket(socket);
    return error;
}

static bool own_sources__may_ask(struct own_sources *sources, uint64_t now)
{
    if (now / 1000 != sources->second) {
        sources->second = now / 1000;
        sources->asked = 0;
    }
    return sources->asked++ < OWN_SOURCES_ASKED;
}

/* The address's place in the cache, whoever is there; NULL: no memory. */
static struct own_source *own_sources__place(struct own_sources *sources, const struct pl_address *address)
{
    if (sources->cache == NULL) {
        sources->cache = memory_alloc(OWN_SOURCES_CACHED * sizeof sources->cache[0]);
    }
    return sources->cache == NULL
               ? NULL
               : &sources->cache[keyed_hash(&sources->key, address, sizeof *address) % OWN_SOURCES_CACHED];
}

static bool own_sources__is_own_address(struct own_sources *sources, const struct pl_address *address,
                                        uint64_t now)
{
    struct own_source *place = own_sources__place(sources, address);
    if (place != NULL && address_equal(&place->address, address) && now < place->until) {
        return place->is_own;
    }
    const DWORD error = own_sources__may_ask(sources, now) ? own_sources__try(address) : WSAEWOULDBLOCK;
    if (place != NULL && (error == 0 || error == WSAEADDRNOTAVAIL)) {
        *place = (struct own_source){*address, now + OWN_SOURCES_FRESH, error == 0};
    }
    return error != WSAEADDRNOTAVAIL;
}

bool own_sources_has(struct own_sources *sources, const struct pl_address *source, uint64_t now)
{
    const enum own_port_match match = own_ports_find(sources->ports, source);
    if (match != OWN_PORT_WILDCARD || address_is_loopback(source)) {
        return match != OWN_PORT_NOT;
    }
    struct pl_address address = *source;
    address.port = 0;
    return own_sources__is_own_address(sources, &address, now);
}
