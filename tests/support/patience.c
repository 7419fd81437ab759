/* SPDX-License-Identifier: MIT
   Patience, see patience.h. */
#include "support/patience.h"

#include "support/seam.h"

static struct {
    SRWLOCK lock;
    uint64_t seen; /* of the system's clock */
    uint64_t now;
} patience = {.lock = SRWLOCK_INIT};

uint64_t patience_now(void)
{
    AcquireSRWLockExclusive(&patience.lock);
    const uint64_t seen = SEAM_REAL(GetTickCount64)();
    const uint64_t passed = seen - patience.seen;
    patience.now += passed < PATIENCE_MOMENT ? passed : PATIENCE_MOMENT;
    patience.seen = seen;
    const uint64_t now = patience.now;
    ReleaseSRWLockExclusive(&patience.lock);
    return now;
}
