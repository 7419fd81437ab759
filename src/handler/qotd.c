/* SPDX-License-Identifier: MIT
   Quotes, see qotd.h. The file is read once, when the service starts; its form is that of `fortune` and of the Simple
   TCP/IP Services: quotes of any number of lines, and between them lines of a single %. */
#include "handler/qotd.h"

#include <string.h>

#include "base/memory.h"
#include "handler/answer.h"
#include "handler/text_file.h"

enum {
    QOTD_FILE_MAX = 1024 * 1024, /* bytes */
    QOTD_MAX = 511               /* of one: RFC 865 has "less than 512" */
};

/* The state of an endpoint. Quote i begins in `all` where quote i - 1 ends. */
struct qotd {
    struct answer answer;
    struct text all; /* lines end with CR LF */
    size_t *ends;
    size_t count;
};

/* ---- The file ---- */

/* One quote, as it is read. */
struct quote {
    size_t begin; /* in `all` */
    size_t line;  /* its first */
};

static pl_text qotd__line(pl_text *rest)
{
    const char *end = memchr(rest->at, '\n', rest->length);
    pl_text line = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->length};
    const size_t taken = line.length + (end != NULL);
    *rest = (pl_text){rest->at + taken, rest->length - taken};
    while (line.length > 0 && strchr(" \t\r", line.at[line.length - 1]) != NULL) {
        line.length--;
    }
    return line;
}

static bool qotd__is_separator(pl_text line)
{
    return line.length == 1 && line.at[0] == '%';
}

/* Empty ones do not count. */
static bool qotd__end(struct qotd *qotd, const struct quote *quote, struct text *error)
{
    const size_t length = qotd->all.length - quote->begin;
    if (length > QOTD_MAX) {
        text_add_format(error,
                        "the quote at line %lu is %lu bytes long; make it %d or less, as RFC 865 has it",
                        (unsigned long)quote->line, (unsigned long)length, QOTD_MAX);
        return false;
    }
    if (length > 0) {
        qotd->ends[qotd->count++] = qotd->all.length;
    }
    return true;
}

/* `ends` has a place for every one. */
static bool qotd__parse(struct qotd *qotd, pl_text rest, struct text *error)
{
    struct quote quote = {0, 1};
    for (size_t number = 1; rest.length > 0; number++) {
        const pl_text line = qotd__line(&rest);
        if (qotd__is_separator(line)) {
            if (!qotd__end(qotd, &quote, error)) {
                return false;
            }
            quote = (struct quote){qotd->all.length, number + 1};
        } else if (line.length > 0 || qotd->all.length > quote.begin) {
            text_add(&qotd->all, line.at, line.length);
            text_add_string(&qotd->all, "\r\n");
        }
    }
    return qotd__end(qotd, &quote, error);
}

/* As many at most. */
static size_t qotd__count(pl_text rest)
{
    size_t count = 1;
    while (rest.length > 0) {
        count += qotd__is_separator(qotd__line(&rest));
    }
    return count;
}

static bool qotd__take(struct qotd *qotd, const struct whole_file *file, struct text *error)
{
    const pl_text all = {file->at, file->length};
    qotd->ends = memory_alloc(qotd__count(all) * sizeof *qotd->ends);
    if (qotd->ends != NULL && !qotd__parse(qotd, all, error)) {
        return false;
    }
    if (qotd->ends == NULL || qotd->all.is_cut) {
        text_add_string(error, "out of memory; end other programs and try again");
        return false;
    }
    if (qotd->count == 0) {
        text_add_string(error, "there is no quote in it; write some, with a line of a single % between them");
    }
    return qotd->count > 0;
}

/* ---- Saying them ---- */

static size_t qotd__write(const struct answer *answer, const pl_info *info, char *room)
{
    const struct qotd *qotd = (const struct qotd *)(const void *)answer;
    const size_t index = answer_pick(info, (uint32_t)qotd->count);
    const size_t begin = index > 0 ? qotd->ends[index - 1] : 0;
    const size_t length = qotd->ends[index] - begin;
    memcpy(room, qotd->all.at + begin, length);
    return length;
}

static void qotd__stop(void *state)
{
    struct qotd *qotd = state;
    text_fini(&qotd->all);
    memory_free(qotd->ends);
    answer_stop(qotd);
}

static bool qotd__read(struct qotd *qotd, const pl_start *start)
{
    struct whole_file file;
    struct text error;
    pl_text path;
    text_init(&error, start->error, start->error_room);
    start->host->option(start->host, start->config, "file", &path, NULL);
    const bool is_read =
        text_file_read(path, QOTD_FILE_MAX, &file, &error) && qotd__take(qotd, &file, &error);
    whole_file_free(&file);
    return is_read;
}

static int32_t qotd__start(pl_start *start)
{
    struct qotd *qotd = answer_create(start, sizeof *qotd, qotd__write);
    if (qotd == NULL) {
        return PL_NO_MEMORY;
    }
    qotd->answer.may_cut = true;
    text_init_heap(&qotd->all);
    if (!qotd__read(qotd, start)) {
        qotd__stop(qotd);
        return PL_INVALID;
    }
    return PL_OK;
}

static const pl_option qotd__options[] = {
    {"file", PL_PATH, 1, NULL, NULL,
     "The quotes: UTF-8, at most 1 MB, each of at most 511 bytes, between them lines of a single `%`. It is read when "
     "the service starts. The Simple TCP/IP Services have theirs in `%SystemRoot%\\System32\\drivers\\etc\\quotes`."},
};

const struct pl_handler qotd_handler = {
    .size = sizeof(struct pl_handler),
    .abi_major = PL_ABI_MAJOR,
    .abi_minor = PL_ABI_MINOR,
    .needs_minor = PL_ABI_MINOR,
    .flags = PL_TCP | PL_UDP | PL_ASKED_EMPTY,
    .name = "qotd",
    .version = "1.0",
    .summary =
        "Tells one of the quotes of a file, any of them (RFC 865); over UDP cut to what `reply_limit` allows.",
    .start = qotd__start,
    .stop = qotd__stop,
    .on_open = answer_on_open,
    .on_data = answer_on_data,
    .on_datagram = answer_on_datagram,
    .option_size = sizeof(struct pl_option),
    .option_count = sizeof qotd__options / sizeof qotd__options[0],
    .options = qotd__options,
};
