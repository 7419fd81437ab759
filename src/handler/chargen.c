/* SPDX-License-Identifier: MIT
   Characters, see chargen.h. The lines are those of RFC 864's example: 72 of the 95 printing characters, and each line
   begins with the next one. After 95 lines they come again, so a piece of whole rounds fits behind itself, and a
   connection has nothing to remember. */
#include "handler/chargen.h"

#include <string.h>

#include "handler/answer.h"

enum {
    CHARGEN_FIRST = ' ', /* of the printing characters */
    CHARGEN_CHARACTERS = 95,
    CHARGEN_WIDTH = 72,
    CHARGEN_LINE = CHARGEN_WIDTH + 2, /* CR LF */
    CHARGEN_ROUND = CHARGEN_CHARACTERS * CHARGEN_LINE,
    CHARGEN_PIECE = 2 * CHARGEN_ROUND, /* bytes, 14060 */
    CHARGEN_DATAGRAM_MAX = 512
};

/* The state of an endpoint. */
struct chargen {
    struct answer answer; /* over UDP */
    char piece[CHARGEN_PIECE];
};

static void chargen__fill(char *piece)
{
    for (int i = 0; i < CHARGEN_PIECE; i++) {
        const int line = i / CHARGEN_LINE, column = i % CHARGEN_LINE;
        piece[i] = column == CHARGEN_WIDTH  ? '\r'
                   : column > CHARGEN_WIDTH ? '\n'
                                            : (char)(CHARGEN_FIRST + (line + column) % CHARGEN_CHARACTERS);
    }
}

/* Any number of characters, from any line on. */
static size_t chargen__write(const struct answer *answer, const pl_info *info, char *room)
{
    const struct chargen *chargen = (const struct chargen *)(const void *)answer;
    const uint32_t any = answer_pick(info, CHARGEN_DATAGRAM_MAX * CHARGEN_CHARACTERS);
    const size_t length = 1 + any % CHARGEN_DATAGRAM_MAX, line = any / CHARGEN_DATAGRAM_MAX;
    memcpy(room, chargen->piece + line * CHARGEN_LINE, length);
    return length;
}

static int32_t chargen__start(pl_start *start)
{
    struct chargen *chargen = answer_create(start, sizeof *chargen, chargen__write);
    if (chargen == NULL) {
        return PL_NO_MEMORY;
    }
    chargen->answer.may_cut = true;
    chargen__fill(chargen->piece);
    return PL_OK;
}

static int32_t chargen__on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    const pl_host *host = ((struct chargen *)state)->answer.host;
    (void)user, (void)info;
    return host->want_writable(host, id);
}

/* The next piece when the client has read most of this one. */
static void chargen__on_writable(void *state, pl_id id, void **user)
{
    const struct chargen *chargen = state;
    const pl_host *host = chargen->answer.host;
    (void)user;
    if (host->send(host, id, chargen->piece, sizeof chargen->piece) >= 0) {
        host->want_writable(host, id);
    }
}

/* A client that has nothing to say may go on reading; one that has gone resets what comes. */
static void chargen__on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at, (void)length;
}

const struct pl_handler chargen_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY,
    .name = "chargen",
    .version = "1.0",
    .summary =
        "Sends characters without end; over UDP 1 to 512 of them (RFC 864), cut to what `reply_limit` allows.",
    .start = chargen__start,
    .stop = answer_stop,
    .on_open = chargen__on_open,
    .on_data = answer_on_data,
    .on_datagram = answer_on_datagram,
    .on_writable = chargen__on_writable,
    .on_eof = chargen__on_eof,
};
