/* SPDX-License-Identifier: MIT
   The handles of this process, see process_handles.h. */
#include "support/process_handles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "base/win.h"

#include <cmocka.h>

/* All open handles of the system. (GetProcessHandleCount tells of none in Wine 8.) Not in the Windows headers. */
__declspec(dllimport) LONG NTAPI NtQuerySystemInformation(int what, void *at, ULONG room, ULONG *length_out);

enum { SYSTEM_EXTENDED_HANDLES = 64, HANDLES_ROOM = 1 << 24 };

struct handle_entry {
    void *object;
    ULONG_PTR process;
    ULONG_PTR handle;
    ULONG access;
    USHORT back_trace, type;
    ULONG attributes, reserved;
};

struct handle_table {
    ULONG_PTR count, reserved;
    struct handle_entry at[(HANDLES_ROOM - 2 * sizeof(ULONG_PTR)) / sizeof(struct handle_entry)];
};

size_t process_handles_count(void)
{
    return process_handles_list(NULL, 0);
}

size_t process_handles_list(uintptr_t *at, size_t room)
{
    static struct handle_table table;
    size_t count = 0;
    ULONG length = 0;
    assert_int_equal(NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLES, &table, sizeof table, &length), 0);
    for (ULONG_PTR i = 0; i < table.count; i++) {
        if (table.at[i].process == GetCurrentProcessId()) {
            if (count < room) {
                at[count] = table.at[i].handle;
            }
            count++;
        }
    }
    return count;
}
