/* SPDX-License-Identifier: MIT
   Tests of base/target.h: what is a target, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/target.h"
#include "support/support.h"

#define LABEL   "a123456789012345678901234567890123456789012345678901234567."
#define NAME253 LABEL LABEL LABEL LABEL "0123456789abcdefg"

static void test_target__is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *name;
        const char *address; /* with its port */
    } rows[] = {
        {"192.0.2.1:80", "", "192.0.2.1:80"},
        {"0.0.0.0:1", "", "0.0.0.0:1"},
        {"[2001:db8::1]:65535", "", "[2001:db8::1]:65535"},
        {"[fe80::1%4]:53", "", "[fe80::1%4]:53"},
        {"[::ffff:192.0.2.1]:80", "", "192.0.2.1:80"},
        {"www.example.org:443", "www.example.org", NULL},
        {"www.example.org.:443", "www.example.org.", NULL},
        {"localhost:9", "localhost", NULL},
        {"db_1-a:5432", "db_1-a", NULL},
        {"1.2.3.4a:80", "1.2.3.4a", NULL},
        {"3com.com:80", "3com.com", NULL},
        {"b\xC3\xBC"
         "cher.example:80",
         "b\xC3\xBC"
         "cher.example",
         NULL},
        {NAME253 ":80", NAME253, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target target;
        char room[ADDRESS_TEXT_ROOM];
        struct text text;
        text_init(&text, room, sizeof room);
        if (!target_parse(rows[i].text, strlen(rows[i].text), &target)) {
            fail_msg("%s is a target", rows[i].text);
        }
        assert_string_equal(target.name, rows[i].name);
        if (rows[i].address != NULL) {
            address_add_with_port(&text, &target.address);
            assert_string_equal(room, rows[i].address);
        } else {
            assert_int_equal(target.address.family, 0);
            assert_int_equal(target.address.port, strtol(strrchr(rows[i].text, ':') + 1, NULL, 10));
        }
    }
}

static void test_target__may_be_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        ":",
        ":80",
        "host",
        "host:",
        "host:0",
        "host:00",
        "host:65536",
        "host:99999",
        "host:100000",
        "host:080",
        "host:+80",
        "host: 80",
        "host:80 ",
        "host:8x",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "::1]:80",
        "[]:80",
        "[1.2.3.4]:1",
        "[host]:80",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "256.1.1.1:1",
        "010.0.0.1:80",
        "0x7f.1:80",
        "a.0x7f:80",
        "a.0X7F.:80",
        "a b:80",
        "a/b:80",
        "a@b:80",
        "a%1:80",
        ".:80",
        ".a:80",
        "a.1:80",
        "1:80",
        "a\x01:80",
        "a\xFF:80",
        "host:80:90",
        NAME253 "h:80",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target target;
        if (target_parse(rows[i], strlen(rows[i]), &target)) {
            fail_msg("%s is no target", rows[i]);
        }
    }
    struct target target;
    assert_false(target_parse("a\0b:80", 6, &target));
}

/* Every text that is cut anywhere is read without a step beyond its end. */
static void test_target__may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char whole[] = "[2001:db8:1:2:3:4:5:6%12345]:65535";
    for (size_t length = 0; length < sizeof whole; length++) {
        char *copy = malloc(length + (length == 0));
        struct target target;
        memcpy(copy, whole, length);
        assert_int_equal(target_parse(copy, length, &target), length > sizeof whole - 6);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_target__is_read),
        support_test(test_target__may_be_none),
        support_test(test_target__may_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
