/* SPDX-License-Identifier: MIT
   Connections to other hosts, see outbound.h. */
#include "connection/outbound.h"

#include "accept/admission.h"
#include "connection/connection.h"
#include "connection/udp_peer.h"

void *outbound_user(const pl_connect *how)
{
    return how != NULL && PL_HAS(pl_connect, how, user) ? how->user : NULL;
}

/* Its place among the endpoint's clients and connections; left again at its end, by outbound__leave until it has begun. */
static int32_t outbound__enter(struct worker *worker, struct endpoint *endpoint)
{
    if (endpoint->is_stopping != 0 || !endpoint_enter_again(endpoint)) {
        return PL_GONE;
    }
    if (!admission_begin_outbound(endpoint->admission)) {
        endpoint_count(endpoint, worker, COUNTER_OUTBOUND_LIMIT, NULL);
        endpoint_leave(endpoint);
        return PL_LIMIT;
    }
    worker_add_load(worker, 1);
    return PL_OK;
}

static void outbound__leave(struct worker *worker, struct endpoint *endpoint)
{
    worker_add_load(worker, -1);
    admission_end_outbound(endpoint->admission);
    endpoint_leave(endpoint);
}

static int32_t outbound__begin(struct worker *worker, struct endpoint *endpoint, struct dial *dial,
                               void *user, pl_id *id_out)
{
    const bool is_tcp = dial_protocol(dial) == PL_TCP;
    if (is_tcp ? endpoint->handler->on_data == NULL : endpoint->handler->on_datagram == NULL) {
        return PL_INVALID;
    }
    int32_t result = outbound__enter(worker, endpoint);
    if (result != PL_OK) {
        return result;
    }
    result = is_tcp ? connection_connect(worker, endpoint, dial, user, id_out)
                    : udp_peer_connect(worker, endpoint, dial, user, id_out);
    if (result != PL_OK) {
        outbound__leave(worker, endpoint);
    }
    return result;
}

int32_t outbound_connect(const struct dial_world *world, struct worker *worker, struct endpoint *endpoint,
                         const pl_connect *how, void *user, pl_id *id_out)
{
    struct dial *dial = NULL;
    int32_t result = id_out != NULL ? dial_create(world, worker, how, &dial) : PL_INVALID;
    if (result == PL_OK) {
        result = outbound__begin(worker, endpoint, dial, user, id_out);
    }
    if (result != PL_OK) {
        dial_destroy(dial);
    }
    return result;
}
