/* SPDX-License-Identifier: MIT
   DLLs of the system, see system_library.h. */
#include "base/system_library.h"

#include <string.h>

HMODULE system_library_load(const WCHAR *file, const struct system_function *functions, size_t count)
{
    const HMODULE library = LoadLibraryExW(file, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    for (size_t i = 0; library != NULL && i < count; i++) {
        /* through a pointer to no particular function, which every function pointer may be converted to and from */
        const FARPROC found = GetProcAddress(library, functions[i].name);
        if (found == NULL) {
            FreeLibrary(library);
            return NULL;
        }
        memcpy(functions[i].place, &found, sizeof found);
    }
    return library;
}
