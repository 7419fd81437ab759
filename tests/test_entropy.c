/* SPDX-License-Identifier: MIT
   Tests of base/entropy.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/entropy.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

static void test_entropy__fills_all_bytes_differently_each_time(void **state)
{
    (void)state;
    uint8_t filled[2][64];
    unsigned seen[64] = {0};
    for (int i = 0; i < 20; i++) {
        memset(filled, 0, sizeof filled);
        assert_true(entropy_fill(filled[0], 63));
        assert_true(entropy_fill(filled[1], 63));
        assert_memory_not_equal(filled[0], filled[1], 63);
        assert_int_equal(filled[0][63], 0); /* none more */
        for (size_t k = 0; k < 63; k++) {
            seen[k] |= filled[0][k];
        }
    }
    for (size_t k = 0; k < 63; k++) {
        assert_int_not_equal(seen[k], 0);
    }
}

static BOOLEAN WINAPI have_none(void *at, ULONG length)
{
    (void)at, (void)length;
    return FALSE;
}

static FARPROC WINAPI find_none(HMODULE library, LPCSTR procedure)
{
    (void)library;
    return strcmp(procedure, "SystemFunction036") == 0 ? (FARPROC)(seam_function)have_none : NULL;
}

static void test_entropy__fails_where_there_is_none(void **state)
{
    (void)state;
    uint64_t number = 0;
    fault_arm(IMPORT_GetProcAddress, 1, ERROR_PROC_NOT_FOUND, 1);
    assert_false(entropy_fill(&number, sizeof number));
    assert_int_equal(GetLastError(), ERROR_PROC_NOT_FOUND);
    seam_replace(IMPORT_GetProcAddress, (seam_function)find_none);
    assert_false(entropy_fill(&number, sizeof number));
    assert_int_equal(GetLastError(), ERROR_GEN_FAILURE);
    assert_true(number == 0);
    seam_replace(IMPORT_GetProcAddress, NULL);
    assert_true(entropy_fill(&number, sizeof number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_entropy__fills_all_bytes_differently_each_time),
        support_test(test_entropy__fails_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
