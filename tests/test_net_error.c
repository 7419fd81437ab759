/* SPDX-License-Identifier: MIT
   Tests of io/net_error.h. The numbers are written out: they are what Windows reports, whatever a header
   calls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/net_error.h"
#include "support/random.h"
#include "support/support.h"

/* Every status that is told apart, by its name in [MS-ERREF]. */
static const struct {
    uint32_t status;
    uint32_t error;
    enum net_outcome outcome;
} known[] = {
    {0x80000005, 10040, NET_TRUNCATED}, /* BUFFER_OVERFLOW */
    {0x8000000A, 995, NET_ABORTED},     /* HANDLES_CLOSED */
    {0xC0000005, 10014, NET_BROKEN},    /* ACCESS_VIOLATION */
    {0xC0000007, 10055, NET_BLOCKED},   /* PAGEFILE_QUOTA */
    {0xC0000008, 10038, NET_ABORTED},   /* INVALID_HANDLE */
    {0xC000000D, 10022, NET_BROKEN},    /* INVALID_PARAMETER */
    {0xC0000017, 8, NET_BLOCKED},       /* NO_MEMORY */
    {0xC0000022, 10013, NET_BROKEN},    /* ACCESS_DENIED */
    {0xC0000023, 10014, NET_BROKEN},    /* BUFFER_TOO_SMALL: never data, for nothing was written */
    {0xC0000044, 10055, NET_BLOCKED},   /* QUOTA_EXCEEDED */
    {0xC000009A, 10055, NET_BLOCKED},   /* INSUFFICIENT_RESOURCES */
    {0xC00000A1, 10055, NET_BLOCKED},   /* WORKING_SET_QUOTA */
    {0xC00000B5, 10060, NET_RESET},     /* IO_TIMEOUT */
    {0xC00000C9, 64, NET_RESET},        /* NETWORK_NAME_DELETED */
    {0xC000011F, 10024, NET_BLOCKED},   /* TOO_MANY_OPENED_FILES */
    {0xC0000120, 995, NET_ABORTED},     /* CANCELLED */
    {0xC000012D, 8, NET_BLOCKED},       /* COMMITMENT_LIMIT */
    {0xC000013B, 10053, NET_RESET},     /* LOCAL_DISCONNECT */
    {0xC000013C, 10054, NET_RESET},     /* REMOTE_DISCONNECT */
    {0xC000013D, 10055, NET_BLOCKED},   /* REMOTE_RESOURCES */
    {0xC000013E, 10054, NET_RESET},     /* LINK_FAILED */
    {0xC000013F, 10060, NET_RESET},     /* LINK_TIMEOUT */
    {0xC0000140, 10053, NET_RESET},     /* INVALID_CONNECTION */
    {0xC0000141, 10049, NET_BROKEN},    /* INVALID_ADDRESS */
    {0xC0000207, 10049, NET_BROKEN},    /* INVALID_ADDRESS_COMPONENT */
    {0xC000020A, 10048, NET_BROKEN},    /* ADDRESS_ALREADY_EXISTS */
    {0xC000020C, 10054, NET_RESET},     /* CONNECTION_DISCONNECTED */
    {0xC000020D, 10054, NET_RESET},     /* CONNECTION_RESET */
    {0xC0000236, 10061, NET_RESET},     /* CONNECTION_REFUSED */
    {0xC000023C, 10051, NET_RESET},     /* NETWORK_UNREACHABLE */
    {0xC000023D, 10065, NET_RESET},     /* HOST_UNREACHABLE */
    {0xC000023E, 10051, NET_RESET},     /* PROTOCOL_UNREACHABLE */
    {0xC000023F, 10054, NET_RESET},     /* PORT_UNREACHABLE */
    {0xC0000240, 995, NET_ABORTED},     /* REQUEST_ABORTED */
    {0xC0000241, 10053, NET_RESET},     /* CONNECTION_ABORTED */
    {0xC000A012, 10052, NET_RESET},     /* HOPLIMIT_EXCEEDED */
};
enum { KNOWN = sizeof known / sizeof known[0] };

/* Every code that does not just mean "broken". */
static const struct {
    uint32_t error;
    enum net_outcome outcome;
} meanings[] = {
    {0, NET_DONE},

    {234, NET_TRUNCATED},   /* ERROR_MORE_DATA */
    {10040, NET_TRUNCATED}, /* WSAEMSGSIZE */

    {4, NET_BLOCKED},     /* ERROR_TOO_MANY_OPEN_FILES */
    {8, NET_BLOCKED},     /* ERROR_NOT_ENOUGH_MEMORY */
    {14, NET_BLOCKED},    /* ERROR_OUTOFMEMORY */
    {1450, NET_BLOCKED},  /* ERROR_NO_SYSTEM_RESOURCES */
    {1453, NET_BLOCKED},  /* ERROR_WORKING_SET_QUOTA */
    {1455, NET_BLOCKED},  /* ERROR_COMMITMENT_LIMIT */
    {1816, NET_BLOCKED},  /* ERROR_NOT_ENOUGH_QUOTA */
    {10024, NET_BLOCKED}, /* WSAEMFILE */
    {10035, NET_BLOCKED}, /* WSAEWOULDBLOCK */
    {10055, NET_BLOCKED}, /* WSAENOBUFS */

    {64, NET_RESET},    /* ERROR_NETNAME_DELETED */
    {121, NET_RESET},   /* ERROR_SEM_TIMEOUT */
    {1225, NET_RESET},  /* ERROR_CONNECTION_REFUSED */
    {1231, NET_RESET},  /* ERROR_NETWORK_UNREACHABLE */
    {1232, NET_RESET},  /* ERROR_HOST_UNREACHABLE */
    {1234, NET_RESET},  /* ERROR_PORT_UNREACHABLE */
    {1236, NET_RESET},  /* ERROR_CONNECTION_ABORTED */
    {10051, NET_RESET}, /* WSAENETUNREACH */
    {10052, NET_RESET}, /* WSAENETRESET */
    {10053, NET_RESET}, /* WSAECONNABORTED */
    {10054, NET_RESET}, /* WSAECONNRESET */
    {10057, NET_RESET}, /* WSAENOTCONN */
    {10058, NET_RESET}, /* WSAESHUTDOWN */
    {10060, NET_RESET}, /* WSAETIMEDOUT */
    {10061, NET_RESET}, /* WSAECONNREFUSED */
    {10065, NET_RESET}, /* WSAEHOSTUNREACH */

    {676, NET_ABORTED},   /* ERROR_HANDLES_CLOSED */
    {995, NET_ABORTED},   /* WSA_OPERATION_ABORTED */
    {10038, NET_ABORTED}, /* WSAENOTSOCK */
};
enum { MEANINGS = sizeof meanings / sizeof meanings[0] };

static enum net_outcome expected_outcome(uint32_t error)
{
    for (size_t i = 0; i < MEANINGS; i++) {
        if (meanings[i].error == error) {
            return meanings[i].outcome;
        }
    }
    return NET_BROKEN;
}

static void assert_unknown_is_broken(uint32_t status)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].status == status) {
            return;
        }
    }
    assert_int_equal(net_error_of_status(status), 59); /* ERROR_UNEXP_NET_ERR */
}

static void test_net_error__knows_these_statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN; i++) {
        assert_int_equal(net_error_of_status(known[i].status), known[i].error);
        assert_int_equal(net_outcome_of(known[i].error), known[i].outcome);
    }
}

static void test_net_error__success_is_what_is_not_negative(void **state)
{
    (void)state;
    static const uint32_t statuses[] = {
        0, 1, 0x102, 0x103, 0x3FFFFFFF, 0x40000000, 0x40000016, 0x7FFFFFFF,
    };
    struct random random = {1};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_int_equal(net_error_of_status(statuses[i]), 0);
    }
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(net_error_of_status(random_next(&random) & 0x7FFFFFFF), 0);
    }
}

static void test_net_error__an_unknown_failure_is_never_success(void **state)
{
    (void)state;
    static const uint32_t facilities[] = {0x80000000, 0x80010000, 0xC0000000, 0xC0010000,
                                          0xC0230000, 0xE0000000, 0xFFFF0000};
    struct random random = {2};
    assert_int_equal(net_outcome_of(59), NET_BROKEN);
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        for (uint32_t code = 0; code <= 0xFFFF; code++) {
            assert_unknown_is_broken(facilities[i] | code);
        }
    }
    for (unsigned i = 0; i < 1000000; i++) {
        assert_unknown_is_broken(random_next(&random) | 0x80000000);
    }
}

static void test_net_error__each_code_has_one_meaning(void **state)
{
    (void)state;
    struct random random = {3};
    for (uint32_t error = 0; error <= 0xFFFF; error++) {
        assert_int_equal(net_outcome_of(error), expected_outcome(error));
    }
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(net_outcome_of(random_next(&random) | 0x10000), NET_BROKEN);
    }
}

/* However our own close shows, nobody takes it for bytes, or tries again on a socket that is gone. */
static void test_net_error__our_own_close_is_an_end(void **state)
{
    (void)state;
    static const uint32_t errors[] = {995, 676, 1236, 64, 10038};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const enum net_outcome outcome = net_outcome_of(errors[i]);
        assert_true(outcome == NET_ABORTED || outcome == NET_RESET);
    }
}

static void test_net_error__a_reset_is_a_reset_in_all_its_codes(void **state)
{
    (void)state;
    static const uint32_t errors[] = {64, 1236, 10053, 10054};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        assert_int_equal(net_outcome_of(errors[i]), NET_RESET);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_net_error__knows_these_statuses),
        support_test(test_net_error__success_is_what_is_not_negative),
        support_test(test_net_error__an_unknown_failure_is_never_success),
        support_test(test_net_error__each_code_has_one_meaning),
        support_test(test_net_error__our_own_close_is_an_end),
        support_test(test_net_error__a_reset_is_a_reset_in_all_its_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
