/* SPDX-License-Identifier: MIT
   What the plugins of the tests have in common: a descriptor that is right, to be spoilt by one change. */
#ifndef PORTLISTENER_TESTS_PLUGINS_PLUGIN_H
#define PORTLISTENER_TESTS_PLUGINS_PLUGIN_H

#include "portlistener/handler.h"

__declspec(dllexport) const pl_handler *portlistener_handler(void);

static size_t plugin_on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

/* plugin_make: right but for its name, if that is not its file's. */
static pl_handler plugin_make(const char *name)
{
    return (pl_handler){.size = sizeof(pl_handler),
                        .abi_major = PL_ABI_MAJOR,
                        .abi_minor = PL_ABI_MINOR,
                        .needs_minor = 0,
                        .flags = PL_TCP,
                        .name = name,
                        .version = "1.0",
                        .summary = "A plugin of the tests.",
                        .on_data = plugin_on_data};
}

/* PLUGIN_SPOILT: portlistener_handler of a plugin that is right but for `change`, a statement about `handler`. */
#define PLUGIN_SPOILT(title, change)             \
    const pl_handler *portlistener_handler(void) \
    {                                            \
        static pl_handler handler;               \
        handler = plugin_make(title);            \
        change;                                  \
        return &handler;                         \
    }

#endif
