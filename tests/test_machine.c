/* SPDX-License-Identifier: MIT
   Tests of diagnosis/machine.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diagnosis/machine.h"
#include "support/failing_memory.h"

static const struct pl_address loopback = {.family = 4, .ip = {127, 0, 0, 1}};

/* One of each; whether there was memory for all. */
static bool fill(struct machine *machine)
{
    return machine_add_port(machine, &(const struct machine_port){.pid = 7}) &&
           machine_add_process(machine, 7, "a.exe", "C:\\a.exe") &&
           machine_add_process(machine, 8, NULL, NULL) && machine_add_service(machine, 7, "RpcSs") &&
           machine_add_service(machine, 7, "Dcom\x1bLaunch") &&
           machine_add_range(machine, &(const struct machine_range){.first = 1, .last = 2}) &&
           machine_add_address(machine, &loopback, ADDRESS_DOWN, "Ethernet");
}

static void test_machine__keeps_what_it_is_given(void **state)
{
    (void)state;
    struct machine machine;
    char room[64];
    struct text text;
    machine_init(&machine);
    assert_true(fill(&machine));
    assert_int_equal(machine_port_at(&machine, 0)->pid, 7);
    assert_string_equal(machine_find_process(&machine, 7)->path, "C:\\a.exe");
    assert_null(machine_find_process(&machine, 8)->name);
    assert_null(machine_find_process(&machine, 9));
    assert_int_equal(machine_range_at(&machine, 0)->last, 2);
    assert_string_equal(machine_address_at(&machine, 0)->adapter, "Ethernet");
    assert_true(machine_has_service(&machine, 7, "rpcss"));
    assert_false(machine_has_service(&machine, 8, "rpcss"));
    assert_false(machine_has_service(&machine, 7, "rpc"));
    text_init(&text, room, sizeof room);
    assert_int_equal(machine_list_services(&text, &machine, 7), 2);
    assert_string_equal(text.at, "RpcSs, Dcom\\x1BLaunch");
    assert_int_equal(machine_list_services(&text, &machine, 0), 0);
    machine_fini(&machine);
}

static void test_machine__grows(void **state)
{
    (void)state;
    struct machine machine;
    machine_init(&machine);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(machine_add_port(&machine, &(const struct machine_port){.pid = i}));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(machine_port_at(&machine, i)->pid, i);
    }
    machine_fini(&machine);
}

static void test_machine__can_run_out_of_memory_anywhere(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) {
        struct machine machine;
        machine_init(&machine);
        failing_memory_arm(nth, false);
        const bool is_full = fill(&machine);
        const size_t hits = failing_memory_hits();
        failing_memory_arm(0, false);
        machine_fini(&machine);
        assert_int_equal(is_full, hits == 0);
        if (hits == 0) {
            return;
        }
    }
}

static void test_machine__has_words_for_states(void **state)
{
    (void)state;
    for (int i = 0; i < PORT_STATE_COUNT; i++) {
        assert_string_not_equal(machine_state_name((enum machine_port_state)i), "unknown");
        assert_int_equal(
            machine_port_is_held(&(const struct machine_port){.state = (enum machine_port_state)i}),
            i == PORT_BOUND || i == PORT_LISTENING);
    }
    assert_string_equal(machine_state_name(PORT_LISTENING), "listening");
    assert_string_equal(machine_state_name(PORT_STATE_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_machine__keeps_what_it_is_given),
        failing_memory_test(test_machine__grows),
        failing_memory_test(test_machine__can_run_out_of_memory_anywhere),
        failing_memory_test(test_machine__has_words_for_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
