/* SPDX-License-Identifier: MIT
   Tests of base/json.h: objects in both forms, and that no value can end its string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/support.h"

enum { ROOM = 512 };

static void add_one_of_each(struct text *text, enum json_form form, const char *open)
{
    struct json object = json_begin(text, form, open);
    json_string(&object, "word", "a b");
    json_string(&object, "none", NULL);
    json_string(&object, "empty", "");
    json_bytes(&object, "part", "whole", 2);
    json_number(&object, "zero", 0);
    json_number(&object, "most", UINT64_MAX);
    json_bool(&object, "yes", true);
    json_bool(&object, "no", false);
    json_format(&object, "id", "PL%d/%02x", 7, 10U);
    json_name(&object, "list");
    text_add_string(text, "[]");
    json_end(&object);
}

static void test_json__sets_members_in_either_form(void **state)
{
    char room[ROOM];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    add_one_of_each(&text, JSON_DENSE, "{");
    assert_string_equal(room, "{\"word\":\"a b\",\"none\":null,\"empty\":\"\",\"part\":\"wh\",\"zero\":0,"
                              "\"most\":18446744073709551615,\"yes\":true,\"no\":false,\"id\":\"PL7/0a\","
                              "\"list\":[]}");
    text_clear(&text);
    add_one_of_each(&text, JSON_SPACED, ",\n  {");
    assert_string_equal(room, ",\n  {\"word\": \"a b\", \"none\": null, \"empty\": \"\", \"part\": \"wh\", "
                              "\"zero\": 0, \"most\": 18446744073709551615, \"yes\": true, \"no\": false, "
                              "\"id\": \"PL7/0a\", \"list\": []}");
    assert_false(text.is_cut);
}

static void test_json__an_address_is_two_members(void **state)
{
    static const struct pl_address ipv4 = {.family = 4, .ip = {192, 0, 2, 1}, .port = 80};
    static const struct pl_address ipv6 = {.family = 6, .ip = {[15] = 1}, .port = 65535, .scope = 3};
    static const struct pl_address none;
    char room[ROOM];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    struct json object = json_begin(&text, JSON_DENSE, "{");
    json_address(&object, "a", "a_port", &ipv4);
    json_address(&object, "b", "b_port", &ipv6);
    json_address(&object, "c", "c_port", &none);
    json_end(&object);
    assert_string_equal(room, "{\"a\":\"192.0.2.1\",\"a_port\":80,\"b\":\"::1%3\",\"b_port\":65535,"
                              "\"c\":\"-\",\"c_port\":0}");
}

/* Where the caller wants a line of its own for the next member. */
static void test_json__a_member_may_stand_behind_anything(void **state)
{
    char room[ROOM];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    struct json object = json_begin(&text, JSON_SPACED, "{\n  ");
    json_number(&object, "one", 1);
    object.before = ",\n  ";
    json_number(&object, "two", 2);
    json_number(&object, "three", 3);
    json_end(&object);
    assert_string_equal(room, "{\n  \"one\": 1,\n  \"two\": 2, \"three\": 3}");
}

static void test_json__an_object_without_members_has_no_brace(void **state)
{
    char room[ROOM];
    struct text text;
    (void)state;
    text_init(&text, room, sizeof room);
    const struct json object = json_begin(&text, JSON_DENSE, "{");
    assert_string_equal(room, "");
    json_end(&object);
    assert_string_equal(room, "}");
}

static void test_json__escapes_every_value(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *json;
    } rows[] = {
        {"a\"b", "\"a\\\"b\""},
        {"C:\\a\\", "\"C:\\\\a\\\\\""},
        {"\r\n\t\b\f", "\"\\u000d\\u000a\\u0009\\u0008\\u000c\""},
        {"\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\""},
        {"</script>", "\"</script>\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* not its shortest form */
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* half a pair of UTF-16 */
        {"\xC3\"", "\"\xEF\xBF\xBD\\\"\""},                           /* cut in front of a quotation mark */
        {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* cut at the end */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char room[ROOM], expected[ROOM];
        struct text text, whole;
        text_init(&text, room, sizeof room);
        json_add_string(&text, rows[i].plain);
        assert_string_equal(room, rows[i].json);
        text_clear(&text);
        struct json object = json_begin(&text, JSON_DENSE, "{");
        json_string(&object, "a", rows[i].plain);
        json_bytes(&object, "b", rows[i].plain, strlen(rows[i].plain));
        json_end(&object);
        text_init(&whole, expected, sizeof expected);
        text_add_format(&whole, "{\"a\":%s,\"b\":%s}", rows[i].json, rows[i].json);
        assert_string_equal(room, expected);
    }
}

/* Also a NUL, which only json_bytes can have. */
static void test_json__no_byte_but_those_of_text_stands_in_a_string_as_it_is(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char plain = (char)byte;
        char room[ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        struct json object = json_begin(&text, JSON_DENSE, "{");
        json_bytes(&object, "a", &plain, 1);
        const char *value = room + strlen("{\"a\":\"");
        const size_t length = text.length - strlen("{\"a\":\"\"");
        assert_int_equal(room[text.length - 1], '"');
        if (byte >= 0x80) {
            assert_int_equal(length, 3);
            assert_memory_equal(value, "\xEF\xBF\xBD", 3);
        } else if (byte < 0x20 || byte == '"' || byte == '\\') {
            assert_int_equal(length, byte < 0x20 ? 6 : 2);
            assert_int_equal(value[0], '\\');
        } else {
            assert_int_equal(length, 1);
            assert_int_equal(value[0], plain);
        }
    }
}

/* Too small a room is told, and nothing is written behind it. */
static void test_json__what_does_not_fit_is_told(void **state)
{
    char room[ROOM];
    struct text whole, text;
    (void)state;
    text_init(&whole, room, sizeof room);
    add_one_of_each(&whole, JSON_SPACED, "{");
    for (size_t size = 1; size <= whole.length; size++) {
        char small[ROOM];
        memset(small, '#', sizeof small);
        text_init(&text, small, size);
        add_one_of_each(&text, JSON_SPACED, "{");
        assert_true(text.is_cut);
        assert_true(text.length < size);
        assert_memory_equal(small, room, text.length);
        assert_int_equal(small[size], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_json__sets_members_in_either_form),
        support_test(test_json__an_address_is_two_members),
        support_test(test_json__a_member_may_stand_behind_anything),
        support_test(test_json__an_object_without_members_has_no_brace),
        support_test(test_json__escapes_every_value),
        support_test(test_json__no_byte_but_those_of_text_stands_in_a_string_as_it_is),
        support_test(test_json__what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
