/* SPDX-License-Identifier: MIT
   Tests of handler/handshake.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/echo.h"
#include "handler/handshake.h"
#include "support/exact.h"

/* NULL as `expected`: it fits. */
static void assert_check(const struct pl_handler *handler, const char *name, const char *expected)
{
    char room[512];
    struct text problem;
    text_init(&problem, room, sizeof room);
    assert_int_equal(handshake_check(handler, name, &problem), expected == NULL);
    assert_string_equal(room, expected != NULL ? expected : "");
}

static void test_fits(void **state)
{
    (void)state;
    struct pl_handler handler = echo_handler;
    assert_check(&handler, "echo", NULL);
    handler.size += 800; /* newer than we are */
    handler.abi_minor = PL_ABI_MINOR + 1;
    handler.max_input = 16777216;
    handler.flags = PL_UDP | PL_SESSIONS | PL_STAYS_LOADED;
    handler.on_data = NULL;
    assert_check(&handler, "echo", NULL);
    handler = echo_handler;
    handler.flags = PL_TCP;
    handler.on_datagram = NULL;
    assert_check(&handler, "echo", NULL);
}

/* `format` is given this host's ABI, major and minor. */
static void assert_version(const struct pl_handler *handler, const char *format)
{
    char expected[512];
    struct text text;
    text_init(&text, expected, sizeof expected);
    const char *own = strstr(format, "OWN");
    text_add(&text, format, (size_t)(own - format));
    text_add_format(&text, "%u.%u%s", PL_ABI_MAJOR, PL_ABI_MINOR, own + 3);
    assert_check(handler, "echo", expected);
}

static void test_versions(void **state)
{
    (void)state;
    struct pl_handler handler = echo_handler;
    assert_check(NULL, "echo", "portlistener_handler returned NULL: return the address of the descriptor");
    handler.abi_major = 7;
    handler.abi_minor = 3;
    assert_version(&handler,
                   "it was built for ABI 7.3, this program has OWN: build it with this program's handler.h");
    handler = echo_handler;
    handler.needs_minor = 900;
    assert_version(&handler,
                   "it needs ABI 0.900, this program has OWN: update this program, or take an older plugin");
    handler = echo_handler;
    handler.size = 8;
    assert_check(&handler, "echo",
                 "its descriptor has 8 bytes, too few for ABI 0: set .size = sizeof(pl_handler)");
}

/* A block of just what its size says. */
static void test_short(void **state)
{
    (void)state;
    struct pl_handler handler = echo_handler;
    handler.size = offsetof(struct pl_handler, flags);
    char *copy = exact_copy((const char *)&handler, handler.size);
    assert_check((const struct pl_handler *)(const void *)copy, "echo",
                 "its descriptor has 16 bytes, too few for ABI 0: set .size = sizeof(pl_handler)");
    free(copy);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "Echo", "a b", "../echo", "abcdefghijklmnopqrstuvwxyz0123456"};
    struct pl_handler handler = echo_handler;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        handler.name = bad[i];
        assert_check(&handler, bad[i], "its name is not 1 to 32 of a-z, 0-9, _ and -: change .name");
    }
    assert_check(&echo_handler, "mirror", "it is named \"echo\", not \"mirror\": name the file echo.dll");
    for (size_t i = 0; i < 3; i++) {
        handler = echo_handler;
        *(i == 0 ? &handler.name : i == 1 ? &handler.version : &handler.summary) = NULL;
        assert_check(&handler, "echo", "its descriptor lacks a text: set .name, .version and .summary");
    }
}

static void assert_flags(uint32_t flags, const char *expected)
{
    struct pl_handler handler = echo_handler;
    handler.flags = flags;
    handler.on_data = NULL;
    handler.on_datagram = NULL;
    assert_check(&handler, "echo", expected);
}

static void test_flags(void **state)
{
    (void)state;
    struct pl_handler handler = echo_handler;
    assert_flags(0, "it takes neither TCP nor UDP: set PL_TCP or PL_UDP in .flags");
    assert_flags(PL_TCP | 0x40000000,
                 "its flags have unknown bits, 0x40000000: clear them, or update this program");
    assert_flags(PL_TCP | PL_SESSIONS, "PL_SESSIONS is set without PL_UDP: set both in .flags, or neither");
    assert_flags(PL_TCP, "PL_TCP is set and on_data is NULL: set .on_data, or clear the flag");
    assert_flags(PL_UDP, "PL_UDP is set and on_datagram is NULL: set .on_datagram, or clear the flag");
    handler.max_input = 16777217;
    assert_check(&handler, "echo", "its max_input is above 16777216: set less");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),  cmocka_unit_test(test_versions), cmocka_unit_test(test_short),
        cmocka_unit_test(test_names), cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
