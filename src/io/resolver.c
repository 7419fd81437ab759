/* SPDX-License-Identifier: MIT
   Asking for names, see resolver.h.

   A query has two ends, the system's and W's. Whichever comes first changes its state, and leaves it to the other one to
   free it. The answer comes on a thread of the system's: it sends the query itself to W as a message, and from then on
   touches the resolver alone, which counts who is about to send: so a worker does not end under its hands. */
#include "io/resolver.h"

#include "base/memory.h"
#include "base/utf16.h"
#include "io/network.h"

struct resolver {
    volatile LONG holders; /* its maker, and each query */
    volatile LONG queries; /* asked, and not answered by the system */
    volatile LONG senders; /* threads of the system's that may be using a worker */
};

enum query_state { QUERY_ASKED, QUERY_ANSWERED, QUERY_DROPPED };

struct query {
    OVERLAPPED overlapped; /* first: the system gives back its address */
    struct message message;
    struct resolver *resolver;
    struct worker *worker;
    resolver_answer answer;
    void *owner; /* W's; NULL: dropped while the message was under way */
    volatile LONG state;
    uint32_t error;
    ADDRINFOEXW *result;
    HANDLE cancel; /* NULL where the system cannot */
    WCHAR name[RESOLVER_NAME_MAX + 1];
};

/* ---- The resolver ---- */

struct resolver *resolver_create(void)
{
    WSADATA data;
    struct resolver *resolver = memory_alloc(sizeof *resolver);
    if (resolver == NULL) {
        return NULL;
    }
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) { /* a query may outlive the engine's */
        memory_free(resolver);
        return NULL;
    }
    resolver->holders = 1;
    return resolver;
}

void resolver_settle(const struct resolver *resolver)
{
    while (resolver->senders != 0) {
        SwitchToThread();
    }
}

void resolver_release(struct resolver *resolver)
{
    if (InterlockedDecrement(&resolver->holders) == 0) {
        WSACleanup();
        memory_free(resolver);
    }
}

/* ---- Queries ---- */

static void query__destroy(struct query *query)
{
    struct resolver *resolver = query->resolver;
    if (query->result != NULL) {
        FreeAddrInfoExW(query->result);
    }
    memory_free(query);
    resolver_release(resolver);
}

/* The first of them; none twice. */
static unsigned query__addresses(const struct query *query, struct pl_address addresses[RESOLVER_ADDRESSES])
{
    unsigned count = 0;
    for (const ADDRINFOEXW *info = query->result; info != NULL && count < RESOLVER_ADDRESSES;
         info = (const ADDRINFOEXW *)(const void *)info->ai_next) {
        struct pl_address address;
        network_address_from(info->ai_addr, &address);
        unsigned i = 0;
        while (i < count && !address_equal(&addresses[i], &address)) {
            i++;
        }
        if (address.family != 0 && i == count) {
            address.port = 0;
            addresses[count++] = address;
        }
    }
    return count;
}

static void query__run(struct message *message, struct worker *worker)
{
    struct query *query = LIST_ELEMENT(message, struct query, message);
    (void)worker;
    if (query->owner != NULL) {
        struct pl_address addresses[RESOLVER_ADDRESSES];
        const unsigned count = query->error == 0 ? query__addresses(query, addresses) : 0;
        const uint32_t error = query->error == 0 && count == 0 ? WSANO_DATA : query->error;
        query->answer(query->owner, error, addresses, count);
    }
    query__destroy(query);
}

/* The system has answered, on any thread, within the question perhaps. */
static void query__end(struct query *query, uint32_t error)
{
    struct resolver *resolver = query->resolver;
    query->error = error;
    InterlockedDecrement(&resolver->queries);
    InterlockedIncrement(&resolver->holders);
    InterlockedIncrement(&resolver->senders);
    if (InterlockedExchange(&query->state, QUERY_ANSWERED) == QUERY_ASKED) {
        worker_send(query->worker, &query->message);
        InterlockedDecrement(&resolver->senders);
    } else {
        InterlockedDecrement(&resolver->senders);
        query__destroy(query);
    }
    resolver_release(resolver);
}

static void CALLBACK query__complete(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped)
{
    (void)bytes;
    query__end(LIST_ELEMENT(overlapped, struct query, overlapped), error);
}

/* NULL: no memory, or the system does not convert the name. */
static struct query *query__create(struct resolver *resolver, const char *name)
{
    struct query *query = memory_alloc(sizeof *query);
    if (query != NULL && MultiByteToWideChar(CP_UTF8, 0, name, -1, query->name, RESOLVER_NAME_MAX + 1) == 0) {
        memory_free(query);
        return NULL;
    }
    if (query != NULL) {
        query->resolver = resolver;
        InterlockedIncrement(&resolver->holders);
    }
    return query;
}

static bool resolver__take_place(struct resolver *resolver)
{
    const bool has_room = InterlockedIncrement(&resolver->queries) <= RESOLVER_QUERIES_MAX;
    if (!has_room) {
        InterlockedDecrement(&resolver->queries);
    }
    return has_room;
}

uint32_t resolver_ask(struct resolver *resolver, struct worker *worker, const char *name, int type,
                      resolver_answer answer, void *owner, struct query **query_out)
{
    const union {
        void(CALLBACK *function)(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped);
        LPLOOKUPSERVICE_COMPLETION_ROUTINE routine; /* to MinGW-w64 10 a pointer to void */
    } complete = {query__complete};
    const ADDRINFOEXW hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
    if (!resolver__take_place(resolver)) {
        return WSAEWOULDBLOCK;
    }
    struct query *query = query__create(resolver, name);
    if (query == NULL) {
        InterlockedDecrement(&resolver->queries);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    query->message.run = query__run;
    query->worker = worker;
    query->answer = answer;
    query->owner = owner;
    *query_out = query;
    const int error = GetAddrInfoExW(query->name, NULL, NS_ALL, NULL, &hints, &query->result, NULL,
                                     &query->overlapped, complete.routine, &query->cancel);
    if (error != WSA_IO_PENDING) {
        query__end(query, (uint32_t)error);
    }
    return 0;
}

/* Cancelled first: the handle is good until the system has answered, which it then does at once, where it can. Behind the
   exchange the query may be gone. */
void query_drop(struct query *query)
{
    query->owner = NULL;
    if (query->state == QUERY_ASKED && query->cancel != NULL) {
        GetAddrInfoExCancel(&query->cancel);
    }
    InterlockedCompareExchange(&query->state, QUERY_DROPPED, QUERY_ASKED);
}
