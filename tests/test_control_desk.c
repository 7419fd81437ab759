/* SPDX-License-Identifier: MIT
   Tests of control_desk.c: each verb, asked over a real pipe, above an engine that only notes what is asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "commands.h"
#include "control_client.h"
#include "control_desk.h"
#include "support/fake_engine.h"
#include "support/fault.h"
#include "support/support.h"

static struct {
    char service[64];
    struct control_desk desk;
    struct control_pipe *pipe;
    char out[2048], err[2048];
    enum exit_code code;
    bool was_dry, was_json;
    const char *told; /* by a reload; NULL: one word */
} world;

static enum exit_code reload(void *context, bool is_dry_run, bool is_json, struct text *told)
{
    assert_ptr_equal(context, &world);
    world.was_dry = is_dry_run;
    world.was_json = is_json;
    text_add_string(told, world.told != NULL ? world.told : "reloaded\n");
    return EXIT_CODE_BIND;
}

static void take(void *context, const struct control_piece *piece)
{
    (void)context;
    strncat(piece->stream == CONTROL_OUT ? world.out : world.err, piece->at, piece->length);
}

/* `line` as words, separated by blanks. */
static void ask(const char *line)
{
    struct control_client client;
    struct failure failure;
    char room[256];
    struct text request;
    world.out[0] = world.err[0] = '\0';
    text_init(&request, room, sizeof room);
    text_add_format(&request, CONTROL_GREETING " %s\n", line);
    if (!control_client_open(&client, world.service, NULL, &failure) ||
        !control_client_ask(&client, &request, take, NULL, &world.code, &failure)) {
        fail_msg("%s: %s", line, failure.text);
    }
    control_client_close(&client);
}

static void expect(const char *line, enum exit_code code, const char *out, const char *err)
{
    ask(line);
    if (world.code != code || strstr(world.out, out) == NULL || strstr(world.err, err) == NULL ||
        (out[0] == '\0' && world.out[0] != '\0') || (err[0] == '\0' && world.err[0] != '\0')) {
        fail_msg("%s: %d\nout: %s\nerr: %s", line, (int)world.code, world.out, world.err);
    }
}

static int setup(void **state)
{
    static unsigned count;
    struct failure failure;
    const int result = support_setup(state);
    fake_engine_reset();
    snprintf(world.service, sizeof world.service, "desk%lu-%u", (unsigned long)GetCurrentProcessId(),
             ++count);
    world.desk = (struct control_desk){.service = world.service, .reload = reload, .context = &world};
    const struct control_pipe_options options = {
        .service = world.service, .answer = control_desk_answer, .context = &world.desk};
    world.pipe = control_pipe_start(&options, &failure);
    assert_non_null(world.pipe);
    return result;
}

static int teardown(void **state)
{
    fault_clear();
    control_pipe_stop(world.pipe);
    return support_teardown(state);
}

/* ---- Tests ---- */

static void test_control_desk__every_verb_is_a_command_and_the_other_way_round(void **state)
{
    (void)state;
    for (const struct control_verb *verb = control_verbs; verb->name != NULL; verb++) {
        size_t used = 0;
        const struct command *command = command_find(commands_all, &verb->name, 1, &used);
        assert_non_null(command);
        assert_true(command->run == command_control_run || command->run == command_check_run);
    }
    for (const struct command *command = commands_all; command->name != NULL; command++) {
        const struct control_verb *verb = control_verbs;
        while (verb->name != NULL && strcmp(verb->name, command->name) != 0) {
            verb++;
        }
        assert_true((verb->name != NULL) ==
                    (command->run == command_control_run || command->run == command_check_run));
    }
}

static void test_control_desk__status_is_the_engines_report(void **state)
{
    (void)state;
    expect("status", EXIT_CODE_DONE, "fake report\n", "");
    expect("status --json", EXIT_CODE_DONE, "{\"fake\": true}\n", "");
    expect("status --metrics", EXIT_CODE_DONE, "portlistener_fake 1\n", "");
    fake_engine.has_no_memory = true;
    expect("status", EXIT_CODE_FAILED, "", "no memory");
}

static void test_control_desk__check_is_told_whom_the_endpoints_serve(void **state)
{
    (void)state;
    expect("check --live", EXIT_CODE_DONE, "endpoint fake\n", "");
    expect("check", EXIT_CODE_USAGE, "", "only check --live asks the service");
    fake_engine.has_no_memory = true;
    expect("check --live", EXIT_CODE_FAILED, "", "no memory");
}

static void test_control_desk__lists_connections(void **state)
{
    (void)state;
    expect("connections", EXIT_CODE_DONE, "0000000000000001 fake ", "");
    expect("connections --json", EXIT_CODE_DONE, "{\"id\": \"0000000000000001\", ", "");
    expect("connections --endpoint=fake", EXIT_CODE_DONE, "0000000000000001 fake ", "");
    fake_engine.has_no_clients = true;
    expect("connections --endpoint=Fake", EXIT_CODE_DONE, "ID ", "");
    expect("connections --endpoint=fake --json", EXIT_CODE_DONE, "{\"connections\": [], ", "");
    expect("connections --endpoint=fkae", EXIT_CODE_FAILED, "", "there is no endpoint \"fkae\" in service; ");
    expect("connections --endpoint=fkae --json", EXIT_CODE_FAILED, "",
           "there is no endpoint \"fkae\" in service; ");
}

static void test_control_desk__closes_what_there_is(void **state)
{
    (void)state;
    expect("close 0000000000000001", EXIT_CODE_DONE, "0000000000000001 is closed: endpoint fake, client ",
           "");
    assert_int_equal(fake_engine.closed, 1);
    fake_engine.closed = 0;
    expect("close 0000000000000003", EXIT_CODE_FAILED, "",
           "no connection has this id now; it may have ended; \"portlistener connections --service desk");
    expect("close 0000000000000002", EXIT_CODE_FAILED, "", "does not answer");
    static const char *const bad[] = {"close 1", "close 00000000000000001", "close 000000000000000g",
                                      "close 0x00000000000001"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(bad[i], EXIT_CODE_USAGE, "", "sixteen hexadecimal digits");
    }
    assert_int_equal(fake_engine.closed, 0);
    fake_engine.has_no_memory = true;
    expect("close 0000000000000001", EXIT_CODE_FAILED, "", "no memory");
    fake_engine.has_no_memory = false;
    expect("close 0000000000000001 --json", EXIT_CODE_DONE, "{\"message\": \"0000000000000001 is closed", "");
    expect("close 00000000DEADbeef", EXIT_CODE_FAILED, "", "no connection");
}

static void test_control_desk__pauses_and_resumes_an_endpoint(void **state)
{
    (void)state;
    expect("endpoint fake pause", EXIT_CODE_DONE, "endpoint fake is paused", "");
    expect("endpoint FAKE pause", EXIT_CODE_DONE, "endpoint fake was paused already: ", "");
    expect("endpoint fake resume --json", EXIT_CODE_DONE, "{\"message\": \"endpoint fake is resumed", "");
    expect("endpoint nobody pause", EXIT_CODE_FAILED, "",
           "there is no endpoint \"nobody\" in service; \"portlistener status --service desk");
    expect("endpoint fake stop", EXIT_CODE_USAGE, "", "\"pause\" or \"resume\"");
}

static void test_control_desk__reloads(void **state)
{
    (void)state;
    expect("reload", EXIT_CODE_BIND, "", "reloaded\n"); /* what went wrong */
    assert_false(world.was_dry || world.was_json);
    expect("reload --dry-run --json", EXIT_CODE_BIND, "reloaded\n", "");
    assert_true(world.was_dry && world.was_json);
    world.told =
        "a line that is wider than what people have on a screen, for its words go on and on to the hundredth column, "
        "over it, and on, until the second line is full as well, which takes a few words more, all in all so many\n"
        "a short one\n";
    expect(
        "reload", EXIT_CODE_BIND, "",
        "a line that is wider than what people have on a screen, for its words go on and on to the hundredth\n"
        "  column, over it, and on, until the second line is full as well, which takes a few words more, all\n"
        "  in all so many\n"
        "a short one\n");
    expect("reload --json", EXIT_CODE_BIND, world.told, "");
    world.told = NULL;
    world.desk.reload = NULL;
    expect("reload", EXIT_CODE_FAILED, "", "cannot reload");
}

static void test_control_desk__rotates_without_logs(void **state)
{
    (void)state;
    expect("rotate", EXIT_CODE_DONE, "\n", "");
    expect("rotate --json", EXIT_CODE_DONE, "{\"log\": {\"state\": \"needless\", ", "");
}

/* What the client's own checks would not let through. */
static void test_control_desk__checks_what_it_is_asked(void **state)
{
    (void)state;
    expect("status more", EXIT_CODE_USAGE, "", "status does not take \"more\"");
    expect("status --strict", EXIT_CODE_USAGE, "", "takes no option \"--strict\"");
    expect("close", EXIT_CODE_USAGE, "", "close takes ID");
    expect("endpoint fake", EXIT_CODE_USAGE, "", "endpoint takes NAME ACTION");
    expect("run", EXIT_CODE_USAGE, "", "does not know this command");
    expect("config show", EXIT_CODE_USAGE, "", "does not know this command");
    expect("STATUS", EXIT_CODE_USAGE, "", "does not know this command");
}

static void test_control_desk__tells_when_there_is_no_memory(void **state)
{
    (void)state;
    fake_engine.has_no_memory = true;
    expect("connections", EXIT_CODE_FAILED, "", "no memory for the list");
    fault_clear();
    fake_engine.has_no_memory = false;
    expect("connections", EXIT_CODE_DONE, "fake", "");
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_control_desk__every_verb_is_a_command_and_the_other_way_round),
        test(test_control_desk__status_is_the_engines_report),
        test(test_control_desk__check_is_told_whom_the_endpoints_serve),
        test(test_control_desk__lists_connections),
        test(test_control_desk__closes_what_there_is),
        test(test_control_desk__pauses_and_resumes_an_endpoint),
        test(test_control_desk__reloads),
        test(test_control_desk__rotates_without_logs),
        test(test_control_desk__checks_what_it_is_asked),
        test(test_control_desk__tells_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
