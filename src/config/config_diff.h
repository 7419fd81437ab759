/* SPDX-License-Identifier: MIT
   What changed between two configurations, for people, for tools, and for the reload that makes it so. No Windows
   header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_DIFF_H
#define PORTLISTENER_CONFIG_CONFIG_DIFF_H

#include "config/config_sockets.h"

#define CONFIG_DIFF_NONE SIZE_MAX

/* What becomes of an endpoint of the second configuration. */
struct config_pairing {
    size_t before; /* in the first one, by its name or, where that is new, by its sockets; NONE: it is new */
    bool is_same;  /* nothing that a reload could change has changed, its name included */
    bool is_renamed; /* found by its sockets */
    uint32_t
        backlog; /* of a socket that stays, one that has another than it should have first; 0: none stays */
};

enum config_change_kind {
    CONFIG_CHANGE_VALUE,   /* a key has another value */
    CONFIG_CHANGE_DLL,     /* the file of the handler's DLL has been replaced */
    CONFIG_CHANGE_ADDED,   /* an endpoint */
    CONFIG_CHANGE_REMOVED, /* likewise */
    CONFIG_CHANGE_RENAMED, /* likewise */
    CONFIG_CHANGE_OPENED,  /* a socket */
    CONFIG_CHANGE_WAITS,   /* likewise, but it could not be bound yet */
    CONFIG_CHANGE_CLOSED,  /* likewise */
    CONFIG_CHANGE_MOVED,   /* a socket goes over to another endpoint */
    CONFIG_CHANGE_HELD     /* a socket that is still in the way of the one that is wanted */
};

enum config_effect {
    CONFIG_EFFECT_AT_ONCE,
    CONFIG_EFFECT_NEW_CLIENTS,
    CONFIG_EFFECT_WHEN_BOUND,
    CONFIG_EFFECT_RESTART
};

struct config_change {
    enum config_change_kind kind;
    enum config_effect effect;
    const char *endpoint;                            /* NULL: [service] */
    const char *other;                               /* RENAMED, MOVED: what it was called, or whose it was */
    const struct config_key *key;                    /* VALUE; so are the next two */
    const void *before, *after;                      /* the records, which have the values */
    const struct config_socket *socket, *old_socket; /* sockets; HELD: the wanted one, and that in its way */
};

struct config_diff {
    const struct config *before;
    const struct config *after;
    struct config_pairing *endpoints; /* of each of after's, in their order */
    bool *is_old_taken;               /* of each of before's: it has a successor */
    struct config_sockets old_sockets, new_sockets;
    size_t changes;
    size_t restarts; /* of these, wait for the next start */
};

/* config_diff_init_sockets: config_diff_init, where `before` has these sockets indeed, whatever it says; they are the diff's
   from now on. */
bool config_diff_init_sockets(struct config_diff *diff, const struct config *before,
                              const struct config_sockets *sockets, const struct config *after);

/* config_diff_init: both stay the caller's, and as they are. False: no memory; either way end with config_diff_fini. */
bool config_diff_init(struct config_diff *diff, const struct config *before, const struct config *after);
void config_diff_fini(struct config_diff *diff);

/* config_diff_visit: each change: [service], then the endpoints in their order, then what is gone, then sockets. */
void config_diff_visit(const struct config_diff *diff,
                       void (*visit)(void *context, const struct config_change *change), void *context);

/* config_change_add: one change, one line without its end: "endpoint web: idle_timeout 5m -> 30s (new connections)". */
void config_change_add(struct text *text, const struct config_change *change);

/* config_diff_add: all of them, one line each; config_diff_add_json: as one JSON object: "changes", a list of objects with
   "endpoint" (null: [service]), "what" (value, dll, added, removed, renamed, opened, waits, closed, moved, held), "effect" (at
   once, new connections, when bound, restart), and as "what" has it "key", "before", "after", "socket"; and "restarts", their
   number. */
void config_diff_add(struct text *text, const struct config_diff *diff);
void config_diff_add_json(struct text *text, const struct config_diff *diff);

#endif
