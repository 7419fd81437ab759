/* SPDX-License-Identifier: MIT
   Lists, limits and rate of one endpoint, see admission.h. Counting is exact and lock-free, but for sources: their table
   has a lock, which is taken only where max_connections_per_source is set. */
#include "accept/admission.h"

#include <assert.h>

#include "accept/accept_rate.h"
#include "accept/access_list.h"
#include "accept/access_lists.h"
#include "accept/source_table.h"
#include "base/memory.h"

struct admission {
    const struct config_endpoint *config;
    const struct access_list *allow; /* NULL: empty; so are the next two */
    const struct access_list *deny;
    const struct access_list *proxies;
    struct connection_limit *process;
    struct connection_limit endpoint;
    struct accept_rate rate;
    volatile LONG64 rate_state;
    SRWLOCK lock; /* for `sources` */
    struct source_table sources;
};

/* ---- Lists ---- */

/* True: made, or not needed. */
static bool admission__make_list(struct access_lists *lists, const struct config_prefixes *prefixes,
                                 const struct access_list **list_out)
{
    *list_out = prefixes->count > 0 ? access_lists_make(lists, prefixes->at, prefixes->count) : NULL;
    return prefixes->count == 0 || *list_out != NULL;
}

static bool admission__is_in(const struct access_list *list, const struct pl_address *address)
{
    return list != NULL && access_list_contains(list, address);
}

bool admission_permits(const struct admission *admission, const struct pl_address *client)
{
    return !admission__is_in(admission->deny, client) &&
           (admission->allow == NULL || access_list_contains(admission->allow, client));
}

bool admission_has_proxies(const struct admission *admission)
{
    return admission->config->proxy_protocol != CONFIG_PROXY_OFF;
}

/* Proxies are clients of nobody: `allow` is not asked about them. */
enum admission_verdict admission_check(const struct admission *admission, const struct pl_address *peer)
{
    if (!admission_has_proxies(admission)) {
        return admission_permits(admission, peer) ? ADMISSION_GRANTED : ADMISSION_ACL;
    }
    if (admission__is_in(admission->deny, peer)) {
        return ADMISSION_ACL;
    }
    return admission__is_in(admission->proxies, peer) ? ADMISSION_GRANTED : ADMISSION_PROXY;
}

/* ---- Limits ---- */

static bool connection_limit__is_full(const struct connection_limit *limit, LONG active)
{
    return limit->most != 0 && (uint32_t)active >= limit->most;
}

static bool connection_limit__enter(struct connection_limit *limit)
{
    for (LONG active = limit->active;;) {
        if (connection_limit__is_full(limit, active)) {
            return false;
        }
        const LONG seen = InterlockedCompareExchange(&limit->active, active + 1, active);
        if (seen == active) {
            return true;
        }
        active = seen;
    }
}

static void connection_limit__leave(struct connection_limit *limit)
{
    const LONG left = InterlockedDecrement(&limit->active);
    assert(left >= 0);
    (void)left;
}

/* Who is over both limits is over that of the process. But its place is taken last: whom the limit of his endpoint refuses
   never takes one from another endpoint's client, not even for a moment. */
static enum admission_verdict admission__enter_limits(struct admission *admission)
{
    if (!connection_limit__enter(&admission->endpoint)) {
        return connection_limit__is_full(admission->process, admission->process->active)
                   ? ADMISSION_SERVICE_LIMIT
                   : ADMISSION_LIMIT;
    }
    if (!connection_limit__enter(admission->process)) {
        connection_limit__leave(&admission->endpoint);
        return ADMISSION_SERVICE_LIMIT;
    }
    return ADMISSION_GRANTED;
}

uint32_t admission_active(const struct admission *admission)
{
    return (uint32_t)admission->endpoint.active;
}

/* ---- Sources ---- */

enum admission_verdict admission_enter_source(struct admission *admission, const struct pl_address *client)
{
    static const enum admission_verdict verdicts[] = {[SOURCE_TAKEN] = ADMISSION_GRANTED,
                                                      [SOURCE_FULL] = ADMISSION_PER_SOURCE,
                                                      [SOURCE_NO_MEMORY] = ADMISSION_NO_MEMORY};
    const uint32_t most = admission->config->max_connections_per_source;
    if (most == 0) {
        return ADMISSION_GRANTED;
    }
    AcquireSRWLockExclusive(&admission->lock);
    const enum source_result result = source_table_take(&admission->sources, client, most);
    ReleaseSRWLockExclusive(&admission->lock);
    return verdicts[result];
}

void admission_leave_source(struct admission *admission, const struct pl_address *client)
{
    if (admission->config->max_connections_per_source != 0) {
        AcquireSRWLockExclusive(&admission->lock);
        source_table_give_back(&admission->sources, client);
        ReleaseSRWLockExclusive(&admission->lock);
    }
}

/* ---- Rate ---- */

static uint64_t admission__rate_state(const struct admission *admission)
{
    return (uint64_t)InterlockedCompareExchange64((volatile LONG64 *)(uintptr_t)&admission->rate_state, 0, 0);
}

/* False: there is none now. */
static bool admission__take_token(struct admission *admission, uint64_t now)
{
    if (admission->rate.per_second == 0) {
        return true;
    }
    for (uint64_t state = admission__rate_state(admission);;) {
        if (accept_rate_tokens(&admission->rate, state, now) == 0) {
            return false;
        }
        const uint64_t next = accept_rate_take(&admission->rate, state, now);
        const uint64_t seen =
            (uint64_t)InterlockedCompareExchange64(&admission->rate_state, (LONG64)next, (LONG64)state);
        if (seen == state) {
            return true;
        }
        state = seen;
    }
}

uint32_t admission_tokens(const struct admission *admission, uint64_t now, uint64_t *next_out)
{
    if (admission->rate.per_second == 0) {
        *next_out = now;
        return UINT32_MAX;
    }
    const uint64_t state = admission__rate_state(admission);
    *next_out = accept_rate_next(&admission->rate, state, now);
    return accept_rate_tokens(&admission->rate, state, now);
}

/* ---- Coming and going ---- */

enum admission_verdict admission_enter(struct admission *admission, const struct pl_address *peer,
                                       uint64_t now)
{
    enum admission_verdict verdict = admission_check(admission, peer);
    if (verdict != ADMISSION_GRANTED) {
        return verdict;
    }
    uint64_t next = 0;
    if (admission_tokens(admission, now, &next) == 0) {
        return ADMISSION_LATER; /* and has taken no place, not even for a moment */
    }
    verdict = admission__enter_limits(admission);
    if (verdict != ADMISSION_GRANTED) {
        return verdict;
    }
    verdict = admission_has_proxies(admission) ? ADMISSION_GRANTED : admission_enter_source(admission, peer);
    if (verdict != ADMISSION_GRANTED) {
        admission_leave(admission, NULL);
        return verdict;
    }
    if (!admission__take_token(admission, now)) { /* another worker has taken the last one meanwhile */
        admission_turn_back(admission, peer);
        return ADMISSION_LATER;
    }
    return ADMISSION_GRANTED;
}

enum admission_verdict admission_claim(struct admission *admission, const struct pl_address *client)
{
    return admission_permits(admission, client) ? admission_enter_source(admission, client) : ADMISSION_ACL;
}

void admission_leave(struct admission *admission, const struct pl_address *source)
{
    if (source != NULL) {
        admission_leave_source(admission, source);
    }
    connection_limit__leave(admission->process);
    connection_limit__leave(&admission->endpoint);
}

void admission_turn_back(struct admission *admission, const struct pl_address *peer)
{
    admission_leave(admission, admission_has_proxies(admission) ? NULL : peer);
}

enum close_reason admission_reason(enum admission_verdict verdict)
{
    static const enum close_reason reasons[] = {[ADMISSION_ACL] = REFUSED_ACL,
                                                [ADMISSION_PROXY] = REFUSED_PROXY,
                                                [ADMISSION_LIMIT] = REFUSED_LIMIT,
                                                [ADMISSION_SERVICE_LIMIT] = REFUSED_SERVICE_LIMIT,
                                                [ADMISSION_PER_SOURCE] = REFUSED_PER_SOURCE,
                                                [ADMISSION_NO_MEMORY] = REFUSED_ERROR};
    return reasons[verdict];
}

/* ---- Life ---- */

struct admission *admission_create(const struct config_endpoint *config, struct access_lists *lists,
                                   struct connection_limit *process, const struct hash_key *key)
{
    struct admission *admission = memory_alloc(sizeof *admission);
    if (admission == NULL) {
        return NULL;
    }
    admission->config = config;
    admission->process = process;
    admission->endpoint.most = config->max_connections;
    admission->rate = accept_rate_make(config->accept_rate, config->accept_burst);
    InitializeSRWLock(&admission->lock);
    source_table_init(&admission->sources, key);
    if (!admission__make_list(lists, &config->allow, &admission->allow) ||
        !admission__make_list(lists, &config->deny, &admission->deny) ||
        !admission__make_list(lists, &config->trusted_proxies, &admission->proxies)) {
        admission_destroy(admission);
        return NULL;
    }
    return admission;
}

void admission_destroy(struct admission *admission)
{
    if (admission == NULL) {
        return;
    }
    assert(admission->endpoint.active == 0);
    source_table_fini(&admission->sources);
    memory_free(admission);
}
