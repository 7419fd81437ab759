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

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_host__tells_each_endpoint_its_own_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
