/* SPDX-License-Identifier: MIT
   Copies of clients, see client_row.h. */
#include "connection/client_row.h"

#include <string.h>

#include "base/text.h"
#include "connection/connection.h"
#include "connection/udp_peer.h"
#include "connection/udp_session.h"

enum { CLIENT_ROWS_LOOK = 1024 /* places of the table looked at in one go: some microseconds */ };

static bool client_row__fill(enum slot_kind kind, const void *object, struct client_row *row_out)
{
    *row_out = (struct client_row){.id = 0};
    return object != NULL && ((kind == SLOT_CONNECTION && connection_describe(object, row_out)) ||
                              (kind == SLOT_SESSION && udp_session_describe(object, row_out)) ||
                              (kind == SLOT_PEER && udp_peer_describe(object, row_out)));
}

size_t client_rows_copy(struct worker *worker, const char *endpoint, uint32_t *slot,
                        struct client_row *rows_out, size_t room, bool *has_more_out)
{
    const struct slot_table *slots = worker_slots(worker);
    const uint32_t end = slot_table_end(slots);
    size_t count = 0;
    for (uint32_t looked = 0; *slot < end && count < room && looked < CLIENT_ROWS_LOOK; looked++) {
        enum slot_kind kind = SLOT_FREE;
        const void *object = slot_table_at(slots, (*slot)++, &kind);
        struct client_row *row = &rows_out[count];
        count += client_row__fill(kind, object, row) &&
                 (endpoint == NULL || text_equal(endpoint, strlen(endpoint), row->endpoint));
    }
    *has_more_out = *slot < end;
    return count;
}

bool client_row_find(struct worker *worker, uint64_t id, struct client_row *row_out)
{
    const enum slot_kind kind = slot_kind(id);
    return (kind == SLOT_CONNECTION || kind == SLOT_SESSION || kind == SLOT_PEER) &&
           client_row__fill(kind, slot_table_find(worker_slots(worker), id, kind), row_out);
}
