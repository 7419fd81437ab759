/* SPDX-License-Identifier: MIT
   The command line of portlistener-conformance, taken apart. */
#ifndef PORTLISTENER_CONFORMANCE_SETTINGS_H
#define PORTLISTENER_CONFORMANCE_SETTINGS_H

#include "base/failure.h"
#include "base/text.h"

/* The texts are the caller's words. */
struct settings {
    const char *plugin;  /* the path of the DLL; NULL: help is asked for */
    unsigned protocols;  /* PL_TCP, PL_UDP, or both: those that the handler has */
    const char *check;   /* NULL: all */
    struct text options; /* "name = value\n" each, on the heap */
};

extern const char settings_usage[];

/* settings_parse: false: `failure_out` says what would be right. settings_fini: either way. */
bool settings_parse(struct settings *settings, const char *const *words, size_t count,
                    struct failure *failure_out);
void settings_fini(struct settings *settings);

#endif
