/* SPDX-License-Identifier: MIT
   From one address of a configuration to the next, see listen_walk.h. */
#include "diagnosis/listen_walk.h"

void listen_walk_begin(struct listen_walk *walk, const struct config *config)
{
    *walk = (struct listen_walk){.config = config};
}

/* False: there is none left. */
static bool listen_walk__enter(struct listen_walk *walk)
{
    struct text text;
    while (walk->next_endpoint < walk->config->endpoint_count) {
        const struct config_endpoint *endpoint = &walk->config->endpoints[walk->next_endpoint++];
        if (endpoint->is_enabled && endpoint->listen_count > 0) {
            walk->endpoint = endpoint;
            walk->next_listen = 0;
            text_init(&text, walk->subject, sizeof walk->subject);
            text_add_format(&text, "endpoint %s", endpoint->name);
            return true;
        }
    }
    return false;
}

bool listen_walk_next(struct listen_walk *walk)
{
    struct text text;
    const bool is_within = walk->endpoint != NULL && walk->next_listen < walk->endpoint->listen_count;
    if (!is_within && !listen_walk__enter(walk)) {
        return false;
    }
    walk->listen = &walk->endpoint->listen[walk->next_listen++];
    text_init(&text, walk->address, sizeof walk->address);
    config_listen_add(&text, walk->listen);
    return true;
}
