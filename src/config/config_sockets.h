/* SPDX-License-Identifier: MIT
   Which sockets a configuration wants, and which of them are those that another one has: what a reload opens, keeps and
   closes. A socket is known by its protocol, family, address, port and whether it takes both families, whatever else is
   said of it. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_SOCKETS_H
#define PORTLISTENER_CONFIG_CONFIG_SOCKETS_H

#include "config/config.h"

enum config_socket_fate {
    CONFIG_SOCKET_ALONE, /* the other side has none like it: it is opened, or closed */
    CONFIG_SOCKET_KEPT,  /* the other side has the same */
    CONFIG_SOCKET_HELD /* the other side has one that overlaps, such as all addresses for one: both cannot be bound at
                            once, so the old one stays until the restart */
};

struct config_socket {
    const char *endpoint; /* its name; of two of one address (port 0) those of one name belong together */
    size_t number;        /* the caller's; config_sockets_list: of its endpoint */
    size_t place;         /* in the list, before it was sorted */
    enum config_protocol protocol;
    bool is_dual_stack;
    bool is_localhost;         /* half of "localhost" */
    struct pl_address address; /* as it is wanted: port 0 is any */
    uint32_t backlog;          /* TCP: that it has, or should have */
    enum config_socket_fate fate;
    bool is_waiting;               /* ALONE: it could not be bound yet */
    struct config_socket *partner; /* KEPT: the same one; HELD: the first that overlaps */
};

struct config_sockets {
    struct config_socket *at;
    size_t count;
};

/* config_sockets_list: of the enabled endpoints, in their order; names and numbers as above. False: no memory; either
   way end with config_sockets_fini. */
bool config_sockets_list(struct config_sockets *sockets, const struct config *config);
void config_sockets_fini(struct config_sockets *sockets);

/* config_sockets_match: sorts both, and finds each one's fate and partner. */
void config_sockets_match(struct config_sockets *before, struct config_sockets *after);

/* config_socket_add: such as "tcp://192.0.2.1:80". */
void config_socket_add(struct text *text, const struct config_socket *socket);

#endif
