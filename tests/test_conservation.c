/* SPDX-License-Identifier: MIT
   What is counted is what happened: every end of a connection in one engine, each counter, each byte and each
   line of the access log against what was arranged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rig.h"

#include <cmocka.h>

#include "support/actor.h"
#include "support/ends.h"
#include "support/folder.h"

/* ---- The access log, read again ---- */

static struct {
    size_t count;
    size_t reasons[CLOSE_REASON_COUNT];
    uint64_t bytes_in, bytes_out;
} lines;

static bool ends_with(const char *line, const char *end)
{
    const size_t length = strlen(line), end_length = strlen(end);
    return length >= end_length && strcmp(line + length - end_length, end) == 0;
}

static enum close_reason reason_of(const char *line)
{
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        char end[64];
        const struct close_reason_row *row = close_reason_row(i);
        snprintf(end, sizeof end, " outcome=%s reason=%s", row->is_refusal ? "refused" : "closed", row->word);
        if (ends_with(line, end)) {
            return i;
        }
    }
    fail_msg("no line of the access log: %s", line);
    return CLOSE_REASON_NONE;
}

static uint64_t number_in(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static void read_lines(struct folder *folder)
{
    size_t length = 0;
    memset(&lines, 0, sizeof lines);
    char *text = folder_read(folder, "access.log", &length);
    for (char *line = text; *line != '\0';) {
        char *end = strstr(line, "\r\n");
        assert_non_null(end);
        *end = '\0';
        lines.count++;
        lines.reasons[reason_of(line)]++;
        lines.bytes_in += number_in(line, " bytes_in=");
        lines.bytes_out += number_in(line, " bytes_out=");
        line = end + 2;
    }
    free(text);
}

/* ---- The tests ---- */

/* A byte may be here before the call that sent it has returned, and is counted. */
static void weigh(enum counter counter, uint64_t value)
{
    rig_wait_for_counter(&ends_rig, counter, value);
    assert_int_equal(rig_counter(&ends_rig, counter), value);
}

/* The counters before and behind an arrangement that loses nothing differ by what its clients have seen. */
static void arrange_and_weigh(enum close_reason reason)
{
    const struct ends_totals before = ends_totals();
    const uint64_t in = rig_counter(&ends_rig, COUNTER_BYTES_RECEIVED);
    const uint64_t out = rig_counter(&ends_rig, COUNTER_BYTES_SENT);
    ends_arrange(reason);
    const struct ends_totals after = ends_totals();
    if (!ends_is_lossy(reason)) {
        weigh(COUNTER_BYTES_RECEIVED, in + after.sent - before.sent);
        weigh(COUNTER_BYTES_SENT, out + after.received - before.received);
    }
}

/* Each a different number of times, so that no two can be taken for each other. */
static void arrange_all(bool is_at_stop)
{
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        if (ends_excuse(i) == NULL && ends_is_at_stop(i) == is_at_stop) {
            for (int times = 0; times < (int)i; times++) {
                arrange_and_weigh(i);
            }
        }
    }
}

static void assert_counted(void)
{
    uint64_t total = 0;
    for (enum close_reason i = CLOSE_REASON_NONE + 1; i < CLOSE_REASON_COUNT; i++) {
        const struct close_reason_row *row = close_reason_row(i);
        const uint64_t counted = rig_counter(&ends_rig, row->counter);
        if (counted != ends_arranged(i) || lines.reasons[i] != ends_arranged(i)) {
            fail_msg("\"%s\" was arranged %llu times, counted %llu times, and has %zu lines", row->word,
                     (unsigned long long)ends_arranged(i), (unsigned long long)counted, lines.reasons[i]);
        }
        assert_true(counted >= (ends_excuse(i) == NULL ? (uint64_t)i : 0));
        total += counted;
    }
    assert_int_equal(lines.count, total);
    assert_int_equal(rig_counter(&ends_rig, COUNTER_ACCEPTED), rig_closed(&ends_rig));
    assert_int_equal(lines.bytes_in, rig_counter(&ends_rig, COUNTER_BYTES_RECEIVED));
    assert_int_equal(lines.bytes_out, rig_counter(&ends_rig, COUNTER_BYTES_SENT));
}

static void test_conservation__every_end_is_counted_and_logged_once(void **state)
{
    (void)state;
    struct folder folder;
    struct failure failure = {EXIT_CODE_DONE, 0, ""};
    folder_init(&folder);
    struct access_log *log = access_log_create(
        &(const struct access_log_options){.file = {.path = folder_join(&folder, "access.log")}}, &failure);
    assert_non_null(log);
    ends_begin(log);
    arrange_all(false);
    arrange_all(true);
    ends_stop();
    assert_int_equal(access_log_dropped(log), 0);
    access_log_destroy(log);
    read_lines(&folder);
    assert_counted();
    rig_stop(&ends_rig);
    assert_int_equal(actor.opens, actor.closes);
    assert_int_equal(actor.mistakes, 0);
    folder_fini(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_conservation__every_end_is_counted_and_logged_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
