/* SPDX-License-Identifier: MIT
   Tests of connection/host.h: what a handler can ask of its host, seen by handlers in an engine of a parsed
   configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "connection/host.h"
#include "support/config_case.h"
#include "support/rig.h"

/* ---- options ---- */

static const struct pl_option asker_options[] = {
    {"text", PL_TEXT, 0, "abc", NULL, "A text."},
    {"number", PL_NUMBER, 0, NULL, NULL, "A number."},
};

/* What start was told, of two endpoints. */
static struct {
    struct pl_text text;
    int64_t number;
    int32_t unknown;
} asked[2];
static size_t asked_count;

static int32_t asker__start(pl_start *start)
{
    struct pl_text text;
    if (!PL_HAS(pl_start, start, config) || !PL_HAS(pl_host, start->host, option)) {
        return PL_INVALID;
    }
    start->host->option(start->host, start->config, "text", &text, NULL);
    asked[asked_count].text = text;
    start->host->option(start->host, start->config, "number", NULL, &asked[asked_count].number);
    asked[asked_count++].unknown = start->host->option(start->host, start->config, "other", NULL, NULL);
    return PL_OK;
}

static size_t asker__on_data(void *state, pl_id id, void **user, const uint8_t *at, size_t length)
{
    (void)state, (void)id, (void)user, (void)at;
    return length;
}

static const struct pl_handler asker = {.size = sizeof(struct pl_handler),
                                        .abi_major = PL_ABI_MAJOR,
                                        .abi_minor = PL_ABI_MINOR,
                                        .needs_minor = PL_ABI_MINOR,
                                        .flags = PL_TCP,
                                        .name = "asker",
                                        .version = "1.0",
                                        .summary = "For tests.",
                                        .start = asker__start,
                                        .on_data = asker__on_data,
                                        .option_size = sizeof(struct pl_option),
                                        .option_count = 2,
                                        .options = asker_options};
static const struct pl_handler *const asker_handlers[] = {&asker, NULL};

static void test_host__tells_each_endpoint_its_own_options(void **state)
{
    (void)state;
    static const char file[] = "[endpoint a]\nlisten = tcp://127.0.0.1:1\nhandler = asker\nnumber = 7\n"
                               "[endpoint b]\nlisten = tcp://127.0.0.1:2\nhandler = asker\ntext = x\n";
    struct config_source source = config_case_source;
    struct config_problems problems;
    struct failure failure;
    source.handlers = asker_handlers;
    config_problems_init(&problems);
    struct config *config = config_parse(&source, file, sizeof file - 1, &problems);
    assert_non_null(config);
    for (size_t i = 0; i < 2; i++) { /* the system chooses */
        config->endpoints[i].listen->address.port = config->endpoints[i].listen->last_port = 0;
    }
    const struct engine_options options = {.config = config, .handlers = asker_handlers};
    asked_count = 0;
    struct engine *engine = engine_start(&options, &failure);
    assert_non_null(engine);
    assert_int_equal(asked_count, 2);
    assert_int_equal(asked[0].text.length, 3);
    assert_memory_equal(asked[0].text.at, "abc", 3);
    assert_int_equal(asked[0].number, 7);
    assert_int_equal(asked[1].text.length, 1);
    assert_int_equal(asked[1].number, -1);
    assert_int_equal(asked[1].unknown, PL_INVALID);
    assert_true(engine_stop(engine, 0, &failure));
    engine_destroy(engine);
    config_destroy(config);
    config_problems_fini(&problems);
}

/* ---- A host without an engine ---- */

static void test_host__for_checks_knows_nobody(void **state)
{
    (void)state;
    struct host host = {.report = NULL};
    host_init(&host, NULL, 0);
    const pl_host *at = &host.functions;
    struct slot_table others; /* of another engine's host */
    slot_table_init(&others, SLOT_NOBODYS);
    const pl_id endpoint = slot_table_id(&others, slot_table_add(&others, SLOT_ENDPOINT, &others));
    const pl_id ids[] = {0, 1, endpoint, UINT64_MAX};
    pl_info info = {.size = sizeof info};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_true(at->send(at, ids[i], "x", 1) < 0);
        assert_true(at->close(at, ids[i], PL_RESET) < 0);
        assert_true(at->post(at, ids[i], NULL, NULL) < 0);
        assert_true(at->timer(at, ids[i], 1) < 0);
        assert_true(at->info(at, ids[i], &info) < 0);
        assert_true(at->count(at, ids[i], 0, 1) < 0);
        assert_true(at->log(at, ids[i], 0, PL_LOG_ERROR, "x", 1) < 0);
        assert_false(host_end_client(&host, ids[i], CLOSED_BY_ADMIN, 0));
    }
    slot_table_remove(&others, 0);
    slot_table_fini(&others);
    host_fini(&host);
}

/* ---- Reports ---- */

struct page {
    char text[64];
    size_t length;
};

static int32_t page__write(void *context, int32_t format,
                           void (*sink)(void *what, const char *at, size_t length), void *what)
{
    sink(what, "format ", 7);
    sink(what, (const char *)context + format, 1);
    return PL_OK;
}

static void page__take(void *what, const char *at, size_t length)
{
    struct page *page = what;
    memcpy(page->text + page->length, at, length);
    page->length += length;
}

static void test_host__hands_reports_on(void **state)
{
    (void)state;
    struct host host = {.report = NULL};
    host_init(&host, NULL, 0);
    const pl_host *at = &host.functions;
    struct page page = {.length = 0};
    assert_int_equal(at->report(at, PL_REPORT_TEXT, page__take, &page), PL_INVALID); /* none is made yet */
    host.report = page__write;
    host.report_context = (void *)(uintptr_t) "tjp";
    assert_int_equal(at->report(at, PL_REPORT_TEXT, page__take, &page), PL_OK);
    assert_int_equal(at->report(at, PL_REPORT_PROMETHEUS, page__take, &page), PL_OK);
    assert_memory_equal(page.text, "format tformat p", page.length);
    assert_int_equal(at->report(at, -1, page__take, &page), PL_INVALID);
    assert_int_equal(at->report(at, 3, page__take, &page), PL_INVALID);
    assert_int_equal(at->report(at, PL_REPORT_JSON, NULL, &page), PL_INVALID);
    host_fini(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_host__tells_each_endpoint_its_own_options),
        rig_test(test_host__for_checks_knows_nobody),
        rig_test(test_host__hands_reports_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
