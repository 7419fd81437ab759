/* SPDX-License-Identifier: MIT
   The two streams that a command writes to, as the files `out` and `err` of a test's folder. */
#ifndef PORTLISTENER_TESTS_SUPPORT_STREAMS_H
#define PORTLISTENER_TESTS_SUPPORT_STREAMS_H

#include <stddef.h>

#include "output.h"

/* streams_open: both, empty. streams_end: closes them and reads what came, as texts; a stream without a room is not read.
   Either fails the test when it cannot. */
void streams_open(struct streams *streams_out, const WCHAR *folder);
void streams_end(struct streams *streams, const WCHAR *folder, char *out, size_t out_room, char *err,
                 size_t err_room);

/* streams_look: what has come on `out`, while they are open. */
void streams_look(const WCHAR *folder, char *out, size_t room);

#endif
