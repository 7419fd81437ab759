/* SPDX-License-Identifier: MIT
   The system's random generator, see random.h. It lives in a DLL that this program does not import. */
#include "base/random.h"

#include "base/win.h"

typedef NTSTATUS(WINAPI *random_function)(BCRYPT_ALG_HANDLE algorithm, PUCHAR at, ULONG size, ULONG flags);

bool random_fill(void *at, size_t size)
{
    const HMODULE library = LoadLibraryExW(L"bcrypt.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (library == NULL) {
        return false;
    }
    const random_function generate =
        (random_function)(void (*)(void))GetProcAddress(library, "BCryptGenRandom");
    const bool is_filled =
        generate != NULL && generate(NULL, at, (ULONG)size, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
    FreeLibrary(library);
    return is_filled;
}
