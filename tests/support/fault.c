/* SPDX-License-Identifier: MIT
   Faults, see fault.h. Calls are numbered from 1; those from `first` to `last` fail. */
#include "support/fault.h"

#include "support/ledger.h"
#include "support/sites.h"

struct fault__state {
    LONG volatile calls;
    LONG volatile is_armed;
    const void *site; /* NULL: wherever it is called */
    LONG volatile site_calls;
    uint32_t first;
    uint32_t last;
    DWORD code;
};

static const struct {
    bool can_fail;
    DWORD codes[FAULT_CODES];
} codes[IMPORT_COUNT] = {
#define FAILS(name, code, another) [IMPORT_##name] = {true, {code, another}},
#define NEVER(name, reason)
#include "support/codes.def"
#undef FAILS
#undef NEVER
};

static struct fault__state states[IMPORT_COUNT];
static LONG volatile hits;
static LONG volatile cut_size;

static void fault__arm(struct fault__state *state, uint32_t first, DWORD code, uint32_t times)
{
    state->first = first;
    state->last = times > UINT32_MAX - first ? UINT32_MAX : first + times - 1;
    state->code = code;
    InterlockedExchange(&state->is_armed, 1);
}

void fault_arm(enum import import, uint32_t nth, DWORD code, uint32_t times)
{
    struct fault__state *state = &states[import];
    InterlockedExchange(&state->is_armed, 0);
    state->site = NULL;
    fault__arm(state, fault_calls(import) + nth, code, times);
}

void fault_arm_site(enum import import, const void *site, uint32_t nth, DWORD code, uint32_t times)
{
    struct fault__state *state = &states[import];
    InterlockedExchange(&state->is_armed, 0);
    state->site = site;
    InterlockedExchange(&state->site_calls, 0);
    fault__arm(state, nth, code, times);
}

bool fault_codes(enum import import, DWORD codes_out[FAULT_CODES])
{
    for (int i = 0; i < FAULT_CODES; i++) {
        codes_out[i] = codes[import].codes[i];
    }
    return codes[import].can_fail;
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

bool fault_is_armed(void)
{
    bool is_armed = false;
    for (int i = 0; i < IMPORT_COUNT; i++) {
        is_armed = is_armed || InterlockedCompareExchange(&states[i].is_armed, 0, 0) != 0;
    }
    return is_armed;
}

uint32_t fault_hits(void)
{
    return (uint32_t)InterlockedCompareExchange(&hits, 0, 0);
}

uint32_t fault_calls(enum import import)
{
    return (uint32_t)InterlockedCompareExchange(&states[import].calls, 0, 0);
}

/* The number of this call among those that the fault is armed for; 0: it is not one of them. */
static uint32_t fault__number(struct fault__state *state, const struct seam_call *call)
{
    const uint32_t number = (uint32_t)InterlockedIncrement(&state->calls);
    if (InterlockedCompareExchange(&state->is_armed, 0, 0) == 0) {
        return 0;
    }
    if (state->site == NULL) {
        return number;
    }
    return state->site == call->site ? (uint32_t)InterlockedIncrement(&state->site_calls) : 0;
}

bool fault_is_due(const struct seam_call *call, DWORD *code_out)
{
    struct fault__state *state = &states[call->import];
    if (!seam_is_ours(call)) {
        return false;
    }
    const uint32_t number = fault__number(state, call);
    const bool is_due = number != 0 && number >= state->first && number <= state->last;
    sites_note(call, is_due);
    if (is_due) {
        *code_out = state->code;
        InterlockedIncrement(&hits);
        if (state->code == WAIT_TIMEOUT) { /* takes time: a worker would spin, and starve the others */
            Sleep(1);
        }
    }
    return is_due;
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
