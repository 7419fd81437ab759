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

/* What outlives a reload: all generations of one endpoint have it. */
struct admission_counts {
    LONG references; /* of the thread that makes and ends admissions */
    volatile LONG active;
    volatile LONG sessions;
    volatile LONG outbound;
    SRWLOCK lock; /* for `sources` */
    struct source_table sources;
};

/* Likewise, while the rate stays the same. */
struct admission_bucket {
    LONG references;
    struct accept_rate rate;
    volatile LONG64 state;
};

struct admission {
    const struct config_endpoint *config;
    const struct access_list *allow; /* NULL: empty; so are the next two */
    const struct access_list *deny;
    const struct access_list *proxies;
    struct connection_limit *process;
    struct hash_key key;
    struct admission_counts *counts;
    struct admission_bucket *bucket;
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

bool admission_denies(const struct admission *admission, const struct pl_address *client,
                      const struct pl_address *proxy)
{
    return (client != NULL && !admission_permits(admission, client)) ||
           (proxy != NULL && admission__is_in(admission->deny, proxy));
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

static bool admission__is_full(uint32_t most, LONG active)
{
    return most != 0 && (uint32_t)active >= most;
}

static bool admission__take_place(volatile LONG *count, uint32_t most)
{
    for (LONG active = *count;;) {
        if (admission__is_full(most, active)) {
            return false;
        }
        const LONG seen = InterlockedCompareExchange(count, active + 1, active);
        if (seen == active) {
            return true;
        }
        active = seen;
    }
}

static void admission__give_place(volatile LONG *count)
{
    const LONG left = InterlockedDecrement(count);
    assert(left >= 0);
    (void)left;
}

/* Who is over both limits is over that of the process. But its place is taken last: whom the limit of his endpoint refuses
   never takes one from another endpoint's client, not even for a moment. */
static enum admission_verdict admission__enter_limits(struct admission *admission)
{
    if (!admission__take_place(&admission->counts->active, admission->config->max_connections)) {
        return admission__is_full(admission->process->most, admission->process->active)
                   ? ADMISSION_SERVICE_LIMIT
                   : ADMISSION_LIMIT;
    }
    if (!admission__take_place(&admission->process->active, admission->process->most)) {
        admission__give_place(&admission->counts->active);
        return ADMISSION_SERVICE_LIMIT;
    }
    return ADMISSION_GRANTED;
}

uint32_t admission_active(const struct admission *admission)
{
    return (uint32_t)admission->counts->active;
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
    AcquireSRWLockExclusive(&admission->counts->lock);
    const enum source_result result = source_table_take(&admission->counts->sources, client, most);
    ReleaseSRWLockExclusive(&admission->counts->lock);
    return verdicts[result];
}

void admission_leave_source(struct admission *admission, const struct pl_address *client)
{
    if (admission->config->max_connections_per_source != 0) {
        AcquireSRWLockExclusive(&admission->counts->lock);
        source_table_give_back(&admission->counts->sources, client);
        ReleaseSRWLockExclusive(&admission->counts->lock);
    }
}

void admission_begin_session(struct admission *admission)
{
    InterlockedIncrement(&admission->counts->sessions);
}

void admission_end_session(struct admission *admission)
{
    InterlockedDecrement(&admission->counts->sessions);
}

uint32_t admission_sessions(const struct admission *admission)
{
    return (uint32_t)admission->counts->sessions;
}

bool admission_begin_outbound(struct admission *admission)
{
    return admission__take_place(&admission->counts->outbound, admission->config->max_outbound);
}

void admission_end_outbound(struct admission *admission)
{
    admission__give_place(&admission->counts->outbound);
}

/* ---- Rate ---- */

static uint64_t admission__rate_state(const struct admission *admission)
{
    return (uint64_t)InterlockedCompareExchange64(&admission->bucket->state, 0, 0);
}

/* False: there is none now. */
static bool admission__take_token(struct admission *admission, uint64_t now)
{
    if (admission->bucket->rate.per_second == 0) {
        return true;
    }
    for (uint64_t state = admission__rate_state(admission);;) {
        if (accept_rate_tokens(&admission->bucket->rate, state, now) == 0) {
            return false;
        }
        const uint64_t next = accept_rate_take(&admission->bucket->rate, state, now);
        const uint64_t seen =
            (uint64_t)InterlockedCompareExchange64(&admission->bucket->state, (LONG64)next, (LONG64)state);
        if (seen == state) {
            return true;
        }
        state = seen;
    }
}

uint32_t admission_tokens(const struct admission *admission, uint64_t now, uint64_t *next_out)
{
    if (admission->bucket->rate.per_second == 0) {
        *next_out = now;
        return UINT32_MAX;
    }
    const uint64_t state = admission__rate_state(admission);
    *next_out = accept_rate_next(&admission->bucket->rate, state, now);
    return accept_rate_tokens(&admission->bucket->rate, state, now);
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
    admission__give_place(&admission->process->active);
    admission__give_place(&admission->counts->active);
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

static struct admission_counts *admission_counts__create(const struct hash_key *key)
{
    struct admission_counts *counts = memory_alloc(sizeof *counts);
    if (counts != NULL) {
        counts->references = 1;
        InitializeSRWLock(&counts->lock);
        source_table_init(&counts->sources, key);
    }
    return counts;
}

static void admission_counts__release(struct admission_counts *counts)
{
    if (counts != NULL && --counts->references == 0) {
        assert(counts->active == 0);
        source_table_fini(&counts->sources);
        memory_free(counts);
    }
}

static struct admission_bucket *admission_bucket__create(const struct accept_rate *rate)
{
    struct admission_bucket *bucket = memory_alloc(sizeof *bucket);
    if (bucket != NULL) {
        bucket->references = 1;
        bucket->rate = *rate;
    }
    return bucket;
}

static void admission_bucket__release(struct admission_bucket *bucket)
{
    if (bucket != NULL && --bucket->references == 0) {
        memory_free(bucket);
    }
}

static bool admission__share(struct admission *admission, const struct admission *previous)
{
    const struct accept_rate rate =
        accept_rate_make(admission->config->accept_rate, admission->config->accept_burst);
    if (previous != NULL) {
        admission->counts = previous->counts;
        admission->counts->references++;
        if (previous->bucket->rate.per_second == rate.per_second &&
            previous->bucket->rate.burst == rate.burst) {
            admission->bucket = previous->bucket;
            admission->bucket->references++;
            return true;
        }
    } else {
        admission->counts = admission_counts__create(&admission->key);
    }
    admission->bucket = admission_bucket__create(&rate);
    return admission->counts != NULL && admission->bucket != NULL;
}

static struct admission *admission__create(const struct admission *previous,
                                           const struct config_endpoint *config, struct access_lists *lists,
                                           struct connection_limit *process, const struct hash_key *key)
{
    struct admission *admission = memory_alloc(sizeof *admission);
    if (admission == NULL) {
        return NULL;
    }
    admission->config = config;
    admission->process = process;
    admission->key = *key;
    if (!admission__share(admission, previous) ||
        !admission__make_list(lists, &config->allow, &admission->allow) ||
        !admission__make_list(lists, &config->deny, &admission->deny) ||
        !admission__make_list(lists, &config->trusted_proxies, &admission->proxies)) {
        admission_destroy(admission);
        return NULL;
    }
    return admission;
}

struct admission *admission_create(const struct config_endpoint *config, struct access_lists *lists,
                                   struct connection_limit *process, const struct hash_key *key)
{
    return admission__create(NULL, config, lists, process, key);
}

struct admission *admission_create_next(const struct admission *previous,
                                        const struct config_endpoint *config, struct access_lists *lists)
{
    return admission__create(previous, config, lists, previous->process, &previous->key);
}

void admission_destroy(struct admission *admission)
{
    if (admission == NULL) {
        return;
    }
    admission_counts__release(admission->counts);
    admission_bucket__release(admission->bucket);
    memory_free(admission);
}
