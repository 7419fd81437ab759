/* SPDX-License-Identifier: MIT
   A start that is only tried: each handler's start as a check, each address bound and let go of, never listened on. Nothing
   comes of it that is seen outside. One thread. */
#ifndef PORTLISTENER_REHEARSAL_H
#define PORTLISTENER_REHEARSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "config/config.h"
#include "diagnosis/bind_cause.h"

struct rehearsal;

/* rehearsal_create: NULL: `failure_out`. rehearsal_destroy: NULL is allowed. */
struct rehearsal *rehearsal_create(struct failure *failure_out);
void rehearsal_destroy(struct rehearsal *rehearsal);

/* rehearsal_has_ipv6: whether this machine's IPv6 is on. */
bool rehearsal_has_ipv6(const struct rehearsal *rehearsal);

/* rehearsal_handler: the start of an endpoint's handler, as a check. False: `failure_out`. */
bool rehearsal_handler(const struct rehearsal *rehearsal, const struct config *config,
                       const struct config_endpoint *endpoint, struct failure *failure_out);

/* rehearsal_bind: tries the port `port` of one item of `listen`. What was tried is in `question_out`, with the error, 0 where
   it could be bound; * is 0.0.0.0 where IPv6 is off. */
void rehearsal_bind(const struct rehearsal *rehearsal, const struct config_listen *listen, uint16_t port,
                    struct bind_question *question_out);

#endif
