/* SPDX-License-Identifier: MIT
   A handler to begin with: each line comes back in capitals, over UDP each datagram; who says nothing for a while gets a
   hint. It has all that most handlers have: a state for each endpoint, an option, a counter, a timer, an end of its
   own. Take what you need of it without asking. */
#include "portlistener/handler.h"

#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define SHOUT_EXPORT __declspec(dllexport)
#else
#define SHOUT_EXPORT
#endif

enum { SHOUT_LINE_MAX = 1000 };   /* bytes, with its \n */
enum { SHOUT_OPTION_HINT_AFTER }; /* rows of shout_options ... */
enum { SHOUT_COUNTER_LINES };     /* ... and of shout_counters */

/* One endpoint. All workers read it at once; nothing is written after the start, so there is no lock. */
struct shout {
    const pl_host *host;
    pl_id endpoint;
    uint32_t hint_after; /* milliseconds; 0: no hints */
};

static const pl_option shout_options[] = {{"hint_after", PL_TIME, 0, "30s", "0 no hints|100ms..1h",
                                           "How long a client may say nothing before it is sent a hint."}};

static const pl_counter shout_counters[] = {{"lines", "lines", "lines shouted"}};

/* Not toupper: it asks the locale. */
static void shout_raise(char *out, const uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        out[i] = (char)(at[i] >= 'a' && at[i] <= 'z' ? at[i] - 'a' + 'A' : at[i]);
    }
}

/* False: it was not taken, or the connection is gone. */
static int shout_line(const struct shout *shout, pl_id id, const uint8_t *at, size_t length)
{
    char line[SHOUT_LINE_MAX];
    shout_raise(line, at, length);
    if (shout->host->send(shout->host, id, line, length) < 0) {
        return 0;
    }
    shout->host->count(shout->host, shout->endpoint, SHOUT_COUNTER_LINES, 1);
    return 1;
}

static void shout_refuse(const struct shout *shout, pl_id id)
{
    static const char text[] = "THAT LINE IS TOO LONG\r\n";
    shout->host->send(shout->host, id, text, sizeof text - 1); /* if it is full, so be it */
    shout->host->close(shout->host, id, PL_GRACEFUL);
}

static void shout_wait(const struct shout *shout, pl_id id)
{
    if (shout->hint_after > 0) {
        shout->host->timer(shout->host, id, shout->hint_after);
    }
}

/* ---- Callbacks ---- */

static int32_t shout_start(pl_start *start)
{
    int64_t hint_after = 0;
    struct shout *shout = calloc(1, sizeof *shout);
    if (shout == NULL) {
        const char text[] = "there is no memory";
        if (sizeof text <= start->error_room) {
            memcpy(start->error, text, sizeof text);
        }
        return -1;
    }
    start->host->option(start->host, start->config, shout_options[SHOUT_OPTION_HINT_AFTER].name, NULL,
                        &hint_after);
    shout->host = start->host;
    shout->endpoint = start->endpoint;
    shout->hint_after = (uint32_t)hint_after;
    start->state = shout;
    return 0;
}

static void shout_stop(void *state)
{
    free(state);
}

static int32_t shout_on_open(void *state, pl_id id, void **user, const pl_info *info)
{
    (void)user, (void)info; /* put a struct of your own in *user, and free it in on_close */
    shout_wait(state, id);
    return 0;
}

/* Whole lines only: what is behind the last one comes again with more. So does a line that send has not taken, as soon
   as the client has read some of what waits for it: PL_FULL costs one `break`. */
static size_t shout_on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct shout *shout = state;
    size_t done = 0;
    (void)user;
    shout_wait(shout, id);
    for (;;) {
        const uint8_t *end = memchr(at + done, '\n', length - done);
        const size_t line = end != NULL ? (size_t)(end - (at + done)) + 1 : length - done;
        if (line > SHOUT_LINE_MAX) {
            shout_refuse(shout, id);
            return length;
        }
        if (end == NULL || !shout_line(shout, id, at + done, line)) {
            return done;
        }
        done += line;
    }
}

/* That it is there says that PL_FULL is understood; what on_data left comes by itself. */
static void shout_on_writable(void *state, pl_id id, void **user)
{
    (void)state, (void)id, (void)user;
}

/* The client says no more: the last line may lack its \n. */
static void shout_on_eof(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    const struct shout *shout = state;
    (void)user;
    if (length > 0 && length <= SHOUT_LINE_MAX) {
        shout_line(shout, id, at, length);
    }
    shout->host->close(shout->host, id, PL_GRACEFUL);
}

static void shout_on_timer(void *state, pl_id id, void **user)
{
    static const char text[] = "SAY SOMETHING\r\n";
    const struct shout *shout = state;
    (void)user;
    shout->host->send(shout->host, id, text, sizeof text - 1);
}

static void shout_on_datagram(void *state, pl_id id, void **user, const uint8_t *at, size_t length,
                              const pl_info *info)
{
    const struct shout *shout = state;
    (void)user, (void)info;
    if (length <= SHOUT_LINE_MAX) { /* never longer than what was asked: reply_limit */
        shout_line(shout, id, at, length);
    }
}

static const pl_handler shout_handler = {
    .size = sizeof(pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR, /* the oldest host that has all that is used here */
    .flags = PL_TCP | PL_UDP,
    .max_input = 2 * SHOUT_LINE_MAX,
    .name = "shout", /* the file must be shout.dll */
    .version = "1.0",
    .summary = "Sends back each line in capitals.",
    .start = shout_start,
    .stop = shout_stop,
    .on_open = shout_on_open,
    .on_data = shout_on_data,
    .on_writable = shout_on_writable,
    .on_eof = shout_on_eof,
    .on_timer = shout_on_timer,
    .on_datagram = shout_on_datagram,
    .option_size = sizeof(pl_option),
    .option_count = sizeof shout_options / sizeof shout_options[0],
    .options = shout_options,
    .counter_size = sizeof(pl_counter),
    .counter_count = sizeof shout_counters / sizeof shout_counters[0],
    .counters = shout_counters};

/* The one export. It only returns; it is called also where nothing is started. */
SHOUT_EXPORT const pl_handler *portlistener_handler(void);

const pl_handler *portlistener_handler(void)
{
    return &shout_handler;
}
