/* SPDX-License-Identifier: MIT
   A plugin loaded and unloaded again and again, with nothing left behind: no handle, no block, no library, no file. A
   number as argument: so many times (200). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/win.h"

#include <cmocka.h>

#include "handler/plugin.h"
#include "support/ledger.h"
#include "support/plugin_folders.h"
#include "support/process_handles.h"
#include "support/support.h"

static unsigned cycles = 200;
static struct plugin_folders folders;

static int setup(void **state)
{
    const int result = support_setup(state);
    plugin_folders_init(&folders);
    plugin_folders_trust();
    return result;
}

static int teardown(void **state)
{
    plugin_folders_fini(&folders);
    return support_teardown(state);
}

static void load_once(void)
{
    struct failure failure;
    struct plugin *plugin = plugins_find(folders.plugins, "echo.dll", &failure);
    if (plugin == NULL) {
        fail_msg("%s", failure.text);
    }
    assert_string_equal(plugin_handler(plugin)->name, "echo");
    plugin_release(plugin);
}

static void test_plugin__many_cycles_leave_nothing(void **state)
{
    (void)state;
    plugin_folders_put(&folders, "echo", 0);
    plugin_folders_start(&folders, true);
    load_once();
    const size_t handles = process_handles_count();
    const size_t blocks = ledger_count(LEDGER_BLOCK), bytes = ledger_bytes();
    for (unsigned i = 0; i < cycles; i++) {
        load_once();
        assert_int_equal(ledger_count(LEDGER_BLOCK), blocks);
        assert_int_equal(ledger_count(LEDGER_HANDLE) + ledger_count(LEDGER_LIBRARY), 0);
    }
    assert_int_equal(ledger_bytes(), bytes);
    assert_int_equal(process_handles_count(), handles);
    assert_int_equal(folder_list(&folders.cache), 0);
    printf("%u cycles; handles of the process before and behind: %u\n", cycles, (unsigned)handles);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plugin__many_cycles_leave_nothing, setup, teardown)};
    if (count > 1) {
        cycles = (unsigned)strtoul(arguments[1], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
