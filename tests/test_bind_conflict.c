/* SPDX-License-Identifier: MIT
   Tests of diagnosis/bind_conflict.h: the whole matrix, written down once more from Microsoft's page. The same holds for
   TCP and UDP: the page makes no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "diagnosis/bind_conflict.h"
#include "support/support.h"

enum { S = 0, I = BIND_IN_USE, A = BIND_ACCESS };

/* Rows: the first socket; columns: the second. Default, reuse, exclusive; of each the wildcard, then one address. */
static const uint32_t same_account[6][6] = {
    {I, S, A, S, I, S}, {S, I, S, A, I, I}, {I, S, S, S, I, S},
    {S, I, S, S, I, I}, {I, A, A, A, I, A}, {S, I, S, A, I, I},
};
static const uint32_t other_account[6][6] = {
    {I, A, A, A, I, A}, {S, I, S, A, I, I}, {I, A, S, S, I, A},
    {S, I, S, S, I, I}, {I, A, A, A, I, A}, {S, I, S, A, I, I},
};

static struct pl_address parse(const char *at)
{
    struct pl_address address = {0};
    assert_true(address_parse(at, strlen(at), &address));
    address.port = 80;
    return address;
}

static struct bind_socket make(const char *wildcard, const char *specific, int index)
{
    static const enum bind_option options[] = {BIND_DEFAULT, BIND_REUSE, BIND_EXCLUSIVE};
    return (struct bind_socket){parse(index % 2 == 0 ? wildcard : specific), false, options[index / 2]};
}

static void check_family(const char *wildcard, const char *specific)
{
    for (int first = 0; first < 6; first++) {
        for (int second = 0; second < 6; second++) {
            const struct bind_socket a = make(wildcard, specific, first),
                                     b = make(wildcard, specific, second);
            assert_int_equal(bind_conflict(&a, &b, true), same_account[first][second]);
            assert_int_equal(bind_conflict(&a, &b, false), other_account[first][second]);
        }
    }
}

static void test_bind_conflict__is_the_documented_matrix(void **state)
{
    (void)state;
    check_family("0.0.0.0", "192.0.2.1");
    check_family("::", "2001:db8::1");
}

static void test_bind_conflict__different_addresses_never_meet(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}, {"0.0.0.0", "::"}, {"0.0.0.0", "::1"},
        {"127.0.0.1", "::"},        {"fe80::1%3", "fe80::1%4"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (int option = 0; option < 9; option++) {
            const struct bind_socket a = {parse(pairs[i][0]), false, (enum bind_option)(option / 3)};
            const struct bind_socket b = {parse(pairs[i][1]), false, (enum bind_option)(option % 3)};
            assert_false(bind_conflict_overlaps(&a, &b));
            assert_int_equal(bind_conflict(&a, &b, false), 0);
            assert_int_equal(bind_conflict(&b, &a, false), 0);
        }
    }
    struct bind_socket a = {parse("0.0.0.0"), false, BIND_EXCLUSIVE}, b = a;
    b.address.port = 81;
    assert_false(bind_conflict_overlaps(&a, &b));
}

static void test_bind_conflict__a_scope_of_0_is_any_adapter(void **state)
{
    (void)state;
    const struct bind_socket a = {parse("fe80::1%3"), false, BIND_DEFAULT};
    const struct bind_socket b = {parse("fe80::1"), false, BIND_EXCLUSIVE};
    assert_true(bind_conflict_overlaps(&a, &b));
    assert_true(bind_conflict_overlaps(&b, &a));
    assert_int_equal(bind_conflict(&a, &b, true), BIND_IN_USE);
}

/* Exclusive and of both stacks: the code is another one, whatever stands in the way. */
static void test_bind_conflict__a_dual_stack_socket_meets_ipv4(void **state)
{
    (void)state;
    const struct bind_socket ours = {parse("::"), true, BIND_EXCLUSIVE};
    for (int index = 0; index < 6; index++) {
        const struct bind_socket v4 = make("0.0.0.0", "127.0.0.1", index);
        assert_int_equal(bind_conflict(&v4, &ours, true), BIND_ACCESS);
        assert_int_equal(bind_conflict(&v4, &ours, false), BIND_ACCESS);
        const struct bind_socket v6 = make("::", "::1", index);
        assert_int_equal(bind_conflict(&v6, &ours, true), same_account[index][4]);
    }
    const struct bind_socket plain = {parse("127.0.0.1"), false, BIND_DEFAULT};
    assert_int_equal(bind_conflict(&ours, &plain, true),
                     BIND_ACCESS); /* exclusive wildcard, default specific */
}

static void test_bind_conflict__tells_who_can_be_to_blame(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool is_first_dual, is_second_dual;
        bool in_use, access;
    } rows[] = {
        {"0.0.0.0", "0.0.0.0", false, false, true, false},
        {"127.0.0.1", "0.0.0.0", false, false, true, false},
        {"0.0.0.0", "127.0.0.1", false, false, false, true}, /* another account's, or exclusive */
        {"127.0.0.1", "127.0.0.1", false, false, true, false},
        {"127.0.0.1", "::", false, true, false, true},
        {"::1", "::", false, true, true, false},
        {"::", "127.0.0.1", true, false, false, true},
        {"127.0.0.2", "127.0.0.1", false, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct bind_socket first = {parse(rows[i].first), rows[i].is_first_dual, BIND_DEFAULT};
        const struct bind_socket second = {parse(rows[i].second), rows[i].is_second_dual, BIND_EXCLUSIVE};
        const bool in_use = bind_conflict_explains(&first, &second, BIND_IN_USE);
        const bool access = bind_conflict_explains(&first, &second, BIND_ACCESS);
        if (in_use != rows[i].in_use || access != rows[i].access) {
            fail_msg("%s before %s: in use %d, access %d", rows[i].first, rows[i].second, in_use, access);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_bind_conflict__is_the_documented_matrix),
        support_test(test_bind_conflict__different_addresses_never_meet),
        support_test(test_bind_conflict__a_scope_of_0_is_any_adapter),
        support_test(test_bind_conflict__a_dual_stack_socket_meets_ipv4),
        support_test(test_bind_conflict__tells_who_can_be_to_blame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
