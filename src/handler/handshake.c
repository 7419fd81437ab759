/* SPDX-License-Identifier: MIT */
#include "handler/handshake.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum {
    KNOWN_FLAGS = PL_BLOCKING | PL_TCP | PL_UDP | PL_SESSIONS | PL_STAYS_LOADED | PL_RELAY | PL_ASKED_EMPTY,
    INPUT_MAX = 16777216,
    NAME_MAX_LENGTH = 32
};

/* All that a handler of ABI 0.0 already had. A member that comes later is read only where `size` covers it. */
#define SIZE_MIN (offsetof(struct pl_handler, on_close) + sizeof(((struct pl_handler *)NULL)->on_close))

static bool handshake__is_sized(const struct pl_handler *handler, struct text *problem)
{
    if (handler->abi_major != PL_ABI_MAJOR) {
        text_add_format(problem,
                        "it was built for ABI %" PRIu32 ".%" PRIu32
                        ", this program has %u.%u: build it with this "
                        "program's handler.h",
                        handler->abi_major, handler->abi_minor, PL_ABI_MAJOR, PL_ABI_MINOR);
        return false;
    }
    if (handler->size < SIZE_MIN) {
        text_add_format(problem,
                        "its descriptor has %" PRIu32
                        " bytes, too few for ABI %u: set .size = sizeof(pl_handler)",
                        handler->size, PL_ABI_MAJOR);
        return false;
    }
    if (handler->needs_minor > PL_ABI_MINOR) {
        text_add_format(problem,
                        "it needs ABI %u.%" PRIu32
                        ", this program has %u.%u: update this program, or take an older "
                        "plugin",
                        PL_ABI_MAJOR, handler->needs_minor, PL_ABI_MAJOR, PL_ABI_MINOR);
        return false;
    }
    return true;
}

static bool handshake__is_name(const char *name)
{
    const size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= NAME_MAX_LENGTH && name[length] == '\0';
}

static bool handshake__is_named(const struct pl_handler *handler, const char *name, struct text *problem)
{
    if (handler->name == NULL || handler->version == NULL || handler->summary == NULL) {
        text_add_string(problem, "its descriptor lacks a text: set .name, .version and .summary");
        return false;
    }
    if (!handshake__is_name(handler->name)) {
        text_add_string(problem, "its name is not 1 to 32 of a-z, 0-9, _ and -: change .name");
        return false;
    }
    if (strcmp(handler->name, name) != 0) {
        text_add_format(problem, "it is named \"%s\", not \"%s\": name the file %s.dll", handler->name, name,
                        handler->name);
        return false;
    }
    return true;
}

/* NULL: the flags, and what they ask for, are right. */
static const char *handshake__find_flaw(const struct pl_handler *handler)
{
    const uint32_t flags = handler->flags;
    return (flags & (PL_TCP | PL_UDP)) == 0 ? "it takes neither TCP nor UDP: set PL_TCP or PL_UDP in .flags"
           : (flags & PL_SESSIONS) != 0 && (flags & PL_UDP) == 0
               ? "PL_SESSIONS is set without PL_UDP: set both in .flags, or neither"
           : (flags & PL_TCP) != 0 && handler->on_data == NULL
               ? "PL_TCP is set and on_data is NULL: set .on_data, or clear the flag"
           : (flags & PL_UDP) != 0 && handler->on_datagram == NULL
               ? "PL_UDP is set and on_datagram is NULL: set .on_datagram, or clear the flag"
           : handler->max_input > INPUT_MAX ? "its max_input is above 16777216: set less"
                                            : NULL;
}

bool handshake_check(const struct pl_handler *handler, const char *name, struct text *problem)
{
    if (handler == NULL) {
        text_add_string(problem, "portlistener_handler returned NULL: return the address of the descriptor");
        return false;
    }
    if (!handshake__is_sized(handler, problem) || !handshake__is_named(handler, name, problem)) {
        return false;
    }
    if ((handler->flags & ~(uint32_t)KNOWN_FLAGS) != 0) {
        text_add_format(problem,
                        "its flags have unknown bits, 0x%" PRIX32 ": clear them, or update this program",
                        handler->flags & ~(uint32_t)KNOWN_FLAGS);
        return false;
    }
    const char *flaw = handshake__find_flaw(handler);
    if (flaw != NULL) {
        text_add_string(problem, flaw);
    }
    return flaw == NULL;
}
