/* SPDX-License-Identifier: MIT
   The handler in its engine, see subject.h. */
#include "subject.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "peer.h"

enum { SUBJECT_NAP = 5, SUBJECT_ASKS = 100 /* milliseconds */ };

/* ---- Configuration ---- */

static bool subject__variable(const char *name, struct text *value)
{
    (void)name, (void)value;
    return false;
}

enum { SUBJECT_FIRST_OPTION = 8 /* the line of the first option in the text below */ };

/* Where one line of the problems is: nobody has seen the text, so an option stands for its line. */
static const char *subject__add_place(struct text *text, const char *line, const char *options)
{
    static const char file[] = "options:";
    char *rest = NULL;
    if (strncmp(line, file, sizeof file - 1) != 0) {
        return line;
    }
    const unsigned long number = strtoul(line + sizeof file - 1, &rest, 10);
    const char *option = options;
    for (unsigned long i = SUBJECT_FIRST_OPTION; i < number && *option != '\0'; i++) {
        option += strcspn(option, "\n");
        option += *option == '\n';
    }
    if (number >= SUBJECT_FIRST_OPTION && *option != '\0') {
        const size_t length = strcspn(option, "\n"), name = strcspn(option, "=") - 1; /* "name = value" */
        text_add_string(text, "--option ");
        text_add_escaped(text, option, name);
        text_add_string(text, "=");
        text_add_escaped(text, option + name + 3, length - name - 3);
    } else {
        text_add_string(text, "options");
    }
    rest += *rest == ':';
    return rest + strspn(rest, "0123456789"); /* ": error: ..." */
}

static void subject__add_problems(struct text *text, const char *problems, const char *options)
{
    for (const char *line = problems; *line != '\0';) {
        line = subject__add_place(text, line, options);
        const size_t length = strcspn(line, "\n");
        text_add(text, line, length + (line[length] == '\n'));
        line += length + (line[length] == '\n');
    }
}

/* With few accepts, so that sockets which wait for clients are not taken for handles that leak. */
static struct config *subject__parse(const struct subject *subject, const char *options, struct text *problem)
{
    static const char *const protocols[] = {[CONFIG_TCP] = "tcp", [CONFIG_UDP] = "udp"};
    char folder[1024];
    struct text text, path;
    struct config_problems problems;
    WCHAR wide[MAX_PATH] = L"";
    GetCurrentDirectoryW(MAX_PATH, wide);
    text_init(&path, folder, sizeof folder);
    utf16_add(&path, wide);
    const struct config_source source = {.file = "options",
                                         .folder = folder,
                                         .service = "conformance",
                                         .handlers = subject->handlers,
                                         .variable = subject__variable};
    text_init_heap(&text);
    config_problems_init(&problems);
    text_add_format(
        &text,
        "[service]\nworkers = 2\n[defaults]\naccepts_max = 8\n[endpoint conformance]\nlisten = %s://127.0.0.1:1\nhandler = %s\n%s",
        protocols[subject->protocol], subject->handlers[0]->name, options);
    struct config *config = config_parse(&source, text.at, text.length, &problems);
    subject__add_problems(problem, problems.text.at, options);
    config_problems_fini(&problems);
    text_fini(&text);
    return config;
}

bool subject_configure(struct subject *subject, enum config_protocol protocol, const char *options,
                       struct text *problem)
{
    subject->protocol = protocol;
    subject->engine = NULL;
    subject->handlers[0] = &subject->witness.handler;
    subject->handlers[1] = NULL;
    subject->config = subject__parse(subject, options, problem);
    if (subject->config == NULL) {
        return false;
    }
    struct config_listen *listen = subject->config->endpoints[0].listen;
    listen->address.port = listen->last_port = 0; /* any that is free */
    return true;
}

void subject_fini(struct subject *subject)
{
    config_destroy(subject->config);
    subject->config = NULL;
}

/* ---- Running ---- */

bool subject_start(struct subject *subject, struct failure *failure_out)
{
    const struct engine_options options = {.config = subject->config, .handlers = subject->handlers};
    struct engine_listener listener = {0};
    subject->engine = engine_start(&options, failure_out);
    if (subject->engine == NULL) {
        return false;
    }
    engine_listener_at(subject->engine, 0, &listener);
    subject->address = listener.address;
    return true;
}

int64_t subject_stop(struct subject *subject, uint32_t within, struct failure *failure_out)
{
    const ULONGLONG since = GetTickCount64();
    if (!engine_stop(subject->engine, within, failure_out)) {
        return -1;
    }
    const int64_t took = (int64_t)(GetTickCount64() - since);
    engine_destroy(subject->engine);
    subject->engine = NULL;
    return took;
}

/* ---- Looking at it ---- */

LONG64 subject_open(const struct subject *subject)
{
    return subject->witness.opens - subject->witness.closes;
}

bool subject_wait(const struct subject *subject, LONG64 open, unsigned within)
{
    const ULONGLONG end = GetTickCount64() + within;
    while (subject_open(subject) > open) {
        if (GetTickCount64() > end) {
            return false;
        }
        Sleep(SUBJECT_NAP);
    }
    return true;
}

bool subject_wait_for(const volatile LONG64 *count, LONG64 value, unsigned within)
{
    const ULONGLONG end = GetTickCount64() + within;
    while (*count < value) {
        if (GetTickCount64() > end) {
            return false;
        }
        Sleep(SUBJECT_NAP);
    }
    return true;
}

static bool subject__has_come(const struct witness *witness, LONG port)
{
    for (int i = 0; i < WITNESS_PORTS; i++) {
        if (witness->ports[i] == port) {
            return true;
        }
    }
    return false;
}

/* This very client, and not one that came before and is late. */
static bool subject__serves_tcp(struct subject *subject)
{
    const ULONGLONG end = GetTickCount64() + SUBJECT_PATIENCE;
    bool serves = false;
    for (int i = 0; i < WITNESS_PORTS; i++) {
        InterlockedExchange(&subject->witness.ports[i], 0);
    }
    const SOCKET peer = peer_connect(&subject->address, 0);
    const LONG port = peer_port(peer);
    while (port != 0 && !serves && GetTickCount64() < end) {
        serves = subject__has_come(&subject->witness, port);
        Sleep(serves ? 0 : SUBJECT_NAP);
    }
    peer_reset(peer);
    return serves;
}

/* A datagram may be lost: it is sent again. */
static bool subject__serves_udp(const struct subject *subject)
{
    const LONG64 datagrams = subject->witness.datagrams;
    const SOCKET peer = peer_open_datagram();
    bool serves = false;
    for (int waited = 0; !serves && waited < SUBJECT_PATIENCE; waited += SUBJECT_ASKS) {
        peer_send_datagram(peer, &subject->address, "?", 1);
        serves = subject_wait_for(&subject->witness.datagrams, datagrams + 1, SUBJECT_ASKS);
    }
    peer_close(peer);
    return serves;
}

bool subject_serves(struct subject *subject)
{
    return subject->protocol == CONFIG_TCP ? subject__serves_tcp(subject) : subject__serves_udp(subject);
}

/* ---- The process ---- */

/* PROCESS_MEMORY_COUNTERS and its function, of psapi.h. */
struct process_memory {
    DWORD size, faults;
    SIZE_T others[6];
    SIZE_T page_file; /* what is committed, and this process's alone */
    SIZE_T page_file_peak;
};
__declspec(dllimport) BOOL
    WINAPI K32GetProcessMemoryInfo(HANDLE process, struct process_memory *out, DWORD size);

size_t subject_memory(void)
{
    struct process_memory memory = {.size = sizeof memory};
    K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory);
    return memory.page_file;
}

enum { SYSTEM_EXTENDED_HANDLES = 64, HANDLES_ROOM = 1 << 24 };

struct handle_entry {
    void *object;
    ULONG_PTR process;
    ULONG_PTR numbers[2];
    ULONG reserved[2];
};

/* NtQuerySystemInformation: all open handles of the system. Not in the Windows headers. */
typedef LONG(NTAPI *query_information)(int what, void *at, ULONG room, ULONG *length_out);

/* For Wine, whose GetProcessHandleCount tells of none. */
static size_t subject__count_handles(void)
{
    const query_information query = (query_information)(void (*)(void))GetProcAddress(
        GetModuleHandleW(L"ntdll.dll"), "NtQuerySystemInformation");
    char *table = memory_alloc(HANDLES_ROOM);
    size_t count = 0;
    ULONG length = 0;
    if (table != NULL && query != NULL && query(SYSTEM_EXTENDED_HANDLES, table, HANDLES_ROOM, &length) == 0) {
        const ULONG_PTR all = *(const ULONG_PTR *)(const void *)table;
        const struct handle_entry *at = (const void *)(table + 2 * sizeof(ULONG_PTR));
        for (ULONG_PTR i = 0; i < all; i++) {
            count += at[i].process == GetCurrentProcessId();
        }
    }
    memory_free(table);
    return count;
}

size_t subject_handles(void)
{
    DWORD count = 0;
    return GetProcessHandleCount(GetCurrentProcess(), &count) && count > 0 ? count : subject__count_handles();
}
