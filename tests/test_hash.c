/* SPDX-License-Identifier: MIT
   Tests of base/hash.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support/support.h"

/* The key 00 01 .. 0F of the paper's appendix, as two little-endian words. */
static const struct hash_key paper_key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0F0E0D0C0B0A0908)}};

static void test_hash__is_the_one_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        size_t length; /* of 00 01 02 .. */
        uint64_t hash;
    } cases[] = {
        {0, UINT64_C(0x726FDB47DD0E0E31)},  {1, UINT64_C(0x74F839C593DC67FD)},
        {7, UINT64_C(0xAB0200F58B01D137)},  {8, UINT64_C(0x93F5F5799A932462)},
        {15, UINT64_C(0xA129CA6149BE45E5)}, {16, UINT64_C(0x3F2ACC7F57C29BDB)},
    };
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(hash_bytes(&paper_key, bytes, cases[i].length) == cases[i].hash);
    }
}

static void test_hash__depends_on_each_bit_of_the_key(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        struct hash_key key = paper_key;
        key.words[bit / 64] ^= UINT64_C(1) << bit % 64;
        assert_false(hash_bytes(&key, "client", 6) == hash_bytes(&paper_key, "client", 6));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_hash__is_the_one_of_the_paper),
        support_test(test_hash__depends_on_each_bit_of_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
