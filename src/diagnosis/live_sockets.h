/* SPDX-License-Identifier: MIT
   The sockets that a running service says it listens on, out of its status in JSON (docs/status.md); no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_LIVE_SOCKETS_H
#define PORTLISTENER_DIAGNOSIS_LIVE_SOCKETS_H

#include "diagnosis/bind_cause.h"

struct live_sockets {
    struct machine_rows rows;
};

/* live_sockets_read: each of the arrays "listeners" whose state is "listening". False: no memory, or it is not the whole of a
   JSON object; then there are none. End with live_sockets_fini in either case. */
bool live_sockets_read(const char *json, size_t length, struct live_sockets *sockets_out);
void live_sockets_fini(struct live_sockets *sockets);

/* live_sockets_has: whether one of them is the very one that `question` wants: protocol, address and port. */
bool live_sockets_has(const struct live_sockets *sockets, const struct bind_question *question);

#endif
