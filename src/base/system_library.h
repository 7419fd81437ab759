/* SPDX-License-Identifier: MIT
   DLLs of the system that this program does not import: loaded when they are needed, from System32 or not at all. */
#ifndef PORTLISTENER_BASE_SYSTEM_LIBRARY_H
#define PORTLISTENER_BASE_SYSTEM_LIBRARY_H

#include <stddef.h>

#include "base/win.h"

/* A function to look up; `place` is the address of a pointer to a function of its type. */
struct system_function {
    const char *name;
    void *place;
};

/* system_library_load: the DLL with all of these functions in their places; NULL where it or one of them is missing.
   Give it back with FreeLibrary. */
HMODULE system_library_load(const WCHAR *file, const struct system_function *functions, size_t count);

#endif
