/* SPDX-License-Identifier: MIT
   Setup and teardown of every test, see support.h. */
#include "support/support.h"

#include <stdio.h>
#include <wchar.h>

#include "support/client.h"
#include "support/clock.h"
#include "support/crash.h"
#include "support/fault.h"
#include "support/ledger.h"
#include "support/seam.h"
#include "support/wall_clock.h"

int support_setup(void **state)
{
    WSADATA winsock;
    (void)state;
    crash_watch();
    SEAM_REAL(WSAStartup)(MAKEWORD(2, 2), &winsock); /* counted by Winsock; the process' end undoes it */
    fault_clear();
    seam_restore();
    clock_reset();
    wall_clock_reset();
    ledger_begin();
    return 0;
}

int support_teardown(void **state)
{
    (void)state;
    client_close_all();
    fault_clear();
    seam_restore();
    clock_reset();
    wall_clock_reset();
    ledger_check();
    return 0;
}

uint64_t support_seed(void)
{
    WCHAR given[32];
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    const DWORD length =
        SEAM_REAL(GetEnvironmentVariableW)(L"PORTLISTENER_TEST_SEED", given, sizeof given / sizeof given[0]);
    const uint64_t seed =
        length > 0 && length < sizeof given / sizeof given[0] ? wcstoull(given, NULL, 10) : now.dwLowDateTime;
    printf("seed: PORTLISTENER_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}
