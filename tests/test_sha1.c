/* SPDX-License-Identifier: MIT
   Tests of base/sha1.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha1.h"
#include "base/text.h"
#include "support/support.h"

static void expect(const char *at, size_t length, const char *hash)
{
    uint8_t bytes[SHA1_SIZE];
    char room[2 * SHA1_SIZE + 1];
    struct text text;
    text_init(&text, room, sizeof room);
    sha1((const uint8_t *)at, length, bytes);
    for (unsigned i = 0; i < SHA1_SIZE; i++) {
        text_add_format(&text, "%02x", bytes[i]);
    }
    assert_string_equal(text.at, hash);
}

/* The examples that NIST publishes for FIPS 180, and those of RFC 3174, section 7.3. */
static void test_sha1__hashes_the_published_examples(void **state)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static char digits[640];
    (void)state;
    for (size_t i = 0; i < sizeof digits; i++) {
        digits[i] = (char)('0' + i % 8);
    }
    expect("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(two_blocks, strlen(two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    expect(digits, sizeof digits, "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

/* From `sha1sum`: where the padding needs a block of its own, and where it just does not. */
static void test_sha1__pads_at_every_length(void **state)
{
    static char zeros[SHA1_INPUT_MAX];
    (void)state;
    expect(zeros, 55, "8e8832c642a6a38c74c17fc92ccedc266c108e6c");
    expect(zeros, 56, "9438e360f578e12c0e0e8ed28e2c125c1cefee16");
    expect(zeros, 63, "0b8bf9fc37ad802cefa6733ec62b09d5f43a1b75");
    expect(zeros, 64, "c8d7d0ef0eedfa82d2ea1aa592845b9a6d4b02b7");
    expect(zeros, sizeof zeros, "60cacbf3d72e1e7834203da608037b1bf83b40e8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_sha1__hashes_the_published_examples),
        support_test(test_sha1__pads_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
