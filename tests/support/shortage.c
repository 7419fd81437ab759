/* SPDX-License-Identifier: MIT
   A shortage of memory, see shortage.h. Each call has a number, and the number decides: so no lock is needed. */
#include "support/shortage.h"

#include "support/random.h"
#include "support/seam.h"

static uint64_t volatile seed_now;
static LONG volatile one_in_now; /* 0: no shortage */
static LONG volatile calls;
static LONG volatile hits;

static BOOL shortage__strikes(void)
{
    const LONG one_in = InterlockedCompareExchange(&one_in_now, 0, 0);
    struct random random = {random_mix(seed_now + (ULONG)InterlockedIncrement(&calls))};
    if (one_in == 0 || random_below(&random, (uint32_t)one_in) != 0) {
        return FALSE;
    }
    InterlockedIncrement(&hits);
    return TRUE;
}

static LPVOID WINAPI shortage__alloc(HANDLE heap, DWORD flags, SIZE_T size)
{
    return shortage__strikes() ? NULL : SEAM_REAL(HeapAlloc)(heap, flags, size);
}

static LPVOID WINAPI shortage__resize(HANDLE heap, DWORD flags, LPVOID block, SIZE_T size)
{
    return shortage__strikes() ? NULL : SEAM_REAL(HeapReAlloc)(heap, flags, block, size);
}

void shortage_begin(uint64_t seed, uint32_t one_in)
{
    seed_now = seed;
    InterlockedExchange(&one_in_now, (LONG)one_in);
    seam_replace(IMPORT_HeapAlloc, (seam_function)shortage__alloc);
    seam_replace(IMPORT_HeapReAlloc, (seam_function)shortage__resize);
}

void shortage_end(void)
{
    InterlockedExchange(&one_in_now, 0);
    seam_replace(IMPORT_HeapAlloc, NULL);
    seam_replace(IMPORT_HeapReAlloc, NULL);
}

uint32_t shortage_hits(void)
{
    return (uint32_t)InterlockedCompareExchange(&hits, 0, 0);
}
