/* SPDX-License-Identifier: MIT */
#include "endpoint/account.h"

#include "base/memory.h"

enum { ACCOUNT_SECOND = 1000 };

struct account *account_create(void)
{
    return memory_alloc(sizeof(struct account));
}

LONG account_gate_pass(struct account_gate *gate, uint64_t now)
{
    const LONG64 second = (LONG64)(now / ACCOUNT_SECOND) + 1; /* 0 is none */
    const LONG64 before = InterlockedCompareExchange64(&gate->second, 0, 0);
    if (second > before && InterlockedCompareExchange64(&gate->second, second, before) == before) {
        InterlockedExchange(&gate->lines, 0); /* what another thread counts meanwhile may count for neither */
    }
    if (InterlockedIncrement(&gate->lines) <= ACCOUNT_LINES) {
        return account_gate_take_rest(gate);
    }
    InterlockedIncrement(&gate->untold);
    return -1;
}

LONG account_gate_take_rest(struct account_gate *gate)
{
    return InterlockedExchange(&gate->untold, 0);
}
