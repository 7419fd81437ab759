/* SPDX-License-Identifier: MIT
   The ledger, see ledger.h: a hash table by value, on a heap of its own. Things that share a value (a library
   loaded twice, a packet posted twice) stand one behind the other, the newest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/ledger.h"

#include <cmocka.h>

#include "base/text.h"
#include "support/place.h"

enum { LEDGER_BUCKETS = 16384, LEDGER_FRAMES = 16, LEDGER_PRINTED = 40 };

struct ledger__record {
    struct ledger__record *next; /* in the bucket */
    struct ledger__record *newer, *older;
    struct ledger_item item;
    uint64_t number;
    HANDLE port; /* of a socket, a file or an operation: where operations are reported */
    bool is_skipping;
    bool is_in_call; /* an operation whose call has not returned yet */
};

static struct {
    SRWLOCK lock;
    HANDLE heap;
    struct ledger__record *buckets[LEDGER_BUCKETS];
    struct ledger__record *newest;
    uint64_t last_number;
    uint64_t begun_after;
} ledger = {.lock = SRWLOCK_INIT};

static const char *const kind_names[LEDGER_KIND_COUNT] = {
    "heap block",    "socket",       "handle",         "file search",   "library",     "view",
    "event source",  "registry key", "service handle", "Winsock start", "local block", "operation in flight",
    "posted packet", "mistake"};

static void ledger__lock(void)
{
    AcquireSRWLockExclusive(&ledger.lock);
}

static void ledger__unlock(void)
{
    ReleaseSRWLockExclusive(&ledger.lock);
}

static struct ledger__record **ledger__bucket(ULONG_PTR value)
{
    const uint64_t hash = (uint64_t)value * 0x9E3779B97F4A7C15u;
    return &ledger.buckets[hash >> 50]; /* 14 bits */
}

/* Functions named ..._locked are called with the lock held. */
static struct ledger__record **ledger__find_locked(enum ledger_kind kind, ULONG_PTR value)
{
    struct ledger__record **link = ledger__bucket(value);
    while (*link != NULL && ((*link)->item.kind != kind || (*link)->item.value != value)) {
        link = &(*link)->next;
    }
    return link;
}

static void ledger__strike_locked(struct ledger__record **link)
{
    struct ledger__record *record = *link;
    *link = record->next;
    if (record->newer != NULL) {
        record->newer->older = record->older;
    } else {
        ledger.newest = record->older;
    }
    if (record->older != NULL) {
        record->older->newer = record->newer;
    }
    SEAM_REAL(HeapFree)(ledger.heap, 0, record);
}

static struct ledger__record *ledger__enter_locked(const struct ledger_item *item)
{
    if (ledger.heap == NULL) {
        ledger.heap = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
    }
    struct ledger__record *record =
        ledger.heap != NULL ? SEAM_REAL(HeapAlloc)(ledger.heap, HEAP_ZERO_MEMORY, sizeof *record) : NULL;
    if (record == NULL) {
        fprintf(stderr, "ledger: no memory\n");
        abort();
    }
    struct ledger__record **bucket = ledger__bucket(item->value);
    record->item = *item;
    record->number = ++ledger.last_number;
    record->next = *bucket;
    *bucket = record;
    record->older = ledger.newest;
    if (record->older != NULL) {
        record->older->newer = record;
    }
    ledger.newest = record;
    return record;
}

/* The call site and its callers, as far as they lie in the program itself. */
static void ledger__trace(const struct seam_call *call, const void *sites[LEDGER_SITES])
{
    void *frames[LEDGER_FRAMES];
    const USHORT count = RtlCaptureStackBackTrace(0, LEDGER_FRAMES, frames, NULL);
    USHORT i = 0;
    while (i < count && frames[i] != call->site) {
        i++;
    }
    sites[0] = call->site;
    for (int k = 1; k < LEDGER_SITES && i + k < count; k++) {
        sites[k] = frames[i + k];
    }
}

static struct ledger_item ledger__item(const struct seam_call *call, enum ledger_kind kind, ULONG_PTR value,
                                       ULONG_PTR detail)
{
    struct ledger_item item = {.kind = kind, .import = call->import, .value = value, .detail = detail};
    ledger__trace(call, item.sites);
    return item;
}

static uint64_t ledger__enter(const struct seam_call *call, enum ledger_kind kind, ULONG_PTR value,
                              ULONG_PTR detail)
{
    const struct ledger_item item = ledger__item(call, kind, value, detail);
    ledger__lock();
    const uint64_t number = ledger__enter_locked(&item)->number;
    ledger__unlock();
    return number;
}

void ledger_mistake(const struct seam_call *call, ULONG_PTR value)
{
    ledger__enter(call, LEDGER_MISTAKE, value, 0);
}

uint64_t ledger_open(const struct seam_call *call, enum ledger_kind kind, ULONG_PTR value, ULONG_PTR detail)
{
    if (!seam_is_ours(call)) {
        return 0;
    }
    return ledger__enter(call, kind, value, detail);
}

/* Has ended, and lies on this thread's stack: whoever waited there looks at the OVERLAPPED and needs no packet. */
static bool ledger__is_seen_to_end(const struct ledger_item *item)
{
    ULONG_PTR low = 0, high = 0;
    GetCurrentThreadStackLimits(&low, &high);
    return item->kind == LEDGER_OPERATION && item->value >= low && item->value < high &&
           HasOverlappedIoCompleted((const OVERLAPPED *)item->value);
}

/* A port takes with it what was posted to it and never dequeued. */
static void ledger__drop_packets_locked(HANDLE port)
{
    struct ledger__record *older = NULL;
    for (struct ledger__record *record = ledger.newest; record != NULL; record = older) {
        older = record->older;
        if ((record->item.kind == LEDGER_PACKET && record->item.detail == (ULONG_PTR)port) ||
            (record->port == port && ledger__is_seen_to_end(&record->item))) {
            struct ledger__record **link = ledger__bucket(record->item.value);
            while (*link != record) {
                link = &(*link)->next;
            }
            ledger__strike_locked(link);
        }
    }
}

bool ledger_close(enum ledger_kind kind, ULONG_PTR value)
{
    ledger__lock();
    struct ledger__record **link = ledger__find_locked(kind, value);
    const bool is_found = *link != NULL;
    if (is_found) {
        if ((*link)->item.import == IMPORT_CreateIoCompletionPort) {
            ledger__drop_packets_locked((HANDLE)value);
            link = ledger__find_locked(kind, value); /* the list has changed */
        }
        ledger__strike_locked(link);
    }
    ledger__unlock();
    return is_found;
}

void ledger_withdraw(enum ledger_kind kind, ULONG_PTR value, uint64_t number)
{
    ledger__lock();
    struct ledger__record **link = ledger__bucket(value);
    while (*link != NULL && ((*link)->item.kind != kind || (*link)->number != number)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        ledger__strike_locked(link);
    }
    ledger__unlock();
}

bool ledger_close_block(const struct seam_call *call, HANDLE heap, void *block)
{
    if (!seam_is_ours(call) ||
        (ledger_close(LEDGER_BLOCK, (ULONG_PTR)block) && HeapValidate(heap, 0, block))) {
        return true;
    }
    ledger_mistake(call, (ULONG_PTR)block);
    return false;
}

void *ledger_resize_block(const struct seam_call *call, seam_HeapReAlloc real, HANDLE heap, DWORD flags,
                          void *block, size_t size)
{
    if (!seam_is_ours(call)) {
        return real(heap, flags, block, size);
    }
    if (!ledger_close_block(call, heap, block)) {
        return NULL;
    }
    const size_t old_size = HeapSize(heap, 0, block);
    void *resized = real(heap, flags, block, size);
    ledger__enter(call, LEDGER_BLOCK, (ULONG_PTR)(resized != NULL ? resized : block),
                  resized != NULL ? size : old_size);
    return resized;
}

/* A socket or another handle; NULL when it did not come through the seam. */
static struct ledger__record *ledger__file_locked(ULONG_PTR value)
{
    struct ledger__record *record = *ledger__find_locked(LEDGER_SOCKET, value);
    return record != NULL ? record : *ledger__find_locked(LEDGER_HANDLE, value);
}

void ledger_associate(HANDLE file, HANDLE port)
{
    ledger__lock();
    struct ledger__record *record = ledger__file_locked((ULONG_PTR)file);
    if (record != NULL) {
        record->port = port;
    }
    ledger__unlock();
}

void ledger_skip(HANDLE file)
{
    ledger__lock();
    struct ledger__record *record = ledger__file_locked((ULONG_PTR)file);
    if (record != NULL) {
        record->is_skipping = true;
    }
    ledger__unlock();
}

HANDLE ledger_port(SOCKET s, bool *is_skipping_out)
{
    ledger__lock();
    const struct ledger__record *record = ledger__file_locked(s);
    const HANDLE port = record != NULL ? record->port : NULL;
    *is_skipping_out = port != NULL && record->is_skipping;
    ledger__unlock();
    return port;
}

SOCKET ledger_socket(const OVERLAPPED *overlapped)
{
    ledger__lock();
    const struct ledger__record *record = *ledger__find_locked(LEDGER_OPERATION, (ULONG_PTR)overlapped);
    const SOCKET s = record != NULL ? (SOCKET)record->item.detail : INVALID_SOCKET;
    ledger__unlock();
    return s;
}

bool ledger_is_stream(SOCKET s)
{
    ledger__lock();
    const struct ledger__record *record = *ledger__find_locked(LEDGER_SOCKET, s);
    const bool is_stream = record != NULL && record->item.detail == SOCK_STREAM;
    ledger__unlock();
    return is_stream;
}

uint64_t ledger_begin_operation(const struct seam_call *call, SOCKET s, const OVERLAPPED *overlapped)
{
    uint64_t number = 0;
    bool is_twice = false;
    if (overlapped == NULL || ((ULONG_PTR)overlapped->hEvent & 1) != 0) {
        return 0;
    }
    const struct ledger_item item = ledger__item(call, LEDGER_OPERATION, (ULONG_PTR)overlapped, s);
    ledger__lock();
    const struct ledger__record *file = ledger__file_locked(s);
    if (file != NULL && file->port != NULL) {
        is_twice = *ledger__find_locked(LEDGER_OPERATION, (ULONG_PTR)overlapped) != NULL;
        struct ledger__record *record = ledger__enter_locked(&item);
        record->port = file->port;
        record->is_skipping = file->is_skipping;
        record->is_in_call = true;
        number = record->number;
    }
    ledger__unlock();
    if (is_twice) {
        ledger_mistake(call, (ULONG_PTR)overlapped);
    }
    return number;
}

/* Whether a packet will come, or has come, for an operation whose call has returned. A datagram that is too
   long for the buffer is an error for the caller, yet a completion for the port. */
static bool ledger__is_reported(const struct ledger__record *record, bool is_done, DWORD error)
{
    return is_done || error == WSAEMSGSIZE ? !record->is_skipping : error == WSA_IO_PENDING;
}

void ledger_end_operation(const OVERLAPPED *overlapped, uint64_t number, bool is_done, DWORD error)
{
    if (number == 0) {
        return;
    }
    ledger__lock();
    struct ledger__record **link = ledger__bucket((ULONG_PTR)overlapped);
    while (*link != NULL && (*link)->number != number) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        (*link)->is_in_call = false;
        if (!ledger__is_reported(*link, is_done, error)) {
            ledger__strike_locked(link);
        }
    }
    ledger__unlock();
}

void ledger_dequeue(HANDLE port, const OVERLAPPED *overlapped)
{
    ledger__lock();
    struct ledger__record **link = ledger__find_locked(LEDGER_OPERATION, (ULONG_PTR)overlapped);
    if (*link == NULL) {
        link = ledger__bucket((ULONG_PTR)overlapped);
        while (*link != NULL &&
               ((*link)->item.kind != LEDGER_PACKET || (*link)->item.value != (ULONG_PTR)overlapped ||
                (*link)->item.detail != (ULONG_PTR)port)) {
            link = &(*link)->next;
        }
    }
    if (*link != NULL) {
        ledger__strike_locked(link);
    }
    ledger__unlock();
}

void ledger_begin(void)
{
    ledger__lock();
    ledger.begun_after = ledger.last_number;
    ledger__unlock();
}

static struct ledger__record *ledger__oldest_leftover_locked(void)
{
    struct ledger__record *oldest = NULL;
    for (struct ledger__record *record = ledger.newest; record != NULL && record->number > ledger.begun_after;
         record = record->older) {
        oldest = record;
    }
    return oldest;
}

size_t ledger_leftovers(struct ledger_item *items_out, size_t room)
{
    size_t count = 0;
    ledger__lock();
    for (const struct ledger__record *record = ledger__oldest_leftover_locked(); record != NULL;
         record = record->newer) {
        if (count < room) {
            items_out[count] = record->item;
        }
        count++;
    }
    ledger__unlock();
    return count;
}

/* How many leftovers of one kind there are, and the sum of their details. */
static size_t ledger__sum(enum ledger_kind kind, size_t *details_out)
{
    size_t count = 0;
    *details_out = 0;
    ledger__lock();
    for (const struct ledger__record *record = ledger__oldest_leftover_locked(); record != NULL;
         record = record->newer) {
        if (record->item.kind == kind) {
            count++;
            *details_out += record->item.detail;
        }
    }
    ledger__unlock();
    return count;
}

size_t ledger_count(enum ledger_kind kind)
{
    size_t details = 0;
    return ledger__sum(kind, &details);
}

size_t ledger_bytes(void)
{
    size_t bytes = 0;
    ledger__sum(LEDGER_BLOCK, &bytes);
    return bytes;
}

size_t ledger_in_calls(void)
{
    size_t count = 0;
    ledger__lock();
    for (const struct ledger__record *record = ledger.newest; record != NULL; record = record->older) {
        count += record->is_in_call;
    }
    ledger__unlock();
    return count;
}

size_t ledger_in_flight(SOCKET s, enum import import)
{
    size_t count = 0;
    ledger__lock();
    for (const struct ledger__record *record = ledger.newest; record != NULL; record = record->older) {
        const struct ledger_item *item = &record->item;
        count += item->kind == LEDGER_OPERATION && item->import == import && item->detail == s;
    }
    ledger__unlock();
    return count;
}

static void ledger__print_item(const struct ledger_item *item)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "%s 0x%llx", kind_names[item->kind], (unsigned long long)item->value);
    if (item->kind == LEDGER_BLOCK) {
        text_add_format(&text, " of %llu bytes", (unsigned long long)item->detail);
    } else if (item->kind == LEDGER_OPERATION) {
        text_add_format(&text, " on socket 0x%llx", (unsigned long long)item->detail);
    }
    text_add_format(&text, ": %s at ", seam_name(item->import));
    place_add_chain(&text, item->sites, LEDGER_SITES);
    print_error("left over: %s\n", text.at);
}

size_t ledger_print(void)
{
    struct ledger_item items[LEDGER_PRINTED];
    const size_t count = ledger_leftovers(items, LEDGER_PRINTED);
    for (size_t i = 0; i < count && i < LEDGER_PRINTED; i++) {
        ledger__print_item(&items[i]);
    }
    return count;
}

void ledger_check(void)
{
    const size_t count = ledger_print();
    if (!HeapValidate(GetProcessHeap(), 0, NULL)) {
        fail_msg("the heap is damaged: written to behind the end of a block, or in one that was freed");
    }
    if (count > 0) {
        fail_msg("%u things are left over, see above", (unsigned)count);
    }
}
