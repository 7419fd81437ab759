/* SPDX-License-Identifier: MIT
   The system's random generator, see random.h. It lives in a DLL that this program does not import. */
#include "base/random.h"

#include "base/system_library.h"
#include "base/win.h"

bool random_fill(void *at, size_t size)
{
    NTSTATUS(WINAPI * generate)(BCRYPT_ALG_HANDLE algorithm, PUCHAR at, ULONG size, ULONG flags) = NULL;
    const struct system_function function = {"BCryptGenRandom", &generate};
    const HMODULE library = system_library_load(L"bcrypt.dll", &function, 1);
    if (library == NULL) {
        return false;
    }
    const bool is_filled = generate(NULL, at, (ULONG)size, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
    FreeLibrary(library);
    return is_filled;
}
