/* SPDX-License-Identifier: MIT
   A text with places, see banner.h. */
#include "handler/banner.h"

#include <string.h>

#include "base/address.h"
#include "base/civil_time.h"
#include "base/memory.h"
#include "handler/answer.h"
#include "handler/text_file.h"

#define BANNER_DEFAULT "%CLIENT% at %ENDPOINT%, %TIME%"

enum { BANNER_TIME_ROOM = 32 };

/* The state of an endpoint. */
struct banner {
    struct answer answer;
    const char *endpoint;
    pl_text text;           /* the option's, or in `file` */
    struct whole_file file; /* empty without one */
};

/* ---- Places ---- */

static void banner__add_client(struct text *text, const struct banner *banner, const pl_info *info)
{
    (void)banner;
    address_add_with_port(text, &info->peer);
}

static void banner__add_endpoint(struct text *text, const struct banner *banner, const pl_info *info)
{
    (void)info;
    text_add_string(text, banner->endpoint);
}

static void banner__add_time(struct text *text, const struct banner *banner, const pl_info *info)
{
    const struct tm utc = civil_time_utc(time(NULL));
    char words[BANNER_TIME_ROOM];
    (void)banner, (void)info;
    text_add(text, words, strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

struct place {
    const char *name;
    void (*add)(struct text *text, const struct banner *banner, const pl_info *info);
};

/* The place that at[0..length) begins with, or NULL: any other % is only that. */
static const struct place *banner__find(const char *at, size_t length)
{
    static const struct place places[] = {
        {"%CLIENT%", banner__add_client},
        {"%ENDPOINT%", banner__add_endpoint},
        {"%TIME%", banner__add_time},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const size_t needed = strlen(places[i].name);
        if (needed <= length && memcmp(at, places[i].name, needed) == 0) {
            return &places[i];
        }
    }
    return NULL;
}

static void banner__add(struct text *text, const struct banner *banner, const pl_info *info)
{
    const char *at = banner->text.at;
    for (size_t left = banner->text.length; left > 0;) {
        const struct place *place = banner__find(at, left);
        const char *next = place == NULL ? memchr(at + 1, '%', left - 1) : at + strlen(place->name);
        const size_t length = next != NULL ? (size_t)(next - at) : left;
        if (place != NULL) {
            place->add(text, banner, info);
        } else {
            text_add(text, at, length);
        }
        at += length;
        left -= length;
    }
}

static size_t banner__write(const struct answer *answer, const pl_info *info, char *room)
{
    struct text text;
    text_init(&text, room, ANSWER_ROOM);
    banner__add(&text, (const struct banner *)(const void *)answer, info);
    return text.length;
}

/* ---- Starting ---- */

/* For the client with the longest address. */
static bool banner__fits(const struct banner *banner)
{
    pl_info info = {.size = sizeof info, .peer = {.family = 6, .port = UINT16_MAX, .scope = UINT32_MAX}};
    char room[ANSWER_ROOM];
    struct text text;
    memset(info.peer.ip, 0xFE, sizeof info.peer.ip);
    text_init(&text, room, sizeof room);
    banner__add(&text, banner, &info);
    return !text.is_cut;
}

/* The text that is not the default one, or the file. */
static bool banner__choose(struct banner *banner, const pl_start *start, struct text *error)
{
    static const char usual[] = BANNER_DEFAULT "\r\n";
    pl_text path;
    start->host->option(start->host, start->config, "text", &banner->text, NULL);
    start->host->option(start->host, start->config, "file", &path, NULL);
    if (path.length == 0) {
        return true;
    }
    if (banner->text.length != sizeof usual - 1 || memcmp(banner->text.at, usual, sizeof usual - 1) != 0) {
        text_add_string(error, "it has both a text and a file; leave one of them out");
        return false;
    }
    const bool is_read = text_file_read(path, ANSWER_MAX, &banner->file, error);
    banner->text = (pl_text){banner->file.at, banner->file.length};
    return is_read;
}

static bool banner__prepare(struct banner *banner, const pl_start *start)
{
    struct text error;
    int64_t then = 0;
    text_init(&error, start->error, start->error_room);
    if (!banner__choose(banner, start, &error)) {
        return false;
    }
    start->host->option(start->host, start->config, "then", NULL, &then);
    banner->answer.waits = then == 1;
    banner->endpoint = start->name;
    if (!banner__fits(banner)) {
        text_clear(&error);
        text_add_format(&error,
                        "with addresses and names in their places its text is over %d bytes; shorten it",
                        ANSWER_MAX);
        return false;
    }
    return true;
}

static void banner__stop(void *state)
{
    struct banner *banner = state;
    whole_file_free(&banner->file);
    answer_stop(banner);
}

static int32_t banner__start(pl_start *start)
{
    struct banner *banner = answer_create(start, sizeof *banner, banner__write);
    if (banner == NULL) {
        return PL_NO_MEMORY;
    }
    if (!banner__prepare(banner, start)) {
        banner__stop(banner);
        return PL_INVALID;
    }
    return PL_OK;
}

static const pl_option banner__options[] = {
    {"text", PL_TEXT, 0, BANNER_DEFAULT "\\r\\n", "1..4096",
     "What is said. `%CLIENT%` becomes the client's address and port, `%ENDPOINT%` the name of the endpoint, `%TIME%` the "
     "time, in UTC; with all of them it has at most 4096 bytes."},
    {"file", PL_PATH, 0, NULL, NULL,
     "The text, in place of `text`: UTF-8, with the same places, its lines as they are. It is read when the service "
     "starts."},
    {"then", PL_CHOICE, 0, "close", "close|wait",
     "TCP: what comes then. `wait`: the client closes, or a deadline does; what it sends is dropped."},
};

const struct pl_handler banner_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY,
    .name = "banner",
    .version = "1.0",
    .summary = "Says a text to whoever asks: to test ports, or to look like something that is not there.",
    .start = banner__start,
    .stop = banner__stop,
    .on_open = answer_on_open,
    .on_data = answer_on_data,
    .on_datagram = answer_on_datagram,
    .option_size = sizeof(struct pl_option),
    .option_count = sizeof banner__options / sizeof banner__options[0],
    .options = banner__options,
};
