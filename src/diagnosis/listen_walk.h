/* SPDX-License-Identifier: MIT
   A walk over the addresses of a configuration's enabled endpoints, with the words by which findings call them; no Windows
   header. */
#ifndef PORTLISTENER_DIAGNOSIS_LISTEN_WALK_H
#define PORTLISTENER_DIAGNOSIS_LISTEN_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/config_listen.h"

enum { LISTEN_WALK_SUBJECT_ROOM = 128 };

struct listen_walk {
    const struct config_endpoint *endpoint;
    const struct config_listen *listen;     /* one item of it */
    char subject[LISTEN_WALK_SUBJECT_ROOM]; /* "endpoint web" */
    char address[CONFIG_LISTEN_TEXT_ROOM];  /* as `listen` has it */
    const struct config *config;
    size_t next_endpoint, next_listen;
};

/* listen_walk_begin: `config` is to stay. listen_walk_next: to the first item, then to the next; false: there is no more. */
void listen_walk_begin(struct listen_walk *walk, const struct config *config);
bool listen_walk_next(struct listen_walk *walk);

#endif
