/* SPDX-License-Identifier: MIT
   Tests of diagnosis/port_ranges.h with what netsh prints, in several languages and code pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnosis/port_ranges.h"
#include "support/failing_memory.h"

static const char english[] = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\n"
                              "Start Port    End Port      \r\n----------    --------      \r\n"
                              "      5357        5357      \r\n     49952       50051      \r\n"
                              "     50000       50059     *\r\n\r\n* - Administered port exclusions.\r\n\r\n";
/* The words in code page 850, where an umlaut is no UTF-8. */
static const char german[] = "\r\nPortausschlussbereiche f\x81r Protokoll tcp\r\n\r\n"
                             "Startport      Endport\r\n----------    --------\r\n"
                             "      5357        5357      \r\n     49952       50051      \r\n"
                             "     50000       50059     *\r\n\r\n* - Verwaltete Portausschl\x81sse.\r\n";
/* Code page 932: two bytes for a character, the second sometimes an ASCII letter or a backslash. */
static const char japanese[] =
    "\r\n\x83v\x83\x8D\x83g\x83R\x83\x8B tcp \x83|\x81[\x83g\x82\xCC\x8F\x9C\x8AO\x94\xCD\x88\xCD\r\n\r\n"
    "\x8AJ\x8En\x83|\x81[\x83g    \x8FI\x97\xB9\x83|\x81[\x83g\r\n----------    --------\r\n"
    "      5357        5357\r\n     49952       50051\r\n     50000       50059     *\r\n\r\n"
    "* - \x8A\xC7\x97\x9D\x91\xCE\x8F\xDB\r\n";
static const char french[] = "\nPlages d'exclusion de ports du protocole tcp\n\nPort de d\x82"
                             "but Port de fin\n"
                             "---------- --------\n5357 5357\n49952\t50051\n50000 50059 *\n\n"
                             "* - Exclusions de ports administr\x82s.";

static void expect(const struct machine *machine, size_t index, unsigned first, unsigned last,
                   bool is_administered)
{
    const struct machine_range *range = machine_range_at(machine, index);
    assert_int_equal(range->first, first);
    assert_int_equal(range->last, last);
    assert_int_equal(range->is_administered, is_administered);
    assert_int_equal(range->protocol, CONFIG_TCP);
}

static void test_port_ranges__reads_every_language(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
    } rows[] = {{english, sizeof english - 1},
                {german, sizeof german - 1},
                {japanese, sizeof japanese - 1},
                {french, sizeof french - 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        machine_init(&machine);
        assert_true(port_ranges_parse(&machine, CONFIG_TCP, 4, rows[i].at, rows[i].length));
        assert_int_equal(machine.ranges.count, 3);
        expect(&machine, 0, 5357, 5357, false);
        expect(&machine, 1, 49952, 50051, false);
        expect(&machine, 2, 50000, 50059, true);
        machine_fini(&machine);
    }
}

static void test_port_ranges__takes_nothing_else_for_a_range(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "*",
        "1",
        "1 2 3",
        "1 2 **",
        "1 2 * 3",
        "2 1",
        "1 65536",
        "65536 1",
        "-1 2",
        "1-2",
        "0x1 2",
        "1 2x",
        "1, 2",
        "Port 1 2",
        "1 99999999999999999999",
        "18446744073709551617 2",
        "1 2 -",
        "10000 20000 tcp",
        "1\xC2\xA0 2",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct machine machine;
        machine_init(&machine);
        assert_true(port_ranges_parse(&machine, CONFIG_TCP, 4, lines[i], strlen(lines[i])));
        if (machine.ranges.count != 0) {
            fail_msg("\"%s\" is a range", lines[i]);
        }
        machine_fini(&machine);
    }
}

static void test_port_ranges__finds_the_one_to_blame(void **state)
{
    (void)state;
    struct machine machine;
    machine_init(&machine);
    assert_true(port_ranges_parse(&machine, CONFIG_TCP, 4, english, sizeof english - 1));
    assert_true(port_ranges_parse(&machine, CONFIG_UDP, 6, "1 65535\n40000 50000 *", 21));
    assert_int_equal(port_ranges_find(&machine, CONFIG_TCP, 4, 5357)->first, 5357);
    assert_null(port_ranges_find(&machine, CONFIG_TCP, 4, 5356));
    assert_null(port_ranges_find(&machine, CONFIG_TCP, 4, 5358));
    assert_int_equal(port_ranges_find(&machine, CONFIG_TCP, 4, 49952)->last, 50051);
    assert_int_equal(port_ranges_find(&machine, CONFIG_TCP, 4, 50051)->last, 50051);
    assert_null(port_ranges_find(&machine, CONFIG_TCP, 4, 50059)); /* administered: it can be bound */
    assert_int_equal(port_ranges_find_administered(&machine, CONFIG_TCP, 4, 50059)->first, 50000);
    assert_int_equal(port_ranges_find(&machine, CONFIG_UDP, 0, 5357)->first, 1);
    assert_true(machine_add_range(&machine, &(const struct machine_range){CONFIG_UDP, 6, 5000, 6000, false}));
    assert_int_equal(port_ranges_find(&machine, CONFIG_UDP, 0, 5357)->first, 5000); /* the narrower one */
    assert_null(port_ranges_find(&machine, CONFIG_UDP, 4, 5357));
    assert_null(port_ranges_find(&machine, CONFIG_TCP, 6, 5357));
    machine_fini(&machine);
}

static void test_port_ranges__can_run_out_of_memory(void **state)
{
    (void)state;
    struct machine machine;
    machine_init(&machine);
    failing_memory_arm(1, true);
    assert_false(port_ranges_parse(&machine, CONFIG_TCP, 4, english, sizeof english - 1));
    failing_memory_arm(0, false);
    machine_fini(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_port_ranges__reads_every_language),
        failing_memory_test(test_port_ranges__takes_nothing_else_for_a_range),
        failing_memory_test(test_port_ranges__finds_the_one_to_blame),
        failing_memory_test(test_port_ranges__can_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
