/* SPDX-License-Identifier: MIT
   Tests of reloader.c, above an engine that only notes what is asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "handler/handlers.h"
#include "plugin_loader.h"
#include "reloader.h"
#include "support/fake_engine.h"
#include "support/program.h"
#include "support/support.h"

static const char web[] = "[endpoint web]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n";
static const char faster[] =
    "[endpoint web]\nlisten = tcp://127.0.0.1:7\nhandler = echo\nidle_timeout = 30s\nbacklog = 9\n";

/* A file, and an engine that runs as it says. */
struct bed {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *path;
    struct plugin_loader loader;
    struct reloader reloader;
    const struct config *applied;
    bool was_free; /* while a reload was under way */
    unsigned done;
    size_t reads;    /* that it was told of */
    size_t includes; /* of the last one */
    struct text told;
    enum exit_code code;
};

static void bed__done(void *context, const struct config *config)
{
    struct bed *bed = context;
    bed->done++;
    config_destroy((struct config *)(uintptr_t)config);
}

static void bed__applied(void *context, const struct config *config)
{
    struct bed *bed = context;
    bed->applied = config;
    bed->was_free = reloader_hold(&bed->reloader) || reloader_set_engine(&bed->reloader, NULL);
}

static void bed__read(void *context, const struct config_include *includes, size_t count)
{
    struct bed *bed = context;
    assert_true(includes != NULL || count == 0);
    bed->reads++;
    bed->includes = count;
}

static void bed_write(struct bed *bed, const char *ini)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(bed->folder, L"a.ini", ini, path);
    if (bed->path == NULL) {
        bed->path = utf16_to_utf8(path);
    }
}

static void bed_open(struct bed *bed)
{
    struct failure failure;
    struct config_problems problems;
    *bed = (struct bed){.code = EXIT_CODE_USAGE};
    program_folder(bed->folder);
    bed_write(bed, web);
    plugin_loader_init(&bed->loader, CONFIG_TRUST_WARN);
    reloader_init(&bed->reloader,
                  &(const struct reloader_options){.request = {.path = bed->path,
                                                               .is_file_only = true,
                                                               .service = "Test",
                                                               .handlers = handlers_builtin,
                                                               .plugins = &bed->loader.source},
                                                   .read = bed__read,
                                                   .applied = bed__applied,
                                                   .context = bed});
    config_problems_init(&problems);
    bed->applied = reloader_load(&bed->reloader, &problems);
    config_problems_fini(&problems);
    assert_non_null(bed->applied);
    reloader_set_engine(&bed->reloader, engine_start(&(const struct engine_options){.config = bed->applied,
                                                                                    .config_done = bed__done,
                                                                                    .config_context = bed},
                                                     &failure));
    text_init_heap(&bed->told);
}

static void bed_close(struct bed *bed)
{
    struct engine *engine = bed->reloader.engine;
    reloader_set_engine(&bed->reloader, NULL);
    engine_destroy(engine);
    plugin_loader_fini(&bed->loader);
    text_fini(&bed->told);
    memory_free(bed->path);
    program_remove(bed->folder);
}

static void bed_run(struct bed *bed, bool is_dry_run)
{
    text_clear(&bed->told);
    reloader_run(&bed->reloader, is_dry_run, false, &bed->told, &bed->code);
}

static void bed_run_json(struct bed *bed, bool is_dry_run)
{
    text_clear(&bed->told);
    reloader_run(&bed->reloader, is_dry_run, true, &bed->told, &bed->code);
}

static void assert_told(const struct bed *bed, enum exit_code code, const char *words)
{
    assert_int_equal(bed->code, code);
    if (strstr(bed->told.at, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, bed->told.at);
    }
}

static int setup(void **state)
{
    fake_engine_reset();
    return support_setup(state);
}

static void test_reloader__applies_what_has_changed(void **state)
{
    (void)state;
    static struct bed bed;
    bed_open(&bed);
    bed_run(&bed, false);
    assert_told(&bed, EXIT_CODE_DONE, "nothing has changed in ");
    assert_int_equal(fake_engine.reloads, 1);
    bed_write(&bed, faster);
    bed_run(&bed, false);
    assert_told(&bed, EXIT_CODE_DONE, "a.ini: 2 changes, 1 of them needs a restart\n");
    assert_told(&bed, EXIT_CODE_DONE, "endpoint web: idle_timeout 5m -> 30s (new connections)\n");
    assert_int_equal(bed.done, 2);
    assert_false(bed.was_free);
    bed_close(&bed);
}

static void test_reloader__a_dry_run_changes_nothing(void **state)
{
    (void)state;
    static struct bed bed;
    bed_open(&bed);
    const struct config *first = bed.applied;
    bed_write(&bed, faster);
    bed_run(&bed, true);
    assert_told(&bed, EXIT_CODE_DONE, "a reload would apply ");
    assert_told(&bed, EXIT_CODE_DONE, "endpoint web: idle_timeout 5m -> 30s (new connections)\n");
    assert_ptr_equal(bed.applied, first);
    assert_int_equal(fake_engine.reloads, 0);
    assert_int_equal(bed.done, 0);
    bed_close(&bed);
}

static void test_reloader__a_wrong_file_changes_nothing(void **state)
{
    (void)state;
    static struct bed bed;
    for (int is_dry_run = 0; is_dry_run < 2; is_dry_run++) {
        bed_open(&bed);
        bed_write(&bed, "[endpoint web]\nlisten = tcp://127.0.0.1:7\nhandler = echo\nidle_timeot = 1s\n");
        bed_run(&bed, is_dry_run);
        assert_told(&bed, EXIT_CODE_CONFIGURATION, "a.ini has 1 error; nothing has changed\n");
        assert_told(&bed, EXIT_CODE_CONFIGURATION, "a.ini:4:1: error: ");
        assert_int_equal(fake_engine.reloads + fake_engine.comparisons, 0);
        assert_int_equal(bed.done, 0);
        assert_int_equal(bed.reads, !is_dry_run);
        bed_close(&bed);
    }
}

static unsigned count_in_log(const struct bed *bed, const char *words)
{
    static char text[65536];
    WCHAR path[PROGRAM_PATH_MAX];
    unsigned count = 0;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\a.log", bed->folder);
    assert_true(program_read(path, text, sizeof text));
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

/* By a watch nobody is told, so all of them are logged, up to a number. */
static void test_reloader__logs_each_error(void **state)
{
    (void)state;
    static struct bed bed;
    struct text words, file;
    struct failure failure = {.code = EXIT_CODE_DONE};
    text_init_heap(&words);
    text_init_heap(&file);
    bed_open(&bed);
    text_add(&file, bed.path, strlen(bed.path) - strlen("a.ini"));
    text_add_string(&file, "a.log");
    const struct log_options options = {.file = file.at, .level = LOG_LEVEL_INFO, .keep = 1};
    struct log *log = log_create(&options, &failure);
    assert_int_equal(failure.code, EXIT_CODE_DONE);
    bed.reloader.options.log = log;
    text_add_string(&words, web);
    text_add_string(&words, "accept_burst = 3\nidle_timeot = 1s\nidle_timeot = 2s\n");
    bed_write(&bed, words.at);
    bed_run(&bed, true); /* who asks for a dry run is told */
    bed_run(&bed, false);
    for (int i = 0; i < 20; i++) {
        text_add_string(&words, "idle_timeot = 1s\n");
    }
    bed_write(&bed, words.at);
    bed_run(&bed, false);
    log_destroy(log);
    bed.reloader.options.log = NULL;
    assert_int_equal(count_in_log(&bed, "PL1012"), 2);
    assert_int_equal(count_in_log(&bed, "PL1101"), 2 + 21);
    assert_int_equal(count_in_log(&bed, "PL1102"), 0);
    assert_int_equal(count_in_log(&bed, "and 2 more errors; portlistener check tells them all"), 1);
    bed_close(&bed);
    text_fini(&file);
    text_fini(&words);
}

static void test_reloader__passes_on_what_the_engine_says(void **state)
{
    (void)state;
    static struct bed bed;
    bed_open(&bed);
    bed_write(&bed, faster);
    fake_engine.refuses_reloads = true;
    bed_run(&bed, false);
    assert_told(&bed, EXIT_CODE_FAILED, "the fake engine does not reload\n");
    assert_int_equal(bed.done, 1); /* the one that was refused, which the engine gives back */
    fake_engine.refuses_reloads = false;
    fake_engine.reload_code = EXIT_CODE_BIND;
    bed_run(&bed, false);
    assert_told(&bed, EXIT_CODE_BIND, "; the fake engine cannot bind\n");
    assert_int_equal(bed.done, 2);
    bed_close(&bed);
}

static void test_reloader__tells_what_is_included_by_what_it_refuses(void **state)
{
    (void)state;
    static struct bed bed;
    bed_open(&bed);
    bed_write(&bed, "include = *.inc\ninclude = none.d\\*.ini\n[endpoint web]\n");
    bed_run(&bed, false);
    assert_int_equal(bed.code, EXIT_CODE_CONFIGURATION);
    assert_int_equal(bed.includes, 2);
    bed_write(&bed, "include = *.inc\n[endpoint web]\nlisten = tcp://127.0.0.1:7\nhandler = echo\n");
    fake_engine.refuses_reloads = true;
    bed_run(&bed, false);
    assert_int_equal(bed.code, EXIT_CODE_FAILED);
    assert_int_equal(bed.includes, 1);
    assert_int_equal(bed.reads, 2);
    bed_close(&bed);
}

static void test_reloader__without_an_engine_there_is_nothing_to_reload(void **state)
{
    (void)state;
    struct reloader reloader;
    struct text told;
    char room[512];
    enum exit_code code = EXIT_CODE_DONE;
    text_init(&told, room, sizeof room);
    reloader_init(&reloader, &(const struct reloader_options){.request.path = "C:\\none.ini"});
    reloader_run(&reloader, false, false, &told, &code);
    assert_int_equal(code, EXIT_CODE_NOT_RUNNING);
    assert_string_equal(told.at, "the service starts or stops: there is nothing to reload\n");
}

static void test_reloader__tells_tools(void **state)
{
    (void)state;
    static struct bed bed;
    bed_open(&bed);
    bed_run_json(&bed, false);
    assert_told(&bed, EXIT_CODE_DONE, "{\n  \"result\": \"unchanged\",\n  \"code\": 0,\n  \"message\": \"");
    bed_write(&bed, faster);
    bed_run_json(&bed, true);
    assert_told(&bed, EXIT_CODE_DONE, "\"result\": \"described\"");
    bed_run_json(&bed, false);
    assert_told(&bed, EXIT_CODE_DONE, "\"result\": \"applied\"");
    assert_told(
        &bed, EXIT_CODE_DONE,
        "\",\n  \"problems\": [],\n  \"changes\": [\n    {\"endpoint\": \"web\", \"what\": \"value\", "
        "\"effect\": \"restart\", \"key\": \"backlog\", \"before\": \"512\", \"after\": \"9\"},");
    assert_told(&bed, EXIT_CODE_DONE, "  ],\n  \"restarts\": 1\n}\n");
    bed_write(&bed, "[endpoint web]\n");
    bed_run_json(&bed, false);
    assert_told(&bed, EXIT_CODE_CONFIGURATION, "\"result\": \"refused\",\n  \"code\": 3");
    assert_told(&bed, EXIT_CODE_CONFIGURATION, "a.ini:1:1: error: ");
    assert_told(&bed, EXIT_CODE_CONFIGURATION, "],\n  \"changes\": [],\n  \"restarts\": 0\n}\n");
    bed_close(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reloader__applies_what_has_changed, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__a_dry_run_changes_nothing, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__a_wrong_file_changes_nothing, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__logs_each_error, setup, support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__passes_on_what_the_engine_says, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__tells_what_is_included_by_what_it_refuses, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__without_an_engine_there_is_nothing_to_reload, setup,
                                        support_teardown),
        cmocka_unit_test_setup_teardown(test_reloader__tells_tools, setup, support_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
