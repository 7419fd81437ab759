/* SPDX-License-Identifier: MIT
   Tests of base/events.h and of its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/events.h"
#include "base/text.h"
#include "support/support.h"

/* The order makes the binary search right; the numbers must fit the event log (16 bits) and four digits. */
static void test_events__have_ascending_ids_of_four_digits(void **state)
{
    (void)state;
    int last = 999;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        assert_true((int)event_at(i)->event > last);
        last = (int)event_at(i)->event;
    }
    assert_true(last <= 9999);
}

static void test_events__are_complete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        const struct event_row *row = event_at(i);
        assert_true(row->name[0] != '\0');
        assert_int_equal(strspn(row->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(row->name));
        assert_true(row->level <= LOG_LEVEL_DEBUG);
        assert_true(row->event_class <= EVENT_CLASS_ERROR);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(event_at(k)->name, row->name);
        }
    }
}

/* The message table takes it: plain ASCII in one line, whole sentences, no insert of the message format. */
static void test_events__have_a_meaning_for_people(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        const char *meaning = event_at(i)->meaning;
        const size_t length = strlen(meaning);
        assert_true(length >= 20);
        assert_int_equal(meaning[length - 1], '.');
        for (size_t k = 0; k < length; k++) {
            assert_true(meaning[k] >= 0x20 && meaning[k] < 0x7F && meaning[k] != '%');
        }
    }
}

/* What happened is one sentence, what to do another. */
static void test_events__tell_what_to_do_about_trouble(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        const struct event_row *row = event_at(i);
        if (row->level <= LOG_LEVEL_WARNING && strstr(row->meaning, ". ") == NULL) {
            fail_msg("%s does not tell what to do", row->name);
        }
    }
}

static void test_events__of_level_error_reach_the_event_log(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        const struct event_row *row = event_at(i);
        assert_true(row->level != LOG_LEVEL_ERROR || row->event_class == EVENT_CLASS_ERROR);
    }
}

static void test_events__are_found_by_id(void **state)
{
    (void)state;
    unsigned found = 0;
    for (int id = -1; id < 70000; id++) {
        const struct event_row *row = event_find((enum event)id);
        if (row != NULL) {
            assert_int_equal(row->event, id);
            assert_ptr_equal(row, event_at(found));
            assert_int_equal(event_index(row), found);
            found++;
        }
    }
    assert_int_equal(found, EVENT_COUNT);
    assert_null(event_find(EVENT_NONE));
}

static void test_events__end_behind_the_last(void **state)
{
    (void)state;
    assert_non_null(event_at(EVENT_COUNT - 1));
    assert_null(event_at(EVENT_COUNT));
    assert_null(event_at(UINT32_MAX));
}

static void test_events__keep_the_ids_that_scripts_know(void **state)
{
    (void)state;
    assert_int_equal(EVENT_SERVICE_RUNNING, 1002);
    assert_string_equal(event_find(EVENT_SERVICE_RUNNING)->name, "SERVICE_RUNNING");
    assert_int_equal(event_find(EVENT_SERVICE_RUNNING)->level, LOG_LEVEL_INFO);
    assert_int_equal(EVENT_CONFIG_INVALID, 1101);
    assert_int_equal(EVENT_LOG_DROPPED, 1501);
    assert_int_equal(EVENT_ACCESS_LOG_DROPPED, 1503);
}

static void test_events__pass_the_filter_by_class(void **state)
{
    (void)state;
    static const struct {
        enum event_class event_class;
        bool passes[4]; /* off, errors, lifecycle, all */
    } rows[] = {
        {EVENT_CLASS_NEVER, {false, false, false, true}},
        {EVENT_CLASS_LIFECYCLE, {false, false, true, true}},
        {EVENT_CLASS_ERROR, {false, true, true, true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int filter = EVENT_FILTER_OFF; filter <= EVENT_FILTER_ALL; filter++) {
            const struct event_row row = {.event_class = rows[i].event_class};
            assert_int_equal(event_passes(&row, (enum event_filter)filter), rows[i].passes[filter]);
        }
    }
}

/* ---- docs/events.md ---- */

enum { DOCUMENT_MAX = 65536 };

/* For free(). */
static char *read_document(void)
{
    FILE *file = fopen(PORTLISTENER_EVENTS_MD, "rb");
    char *document = calloc(1, DOCUMENT_MAX);
    assert_non_null(document);
    if (file == NULL) {
        fail_msg("%s cannot be opened", PORTLISTENER_EVENTS_MD);
    }
    assert_in_range(fread(document, 1, DOCUMENT_MAX, file), 1, DOCUMENT_MAX - 1);
    fclose(file);
    return document;
}

static void add_row(struct text *text, const struct event_row *row)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    static const char *const classes[] = {"all", "lifecycle", "errors"};
    text_add_format(text, "| PL%d | `%s` | %s | `%s` | %s |\n", (int)row->event, row->name,
                    levels[row->level], classes[row->event_class], row->meaning);
}

/* Its last part is the table: each row in order, and none besides. */
static void test_events__are_what_the_document_shows(void **state)
{
    (void)state;
    char *room = malloc(DOCUMENT_MAX), *document = read_document();
    struct text table;
    assert_non_null(room);
    text_init(&table, room, DOCUMENT_MAX);
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        add_row(&table, event_at(i));
    }
    const char *shown = strstr(document, "| PL1001 |");
    assert_non_null(shown);
    if (strcmp(shown, table.at) != 0) {
        fail_msg("docs/events.md is out of date; it should end with\n%s", table.at);
    }
    free(document);
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_events__have_ascending_ids_of_four_digits),
        support_test(test_events__are_complete),
        support_test(test_events__have_a_meaning_for_people),
        support_test(test_events__tell_what_to_do_about_trouble),
        support_test(test_events__of_level_error_reach_the_event_log),
        support_test(test_events__are_found_by_id),
        support_test(test_events__end_behind_the_last),
        support_test(test_events__keep_the_ids_that_scripts_know),
        support_test(test_events__pass_the_filter_by_class),
        support_test(test_events__are_what_the_document_shows),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
