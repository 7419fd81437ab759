/* SPDX-License-Identifier: MIT
   Tests of connection/send_queue.h, against an oracle that is a row of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"
#include <cmocka.h>

#include "connection/send_queue.h"
#include "support/fault.h"
#include "support/random.h"
#include "support/support.h"

enum { GATHER_ALL = 256, BYTES_MAX = 1 << 21 };

/* What the queue must hold: bytes[first..end). */
struct fixture {
    struct buffer_pool pool;
    struct send_queue queue;
    struct random random;
    size_t first;
    size_t end;
    size_t filled;
    uint8_t bytes[BYTES_MAX];
};

static struct fixture fixture;

static struct fixture *fixture_begin(uint64_t seed)
{
    fixture.queue = (struct send_queue){0};
    fixture.random.state = seed;
    fixture.first = fixture.end = 0;
    buffer_pool_init(&fixture.pool);
    for (size_t i = fixture.filled; i < BYTES_MAX; i++) { /* once: any bytes will do */
        fixture.bytes[i] = (uint8_t)random_next(&fixture.random);
    }
    fixture.filled = BYTES_MAX;
    return &fixture;
}

static void fixture_end(struct fixture *f)
{
    send_queue_clear(&f->queue, &f->pool);
    assert_null(f->queue.first);
    assert_null(f->queue.last);
    assert_int_equal(f->pool.borrowed, 0);
    buffer_pool_fini(&f->pool);
}

static void fixture_append(struct fixture *f, size_t length)
{
    assert_true(f->end + length <= BYTES_MAX);
    assert_true(send_queue_append(&f->queue, &f->pool, f->bytes + f->end, length));
    f->end += length;
}

static unsigned released;

static void count_release(void *what)
{
    assert_ptr_equal(what, &fixture);
    released++;
}

static void fixture_refer(struct fixture *f, size_t length)
{
    const struct reference reference = {f->bytes + f->end, length, count_release, f};
    assert_true(send_queue_refer(&f->queue, &reference));
    f->end += length;
}

static void fixture_consume(struct fixture *f, size_t length)
{
    send_queue_consume(&f->queue, &f->pool, length);
    f->first += length;
}

/* The bytes in the buffers are the oracle's next ones; returns how many they are. */
static size_t fixture_compare(const struct fixture *f, const WSABUF *buffers, DWORD count)
{
    size_t at = f->first;
    for (DWORD i = 0; i < count; i++) {
        assert_int_not_equal(buffers[i].len, 0);
        assert_true(buffers[i].len <= f->end - at);
        assert_memory_equal(buffers[i].buf, f->bytes + at, buffers[i].len);
        at += buffers[i].len;
    }
    return at - f->first;
}

static void fixture_check(const struct fixture *f)
{
    static WSABUF buffers[GATHER_ALL];
    const DWORD count = send_queue_gather(&f->queue, SIZE_MAX, buffers, GATHER_ALL);
    assert_true(count < GATHER_ALL);
    assert_int_equal(fixture_compare(f, buffers, count), f->end - f->first);
    assert_int_equal(f->pool.borrowed, count); /* no buffer is lost, and none is held for nothing */
}

static void test_send_queue__is_empty_at_first(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(1);
    WSABUF buffer;
    assert_int_equal(send_queue_gather(&f->queue, SIZE_MAX, &buffer, 1), 0);
    send_queue_consume(&f->queue, &f->pool, 0);
    send_queue_clear(&f->queue, &f->pool);
    fixture_append(f, 0);
    fixture_check(f);
    fixture_end(f);
}

static void test_send_queue__gives_back_what_was_appended(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,     4095,  4096,   4097,   16384,  16385,      65535,
                                     65536, 65537, 131072, 131073, 135168, 65536 * 16, 1000000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct fixture *f = fixture_begin(i);
        fixture_append(f, lengths[i]);
        fixture_check(f);
        fixture_append(f, 0);
        fixture_append(f, lengths[i]);
        fixture_check(f);
        fixture_consume(f, lengths[i]);
        fixture_check(f);
        fixture_consume(f, lengths[i]);
        fixture_check(f);
        fixture_end(f);
    }
}

static void test_send_queue__fills_a_buffer_before_it_takes_another(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(2);
    for (size_t i = 0; i < BUFFER_SMALL; i++) {
        fixture_append(f, 1);
        assert_int_equal(f->pool.borrowed, 1);
    }
    fixture_append(f, 1);
    assert_int_equal(f->pool.borrowed, 2);
    fixture_append(f, BUFFER_SMALL + 99); /* in part behind what is there */
    assert_int_equal(f->pool.borrowed, 3);
    fixture_check(f);
    fixture_end(f);
}

static void test_send_queue__gathers_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(3);
    WSABUF buffers[20];
    fixture_append(f, (size_t)BUFFER_LARGE * 16 + 1);
    for (DWORD room = 0; room <= 20; room++) {
        memset(buffers, 0xEE, sizeof buffers);
        const DWORD count = send_queue_gather(&f->queue, SIZE_MAX, buffers, room);
        assert_int_equal(count, room < 17 ? room : 17);
        fixture_compare(f, buffers, count);
        for (DWORD i = count; i < 20; i++) { /* what lies beyond is not written */
            assert_int_equal(buffers[i].len, 0xEEEEEEEE);
        }
    }
    fixture_end(f);
}

static void test_send_queue__gathers_no_more_than_the_limit(void **state)
{
    (void)state;
    static const struct {
        size_t limit;
        DWORD count;
    } rows[] = {
        {0, 0},
        {1, 1},
        {BUFFER_SMALL - 78, 1},
        {BUFFER_SMALL - 77, 1}, /* all of the first buffer, and nothing of the second */
        {BUFFER_SMALL - 76, 2},
        {BUFFER_SMALL - 77 + BUFFER_LARGE, 2},
        {BUFFER_SMALL - 77 + BUFFER_LARGE + 1, 3},
        {BUFFER_SMALL - 77 + BUFFER_LARGE + 10, 3},
        {BUFFER_SMALL - 77 + BUFFER_LARGE + 11, 3}, /* more than there is */
        {SIZE_MAX, 3},
    };
    struct fixture *f = fixture_begin(8);
    fixture_append(f, BUFFER_SMALL);
    fixture_append(f, BUFFER_LARGE + 10);
    fixture_consume(f, 77);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        WSABUF buffers[8];
        const size_t all = f->end - f->first, limit = rows[i].limit;
        const DWORD count = send_queue_gather(&f->queue, limit, buffers, 8);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(fixture_compare(f, buffers, count), limit < all ? limit : all);
        fixture_check(f); /* cutting changed nothing */
    }
    fixture_end(f);
}

static void test_send_queue__consumes_to_the_byte(void **state)
{
    (void)state;
    static const size_t steps[] = {0, 1, 4094, 1, 1, 0, 4096, 65535, 1, 65536, 3};
    struct fixture *f = fixture_begin(4);
    fixture_append(f, BUFFER_SMALL);
    fixture_append(f, BUFFER_SMALL);
    fixture_append(f, (size_t)BUFFER_LARGE + 70000);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        fixture_consume(f, steps[i]);
        fixture_check(f);
    }
    fixture_append(f, 5000);
    fixture_check(f);
    fixture_consume(f, f->end - f->first);
    fixture_check(f);
    assert_null(f->queue.first);
    assert_null(f->queue.last);
    fixture_append(f, 10); /* and it goes on */
    fixture_check(f);
    fixture_end(f);
}

/* A send in flight reads the gathered buffers until it completes. */
static void test_send_queue__appending_leaves_gathered_bytes_where_they_are(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(5);
    WSABUF before[8], after[8];
    fixture_append(f, BUFFER_LARGE + 100);
    fixture_consume(f, 77);
    const DWORD count = send_queue_gather(&f->queue, SIZE_MAX, before, 8);
    const size_t length = fixture_compare(f, before, count);
    for (int i = 0; i < 50; i++) {
        fixture_append(f, 3000);
    }
    assert_int_equal(fixture_compare(f, before, count), length);
    assert_true(send_queue_gather(&f->queue, SIZE_MAX, after, 8) > count);
    for (DWORD i = 0; i < count; i++) {
        assert_ptr_equal(after[i].buf, before[i].buf);
    }
    fixture_end(f);
}

static void test_send_queue__stays_as_it_is_without_memory(void **state)
{
    (void)state;
    static const size_t before[] = {0, 100, BUFFER_SMALL, BUFFER_SMALL + 1, 100000};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        for (uint32_t nth = 1; nth <= 5; nth++) { /* of the five buffers that the append takes */
            struct fixture *f = fixture_begin(6);
            WSABUF gathered[8], again[8];
            fixture_append(f, before[i]);
            const DWORD count = send_queue_gather(&f->queue, SIZE_MAX, gathered, 8);
            fault_clear();
            fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
            assert_false(send_queue_append(&f->queue, &f->pool, f->bytes + f->end, (size_t)BUFFER_LARGE * 5));
            assert_int_equal(fault_hits(), 1);
            assert_int_equal(send_queue_gather(&f->queue, SIZE_MAX, again, 8), count);
            for (DWORD k = 0; k < count; k++) {
                assert_ptr_equal(again[k].buf, gathered[k].buf);
                assert_int_equal(again[k].len, gathered[k].len);
            }
            fixture_check(f);
            fixture_append(f, (size_t)BUFFER_LARGE * 5); /* there is memory again */
            fixture_check(f);
            fixture_end(f);
        }
    }
}

static void test_send_queue__needs_no_memory_for_what_fits_behind_the_last_bytes(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(7);
    fixture_append(f, 1);
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    fixture_append(f, BUFFER_SMALL - 1);
    assert_int_equal(fault_hits(), 0);
    assert_false(send_queue_append(&f->queue, &f->pool, f->bytes, 1));
    fixture_check(f);
    fixture_end(f);
}

static size_t some_length(struct random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return random_below(random, 10);
    case 1:
        return random_below(random, 5000);
    case 2:
        return BUFFER_SMALL * (1 + random_below(random, 4)) - 1 + random_below(random, 3);
    default:
        return random_below(random, 200000);
    }
}

static void test_send_queue__agrees_with_the_oracle(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 120; seed++) {
        struct fixture *f = fixture_begin(seed);
        for (;;) {
            const size_t length = some_length(&f->random);
            if (f->end + length > BYTES_MAX) {
                break;
            }
            if (random_below(&f->random, 8) == 0) {
                const size_t borrowed = f->pool.borrowed;
                fault_arm(IMPORT_HeapAlloc, 1 + random_below(&f->random, 3), 0, FAULT_FOREVER);
                if (send_queue_append(&f->queue, &f->pool, f->bytes + f->end, length)) {
                    f->end += length;
                } else {
                    assert_int_equal(f->pool.borrowed, borrowed);
                }
                fault_clear();
            } else {
                fixture_append(f, length);
            }
            fixture_check(f);
            while (random_below(&f->random, 2) == 0) { /* one send: some of it has gone, or all */
                WSABUF buffers[16];
                const DWORD room = 1 + random_below(&f->random, 16);
                const size_t limit = some_length(&f->random);
                const size_t sent =
                    fixture_compare(f, buffers, send_queue_gather(&f->queue, limit, buffers, room));
                assert_true(sent <= limit);
                fixture_consume(f, random_below(&f->random, 3) == 0
                                       ? random_below(&f->random, (uint32_t)sent + 1)
                                       : sent);
                fixture_check(f);
            }
        }
        fixture_end(f);
    }
}

static void test_send_queue__keeps_references_among_copies(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(0);
    WSABUF buffers[8];
    released = 0;
    fixture_append(f, 100);
    fixture_refer(f, 1000);
    fixture_append(f, 100); /* not behind the first 100 */
    fixture_refer(f, 50);
    fixture_refer(f, 60);
    assert_int_equal(fixture_compare(f, buffers, send_queue_gather(&f->queue, SIZE_MAX, buffers, 8)), 1310);
    assert_ptr_equal(buffers[1].buf, f->bytes + 100);
    fixture_consume(f, 600);
    assert_int_equal(released, 0);
    assert_int_equal(fixture_compare(f, buffers, send_queue_gather(&f->queue, SIZE_MAX, buffers, 8)), 710);
    fixture_consume(f, 500);
    assert_int_equal(released, 1);
    fixture_consume(f, 151);
    assert_int_equal(released, 2);
    fixture_end(f); /* gives up the last */
    assert_int_equal(released, 3);
}

static void test_send_queue__needs_memory_to_refer(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(0);
    const struct reference reference = {f->bytes, 10, count_release, f};
    released = 0;
    fault_arm(IMPORT_HeapAlloc, 1, ERROR_NOT_ENOUGH_MEMORY, 1);
    assert_false(send_queue_refer(&f->queue, &reference));
    fault_clear();
    fixture_end(f);
    assert_int_equal(released, 0);
}

/* ---- Files ---- */

static HANDLE file;

static struct file_part *open_part(uint64_t offset, uint64_t length)
{
    struct file_part *part = NULL;
    assert_int_equal(file_part_open(file, offset, length, &part), PL_OK);
    return part;
}

static void add_piece(struct fixture *f, const char *text)
{
    struct buffer *piece = buffer_get(&f->pool, 10);
    memcpy(buffer_bytes(piece), text, strlen(text));
    piece->end = (uint32_t)strlen(text);
    send_queue_add_piece(&f->queue, piece);
}

static void expect_front(const struct fixture *f, const char *text)
{
    WSABUF buffers[8];
    char seen[64] = "";
    const DWORD count = send_queue_gather(&f->queue, SIZE_MAX, buffers, 8);
    for (DWORD i = 0; i < count; i++) {
        strncat(seen, buffers[i].buf, buffers[i].len);
    }
    assert_string_equal(seen, text);
    assert_int_equal(send_queue_front(&f->queue), strlen(text));
}

static void test_send_queue__has_a_file_in_its_place(void **state)
{
    (void)state;
    struct fixture *f = fixture_begin(0);
    WCHAR path[MAX_PATH];
    assert_true(GetModuleFileNameW(NULL, path, MAX_PATH) > 0); /* any file: its bytes do not matter */
    file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_ptr_not_equal(file, INVALID_HANDLE_VALUE);
    assert_true(send_queue_append(&f->queue, &f->pool, (const uint8_t *)"ab", 2));
    assert_null(send_queue_file(&f->queue));
    struct file_part *part = open_part(1, 5);
    assert_true(send_queue_add_file(&f->queue, part));
    assert_ptr_equal(send_queue_file(&f->queue), part);
    assert_true(send_queue_append(&f->queue, &f->pool, (const uint8_t *)"yz", 2));
    expect_front(f, "ab");
    add_piece(f, "12");
    add_piece(f, "34");
    expect_front(f, "ab1234");
    send_queue_consume(&f->queue, &f->pool, 3);
    expect_front(f, "234");
    send_queue_consume(&f->queue, &f->pool, 3);
    expect_front(f, "");
    assert_false(send_queue_is_empty(&f->queue));
    add_piece(f, "5");
    send_queue_end_file(&f->queue);
    expect_front(f, "5yz");
    send_queue_consume(&f->queue, &f->pool, 3);
    assert_true(send_queue_is_empty(&f->queue));
    assert_true(send_queue_add_file(&f->queue, open_part(0, 1))); /* the first, and nothing behind it */
    send_queue_end_file(&f->queue);
    assert_true(send_queue_is_empty(&f->queue));
    struct file_part *unread = open_part(0, 1);
    assert_true(send_queue_add_file(&f->queue, unread));
    assert_true(send_queue_append(&f->queue, &f->pool, (const uint8_t *)"yz", 2));
    fixture_end(f);
    CloseHandle(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_send_queue__is_empty_at_first),
        support_test(test_send_queue__gives_back_what_was_appended),
        support_test(test_send_queue__fills_a_buffer_before_it_takes_another),
        support_test(test_send_queue__gathers_no_more_than_there_is_room_for),
        support_test(test_send_queue__gathers_no_more_than_the_limit),
        support_test(test_send_queue__consumes_to_the_byte),
        support_test(test_send_queue__appending_leaves_gathered_bytes_where_they_are),
        support_test(test_send_queue__stays_as_it_is_without_memory),
        support_test(test_send_queue__needs_no_memory_for_what_fits_behind_the_last_bytes),
        support_test(test_send_queue__keeps_references_among_copies),
        support_test(test_send_queue__needs_memory_to_refer),
        support_test(test_send_queue__has_a_file_in_its_place),
        support_test(test_send_queue__agrees_with_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
