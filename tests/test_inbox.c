/* SPDX-License-Identifier: MIT
   Tests of io/inbox.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include <cmocka.h>

#include "base/list.h"
#include "io/inbox.h"
#include "support/random.h"
#include "support/support.h"

struct letter {
    struct message message;
    unsigned producer;
    unsigned number;
};

/* The letters that were taken are these numbers, one after the other; returns the first behind them. */
static struct message *assert_letters(struct message *message, unsigned first, unsigned last)
{
    for (unsigned number = first; number <= last; number++) {
        assert_non_null(message);
        assert_int_equal(LIST_ELEMENT(message, struct letter, message)->number, number);
        message = message->next;
    }
    return message;
}

static void test_inbox__is_empty_at_first(void **state)
{
    (void)state;
    struct inbox inbox = {0};
    assert_true(inbox_is_empty(&inbox));
    assert_null(inbox_take(&inbox));
    assert_true(inbox_is_empty(&inbox));
}

static void test_inbox__gives_the_oldest_first(void **state)
{
    (void)state;
    struct inbox inbox = {0};
    struct letter letters[10] = {0};
    for (unsigned i = 0; i < 10; i++) {
        letters[i] =
            (struct letter){.message.next = &letters[0].message, .number = i}; /* of an earlier use */
        inbox_push(&inbox, &letters[i].message, &letters[i].message);
        assert_false(inbox_is_empty(&inbox));
    }
    assert_null(assert_letters(inbox_take(&inbox), 0, 9));
    assert_true(inbox_is_empty(&inbox));
    assert_null(inbox_take(&inbox));
}

static void test_inbox__keeps_the_order_of_chains(void **state)
{
    (void)state;
    static const unsigned lengths[] = {1, 2, 5, 1, 3};
    struct inbox inbox = {0};
    struct letter letters[12] = {0};
    unsigned count = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const unsigned first = count;
        for (unsigned k = 0; k < lengths[i]; k++, count++) {
            letters[count] =
                (struct letter){.message.next = &letters[(count + 1) % 12].message, .number = count};
        }
        inbox_push(&inbox, &letters[first].message, &letters[count - 1].message);
    }
    assert_int_equal(count, 12);
    assert_null(assert_letters(inbox_take(&inbox), 0, 11));
}

static void test_inbox__what_comes_later_is_taken_later(void **state)
{
    (void)state;
    struct inbox inbox = {0};
    struct letter letters[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    inbox_push(&inbox, &letters[0].message, &letters[0].message);
    inbox_push(&inbox, &letters[1].message, &letters[1].message);
    struct message *first = inbox_take(&inbox);
    inbox_push(&inbox, &letters[2].message, &letters[2].message);
    assert_null(assert_letters(first, 0, 1));
    letters[0].number = 3; /* may go in again once it is out */
    inbox_push(&inbox, &letters[0].message, &letters[0].message);
    assert_null(assert_letters(inbox_take(&inbox), 2, 3));
}

/* ---- Many producers ---- */

enum { PRODUCERS = 8, LETTERS = 100000, AHEAD = 8 };

struct producer {
    HANDLE thread;
    unsigned index;
    volatile unsigned next; /* to be taken */
    struct random random;
    struct inbox *inbox;
    struct letter letters[LETTERS];
};

static struct producer producers[PRODUCERS];

/* Chains of 1 to 4, and never far ahead, so that pushing and taking meet often. */
static DWORD WINAPI produce(void *argument)
{
    struct producer *producer = argument;
    for (unsigned sent = 0; sent < LETTERS;) {
        const unsigned first = sent;
        unsigned length = 1 + random_below(&producer->random, 4);
        for (; length > 0 && sent < LETTERS; length--, sent++) {
            producer->letters[sent] = (struct letter){.producer = producer->index, .number = sent};
            if (sent > first) {
                producer->letters[sent - 1].message.next = &producer->letters[sent].message;
            }
        }
        inbox_push(producer->inbox, &producer->letters[first].message, &producer->letters[sent - 1].message);
        while (sent - producer->next > AHEAD) {
            SwitchToThread();
        }
    }
    return 0;
}

static void test_inbox__loses_nothing_among_many_producers(void **state)
{
    (void)state;
    static struct inbox inbox; /* the producers outlive a failing test */
    unsigned taken = 0, takes = 0, mistakes = 0;
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].index = i;
        producers[i].random.state = i;
        producers[i].inbox = &inbox;
        producers[i].thread = CreateThread(NULL, 0, produce, &producers[i], 0, NULL);
        assert_non_null(producers[i].thread);
    }
    const ULONGLONG deadline = GetTickCount64() + 30000;
    while (taken < PRODUCERS * LETTERS && GetTickCount64() < deadline) {
        struct message *message = inbox_take(&inbox);
        if (message == NULL) {
            SwitchToThread();
            continue;
        }
        takes++;
        while (message != NULL) {
            struct letter *letter = LIST_ELEMENT(message, struct letter, message);
            message = message->next;
            struct producer *producer = &producers[letter->producer];
            mistakes += letter->number != producer->next; /* in order, none twice */
            producer->next = letter->number + 1;
            taken++;
        }
    }
    assert_int_equal(mistakes, 0);
    assert_int_equal(taken, PRODUCERS * LETTERS);
    assert_true(takes > 1);

    for (unsigned i = 0; i < PRODUCERS; i++) {
        assert_int_equal(WaitForSingleObject(producers[i].thread, 60000), WAIT_OBJECT_0);
        CloseHandle(producers[i].thread);
    }
    assert_true(inbox_is_empty(&inbox));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_inbox__is_empty_at_first),
        support_test(test_inbox__gives_the_oldest_first),
        support_test(test_inbox__keeps_the_order_of_chains),
        support_test(test_inbox__what_comes_later_is_taken_later),
        support_test(test_inbox__loses_nothing_among_many_producers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
