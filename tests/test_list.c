/* SPDX-License-Identifier: MIT
   Tests of base/list.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "support/support.h"

struct item {
    int value;
    struct list_node node;
};

/* Both directions must tell the same order. */
static void assert_order(struct list_node *list, const int *values, size_t count)
{
    struct list_node *forward = list;
    struct list_node *backward = list;
    for (size_t i = 0; i < count; i++) {
        forward = forward->next;
        backward = backward->previous;
        assert_ptr_not_equal(forward, list);
        assert_ptr_not_equal(backward, list);
        assert_int_equal(LIST_ELEMENT(forward, struct item, node)->value, values[i]);
        assert_int_equal(LIST_ELEMENT(backward, struct item, node)->value, values[count - 1 - i]);
    }
    assert_ptr_equal(forward->next, list);
    assert_ptr_equal(backward->previous, list);
}

static void test_list__is_empty_at_first(void **state)
{
    (void)state;
    struct list_node list;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_order(&list, NULL, 0);
}

static void test_list__keeps_the_order_of_appending(void **state)
{
    (void)state;
    struct list_node list;
    struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
    list_init(&list);
    for (size_t i = 0; i < 3; i++) {
        list_append(&list, &items[i].node);
    }
    assert_false(list_is_empty(&list));
    assert_order(&list, (const int[]){1, 2, 3}, 3);
}

static void test_list__removes_at_the_ends_and_in_the_middle(void **state)
{
    (void)state;
    static const int left[][2] = {{2, 3}, {1, 3}, {1, 2}};
    for (size_t removed = 0; removed < 3; removed++) {
        struct list_node list;
        struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
        list_init(&list);
        for (size_t i = 0; i < 3; i++) {
            list_append(&list, &items[i].node);
        }
        list_remove(&items[removed].node);
        assert_order(&list, left[removed], 2);
        assert_true(list_is_empty(&items[removed].node));
    }
}

static void test_list__removing_twice_is_harmless(void **state)
{
    (void)state;
    struct list_node list;
    struct item items[] = {{.value = 1}, {.value = 2}};
    list_init(&list);
    list_append(&list, &items[0].node);
    list_append(&list, &items[1].node);
    list_remove(&items[0].node);
    list_remove(&items[0].node);
    assert_order(&list, (const int[]){2}, 1);
}

static void test_list__takes_first_in_first_out_until_empty(void **state)
{
    (void)state;
    struct list_node list;
    struct item items[] = {{.value = 1}, {.value = 2}};
    list_init(&list);
    list_append(&list, &items[0].node);
    list_append(&list, &items[1].node);
    assert_ptr_equal(list_take_first(&list), &items[0].node);
    assert_true(list_is_empty(&items[0].node));
    list_append(&list, &items[0].node); /* a node taken may go in again, at the end */
    assert_ptr_equal(list_take_first(&list), &items[1].node);
    assert_ptr_equal(list_take_first(&list), &items[0].node);
    assert_true(list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_list__is_empty_at_first),
        support_test(test_list__keeps_the_order_of_appending),
        support_test(test_list__removes_at_the_ends_and_in_the_middle),
        support_test(test_list__removing_twice_is_harmless),
        support_test(test_list__takes_first_in_first_out_until_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
