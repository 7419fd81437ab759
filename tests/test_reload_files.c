/* SPDX-License-Identifier: MIT
   Reloads the way an administrator makes them: the file is written, read again, checked, and the engine runs as it says, or
   the file is refused and nothing changes; with clients that must not notice (R8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "config/config_file.h"
#include "engine_report.h"
#include "handler/handlers.h"
#include "reloader.h"
#include "support/callers.h"
#include "support/client.h"
#include "support/loopback.h"
#include "support/program.h"
#include "support/rig.h"
#include "support/support.h"

/* PORTLISTENER_TEST_RELOADS=1000 is all of R8, with 200 clients. */
enum { PORT = 23910, RELOADS = 60, RELOADS_MANY = 1000, CALLERS = 8, HELD = 16, FILE_ROOM = 4096 };

static int reloads_wanted(void)
{
    const char *wanted = getenv("PORTLISTENER_TEST_RELOADS"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const long count = wanted != NULL ? strtol(wanted, NULL, 10) : 0;
    return count > 0 && count <= 100000 ? (int)count : RELOADS;
}

/* ---- The files ---- */

/* What is wrong, and where it must be told: behind three good lines, with a number for `~` that makes each file another
   one. `@` is an address of this process. */
static const struct {
    const char *before; /* the good lines; NULL: nothing */
    const char *behind; /* them; NULL: there are no good lines, this is all */
    unsigned line;      /* 0: of the file as a whole */
} broken[] = {
    {NULL, "idle_timeout = ~\n", 4},
    {NULL, "idle_timeot = ~s\n", 4},
    {NULL, "handler = echo\n# ~\n", 4},
    {NULL, "allow = 10.0.0.0/8, 10.1.~.1/16\n", 4},
    {NULL, "[endpont x~]\n", 4},
    {NULL, "[endpoint y~]\nlisten = tcp://@1:23910\nhandler = echo\n", 5},
    {NULL, "[endpoint y~]\nlisten = tcp://@2:0\nhandler = echo\n", 5},
    {NULL, "[endpoint y]\nlisten = tcp://@2:23911\nhandler = ech~\n", 6},
    {NULL, "[endpoint y~\n", 4},
    {NULL, "nonsense ~\n", 4},
    {NULL, "# \xff\xfe ~\n", 4},
    {NULL, "max_connections = -~\n", 4},
    {NULL, "send_queue = 0x~M\n", 4},
    {NULL, "backlog = ~99999999999\n", 4},
    {NULL, "[endpoint y~]\nhandler = echo\n", 4},
    {NULL, "[endpoint y~]\nlisten = tcp://224.0.0.1:23910\nhandler = echo\n", 5},
    {NULL, "# ~\nlifetime = 5 weeks\n", 5},
    {"include = none-~.ini\n", "", 1},
    {"include = *~-wrong.ini\n[service]\nlog_keep = many\n", "", 3},
    {NULL, NULL, 2},
};
enum { KINDS = sizeof broken / sizeof broken[0] };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    char *path;
    struct reloader reloader;
    struct engine *engine;
    struct config *applied;
    volatile LONG done;
    struct text told;
    enum exit_code code;
} it;

static void expand(struct text *text, const char *words, int number)
{
    const unsigned own = loopback_port();
    for (; *words != '\0'; words++) {
        if (*words == '@') {
            text_add_format(text, "127.%u.%u.", own >> 8, own & 255);
        } else if (*words == '~') {
            text_add_format(text, "%d", number);
        } else {
            text_add(text, words, 1);
        }
    }
}

static void write_file(const char *words)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(it.folder, L"a.ini", words, path);
    if (it.path == NULL) {
        it.path = utf16_to_utf8(path);
        assert_non_null(it.path);
    }
}

/* Sections are renamed, settings change, an endpoint comes and goes. */
static void write_good(int number)
{
    static const char *const names[] = {"red", "green", "blue"};
    char words[FILE_ROOM];
    struct text text;
    text_init(&text, words, sizeof words);
    text_add_format(&text, "[endpoint %s]\n", names[number % 3]);
    expand(&text, "listen = tcp://@1:23910\nhandler = echo\nidle_timeout = ~m\n", number + 1);
    expand(&text, number % 2 != 0 ? "[endpoint two]\nlisten = tcp://@2:23910\nhandler = echo\n" : "", 0);
    write_file(words);
}

static unsigned write_broken(int number)
{
    char words[FILE_ROOM];
    struct text text;
    const int kind = number % KINDS, variant = number / KINDS + 1;
    text_init(&text, words, sizeof words);
    if (broken[kind].behind ==
        NULL) { /* cut off in the middle of a line, as an editor leaves it that has crashed */
        expand(&text, "[endpoint w~]\nlisten = tcp://@1:", variant);
    } else {
        expand(&text, broken[kind].before != NULL ? broken[kind].before : "", variant);
        expand(&text, "[endpoint w]\nlisten = tcp://@1:23910\nhandler = echo\n", 0);
        expand(&text, broken[kind].behind, variant);
    }
    write_file(words);
    return broken[kind].line;
}

/* ---- The engine ---- */

static void done(void *context, const struct config *config)
{
    (void)context;
    config_destroy((struct config *)(uintptr_t)config);
    InterlockedIncrement(&it.done);
}

static void applied(void *context, const struct config *config)
{
    (void)context;
    it.applied = (struct config *)(uintptr_t)config;
}

static void begin(void)
{
    struct failure failure = {.code = EXIT_CODE_DONE};
    struct config_problems problems;
    memset(&it, 0, sizeof it);
    program_folder(it.folder);
    text_init_heap(&it.told);
    write_good(0);
    reloader_init(&it.reloader, &(const struct reloader_options){.request = {.path = it.path,
                                                                             .is_file_only = true,
                                                                             .service = "Test",
                                                                             .handlers = handlers_builtin},
                                                                 .applied = applied});
    config_problems_init(&problems);
    it.applied = reloader_load(&it.reloader, &problems);
    if (it.applied == NULL) {
        fail_msg("%s", problems.text.at);
    }
    config_problems_fini(&problems);
    it.engine = engine_start(&(const struct engine_options){.config = it.applied,
                                                            .handlers = handlers_builtin,
                                                            .config_done = done},
                             &failure);
    if (it.engine == NULL) {
        fail_msg("%s", failure.text);
    }
    reloader_set_engine(&it.reloader, it.engine);
}

static void end(void)
{
    struct failure failure;
    reloader_set_engine(&it.reloader, NULL);
    if (it.engine != NULL) {
        assert_true(engine_stop(it.engine, 0, &failure));
        engine_destroy(it.engine);
    }
    text_fini(&it.told);
    memory_free(it.path);
    program_remove(it.folder);
    memset(&it, 0, sizeof it);
}

static int teardown(void **state)
{
    callers_stop(NULL, NULL);
    client_close_all();
    if (it.engine != NULL) { /* a test that failed */
        end();
    }
    return rig_teardown(state);
}

static void reload(void)
{
    text_clear(&it.told);
    reloader_run(&it.reloader, false, false, &it.told, &it.code);
}

static uint32_t generation(void)
{
    struct engine_view view;
    engine_view(it.engine, &view);
    return view.generation;
}

static void reload_good(int number)
{
    const uint32_t before = generation();
    write_good(number);
    reload();
    if (it.code != EXIT_CODE_DONE) {
        fail_msg("%s", it.told.at);
    }
    assert_int_equal(generation(), before + 1);
}

static void reload_broken(int number)
{
    char place[32];
    const uint32_t before = generation();
    const struct config *config = it.applied;
    const LONG given_back = it.done;
    const unsigned line = write_broken(number);
    reload();
    snprintf(place, sizeof place, "a.ini:%u:", line);
    if (it.code != EXIT_CODE_CONFIGURATION || strstr(it.told.at, "nothing has changed") == NULL ||
        strstr(it.told.at, place) == NULL || strstr(it.told.at, ": error: ") == NULL) {
        fail_msg("kind %d, code %d, not \"%s\": %s", number % KINDS, (int)it.code, place, it.told.at);
    }
    assert_int_equal(generation(), before);
    assert_ptr_equal(it.applied, config);
    assert_true(it.done >= given_back);
}

/* ---- Clients ---- */

static struct pl_address address(void)
{
    const unsigned own = loopback_port();
    return (struct pl_address){
        .family = 4, .port = PORT, .ip = {127, (uint8_t)(own >> 8), (uint8_t)(own & 255), 1}};
}

static void assert_echo(struct client *client)
{
    char answer[5] = "";
    assert_int_equal(client_send(client, "Hallo", 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_int_equal(client_receive(client, answer, 5, CLIENT_PATIENCE), CLIENT_OK);
    assert_memory_equal(answer, "Hallo", 5);
}

static struct client *held[HELD];

/* They were there before the first reload, and stay. */
static void hold_clients(const struct pl_address *to)
{
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(client_connect(to, NULL, 0, CLIENT_PATIENCE, &held[i]), CLIENT_OK);
        assert_echo(held[i]);
    }
}

static void let_clients_go(void)
{
    for (int i = 0; i < HELD; i++) {
        assert_echo(held[i]);
        client_close(held[i]);
    }
}

/* ---- Tests ---- */

static void test_reload_files__each_broken_file_is_refused_with_its_line(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < KINDS; i++) {
        reload_broken(i);
    }
    assert_int_equal(generation(), 1);
    assert_int_equal(it.done, 0);
    end();
}

/* Such a file has no line that could be named. */
static void test_reload_files__a_file_that_says_nothing_is_refused(void **state)
{
    WCHAR path[PROGRAM_PATH_MAX];
    static char much[CONFIG_FILE_SIZE_MAX + 2];
    (void)state;
    begin();
    memset(much, '#', sizeof much - 1);
    for (int i = 0; i < 3; i++) {
        program_write(it.folder, L"a.ini", i == 0 ? "" : much, path);
        assert_true(i < 2 || DeleteFileW(path));
        reload();
        assert_int_equal(it.code, EXIT_CODE_CONFIGURATION);
        assert_non_null(strstr(it.told.at, ": error: "));
        assert_int_equal(generation(), 1);
    }
    end();
}

static void test_reload_files__under_load_nobody_notices(void **state)
{
    (void)state;
    const int reloads = reloads_wanted();
    const struct pl_address to = address();
    unsigned long served = 0, failed = 0;
    int refused = 0;
    begin();
    hold_clients(&to);
    callers_start(reloads < RELOADS_MANY ? CALLERS : CALLERS_MOST, &to);
    for (int i = 1; i <= reloads; i++) {
        reload_good(i);
        if (i % 2 == 0) {
            reload_broken(refused++);
        }
        assert_echo(held[i % HELD]);
    }
    callers_stop(&served, &failed);
    printf("%d files reloaded, %d broken files refused, %lu connections served, %lu failed, %d held\n",
           reloads, refused, served, failed, HELD);
    assert_int_equal(failed, 0);
    assert_true(served > 0);
    assert_int_equal(generation(), reloads + 1);
    let_clients_go();
    for (const uint64_t deadline = rig_deadline(); it.done < reloads;) { /* what nobody needs is given back */
        rig_nap(deadline, "the configurations that were replaced");
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reload_files__each_broken_file_is_refused_with_its_line,
                                        rig_setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload_files__a_file_that_says_nothing_is_refused, rig_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reload_files__under_load_nobody_notices, rig_setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
