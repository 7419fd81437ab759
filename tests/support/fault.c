/* SPDX-License-Identifier: MIT
   Faults, see fault.h. Calls are numbered from 1; those from `first` to `last` fail. */
#include "support/fault.h"

#include "support/ledger.h"

struct fault__state {
    LONG volatile calls;
    LONG volatile is_armed;
    uint32_t first;
    uint32_t last;
    DWORD code;
};

static struct fault__state states[IMPORT_COUNT];
static LONG volatile hits;
static LONG volatile cut_size;

void fault_arm(enum import import, uint32_t nth, DWORD code, uint32_t times)
{
    struct fault__state *state = &states[import];
    InterlockedExchange(&state->is_armed, 0);
    state->first = fault_calls(import) + nth;
    state->last = times > UINT32_MAX - state->first ? UINT32_MAX : state->first + times - 1;
    state->code = code;
    InterlockedExchange(&state->is_armed, 1);
}

void fault_clear(void)
{
    for (int i = 0; i < IMPORT_COUNT; i++) {
        InterlockedExchange(&states[i].is_armed, 0);
        InterlockedExchange(&states[i].calls, 0);
    }
    InterlockedExchange(&hits, 0);
    fault_cut_receives(0);
}

uint32_t fault_hits(void)
{
    return (uint32_t)InterlockedCompareExchange(&hits, 0, 0);
}

uint32_t fault_calls(enum import import)
{
    return (uint32_t)InterlockedCompareExchange(&states[import].calls, 0, 0);
}

bool fault_is_due(const struct seam_call *call, DWORD *code_out)
{
    struct fault__state *state = &states[call->import];
    if (!seam_is_ours(call)) {
        return false;
    }
    const uint32_t number = (uint32_t)InterlockedIncrement(&state->calls);
    if (InterlockedCompareExchange(&state->is_armed, 0, 0) == 0 || number < state->first ||
        number > state->last) {
        return false;
    }
    *code_out = state->code;
    InterlockedIncrement(&hits);
    return true;
}

void fault_cut_receives(uint32_t size)
{
    InterlockedExchange(&cut_size, (LONG)size);
}

void fault_cut(SOCKET s, WSABUF **buffers, DWORD *count, WSABUF cut[FAULT_CUT_BUFFERS])
{
    ULONG left = (ULONG)InterlockedCompareExchange(&cut_size, 0, 0);
    DWORD used = 0;
    if (left == 0 || *count > FAULT_CUT_BUFFERS || !ledger_is_stream(s)) {
        return;
    }
    while (used < *count && (left > 0 || used == 0)) {
        cut[used] = (*buffers)[used];
        cut[used].len = cut[used].len < left ? cut[used].len : left;
        left -= cut[used].len;
        used++;
    }
    *buffers = cut;
    *count = used;
}
