/* SPDX-License-Identifier: MIT
   What a handler that was compiled once relies on: where each member of handler.h stands, and what each constant is. A
   row that changes here breaks DLLs in the field: it means a new PL_ABI_MAJOR. New rows come at the end of their struct. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "portlistener/handler.h"

#define ROW(type, member, offset, size)                                                                 \
    {                                                                                                   \
#type "." #member, offsetof(struct type, member) << 16 | sizeof(((struct type *)NULL)->member), \
            offset, size                                                                                \
    }

/* For 64 bits: x64 and ARM64 are alike. */
static const struct {
    const char *name;
    size_t is; /* of a struct: its size; of a member: offset << 16 | size */
    size_t offset, size;
} layout[] = {
    {"pl_address", sizeof(struct pl_address), 0, 24},
    ROW(pl_address, family, 0, 2),
    ROW(pl_address, port, 2, 2),
    ROW(pl_address, scope, 4, 4),
    ROW(pl_address, ip, 8, 16),
    {"pl_info", sizeof(struct pl_info), 0, 104},
    ROW(pl_info, size, 0, 4),
    ROW(pl_info, seen, 4, 4),
    ROW(pl_info, id, 8, 8),
    ROW(pl_info, endpoint, 16, 8),
    ROW(pl_info, peer, 24, 24),
    ROW(pl_info, local, 48, 24),
    ROW(pl_info, proxy, 72, 24),
    ROW(pl_info, answer, 96, 4),
    {"pl_text", sizeof(struct pl_text), 0, 16},
    ROW(pl_text, at, 0, 8),
    ROW(pl_text, length, 8, 8),
    {"pl_option", sizeof(struct pl_option), 0, 40},
    ROW(pl_option, name, 0, 8),
    ROW(pl_option, type, 8, 4),
    ROW(pl_option, required, 12, 4),
    ROW(pl_option, value, 16, 8),
    ROW(pl_option, range, 24, 8),
    ROW(pl_option, help, 32, 8),
    {"pl_counter", sizeof(struct pl_counter), 0, 24},
    ROW(pl_counter, name, 0, 8),
    ROW(pl_counter, unit, 8, 8),
    ROW(pl_counter, help, 16, 8),
    {"pl_connect", sizeof(struct pl_connect), 0, 64},
    ROW(pl_connect, size, 0, 4),
    ROW(pl_connect, protocol, 4, 4),
    ROW(pl_connect, target, 8, 16),
    ROW(pl_connect, source, 24, 24),
    ROW(pl_connect, timeout, 48, 4),
    ROW(pl_connect, reserved, 52, 4),
    ROW(pl_connect, user, 56, 8),
    {"pl_host", sizeof(struct pl_host), 0, 160},
    ROW(pl_host, size, 0, 4),
    ROW(pl_host, abi_major, 4, 4),
    ROW(pl_host, abi_minor, 8, 4),
    ROW(pl_host, reserved, 12, 4),
    ROW(pl_host, send, 16, 8),
    ROW(pl_host, close, 24, 8),
    ROW(pl_host, option, 32, 8),
    ROW(pl_host, want_writable, 40, 8),
    ROW(pl_host, read, 48, 8),
    ROW(pl_host, timer, 56, 8),
    ROW(pl_host, post, 64, 8),
    ROW(pl_host, info, 72, 8),
    ROW(pl_host, count, 80, 8),
    ROW(pl_host, log, 88, 8),
    ROW(pl_host, clock, 96, 8),
    ROW(pl_host, report, 104, 8),
    ROW(pl_host, send_ref, 112, 8),
    ROW(pl_host, retain, 120, 8),
    ROW(pl_host, release, 128, 8),
    ROW(pl_host, send_file, 136, 8),
    ROW(pl_host, connect, 144, 8),
    ROW(pl_host, explain, 152, 8),
    {"pl_start", sizeof(struct pl_start), 0, 72},
    ROW(pl_start, size, 0, 4),
    ROW(pl_start, check, 4, 4),
    ROW(pl_start, host, 8, 8),
    ROW(pl_start, endpoint, 16, 8),
    ROW(pl_start, state, 24, 8),
    ROW(pl_start, error, 32, 8),
    ROW(pl_start, error_room, 40, 8),
    ROW(pl_start, config, 48, 8),
    ROW(pl_start, name, 56, 8),
    ROW(pl_start, previous, 64, 8),
    {"pl_handler", sizeof(struct pl_handler), 0, 168},
    ROW(pl_handler, size, 0, 4),
    ROW(pl_handler, abi_major, 4, 4),
    ROW(pl_handler, abi_minor, 8, 4),
    ROW(pl_handler, needs_minor, 12, 4),
    ROW(pl_handler, flags, 16, 4),
    ROW(pl_handler, max_input, 20, 4),
    ROW(pl_handler, name, 24, 8),
    ROW(pl_handler, version, 32, 8),
    ROW(pl_handler, summary, 40, 8),
    ROW(pl_handler, start, 48, 8),
    ROW(pl_handler, stop, 56, 8),
    ROW(pl_handler, on_open, 64, 8),
    ROW(pl_handler, on_data, 72, 8),
    ROW(pl_handler, on_datagram, 80, 8),
    ROW(pl_handler, on_writable, 88, 8),
    ROW(pl_handler, on_eof, 96, 8),
    ROW(pl_handler, on_close, 104, 8),
    ROW(pl_handler, option_size, 112, 4),
    ROW(pl_handler, option_count, 116, 4),
    ROW(pl_handler, counter_size, 120, 4),
    ROW(pl_handler, counter_count, 124, 4),
    ROW(pl_handler, options, 128, 8),
    ROW(pl_handler, counters, 136, 8),
    ROW(pl_handler, defaults, 144, 8),
    ROW(pl_handler, on_timer, 152, 8),
    ROW(pl_handler, drain, 160, 8),
};

static const struct {
    const char *name;
    int is, promised;
} constants[] = {
    {"PL_OK", PL_OK, 0},
    {"PL_QUEUED", PL_QUEUED, 1},
    {"PL_FULL", PL_FULL, -1},
    {"PL_GONE", PL_GONE, -2},
    {"PL_WRONG_THREAD", PL_WRONG_THREAD, -3},
    {"PL_INVALID", PL_INVALID, -4},
    {"PL_NO_MEMORY", PL_NO_MEMORY, -5},
    {"PL_LIMIT", PL_LIMIT, -6},
    {"PL_BLOCKING", PL_BLOCKING, 1},
    {"PL_TCP", PL_TCP, 2},
    {"PL_UDP", PL_UDP, 4},
    {"PL_SESSIONS", PL_SESSIONS, 8},
    {"PL_STAYS_LOADED", PL_STAYS_LOADED, 16},
    {"PL_RELAY", PL_RELAY, 32},
    {"PL_ASKED_EMPTY", PL_ASKED_EMPTY, 64},
    {"PL_OUTBOUND", PL_OUTBOUND, 1},
    {"PL_PROXIED", PL_PROXIED, 2},
    {"PL_TRUNCATED", PL_TRUNCATED, 4},
    {"PL_NO_REPLY", PL_NO_REPLY, 8},
    {"PL_SESSION", PL_SESSION, 16},
    {"PL_FINISH", PL_FINISH, 0},
    {"PL_GRACEFUL", PL_GRACEFUL, 1},
    {"PL_RESET", PL_RESET, 2},
    {"PL_BY_HANDLER", PL_BY_HANDLER, 1},
    {"PL_BY_PEER", PL_BY_PEER, 2},
    {"PL_PEER_RESET", PL_PEER_RESET, 3},
    {"PL_FIRST_BYTE_TIMEOUT", PL_FIRST_BYTE_TIMEOUT, 4},
    {"PL_IDLE", PL_IDLE, 5},
    {"PL_SEND_TIMEOUT", PL_SEND_TIMEOUT, 6},
    {"PL_LIFETIME", PL_LIFETIME, 7},
    {"PL_SLOW_READER", PL_SLOW_READER, 8},
    {"PL_INPUT_FULL", PL_INPUT_FULL, 9},
    {"PL_STOPPING", PL_STOPPING, 10},
    {"PL_ERROR", PL_ERROR, 11},
    {"PL_DENIED", PL_DENIED, 12},
    {"PL_DISPLACED", PL_DISPLACED, 13},
    {"PL_BY_ADMIN", PL_BY_ADMIN, 14},
    {"PL_CONNECT_FAILED", PL_CONNECT_FAILED, 15},
    {"PL_REPORT_TEXT", PL_REPORT_TEXT, 0},
    {"PL_REPORT_JSON", PL_REPORT_JSON, 1},
    {"PL_REPORT_PROMETHEUS", PL_REPORT_PROMETHEUS, 2},
    {"PL_LOG_ERROR", PL_LOG_ERROR, 0},
    {"PL_LOG_WARNING", PL_LOG_WARNING, 1},
    {"PL_LOG_INFO", PL_LOG_INFO, 2},
    {"PL_LOG_DEBUG", PL_LOG_DEBUG, 3},
    {"PL_BOOL", PL_BOOL, 0},
    {"PL_NUMBER", PL_NUMBER, 1},
    {"PL_SIZE", PL_SIZE, 2},
    {"PL_TIME", PL_TIME, 3},
    {"PL_TEXT", PL_TEXT, 4},
    {"PL_PATH", PL_PATH, 5},
    {"PL_CHOICE", PL_CHOICE, 6},
    {"PL_LIST", PL_LIST, 7},
};

static void test_layout__is_what_handlers_were_compiled_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        if (layout[i].is != (layout[i].offset << 16 | layout[i].size)) {
            fail_msg("%s: %zu, size or offset and size (%zu << 16 | %zu) are not as promised", layout[i].name,
                     layout[i].is, layout[i].offset, layout[i].size);
        }
    }
}

static void test_constants__are_what_handlers_were_compiled_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (constants[i].is != constants[i].promised) {
            fail_msg("%s is %d, not %d", constants[i].name, constants[i].is, constants[i].promised);
        }
    }
}

/* A new member or constant has a row. */
static void test_layout__has_a_row_for_the_last_of_each(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct pl_handler), offsetof(struct pl_handler, drain) + sizeof(void (*)(void)));
    assert_int_equal(sizeof(struct pl_host), offsetof(struct pl_host, explain) + sizeof(void (*)(void)));
    assert_int_equal(PL_ABI_MAJOR, 0);
    assert_int_equal(PL_ABI_MINOR, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout__is_what_handlers_were_compiled_with),
        cmocka_unit_test(test_constants__are_what_handlers_were_compiled_with),
        cmocka_unit_test(test_layout__has_a_row_for_the_last_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
