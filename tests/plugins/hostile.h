/* SPDX-License-Identifier: MIT
   What the plugins that do something wrong have in common: the host that they were started with. */
#ifndef PORTLISTENER_TESTS_PLUGINS_HOSTILE_H
#define PORTLISTENER_TESTS_PLUGINS_HOSTILE_H

#include "plugins/plugin.h"

static const pl_host *host;
static pl_id endpoint;

static int32_t hostile_start(pl_start *start)
{
    host = start->host;
    endpoint = start->endpoint;
    (void)endpoint;
    return 0;
}

/* HOSTILE: one that is right but for a callback. */
#define HOSTILE(title, callback) \
    PLUGIN_SPOILT(title, handler.start = hostile_start; handler.callback = (callback))

#endif
