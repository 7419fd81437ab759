/* SPDX-License-Identifier: MIT
   Opening connections to other hosts: the host's connect, once it is known on which worker and for which endpoint. */
#ifndef PORTLISTENER_CONNECTION_OUTBOUND_H
#define PORTLISTENER_CONNECTION_OUTBOUND_H

#include "connection/dial.h"

/* outbound_connect: see pl_host.connect; `endpoint` has somebody who needs it, or nothing happens, PL_GONE. On W. */
int32_t outbound_connect(const struct dial_world *world, struct worker *worker, struct endpoint *endpoint,
                         const pl_connect *how, void *user, pl_id *id_out);

/* outbound_user: what `how` says; NULL: nothing. */
void *outbound_user(const pl_connect *how);

#endif
