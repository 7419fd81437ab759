/* SPDX-License-Identifier: MIT
   Counts resets at the seam, see resets.h. */
#include "support/resets.h"

#include <string.h>

#include "support/seam.h"

static volatile LONG count;

static int WSAAPI resets__setsockopt(SOCKET s, int level, int option, const char *value, int length)
{
    struct linger linger;
    if (level == SOL_SOCKET && option == SO_LINGER && length == sizeof linger) {
        memcpy(&linger, value, sizeof linger);
        if (linger.l_onoff == 1 && linger.l_linger == 0) {
            InterlockedIncrement(&count);
        }
    }
    return SEAM_REAL(setsockopt)(s, level, option, value, length);
}

void resets_watch(void)
{
    InterlockedExchange(&count, 0);
    seam_replace(IMPORT_setsockopt, (seam_function)resets__setsockopt);
}

uint32_t resets_seen(void)
{
    return (uint32_t)count;
}
