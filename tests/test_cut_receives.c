/* SPDX-License-Identifier: MIT
   However small the pieces in which bytes are received, a handler and its client see the same: scripts of
   clients, run with receives cut to 1, 2 and 7 bytes, with and without a PROXY header, against whole ones. */
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
#include "support/client.h"
#include "support/fault.h"

enum { STORY_ROOM = 2048, BYTES_MAX = 65536 };

/* A script's steps, each a letter and mostly a number:
   S U F G R ?  the command to the actor, U with its bytes behind it
   > n          n bytes of the pattern, < n  n bytes must come
   |            the client's FIN, .          the end must come
   , n          a pause of n milliseconds: what follows comes by itself, as a rule
   ! n          a reset, once n operations are in flight */
static const struct {
    const char *name, *handler, *steps;
} scripts[] = {
    {"an echo", "actor-echo", ">1 <1 >2 <2 >600 <600 | ."},
    {"an echo of more than a buffer", "actor-echo", ">4200 <4200 | ."},
    {"an echo whose client has finished", "actor-echo", ">300 | <300 ."},
    {"an echo in two parts", "actor-echo", ">10 ,5 >10 <20 ,5 >1 <1 | ."},
    {"nothing", "actor-echo", "| ."},
    {"discarded", "actor-discard", ">300 ,5 >200 | ."},
    {"commands", "actor", "S100 <100 U300 <300 S0 U0 ?7 S5 <5 | ."},
    {"commands in one go", "actor", "S100 U300 S200 U1 <601 | ."},
    {"a long command", "actor", "U700 <700 | ."},
    {"bytes left at the end", "actor", "S10 <10 >3 | ."},
    {"a command cut short", "actor", "S10 <10 u3000 >400 | ."},
    {"closed gracefully", "actor", "S5000 <5000 G ."},
    {"closed gracefully with more to come", "actor", "S50000 G <50000 . >100 |"},
    {"finished, then heard to the end", "actor", "S10 F <10 . ?1 ?2 >4 |"},
    {"reset by its handler", "actor", "S10 <10 R ."},
    {"reset by its client", "actor", "S10 <10 U500 <500 !2"},
    {"too much for the handler", "actor-small", "u5000 >1100 ."},
    {"as much as the handler takes", "actor-small", "u995 >994 ,5 >1 <995 | ."},
    {"refused by its handler", "actor-rude", "."},
    {"answered when its FIN has come", "actor-small", "S30000 S20000 | <50000 ."},
};

/* ---- One run ---- */

static struct rig rig;
static struct address_prefix proxies;
static char story[STORY_ROOM];

/* What a client does, and gets. The result of a step that has one is part of the story. */
static void tell(const char *what, unsigned long long number)
{
    const size_t length = strlen(story);
    const int added = snprintf(story + length, sizeof story - length, "%s %llu; ", what, number);
    assert_in_range(added, 1, sizeof story - length - 1);
}

static void put(struct client *client, const void *at, size_t length)
{
    const enum client_result result = client_send(client, at, length, CLIENT_PATIENCE);
    assert_true(result == CLIENT_OK || result == CLIENT_RESET); /* the other side may have had enough */
}

static void do_command(struct client *client, char letter, uint32_t number)
{
    static uint8_t bytes[ACTOR_COMMAND + BYTES_MAX];
    const size_t length = letter == 'U' ? number : 0;
    assert_in_range(length, 0, BYTES_MAX);
    actor_command(letter == 'u' ? 'U' : letter, number, bytes);
    memcpy(bytes + ACTOR_COMMAND, actor.pattern, length);
    put(client, bytes, ACTOR_COMMAND + length);
}

static uint64_t hash_of(const uint8_t *at, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

static void do_receive(struct client *client, size_t length)
{
    static uint8_t bytes[BYTES_MAX];
    const enum client_result result = client_receive(client, bytes, length, CLIENT_PATIENCE);
    assert_int_equal(result, CLIENT_OK);
    tell("got", hash_of(bytes, length));
}

/* A reset may look like an end in order (see client.h): who closed how is in the handler's part. */
static void do_end(struct client *client)
{
    uint64_t dropped = 0;
    const enum client_result result = client_drain(client, &dropped, CLIENT_PATIENCE);
    assert_true(result == CLIENT_EOF || result == CLIENT_RESET);
    tell("end behind", dropped);
}

/* False: the client is gone. */
static bool do_step(struct client *client, char letter, uint32_t number)
{
    switch (letter) {
    case '>':
        put(client, actor.pattern, number);
        return true;
    case '<':
        do_receive(client, number);
        return true;
    case '|':
        assert_int_equal(client_finish(client), CLIENT_OK);
        return true;
    case '.':
        do_end(client);
        return true;
    case ',':
        Sleep(number);
        return true;
    case '!':
        rig_wait_for_operations(number); /* Wine 8 tells of a reset only to a receive that waits */
        client_reset(client);
        return false;
    default:
        do_command(client, letter, number);
        return true;
    }
}

static void run_steps(struct client *client, const char *steps)
{
    bool is_open = true;
    while (*steps != '\0') {
        const char letter = *steps++;
        char *end = NULL;
        const uint32_t number = (uint32_t)strtoul(steps, &end, 10);
        steps = end + strspn(end, " ");
        is_open = do_step(client, letter, number);
    }
    if (is_open) {
        client_close(client);
    }
}

static const struct {
    const char *name;
    enum config_proxy_protocol versions;
    const char *header;
    size_t length;
} ways[] = {
    {"no header", CONFIG_PROXY_OFF, "", 0},
    {"version 1", CONFIG_PROXY_BOTH, "PROXY TCP4 192.0.2.7 198.51.100.9 5000 443\r\n", 44},
    {"version 2", CONFIG_PROXY_V2,
     "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0F\xC0\0\x02\x07\xC6\x33\x64\x09\x13\x88\x01\xBB\x04\0\0", 31},
};

/* The story of a run, in `story`. */
static void run(size_t script, size_t way, uint32_t cut)
{
    static const char everybody[] = "127.0.0.0/8";
    struct client *client = NULL;
    actor_reset();
    rig_init(&rig, actor_handlers);
    struct config_endpoint *endpoint = rig_endpoint(&rig, "e", scripts[script].handler, "tcp://127.0.0.1:0");
    assert_int_equal(address_prefix_parse(everybody, sizeof everybody - 1, &proxies), ADDRESS_PREFIX_OK);
    endpoint->proxy_protocol = ways[way].versions;
    endpoint->trusted_proxies = (struct config_prefixes){&proxies, ways[way].length > 0};
    endpoint->accepts_max = 1;
    rig_start(&rig);
    fault_cut_receives(cut);
    const struct pl_address to = rig_address(&rig, 0);
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    put(client, ways[way].header, ways[way].length);
    story[0] = '\0';
    run_steps(client, scripts[script].steps);
    actor_wait_for(&actor.closes, 1, "on_close");
    assert_true(cut == 0 || fault_calls(IMPORT_WSARecv) >= rig_counter(&rig, COUNTER_BYTES_RECEIVED) / cut);
    fault_clear();
    assert_int_equal(actor.opens, 1);
    assert_int_equal(actor.mistakes, 0);
    tell(actor_transcript(), rig_closed(&rig));
    if (actor.reason != PL_INPUT_FULL) { /* how much of what is too much is read, is no matter */
        tell("counted in", rig_counter(&rig, COUNTER_BYTES_RECEIVED));
        tell("counted out", rig_counter(&rig, COUNTER_BYTES_SENT));
    }
    rig_stop(&rig);
}

/* ---- The tests ---- */

static void compare(size_t script)
{
    static const uint32_t cuts[] = {0, 1, 2, 7};
    static char wanted[STORY_ROOM];
    run(script, 0, 0);
    memcpy(wanted, story, sizeof wanted);
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            run(script, way, cuts[i]);
            if (strcmp(story, wanted) != 0) {
                fail_msg("%s, %s, receives of %u bytes:\n%s\nbut whole:\n%s", scripts[script].name,
                         ways[way].name, cuts[i], story, wanted);
            }
        }
    }
}

static void test_cut_receives__make_no_difference_to_handler_and_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        compare(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_cut_receives__make_no_difference_to_handler_and_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
