/* SPDX-License-Identifier: MIT
   Names of our own, see names.h. */
#include "support/names.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/address.h"
#include "base/win.h"
#include "support/seam.h"

enum { NAMES_MAX = 32, NAMES_HELD = 256, NAMES_MARK = 0x4E414D45 };

struct names__entry {
    const char *name;
    const char *addresses;
    uint32_t error;
    bool is_held;
    bool can_cancel;
};

/* A question that is not answered yet. */
struct names__query {
    LPOVERLAPPED overlapped;
    PADDRINFOEXW *found;
    void(CALLBACK *routine)(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped);
    const struct names__entry *entry;
};

/* One answer with its addresses, which are freed together. */
struct names__list {
    ADDRINFOEXW first; /* first */
    uint32_t mark;
    ADDRINFOEXW rest[16];
    SOCKADDR_STORAGE addresses[17];
};

static struct {
    SRWLOCK lock;
    struct names__entry entries[NAMES_MAX];
    size_t count;
    struct names__query *held[NAMES_HELD];
    bool is_at_once;
    volatile LONG asked, waiting, out, running;
} names = {.lock = SRWLOCK_INIT};

/* ---- Answers ---- */

static int names__fill(const struct pl_address *address, SOCKADDR_STORAGE *to)
{
    memset(to, 0, sizeof *to);
    if (address->family == 4) {
        SOCKADDR_IN in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, address->ip, 4);
        memcpy(to, &in, sizeof in);
        return sizeof in;
    }
    SOCKADDR_IN6 in = {.sin6_family = AF_INET6, .sin6_scope_id = address->scope};
    memcpy(&in.sin6_addr, address->ip, 16);
    memcpy(to, &in, sizeof in);
    return sizeof in;
}

static PADDRINFOEXW names__list(const char *text)
{
    struct names__list *list = calloc(1, sizeof *list);
    ADDRINFOEXW *last = NULL;
    size_t count = 0;
    list->mark = NAMES_MARK;
    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        struct pl_address address;
        if (!address_parse(text, length, &address)) {
            abort();
        }
        ADDRINFOEXW *info = last == NULL ? &list->first : &list->rest[count - 1];
        info->ai_addrlen = (size_t)names__fill(&address, &list->addresses[count]);
        info->ai_addr = (SOCKADDR *)&list->addresses[count];
        info->ai_family = list->addresses[count].ss_family;
        if (last != NULL) {
            last->ai_next = (void *)info;
        }
        last = info;
        count++;
        text += length;
        text += *text == ' ';
    }
    InterlockedIncrement(&names.out);
    return &list->first;
}

/* Frees the query. */
static void names__answer(struct names__query *query, uint32_t error)
{
    if (error == 0 && query->entry->addresses != NULL) {
        *query->found = names__list(query->entry->addresses);
    }
    query->routine(error, 0, query->overlapped);
    free(query);
    InterlockedDecrement(&names.running);
}

static void CALLBACK names__work(PTP_CALLBACK_INSTANCE instance, void *context)
{
    struct names__query *query = context;
    (void)instance;
    names__answer(query, query->entry->error);
}

/* ---- In the place of Winsock's ---- */

static const struct names__entry *names__find(PCWSTR title)
{
    static const struct names__entry none = {.name = "", .error = WSAHOST_NOT_FOUND};
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.entries[i].name;
        size_t k = 0;
        while (name[k] != '\0' && title[k] == (WCHAR)name[k]) {
            k++;
        }
        if (name[k] == '\0' && title[k] == L'\0') {
            return &names.entries[i];
        }
    }
    return &none;
}

static bool names__keep(struct names__query *query)
{
    bool is_kept = false;
    AcquireSRWLockExclusive(&names.lock);
    for (int i = 0; i < NAMES_HELD && !is_kept; i++) {
        if (names.held[i] == NULL) {
            names.held[i] = query;
            is_kept = true;
        }
    }
    ReleaseSRWLockExclusive(&names.lock);
    InterlockedIncrement(&names.waiting);
    return is_kept;
}

static int WSAAPI names__ask(PCWSTR title, PCWSTR service, DWORD space, LPGUID provider,
                             const ADDRINFOEXW *hints, PADDRINFOEXW *found, struct timeval *timeout,
                             LPOVERLAPPED overlapped, LPLOOKUPSERVICE_COMPLETION_ROUTINE routine,
                             LPHANDLE handle)
{
    (void)service, (void)space, (void)provider, (void)hints, (void)timeout;
    const union {
        LPLOOKUPSERVICE_COMPLETION_ROUTINE routine;
        void(CALLBACK *function)(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped);
    } given = {routine};
    const struct names__entry *entry = names__find(title);
    InterlockedIncrement(&names.asked);
    if (names.is_at_once) {
        if (entry->error == 0) {
            *found = names__list(entry->addresses);
        }
        return (int)entry->error;
    }
    struct names__query *query = calloc(1, sizeof *query);
    *query = (struct names__query){overlapped, found, given.function, entry};
    InterlockedIncrement(&names.running);
    if (entry->is_held) {
        *handle = entry->can_cancel ? query : NULL;
        if (!names__keep(query)) {
            abort();
        }
    } else if (!TrySubmitThreadpoolCallback(names__work, query, NULL)) {
        abort();
    }
    return WSA_IO_PENDING;
}

static bool names__take(const struct names__query *query)
{
    bool is_taken = false;
    AcquireSRWLockExclusive(&names.lock);
    for (int i = 0; i < NAMES_HELD; i++) {
        if (names.held[i] == query) {
            names.held[i] = NULL;
            is_taken = true;
        }
    }
    ReleaseSRWLockExclusive(&names.lock);
    if (is_taken) {
        InterlockedDecrement(&names.waiting);
    }
    return is_taken;
}

static int WSAAPI names__cancel(LPHANDLE handle)
{
    struct names__query *query = *handle;
    if (!names__take(query)) {
        return WSA_INVALID_HANDLE;
    }
    names__answer(query, WSA_E_CANCELLED);
    return NO_ERROR;
}

typedef void(WSAAPI *names__function)(PADDRINFOEXW found);

/* What nobody has made here is the system's. */
static void WSAAPI names__give_back(PADDRINFOEXW found)
{
    struct names__list *list = (struct names__list *)(void *)found;
    if (names.count > 0 && list->mark == NAMES_MARK) {
        free(list);
        InterlockedDecrement(&names.out);
        return;
    }
    const union {
        FARPROC address;
        names__function function;
    } real = {GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "FreeAddrInfoExW")};
    if (real.function != NULL) {
        real.function(found);
    }
}

extern names__function __imp_FreeAddrInfoExW;
names__function __imp_FreeAddrInfoExW = names__give_back;

/* ---- For the test ---- */

void names_begin(void)
{
    names.count = 0;
    names.is_at_once = false;
    names.asked = 0;
    seam_replace(IMPORT_GetAddrInfoExW, (seam_function)names__ask);
    seam_replace(IMPORT_GetAddrInfoExCancel, (seam_function)names__cancel);
}

static struct names__entry *names__new(const char *name)
{
    if (names.count == NAMES_MAX) {
        abort();
    }
    names.entries[names.count] = (struct names__entry){.name = name};
    return &names.entries[names.count++];
}

void names_add(const char *name, const char *addresses)
{
    names__new(name)->addresses = addresses;
}

void names_fail(const char *name, uint32_t error)
{
    names__new(name)->error = error;
}

void names_hold(const char *name, bool can_cancel)
{
    struct names__entry *entry = names__new(name);
    entry->is_held = true;
    entry->can_cancel = can_cancel;
    entry->addresses = "127.0.0.1";
}

void names_let_go(void)
{
    for (int i = 0; i < NAMES_HELD; i++) {
        struct names__query *query = names.held[i];
        if (query != NULL && names__take(query)) {
            names__answer(query, 0);
        }
    }
}

void names_at_once(bool is_at_once)
{
    names.is_at_once = is_at_once;
}

long names_asked(void)
{
    return names.asked;
}

long names_held(void)
{
    return names.waiting;
}

long names_out(void)
{
    return names.out;
}

void names_end(void)
{
    names_let_go();
    for (int i = 0; names.running != 0 && i < 3000; i++) {
        Sleep(10);
    }
    seam_replace(IMPORT_GetAddrInfoExW, NULL);
    seam_replace(IMPORT_GetAddrInfoExCancel, NULL);
}
