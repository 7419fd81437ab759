/* SPDX-License-Identifier: MIT
   One answer, see answer.h. */
#include "handler/answer.h"

#include "base/memory.h"
#include "base/text.h"

void *answer_create(pl_start *start, size_t size,
                    size_t (*write)(const struct answer *answer, const pl_info *info, char *room))
{
    struct answer *answer = memory_alloc(size);
    if (answer == NULL) {
        struct text error;
        text_init(&error, start->error, start->error_room);
        text_add_string(&error, "out of memory; end other programs and try again");
        return NULL;
    }
    answer->host = start->host;
    answer->write = write;
    start->state = answer;
    return answer;
}

void answer_stop(void *state)
{
    memory_free(state);
}

/* Ids differ, but in a few bits: the multiplication (Knuth's, by the golden ratio) spreads these. */
uint32_t answer_pick(const pl_info *info, uint32_t count)
{
    return (uint32_t)((info->id * 0x9E3779B97F4A7C15U) >> 32U) % count;
}

/* Should the send fail, the host closes the connection anyhow. */
int32_t answer_on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const struct answer *answer = state;
    char room[ANSWER_ROOM];
    (void)user;
    answer->host->send(answer->host, id, room, answer->write(answer, info, room));
    if (!answer->waits) {
        answer->host->close(answer->host, id, PL_GRACEFUL);
    }
    return PL_OK;
}

/* Whatever the client says. */
size_t answer_on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

/* Not inside a character of UTF-8. Where nothing would be left, it stays whole: the host drops and counts it. */
static size_t answer__cut(const char *at, size_t length, size_t most)
{
    size_t cut = most;
    if (length <= most) {
        return length;
    }
    while (cut > 0 && ((uint8_t)at[cut] & 0xC0U) == 0x80U) {
        cut--;
    }
    return cut > 0 ? cut : length;
}

void answer_on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                        const pl_info *info)
{
    const struct answer *answer = state;
    char room[ANSWER_ROOM];
    (void)user, (void)at, (void)length;
    size_t said = answer->write(answer, info, room);
    if (answer->may_cut) {
        said = answer__cut(room, said, info->answer);
    }
    answer->host->send(answer->host, id, room, said);
}
