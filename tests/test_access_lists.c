/* SPDX-License-Identifier: MIT
   Tests of accept/access_lists.h: what is shared, what is not, and a heap that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "accept/access_lists.h"
#include "support/failing_memory.h"

enum { MANY = 3000, BLOCKS_OF_ONE = 2 }; /* what a list takes: itself, and what is noted of it */

static const struct address_prefix networks[] = {
    {.address = {.family = 4, .ip = {10}}, .length = 8},
    {.address = {.family = 4, .ip = {192, 0, 2}}, .length = 24},
    {.address = {.family = 4, .ip = {198, 51, 100}}, .length = 24},
};
static const struct address_prefix same_again[] = {{.address = {.family = 4, .ip = {10}}, .length = 8}};

static const struct pl_address in_first = {.family = 4, .ip = {10, 1}};
static const struct pl_address in_second = {.family = 4, .ip = {192, 0, 2, 1}};

static void test_access_lists__make_each_list_once(void **state)
{
    (void)state;
    struct access_lists lists;
    access_lists_init(&lists);
    const struct access_list *list = access_lists_make(&lists, networks, 2);
    assert_non_null(list);
    assert_true(access_list_contains(list, &in_first) && access_list_contains(list, &in_second));
    failing_memory_arm(1, true); /* there would be none for another */
    for (int i = 0; i < 1000; i++) {
        assert_ptr_equal(access_lists_make(&lists, networks, 2), list);
    }
    assert_int_equal(failing_memory_hits(), 0);
    failing_memory_arm(0, false);
    access_lists_fini(&lists);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_access_lists__tell_lists_apart(void **state)
{
    (void)state;
    struct access_lists lists;
    access_lists_init(&lists);
    const struct access_list *both = access_lists_make(&lists, networks, 2);
    const struct access_list *first = access_lists_make(&lists, networks, 1); /* as long as it is */
    const struct access_list *second = access_lists_make(&lists, networks + 1, 1);
    const struct access_list *again = access_lists_make(&lists, same_again, 1);
    const struct access_list *none = access_lists_make(&lists, NULL, 0);
    assert_true(access_list_contains(both, &in_first) && access_list_contains(both, &in_second));
    assert_true(access_list_contains(first, &in_first) && !access_list_contains(first, &in_second));
    assert_true(!access_list_contains(second, &in_first) && access_list_contains(second, &in_second));
    assert_true(access_list_contains(again, &in_first));
    assert_false(access_list_contains(none, &in_first));
    assert_ptr_not_equal(again, first); /* equal, but not the same */
    assert_ptr_equal(access_lists_make(&lists, networks, 2), both);
    assert_ptr_equal(access_lists_make(&lists, networks, 1), first);
    assert_ptr_equal(access_lists_make(&lists, networks + 1, 1), second);
    assert_ptr_equal(access_lists_make(&lists, same_again, 1), again);
    assert_ptr_equal(access_lists_make(&lists, NULL, 0), none);
    access_lists_fini(&lists);
}

static void test_access_lists__can_be_many(void **state)
{
    (void)state;
    static struct address_prefix many[MANY];
    static const struct access_list *made[MANY];
    struct access_lists lists;
    access_lists_init(&lists);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = (struct address_prefix){.address = {.family = 4, .ip = {10, (uint8_t)(i >> 8), (uint8_t)i}},
                                          .length = 24};
        made[i] = access_lists_make(&lists, &many[i], 1);
        assert_non_null(made[i]);
    }
    assert_int_equal(failing_memory_live(), MANY * BLOCKS_OF_ONE + 1); /* the table */
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(access_lists_make(&lists, &many[i], 1), made[i]);
        assert_true(access_list_contains(made[i], &many[i].address));
        assert_false(access_list_contains(made[i], &many[(i + 1) % MANY].address));
    }
    access_lists_fini(&lists);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_access_lists__are_as_before_when_memory_is_out(void **state)
{
    (void)state;
    struct access_lists lists;
    size_t nth = 0;
    access_lists_init(&lists);
    for (bool has_failed = true; has_failed;) {
        failing_memory_arm(++nth, false);
        const struct access_list *list = access_lists_make(&lists, networks, 2);
        has_failed = failing_memory_hits() > 0;
        failing_memory_arm(0, false);
        assert_int_equal(list == NULL, has_failed);
        assert_int_equal(failing_memory_live(), has_failed ? 0 : BLOCKS_OF_ONE + 1);
    }
    assert_int_equal(nth, 5); /* the note, the list, room to sort, the table */
    const struct access_list *list = access_lists_make(&lists, networks, 2);
    failing_memory_arm(1, true);
    assert_null(access_lists_make(&lists, networks, 1));
    assert_ptr_equal(access_lists_make(&lists, networks, 2), list);
    failing_memory_arm(0, false);
    access_lists_fini(&lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_access_lists__make_each_list_once),
        failing_memory_test(test_access_lists__tell_lists_apart),
        failing_memory_test(test_access_lists__can_be_many),
        failing_memory_test(test_access_lists__are_as_before_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
