/* SPDX-License-Identifier: MIT
   How a configured address stands. */
#ifndef PORTLISTENER_ENDPOINT_LISTENER_STATE_H
#define PORTLISTENER_ENDPOINT_LISTENER_STATE_H

enum listener_state {
    LISTENER_WAITING,   /* not bound; tried again at `retry_at` */
    LISTENER_LISTENING, /* bound */
    LISTENER_STOPPED    /* not wanted any more */
};

#endif
