/* SPDX-License-Identifier: MIT
   Tests of base/text.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "support/support.h"

#ifdef _WIN32
#include "support/fault.h"
#endif

/* The sanitizers' allocator ends the program when it is asked for too much, unless told otherwise. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* No allocation of this size succeeds; on Windows it does not even come to be tried. */
static void refuse_memory(void)
{
#ifdef _WIN32
    fault_arm(IMPORT_HeapAlloc, 1, 0, FAULT_FOREVER);
    fault_arm(IMPORT_HeapReAlloc, 1, 0, FAULT_FOREVER);
#endif
}

static void grant_memory(void)
{
#ifdef _WIN32
    fault_clear();
#endif
}

/* What the text says of itself must agree with its bytes. */
static void assert_text(const struct text *text, const char *expected)
{
    assert_string_equal(text->at, expected);
    assert_int_equal(text->length, strlen(expected));
    assert_true(text->length < text->room);
}

static void test_text__adds_up_to_its_room(void **state)
{
    (void)state;
    char buffer[8];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    assert_text(&text, "");
    text_add(&text, "abcd", 3);
    text_add_string(&text, "de");
    text_add_format(&text, "%d", 42);
    assert_text(&text, "abcde42");
    assert_false(text.is_cut);
}

static void test_text__adds_nothing_of_nothing(void **state)
{
    (void)state;
    char buffer[1];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, NULL, 0);
    text_add_string(&text, "");
    text_add_format(&text, "%s", "");
    text_add_escaped(&text, NULL, 0);
    assert_text(&text, "");
    assert_false(text.is_cut);
}

static void test_text__is_cut_where_the_buffer_ends(void **state)
{
    (void)state;
    char buffer[] = "........#";
    struct text text;
    text_init(&text, buffer, 8);
    text_add_string(&text, "12345678");
    assert_text(&text, "1234567");
    assert_true(text.is_cut);
    assert_int_equal(buffer[8], '#');
}

static void test_text__takes_nothing_more_once_it_is_cut(void **state)
{
    (void)state;
    char buffer[8];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_string(&text, "123456\xE2\x82\xAC"); /* one byte is left, the character needs three */
    assert_text(&text, "123456");
    text_add_string(&text, "x");
    text_add_format(&text, "%c", 'x');
    text_add_escaped(&text, "x", 1);
    assert_text(&text, "123456");
    assert_true(text.is_cut);
    text_clear(&text);
    assert_false(text.is_cut);
    text_add_string(&text, "x");
    assert_text(&text, "x");
}

/* Every way of adding, every room: what stands there is the start of the whole, and ends with a character. */
static void test_text__is_cut_between_characters(void **state)
{
    (void)state;
    static const char whole[] = "a\xC3\xA9z\xE2\x82\xAC\xF0\x9F\x98\x80z";
    static const size_t ends[] = {0, 1, 3, 4, 7, 11, 12};
    for (size_t room = 1; room <= sizeof whole; room++) {
        size_t expected = 0;
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            expected = ends[i] < room ? ends[i] : expected;
        }
        for (int way = 0; way < 3; way++) {
            char buffer[sizeof whole + 1];
            struct text text;
            memset(buffer, '#', sizeof buffer);
            text_init(&text, buffer, room);
            if (way == 0) {
                text_add_string(&text, whole);
            } else if (way == 1) {
                text_add_format(&text, "%s", whole);
            } else {
                text_add_escaped(&text, whole, sizeof whole - 1);
            }
            assert_int_equal(text.length, expected);
            assert_memory_equal(buffer, whole, expected);
            assert_int_equal(buffer[expected], '\0');
            assert_int_equal(text.is_cut, expected < sizeof whole - 1);
            for (size_t i = room; i < sizeof buffer; i++) {
                assert_int_equal(buffer[i], '#');
            }
        }
    }
}

static void test_text__cuts_bytes_that_are_no_characters_anywhere(void **state)
{
    (void)state;
    static const struct {
        const char *whole;
        size_t room;
        const char *expected;
    } rows[] = {
        {"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80"}, /* no beginning in sight */
        {"a\xC3\xC3\xC3", 4, "a\xC3"},                       /* the last could be the start of a character */
        {"\xC3\xA9\x80\x80", 4, "\xC3\xA9\x80"},
        {"\xF0\x9F\x98\x80", 2, ""},
        {"\xFF\xFF\xFF", 3, "\xFF"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[16];
        struct text text;
        text_init(&text, buffer, rows[i].room);
        text_add_string(&text, rows[i].whole);
        assert_text(&text, rows[i].expected);
        assert_true(text.is_cut);
    }
}

static void test_text__grows_on_the_heap(void **state)
{
    (void)state;
    struct text text;
    text_init_heap(&text);
    assert_text(&text, "");
    for (int i = 0; i < 3000; i++) {
        text_add_format(&text, "%04d", i);
        text_add_string(&text, ";");
        text_add_escaped(&text, "\n", 1);
    }
    assert_false(text.is_cut);
    assert_int_equal(text.length, 3000 * 7);
    assert_int_equal(strlen(text.at), text.length);
    for (int i = 0; i < 3000; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%04d;\\n", i);
        assert_memory_equal(text.at + (size_t)i * 7, expected, 7);
    }
    const char *kept = text.at;
    text_clear(&text);
    assert_text(&text, "");
    assert_ptr_equal(text.at, kept);
    text_fini(&text);
}

static void test_text__grows_by_one_long_format(void **state)
{
    (void)state;
    struct text text;
    text_init_heap(&text);
    text_add_format(&text, "%5000d%s", 7, "end");
    assert_int_equal(text.length, 5003);
    assert_string_equal(text.at + 4999, "7end");
    text_fini(&text);
}

static void test_text__is_cut_when_there_is_no_memory(void **state)
{
    (void)state;
    static const size_t lengths[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4, SIZE_MAX / 8};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct text text;
        text_init_heap(&text);
        refuse_memory();
        text_add(&text, "ignored", lengths[i]); /* nothing is read of what cannot be kept */
        grant_memory();
        assert_text(&text, "");
        assert_true(text.is_cut);
        text_clear(&text);
        for (int k = 0; k < 63; k++) {
            text_add_string(&text, "1234");
        }
        assert_int_equal(text.length, 252);
        refuse_memory();
        text_add(&text, "abcdef", lengths[i]); /* there is room for three more */
        grant_memory();
        assert_int_equal(text.length, 255);
        assert_string_equal(text.at + 252, "abc");
        assert_true(text.is_cut);
        text_fini(&text);
    }
}

/* A wide character that the C locale lacks: some C libraries fail in the middle of the format. */
static void test_text__keeps_what_it_has_when_a_format_fails(void **state)
{
    (void)state;
    char buffer[32];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_string(&text, "kept ");
    text_add_format(&text, "new %lc!", (wint_t)0x20AC);
    assert_int_equal(strlen(text.at), text.length);
    assert_memory_equal(text.at, "kept ", 5);
    assert_int_equal(text.at[text.length - 1], text.is_cut ? ' ' : '!');
}

static void test_text__may_be_ended_twice(void **state)
{
    (void)state;
    struct text text;
    text_init_heap(&text);
    text_add_string(&text, "x");
    text_fini(&text);
    text_fini(&text);
    text_add_string(&text, "used again");
    assert_text(&text, "used again");
    text_fini(&text);
}

/* How a byte alone looks; those of a character of several bytes are invalid alone. */
static void expected_escape(unsigned byte, char *out, size_t room)
{
    static const char names[] = "\rr\nn\tt";
    const char *name = byte != 0 ? strchr(names, (int)byte) : NULL;
    if (name != NULL && (name - names) % 2 == 0) {
        snprintf(out, room, "\\%c", name[1]);
    } else if (byte >= 0x20 && byte < 0x7F) {
        snprintf(out, room, "%c", (int)byte);
    } else {
        snprintf(out, room, "\\x%02X", byte);
    }
}

static void test_text__escapes_every_byte(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char alone = (char)byte;
        char buffer[16], expected[16];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        text_add_escaped(&text, &alone, 1);
        expected_escape(byte, expected, sizeof expected);
        assert_text(&text, expected);
    }
}

/* NOLINTBEGIN(misc-misleading-bidirectional) */
static void test_text__escapes_what_deceives_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *plain;
        const char *escaped;
    } rows[] = {
        {"\xC2\x80", "\\xC2\\x80"}, /* C1, first and last */
        {"\xC2\x9F", "\\xC2\\x9F"},
        {"\xC2\xA0", "\xC2\xA0"}, /* no-break space */
        {"\xD8\x9B", "\xD8\x9B"},
        {"\xD8\x9C", "\\xD8\\x9C"}, /* U+061C, Arabic letter mark */
        {"\xD8\x9D", "\xD8\x9D"},
        {"\xE2\x80\x8D", "\xE2\x80\x8D"},
        {"\xE2\x80\x8E", "\\xE2\\x80\\x8E"}, /* U+200E and U+200F, left-to-right and right-to-left mark */
        {"\xE2\x80\x8F", "\\xE2\\x80\\x8F"},
        {"\xE2\x80\x90", "\xE2\x80\x90"},
        {"\xE2\x80\xA7", "\xE2\x80\xA7"},
        {"\xE2\x80\xA8", "\\xE2\\x80\\xA8"}, /* U+2028, line separator */
        {"\xE2\x80\xA9", "\\xE2\\x80\\xA9"}, /* U+2029, paragraph separator */
        {"\xE2\x80\xAA", "\\xE2\\x80\\xAA"}, /* U+202A to U+202E, embeddings and overrides */
        {"\xE2\x80\xAE", "\\xE2\\x80\\xAE"},
        {"\xE2\x80\xAF", "\xE2\x80\xAF"},
        {"\xE2\x81\xA5", "\xE2\x81\xA5"},
        {"\xE2\x81\xA6", "\\xE2\\x81\\xA6"}, /* U+2066 to U+2069, isolates */
        {"\xE2\x81\xA9", "\\xE2\\x81\\xA9"},
        {"\xE2\x81\xAA", "\xE2\x81\xAA"},
        {"\xE3\x80\xA8", "\xE3\x80\xA8"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\x1B[31mred\x1B[0m", "\\x1B[31mred\\x1B[0m"},
        {"a\r\nb\tc\\d", "a\\r\\nb\\tc\\d"},
        {"C:\\x41", "C:\\x41"}, /* a path can be copied */
        {"\xE2\x82", "\\xE2\\x82"},
        {"\xE2\x82z", "\\xE2\\x82z"},
        {"\xED\xA0\x80", "\\xED\\xA0\\x80"}, /* a surrogate */
        {"\x7F", "\\x7F"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[64];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        text_add_escaped(&text, rows[i].plain, strlen(rows[i].plain));
        assert_text(&text, rows[i].escaped);
    }
}
/* NOLINTEND(misc-misleading-bidirectional) */

static void test_text__never_cuts_an_escape(void **state)
{
    (void)state;
    static const char *const plain[] = {"\x1B", "\n", "\xC2\x80"};
    static const char *const escaped[] = {"\\x1B", "\\n", "\\xC2\\x80"};
    static const size_t first[] = {4, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        const size_t whole = strlen(escaped[i]);
        for (size_t room = 2; room <= whole + 2; room++) {
            char buffer[16];
            char expected[16] = "a";
            struct text text;
            text_init(&text, buffer, room);
            text_add_string(&text, "a");
            text_add_escaped(&text, plain[i], strlen(plain[i]));
            const size_t kept = room - 2 >= whole ? whole : room - 2 >= first[i] ? first[i] : 0;
            strncat(expected, escaped[i], kept);
            assert_text(&text, expected);
            assert_int_equal(text.is_cut, kept < whole);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Random bytes, with more of those that begin and continue characters than chance would give. */
static size_t random_bytes(uint32_t *seed, char *at, size_t room)
{
    static const uint8_t liked[] = {0x00, 0x0A, 0x0D, 0x1B, 0x5C, 0x78, 0x7F, 0x80, 0x8E, 0x9C, 0x9F, 0xA0,
                                    0xA8, 0xAE, 0xBF, 0xC0, 0xC2, 0xD8, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xFF};
    const size_t length = next_random(seed) % room;
    for (size_t i = 0; i < length; i++) {
        const uint32_t random = next_random(seed);
        at[i] = (char)(random % 3 == 0 ? (random >> 8) & 0xFF : liked[(random >> 8) % sizeof liked]);
    }
    return length;
}

/* The code point of the character at `at`, read by arithmetic; UINT32_MAX where there is none. */
static uint32_t decode(const char *at, size_t length, size_t *used_out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *byte = (const uint8_t *)at;
    size_t count = 1;
    *used_out = 0;
    if (length == 0 || (byte[0] & 0xC0) == 0x80 || byte[0] >= 0xF8) {
        return UINT32_MAX;
    }
    while (count < 4 && byte[0] >= 0x80 && (byte[0] << count & 0x80) != 0) {
        count++;
    }
    uint32_t value = count == 1 ? byte[0] : byte[0] & (0x7FU >> count);
    for (size_t i = 1; i < count; i++) {
        if (i >= length || (byte[i] & 0xC0) != 0x80) {
            return UINT32_MAX;
        }
        value = value << 6 | (byte[i] & 0x3FU);
    }
    if (value < least[count] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return UINT32_MAX;
    }
    *used_out = count;
    return value;
}

static void assert_printable(const char *at, size_t length)
{
    while (length > 0) {
        size_t used = 0;
        const uint32_t point = decode(at, length, &used);
        assert_int_not_equal(point, UINT32_MAX);
        assert_true(point >= 0x20 && !(point >= 0x7F && point < 0xA0));
        assert_true(point != 0x61C && point != 0x200E && point != 0x200F);
        assert_false(point >= 0x2028 && point <= 0x202E);
        assert_false(point >= 0x2066 && point <= 0x2069);
        at += used;
        length -= used;
    }
}

/* Takes escapes back; returns the length. */
static size_t unescape(const char *at, size_t length, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        char value = at[i];
        if (at[i] == '\\') {
            i++;
            assert_true(i < length);
            const char *name = strchr("r\rn\nt\t", at[i]);
            if (at[i] == 'x') {
                assert_true(i + 2 < length);
                const char digits[] = {at[i + 1], at[i + 2], '\0'};
                assert_int_equal(strspn(digits, "0123456789ABCDEF"), 2);
                value = (char)strtoul(digits, NULL, 16);
                i += 2;
            } else {
                assert_non_null(name);
                value = name[1];
            }
        }
        out[written++] = value;
    }
    return written;
}

/* Random bytes, but no backslash: it is not escaped, so that it does not come back. */
static size_t random_bytes_to_escape(uint32_t *seed, char *at, size_t room)
{
    const size_t length = random_bytes(seed, at, room);
    for (size_t i = 0; i < length; i++) {
        at[i] = at[i] == '\\' ? '/' : at[i];
    }
    return length;
}

static void test_text__escapes_random_bytes_so_that_they_print_and_come_back(void **state)
{
    (void)state;
    uint32_t seed = 0x2C0FFEE1;
    for (int round = 0; round < 20000; round++) {
        char plain[64], buffer[4 * sizeof plain + 1], back[sizeof buffer];
        const size_t length = random_bytes_to_escape(&seed, plain, sizeof plain);
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        text_add_escaped(&text, plain, length);
        assert_false(text.is_cut);
        assert_printable(text.at, text.length);
        assert_true(text_is_utf8(text.at, text.length));
        assert_int_equal(unescape(text.at, text.length, back), length);
        assert_memory_equal(back, plain, length);
    }
}

static void test_text__escapes_random_bytes_into_too_little_room(void **state)
{
    (void)state;
    uint32_t seed = 0x5EED0001;
    for (int round = 0; round < 20000; round++) {
        char plain[64], buffer[4 * sizeof plain + 1], back[sizeof buffer];
        const size_t length = random_bytes_to_escape(&seed, plain, sizeof plain);
        const size_t room = 1 + next_random(&seed) % (sizeof plain / 2);
        struct text text;
        text_init(&text, buffer, room);
        text_add_escaped(&text, plain, length);
        assert_true(text.length < room);
        assert_int_equal(strlen(text.at), text.length);
        assert_printable(text.at, text.length);
        const size_t kept = unescape(text.at, text.length, back);
        assert_true(kept <= length && (text.is_cut || kept == length));
        assert_memory_equal(back, plain, kept);
    }
}

static void test_text__writes_json_strings(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *json;
    } rows[] = {
        {"", "\"\""},
        {"plain \x7F", "\"plain \x7F\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\r\n\x01\x1F", "\"\\u000d\\u000a\\u0001\\u001f\""},
        {"\xC3\xA9\xF0\x9F\x98\x80", "\"\xC3\xA9\xF0\x9F\x98\x80\""},
        {"\xFFz\xE2\x82", "\"\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[64];
        struct text text;
        text_init(&text, room, sizeof room);
        text_add_json(&text, rows[i].plain, strlen(rows[i].plain));
        assert_string_equal(text.at, rows[i].json);
    }
}

static void test_text__knows_utf8_as_arithmetic_does(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0,
                                    0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xFF};
    const size_t count = sizeof edges;
    for (size_t i = 0; i < count * count * count * count; i++) {
        const char bytes[4] = {(char)edges[i % count], (char)edges[i / count % count],
                               (char)edges[i / count / count % count],
                               (char)edges[i / count / count / count]};
        for (size_t length = 0; length <= sizeof bytes; length++) {
            size_t expected = 0;
            decode(bytes, length, &expected);
            if (text_utf8_length(bytes, length) != expected) {
                fail_msg("%02X %02X %02X %02X of length %u: %u instead of %u", (uint8_t)bytes[0],
                         (uint8_t)bytes[1], (uint8_t)bytes[2], (uint8_t)bytes[3], (unsigned)length,
                         (unsigned)text_utf8_length(bytes, length), (unsigned)expected);
            }
        }
    }
}

static void test_text__tells_whether_all_of_it_is_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
        bool is_utf8;
    } rows[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"nul\0inside", 10, true},
        {"\xEF\xBB\xBFmark", 7, true},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, true},
        {"\xF4\x8F\xBF\xBF", 4, true},
        {"\xF4\x90\x80\x80", 4, false}, /* above U+10FFFF */
        {"\xC0\x80", 2, false},         /* NUL, too long a form */
        {"\xE0\x9F\xBF", 3, false},
        {"\xF0\x8F\xBF\xBF", 4, false},
        {"\xED\x9F\xBF", 3, true},
        {"\xED\xA0\x80", 3, false}, /* a surrogate */
        {"ok\xE2\x82", 4, false},
        {"\x80", 1, false},
        {"caf\xE9", 4, false}, /* Latin-1 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(text_is_utf8(rows[i].at, rows[i].length), rows[i].is_utf8);
    }
}

static void test_text__compares_without_case_of_ascii_letters(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
        const char *string;
        bool is_equal;
    } rows[] = {
        {"", 0, "", true},
        {"Listen", 6, "lISTEN", true},
        {"listen", 6, "liste", false},
        {"liste", 5, "listen", false},
        {"", 0, "a", false},
        {"@[`{", 4, "@[`{", true},
        {"@", 1, "`", false}, /* differ in the bit that makes the case of letters */
        {"[", 1, "{", false},
        {"\xC3\x89", 2, "\xC3\xA9", false}, /* not ASCII */
        {"a\0b", 3, "a", false},
        {"listen = x", 6, "listen", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(text_equal(rows[i].at, rows[i].length, rows[i].string), rows[i].is_equal);
    }
}

static void test_text__orders_without_case_of_ascii_letters(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
        const char *string;
        int order;
    } rows[] = {
        {"", 0, "", 0},        {"Web", 3, "wEB", 0},    {"web", 3, "webs", -1},
        {"webs", 4, "web", 1}, {"webs", 3, "web", 0},   {"A", 1, "b", -1},
        {"B", 1, "a", 1},      {"_", 1, "A", -1}, /* _ lies between the large letters and the small ones */
        {"\xC3", 1, "z", 1},   {"web\0s", 5, "web", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int order = text_compare(rows[i].at, rows[i].length, rows[i].string);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
    }
}

static void test_text__counts_edits(void **state)
{
    (void)state;
    char longest[65], too_long[66];
    memset(longest, 'a', sizeof longest - 1);
    longest[64] = '\0';
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[65] = '\0';
    const struct {
        const char *a, *b;
        size_t limit, distance;
    } rows[] = {
        {"", "", 3, 0},
        {"", "ab", 3, 2},
        {"ab", "", 3, 2},
        {"listen", "listen", 3, 0},
        {"LISTEN", "listen", 3, 0},
        {"lisen", "listen", 3, 1},   /* one is missing */
        {"listten", "listen", 3, 1}, /* one too many */
        {"lixten", "listen", 3, 1},  /* another */
        {"litsen", "listen", 3, 1},  /* neighbours swapped */
        {"ilsten", "listen", 3, 1},  /* at the start */
        {"listne", "listen", 3, 1},  /* at the end */
        {"kitten", "sitting", 9, 3},
        {"ca", "abc", 9, 3}, /* a swapped pair is not edited again */
        {"abcdef", "uvwxyz", 9, 6},
        {"abcdef", "uvwxyz", 2, 3}, /* more than the limit: limit + 1 */
        {"abc", "abd", 0, 1},
        {longest, longest, 2, 0},
        {longest, "", 100, 64},
        {too_long, too_long, 2, 3}, /* too long to be compared */
        {"a", too_long, 2, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(text_distance(rows[i].a, strlen(rows[i].a), rows[i].b, rows[i].limit),
                         rows[i].distance);
        if (strlen(rows[i].b) <= 64) {
            assert_int_equal(text_distance(rows[i].b, strlen(rows[i].b), rows[i].a, rows[i].limit),
                             rows[i].distance);
        }
    }
    assert_int_equal(text_distance("listen = 1", 6, "listen", 3), 0);
}

static void test_text__is_made_on_the_heap_whole_or_not_at_all(void **state)
{
    (void)state;
    char long_word[600];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    char *made = text_make("%s\\%d", "C:\\a", 7);
    assert_string_equal(made, "C:\\a\\7");
    memory_free(made);
    made = text_make("%s", "");
    assert_string_equal(made, "");
    memory_free(made);
    made = text_make("<%s>", long_word);
    assert_int_equal(strlen(made), 601);
    assert_memory_equal(made + 1, long_word, 599);
    memory_free(made);
#ifdef _WIN32
    for (uint32_t nth = 1; nth <= 2; nth++) { /* of the text, then of its copy */
        fault_arm(IMPORT_HeapAlloc, nth, 0, 1);
        assert_null(text_make("%s", "a"));
        fault_clear();
    }
#endif
}

static void test_text__copies_whole_characters(void **state)
{
    (void)state;
    char room[5] = "####";
    text_copy(room, sizeof room, "abcd");
    assert_string_equal(room, "abcd");
    text_copy(room, sizeof room, "abc\xC3\xA9");
    assert_string_equal(room, "abc");
    text_copy(room, sizeof room, "");
    assert_string_equal(room, "");
    text_copy(room, 1, "a");
    assert_string_equal(room, "");
}

static void test_text__has_the_last_name_of_a_path(void **state)
{
    (void)state;
    assert_string_equal(text_file_name("C:\\a\\b.ini"), "b.ini");
    assert_string_equal(text_file_name("b.ini"), "b.ini");
    assert_string_equal(text_file_name("C:\\a\\"), "");
    assert_string_equal(text_file_name(""), "");
}

static void test_text__fits_whole_words_into_columns(void **state)
{
    static const struct {
        const char *text;
        size_t columns, length;
    } rows[] = {
        {"", 5, 0},
        {"one", 5, 3},
        {"one two", 7, 7},
        {"one two", 6, 3},
        {"one two", 3, 3},
        {"one two", 2, 2},
        {"one two three", 10, 7},
        {"endless", 4, 4},
        {" endless", 4, 4},
        {"\xc3\xa4\xc3\xb6 \xc3\xbc", 4, 7},
        {"\xc3\xa4\xc3\xb6 \xc3\xbc", 3, 4},
        {"\xc3\xa4\xc3\xb6\xc3\xbc", 2, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(text_fit(rows[i].text, strlen(rows[i].text), rows[i].columns), rows[i].length);
    }
    assert_int_equal(text_fit("a b endless", 3, 5), 3); /* what is behind it does not matter */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_text__adds_up_to_its_room),
        support_test(test_text__adds_nothing_of_nothing),
        support_test(test_text__is_cut_where_the_buffer_ends),
        support_test(test_text__takes_nothing_more_once_it_is_cut),
        support_test(test_text__is_cut_between_characters),
        support_test(test_text__cuts_bytes_that_are_no_characters_anywhere),
        support_test(test_text__grows_on_the_heap),
        support_test(test_text__grows_by_one_long_format),
        support_test(test_text__is_cut_when_there_is_no_memory),
        support_test(test_text__keeps_what_it_has_when_a_format_fails),
        support_test(test_text__may_be_ended_twice),
        support_test(test_text__escapes_every_byte),
        support_test(test_text__escapes_what_deceives_and_nothing_else),
        support_test(test_text__never_cuts_an_escape),
        support_test(test_text__escapes_random_bytes_so_that_they_print_and_come_back),
        support_test(test_text__escapes_random_bytes_into_too_little_room),
        support_test(test_text__writes_json_strings),
        support_test(test_text__knows_utf8_as_arithmetic_does),
        support_test(test_text__tells_whether_all_of_it_is_utf8),
        support_test(test_text__compares_without_case_of_ascii_letters),
        support_test(test_text__orders_without_case_of_ascii_letters),
        support_test(test_text__counts_edits),
        support_test(test_text__is_made_on_the_heap_whole_or_not_at_all),
        support_test(test_text__copies_whole_characters),
        support_test(test_text__has_the_last_name_of_a_path),
        support_test(test_text__fits_whole_words_into_columns),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
