/* SPDX-License-Identifier: MIT
   The built program with DLLs that do what they must not: each one ends as its row of the tables says, with a message of
   its own, and harms nothing else. The program runs in a child process, on a console; beside the hostile handler's
   endpoint, `victim`, there is another one that must go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/failure.h"
#include "support/client.h"
#include "support/console_run.h"
#include "support/pe_image.h"
#include "support/program.h"

enum { PATIENCE = 60000, STACK_PATIENCE = 5000, HANG_PATIENCE = 2000, LEAST_CASES = 40, ROOM = 65536 };

static struct {
    WCHAR folder[PROGRAM_PATH_MAX];
    WCHAR ini[PROGRAM_PATH_MAX];
    uint16_t victim, other; /* ports */
    char listen[64];        /* of the victim */
    bool is_watched;        /* it reloads when its INI changes */
    HANDLE process;
    char owed[128]; /* what the next start has to tell of the last run's end; "": nothing */
    char text[ROOM];
} world;

/* ---- Files ---- */

static const WCHAR *inside(const char *name)
{
    static WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%hs", world.folder, name);
    return path;
}

/* The DLL of the tests under another name, perhaps. */
static void put_dll(const char *name, const char *as)
{
    WCHAR source[PROGRAM_PATH_MAX], target[64];
    wcscpy(source, program_path());
    swprintf(wcsrchr(source, L'\\') + 1, 64, L"plugins\\%hs.dll", name);
    swprintf(target, 64, L"plugins\\%hs.dll", as);
    WCHAR path[PROGRAM_PATH_MAX];
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", world.folder, target);
    if (!CopyFileW(source, path, FALSE)) {
        fail_msg("%s.dll cannot be copied: error %lu", name, (unsigned long)GetLastError());
    }
}

static void put_bytes(const char *name, const void *at, size_t length)
{
    char file[64];
    DWORD written = 0;
    snprintf(file, sizeof file, "plugins\\%s.dll", name);
    HANDLE handle = CreateFileW(inside(file), GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    assert_ptr_not_equal(handle, INVALID_HANDLE_VALUE);
    assert_true(WriteFile(handle, at, (DWORD)length, &written, NULL));
    CloseHandle(handle);
}

static void expect_part(const char *what, const char *part)
{
    if (strstr(world.text, part) == NULL) {
        fail_msg("%s: \"%s\" is not in:\n%s", what, part, world.text);
    }
}

static void read_file(const char *name)
{
    if (!program_read(inside(name), world.text, sizeof world.text)) {
        fail_msg("%s cannot be read: error %lu", name, (unsigned long)GetLastError());
    }
}

static bool is_there(const char *name)
{
    return GetFileAttributesW(inside(name)) != INVALID_FILE_ATTRIBUTES;
}

/* ---- DLLs that are refused before they run: one `check` judges all of them ---- */

/* A DLL of the tests; or what is in its file: some bytes, or the smallest right DLL with `size` bytes changed. */
struct refused {
    const char *name;
    const char *bytes;
    size_t offset, size;
    uint32_t value;
    const char *says;
};

static const struct refused refused[] = {
    {.name = "empty", .bytes = "", .says = "the file is empty; copy the file again"},
    {.name = "text",
     .bytes = "no DLL",
     .says = "the file is no Windows program: it does not begin with \"MZ\""},
    {.name = "dos", .bytes = "MZ", .says = "the file ends within its DOS header"},
    {.name = "x86",
     .offset = PE_IMAGE_COFF,
     .size = 2,
     .value = 0x14C,
     .says = "the DLL is for 32-bit x86; build it for 64-bit"},
    {.name = "arm64", .offset = PE_IMAGE_COFF, .size = 2, .value = 0xAA64, .says = "the DLL is for ARM64"},
    {.name = "pe32",
     .offset = PE_IMAGE_OPTIONAL,
     .size = 2,
     .value = 0x10B,
     .says = "that of a 32-bit DLL (PE32)"},
    {.name = "program",
     .offset = PE_IMAGE_COFF + 18,
     .size = 2,
     .value = 0x22,
     .says = "the file is a program (EXE), not a DLL"},
    {.name = "not-linked",
     .offset = PE_IMAGE_COFF + 18,
     .size = 2,
     .value = 0x2020,
     .says = "its linker marked the file as not fit to run"},
    {.name = "cut",
     .offset = PE_IMAGE_SECTIONS + 60,
     .size = 4,
     .value = PE_IMAGE_SIZE,
     .says = "the file ends within a section"},
    {.name = "no-sections",
     .offset = PE_IMAGE_COFF + 2,
     .size = 2,
     .value = 0,
     .says = "the number of sections is not 1 to 96"},
    {.name = "forwarder",
     .offset = PE_IMAGE_FUNCTIONS,
     .size = 4,
     .value = 0x20C0,
     .says = "is another DLL's (a forwarder)"},
    {.name = "exports-data",
     .offset = PE_IMAGE_FUNCTIONS,
     .size = 4,
     .value = 0x2100,
     .says = "the export portlistener_handler is not a function"},
    {.name = "wild-exports",
     .offset = PE_IMAGE_EXPORTS + 32,
     .size = 4,
     .value = 0xFFFFFFFF,
     .says = "the tables of exports are not in the file"},
    {.name = "no-export", .says = "the DLL does not export portlistener_handler; export it undecorated"},
    {.name = "refuses", .says = "its own start (DllMain) has refused: error 1114"},
    {.name = "needs-beside", .says = "it needs plugin_beside.dll, which is not in System32"},
    {.name = "returns-null",
     .says = "portlistener_handler returned NULL: return the address of the descriptor"},
    {.name = "wrong-major", .says = "it was built for ABI 77."},
    {.name = "needs-newer", .says = ".900, this program has "},
    {.name = "small-size", .says = "its descriptor has 16 bytes, too few for ABI"},
    {.name = "no-text", .says = "its descriptor lacks a text: set .name, .version and .summary"},
    {.name = "bad-name", .says = "its name is not 1 to 32 of a-z, 0-9, _ and -: change .name"},
    {.name = "other-name", .says = "it is named \"another\", not \"other-name\": name the file another.dll"},
    {.name = "unknown-flags", .says = "its flags have unknown bits, 0x40000000"},
    {.name = "no-protocol", .says = "it takes neither TCP nor UDP"},
    {.name = "no-callback", .says = "PL_TCP is set and on_data is NULL"},
    {.name = "no-datagram", .says = "PL_UDP is set and on_datagram is NULL"},
    {.name = "sessions-alone", .says = "PL_SESSIONS is set without PL_UDP"},
    {.name = "huge-input", .says = "its max_input is above 16777216: set less"},
    {.name = "option-size", .says = "its table of options has 2 elements of 8 bytes, not up to "},
    {.name = "option-count", .says = "its table of options has 1000000 elements of "},
    {.name = "option-name",
     .says = "the name of its option 2 is not a letter and up to 31 of a-z, 0-9 and _"},
    {.name = "option-key",
     .says = "its option \"idle_timeout\" is a key of the host's: give it another name"},
    {.name = "option-twice", .says = "its option \"first\" is there twice: give one of them another name"},
    {.name = "option-type", .says = "its option \"second\" has a type that is not known: take a pl_type"},
    {.name = "option-range", .says = "its option \"second\" has a range that is none"},
    {.name = "option-value", .says = "a default of its is none: "},
    {.name = "option-help", .says = "its option \"second\" has no help: set .help"},
    {.name = "option-required",
     .says = "its option \"second\" is required and has a default: clear one of them"},
    {.name = "counter-size", .says = "its table of counters has 2 elements of 0 bytes, not up to "},
    {.name = "counter-name", .says = "its counter 2 is not good: give it a name of its own"},
    {.name = "counter-twice", .says = "its counter 2 is not good: give it a name of its own"},
    {.name = "default-key", .says = "its default \"colour = red\" is not of a key that may have one"},
    {.name = "default-value", .says = "a default of its is none: "},
};

#define REFUSED (sizeof refused / sizeof refused[0])

static void put_refused(const struct refused *row)
{
    uint8_t image[PE_IMAGE_SIZE];
    if (row->bytes != NULL) {
        put_bytes(row->name, row->bytes, strlen(row->bytes));
    } else if (row->size > 0) {
        pe_image_make(image);
        pe_image_put(image, row->offset, row->size, row->value);
        put_bytes(row->name, image, sizeof image);
    } else {
        put_dll(row->name, row->name);
    }
}

/* Row i's endpoint has its handler in line 5 + 3 i. */
static void write_refused(void)
{
    static char ini[16384];
    size_t length = (size_t)snprintf(ini, sizeof ini, "[service]\nplugin_dir = plugins\n");
    for (size_t i = 0; i < REFUSED; i++) {
        put_refused(&refused[i]);
        length += (size_t)snprintf(ini + length, sizeof ini - length,
                                   "[endpoint e%zu]\nlisten = tcp://127.0.0.1:%zu\nhandler = %s.dll\n", i,
                                   2000 + i, refused[i].name);
    }
    put_dll("echo", "echo");
    snprintf(ini + length, sizeof ini - length,
             "[endpoint good]\nlisten = tcp://127.0.0.1:1999\nhandler = echo.dll\n");
    program_write(world.folder, L"test.ini", ini, world.ini);
}

/* What is said at a line of the INI; NULL: nothing. */
static const char *said_at(size_t line)
{
    static char said[2048];
    char at[32];
    snprintf(at, sizeof at, "test.ini:%zu:11: error: ", line);
    const char *found = strstr(world.text, at);
    if (found == NULL) {
        return NULL;
    }
    snprintf(said, sizeof said, "%.*s", (int)strcspn(found, "\r\n"), found);
    return said;
}

static void test_hostile__files_and_descriptors_are_refused_each_for_its_own_reason(void **state)
{
    (void)state;
    static struct program_result result;
    WCHAR arguments[PROGRAM_PATH_MAX];
    write_refused();
    swprintf(arguments, PROGRAM_PATH_MAX, L"check --config \"%ls\"", world.ini);
    program_run(NULL, arguments, &result);
    assert_true(result.has_ended);
    assert_int_equal(result.code, EXIT_CODE_CONFIGURATION);
    snprintf(world.text, sizeof world.text, "%s%s", result.out, result.err);
    for (size_t i = 0; i < REFUSED; i++) {
        const char *said = said_at(5 + 3 * i);
        if (said == NULL || strstr(said, refused[i].says) == NULL || strstr(said, refused[i].name) == NULL) {
            fail_msg("%s: \"%s\" has no \"%s\"", refused[i].name, said != NULL ? said : world.text,
                     refused[i].says);
        }
    }
    assert_null(said_at(5 + 3 * REFUSED)); /* the good one beside them */
}

/* ---- Running ---- */

/* "tcp" or "udp"; NULL: both. */
static void listen_to(const char *protocol)
{
    if (protocol != NULL) {
        snprintf(world.listen, sizeof world.listen, "%s://127.0.0.1:%u", protocol, (unsigned)world.victim);
    } else {
        snprintf(world.listen, sizeof world.listen, "tcp://127.0.0.1:%u, udp://127.0.0.1:%u",
                 (unsigned)world.victim, (unsigned)world.victim);
    }
}

static void write_ini(const char *plugin, const char *how)
{
    char ini[2048], option[64] = "";
    if (how != NULL) {
        snprintf(option, sizeof option, "how = %s\n", how);
    }
    snprintf(ini, sizeof ini,
             "[service]\nlog_file = logs\\test.log\nplugin_dir = plugins\nworkers = 3\n"
             "blocking_threads = 3\ndrain_timeout = 1s\n%s"
             "[endpoint victim]\nlisten = %s\nhandler = %s%s\n%s"
             "[endpoint other]\nlisten = tcp://127.0.0.1:%u\nhandler = echo\n",
             world.is_watched ? "reload = watch\n" : "", world.listen, plugin,
             strcmp(plugin, "discard") == 0 ? "" : ".dll", option, (unsigned)world.other);
    program_write(world.folder, L"test.ini", ini, world.ini);
}

/* Of the last run's end. The log is this run's alone. */
static void expect_last_told(void)
{
    read_file("logs\\test.log");
    if (world.owed[0] == '\0') {
        assert_null(strstr(world.text, "PL1008"));
    } else {
        expect_part("the next start", "PL1008 the last run did not end in order: process ");
        expect_part("the next start", world.owed);
    }
    world.owed[0] = '\0';
}

static void owe(const char *plugin)
{
    snprintf(world.owed, sizeof world.owed, "; in a callback then: handler %s.dll of endpoint victim",
             plugin);
}

static void start(const char *plugin, const char *how)
{
    DeleteFileW(inside("logs\\test.log"));
    if (strcmp(plugin, "discard") != 0) {
        put_dll(plugin, plugin);
    }
    write_ini(plugin, how);
    world.process = console_run_start(world.folder, world.ini);
}

static void start_up(const char *plugin, const char *how)
{
    start(plugin, how);
    if (!console_run_is_up(world.process, world.other, PATIENCE)) {
        read_file("console.out");
        fail_msg("%s does not start: %s", plugin, world.text);
    }
    expect_last_told();
}

/* Its exit code. */
static DWORD wait_for_end(void)
{
    DWORD code = 0;
    HANDLE process = world.process;
    world.process = NULL;
    assert_true(console_run_end(process, PATIENCE, &code));
    return code;
}

static void expect_end_in_order(void)
{
    console_run_ask_to_stop();
    assert_int_equal(wait_for_end(), EXIT_CODE_DONE);
    assert_false(is_there("logs\\test.running"));
}

static struct client *connect_to(uint16_t port)
{
    const struct pl_address to = client_address("127.0.0.1", port);
    struct client *client = NULL;
    assert_int_equal(client_connect(&to, NULL, 0, CLIENT_PATIENCE, &client), CLIENT_OK);
    return client;
}

/* A worker that waits for a callback takes its other connections with it, so the guide says: a connection beside it must be
   served, and some are. */
static void expect_other_goes_on(void)
{
    enum { CONNECTIONS = 6, TURN = 20 };
    struct client *clients[CONNECTIONS];
    size_t answered = 0, got = 0;
    char answer[5];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        clients[i] = connect_to(world.other);
        assert_int_equal(client_send(clients[i], "hello", 5, CLIENT_PATIENCE), CLIENT_OK);
    }
    for (int waited = 0; answered == 0 && waited < PATIENCE; waited += CONNECTIONS * TURN) {
        for (size_t i = 0; i < CONNECTIONS; i++) {
            (void)client_receive_some(clients[i], answer, sizeof answer, &got, TURN);
            answered += got > 0 ? 1U : 0U;
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        client_close(clients[i]);
    }
    assert_int_not_equal(answered, 0);
}

static void provoke_by_datagram(void)
{
    const struct pl_address from = client_address("127.0.0.1", 0),
                            to = client_address("127.0.0.1", world.victim);
    struct client *client = client_open_datagram(&from);
    assert_non_null(client);
    (void)client_send_datagram(client, &to, "x", 1);
    client_close(client);
}

/* Whatever there is to call back for. How far it comes depends on where the handler strikes. */
static struct client *provoke(void)
{
    struct client *client = connect_to(world.victim);
    (void)client_send(client, "x", 1, CLIENT_PATIENCE);
    provoke_by_datagram();
    Sleep(100);
    (void)client_finish(client);
    return client;
}

/* ---- DLLs that end the process ---- */

/* `asks`: what it takes besides clients. */
struct death {
    const char *plugin, *how;
    enum { ALONE, WITH_A_STOP, STARTING } when;
    DWORD code;           /* 0: any that is not in order */
    const char *callback; /* in the report; NULL: none is written */
    const char *says;     /* in the report */
};

#define ACCESS "exception: 0xC0000005, access violation, writing 0x0000000000000010"
#define CRASH(plugin, callback)                                               \
    {                                                                         \
        plugin, "access", ALONE, EXCEPTION_ACCESS_VIOLATION, callback, ACCESS \
    }

static const struct death deaths[] = {
    {"strikes-start", "access", STARTING, EXCEPTION_ACCESS_VIOLATION, "start", ACCESS},
    {"strikes-stop", "access", WITH_A_STOP, EXCEPTION_ACCESS_VIOLATION, "stop", ACCESS},
    {"strikes-drain", "access", WITH_A_STOP, EXCEPTION_ACCESS_VIOLATION, "drain", ACCESS},
    CRASH("strikes-open", "on_open"),
    CRASH("strikes-data", "on_data"),
    CRASH("strikes-datagram", "on_datagram"),
    CRASH("strikes-writable", "on_writable"),
    CRASH("strikes-eof", "on_eof"),
    CRASH("strikes-timer", "on_timer"),
    CRASH("strikes-close", "on_close"),
    CRASH("strikes-posted", "a posted function"),
    CRASH("blocking-open", "on_open"),
    CRASH("blocking-data", "on_data"),
    CRASH("blocking-datagram", "on_datagram"),
    CRASH("blocking-timer", "on_timer"),
    CRASH("blocking-close", "on_close"),
    CRASH("blocking-posted", "a posted function"),
    {"strikes-data", "jump", ALONE, EXCEPTION_ACCESS_VIOLATION, "on_data", "access violation, "},
    {"strikes-data", "divide", ALONE, EXCEPTION_INT_DIVIDE_BY_ZERO, "on_data", "integer division by zero"},
    {"strikes-data", "throw", ALONE, 0x20474343, "on_data", "C++ exception that nobody caught (GCC)"},
    {"strikes-data", "fail-fast", ALONE, 0, NULL, NULL},
    {"strikes-data", "stack", ALONE, 0, NULL, NULL},
    {"strikes-data", "abort", ALONE, 3, NULL, NULL},
    {"strikes-data", "exit", ALONE, 7, NULL, NULL},
    {"blocking-data", "exit", ALONE, 7, NULL, NULL},
    {"strikes-start", "exit", STARTING, 7, NULL, NULL},
    {"strikes-close", "fail-fast", ALONE, 0, NULL, NULL},
};

#define DEATHS (sizeof deaths / sizeof deaths[0])

static void delete_reports(const WCHAR *logs)
{
    WCHAR path[PROGRAM_PATH_MAX];
    WIN32_FIND_DATAW found;
    swprintf(path, PROGRAM_PATH_MAX, L"%ls\\test-crash-*.txt", logs);
    HANDLE search = FindFirstFileW(path, &found);
    for (BOOL is_found = search != INVALID_HANDLE_VALUE; is_found; is_found = FindNextFileW(search, &found)) {
        swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", logs, found.cFileName);
        DeleteFileW(path);
    }
    if (search != INVALID_HANDLE_VALUE) {
        FindClose(search);
    }
}

static void expect_report(const struct death *row)
{
    char part[160];
    WCHAR logs[PROGRAM_PATH_MAX];
    wcscpy(logs, inside("logs"));
    const unsigned count = program_read_all(logs, L"test-crash-*.txt", world.text, sizeof world.text);
    if (row->callback == NULL) { /* with a full stack, one may have been begun */
        assert_true(count == 0 || strcmp(row->how, "stack") == 0);
        delete_reports(logs);
        return;
    }
    assert_int_equal(count, 1);
    expect_part(row->plugin, row->says);
    snprintf(part, sizeof part, "\r\nhandler: %s.dll\r\ncallback: %s\r\nendpoint: victim\r\nconnection: 0x",
             row->plugin, row->callback);
    expect_part(row->plugin, part);
    snprintf(part, sizeof part, "%s-1.dll+0x", row->plugin); /* whose code it was, and where */
    expect_part(row->plugin, part);
    delete_reports(logs);
}

/* Wine 8 ends only the thread whose stack is full. */
static DWORD wait_for_death(const struct death *row)
{
    if (strcmp(row->how, "stack") == 0 &&
        WaitForSingleObject(world.process, STACK_PATIENCE) == WAIT_TIMEOUT) {
        TerminateProcess(world.process, 9);
    }
    return wait_for_end();
}

static void die(const struct death *row)
{
    struct client *client = NULL;
    print_message("  %s: %s\n", row->plugin, row->how);
    if (row->when == STARTING) {
        start(row->plugin, row->how);
    } else {
        start_up(row->plugin, row->how);
        client = provoke();
    }
    if (row->when == WITH_A_STOP) {
        console_run_ask_to_stop();
    }
    const DWORD code = wait_for_death(row);
    if (row->when == STARTING) {
        expect_last_told();
    }
    if (client != NULL) {
        client_close(client);
    }
    if (row->code != 0 ? code != row->code : code == EXIT_CODE_DONE) {
        fail_msg("%s: it ends with %08lX", row->plugin, (unsigned long)code);
    }
    owe(row->plugin);
    expect_report(row);
}

static void expect_next_start_in_peace(void)
{
    start_up("discard", NULL);
    expect_other_goes_on();
    expect_end_in_order();
}

static void test_hostile__a_crash_in_any_callback_is_reported_and_told_by_the_next_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEATHS; i++) {
        die(&deaths[i]);
    }
    expect_next_start_in_peace();
}

/* ---- DLLs that end or hold up the process before anything of it runs ---- */

enum { HANGS = 0, ANY_CODE = 1 };

/* Wine 8 takes an exception in DllMain for a refusal; Windows lets the process die of it. */
static const struct {
    const char *plugin;
    DWORD code;
    const char *says; /* of what hangs: on the console, for there is no log yet */
} loads[] = {
    {"strikes-dllmain", ANY_CODE, NULL},
    {"strikes-export", EXCEPTION_ACCESS_VIOLATION, NULL},
    {"exit-dllmain", 7, NULL},
    {"exit-export", 7, NULL},
    {"fail-fast-dllmain", ANY_CODE, NULL},
    {"fail-fast-export", ANY_CODE, NULL},
    {"wild-name", EXCEPTION_ACCESS_VIOLATION, NULL},
    {"hang-dllmain", HANGS, "the plugin hang-dllmain.dll has not returned from DllMain for at least "},
    {"hang-export", HANGS, "the plugin hang-export.dll has not returned from portlistener_handler for "},
};

#define LOADS (sizeof loads / sizeof loads[0])

static void wait_until_it_is_said(const char *part)
{
    const ULONGLONG end = GetTickCount64() + PATIENCE;
    do {
        Sleep(100);
        read_file("console.out");
    } while (strstr(world.text, part) == NULL && GetTickCount64() < end);
    expect_part("console.out", part);
}

static void load(size_t row)
{
    DWORD code = 0;
    const bool hangs = loads[row].code == HANGS;
    print_message("  %s\n", loads[row].plugin);
    start(loads[row].plugin, NULL);
    if (hangs) {
        wait_until_it_is_said(loads[row].says);
    }
    const bool has_ended = console_run_end(world.process, hangs ? HANG_PATIENCE : PATIENCE, &code);
    world.process = NULL;
    assert_int_equal(has_ended, !hangs);
    assert_int_not_equal(code, EXIT_CODE_DONE);
    assert_true(hangs || loads[row].code == ANY_CODE || loads[row].code == code);
    assert_false(is_there("logs\\test.running"));
}

static void test_hostile__while_it_is_loaded_nothing_runs_yet(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOADS; i++) {
        load(i);
    }
    expect_next_start_in_peace();
}

/* ---- DLLs that do not return ---- */

static const struct {
    const char *plugin, *how, *callback;
} hangs[] = {
    {"strikes-open", "hang", "on_open"},
    {"strikes-data", "hang", "on_data"},
    {"strikes-datagram", "hang", "on_datagram"},
    {"strikes-writable", "hang", "on_writable"},
    {"strikes-eof", "hang", "on_eof"},
    {"strikes-timer", "hang", "on_timer"},
    {"strikes-close", "hang", "on_close"},
    {"strikes-posted", "hang", "a posted function"},
    {"blocking-open", "hang", "on_open"},
    {"blocking-data", "hang", "on_data"},
    {"blocking-datagram", "hang", "on_datagram"},
    {"blocking-timer", "hang", "on_timer"},
    {"blocking-close", "hang", "on_close"},
    {"blocking-posted", "hang", "a posted function"},
    {"strikes-data", "end-thread", "on_data"},
    {"strikes-drain", "hang", "drain"},
    {"strikes-stop", "hang", "stop"},
};

#define HELD_UP (sizeof hangs / sizeof hangs[0])

static void hang(size_t row)
{
    char part[128];
    print_message("  %s: %s\n", hangs[row].plugin, hangs[row].how);
    start_up(hangs[row].plugin, hangs[row].how);
    struct client *client = provoke();
    expect_other_goes_on();
    console_run_ask_to_stop();
    assert_int_equal(wait_for_end(), EXIT_CODE_FAILED);
    client_close(client);
    read_file("logs\\test.log");
    snprintf(part, sizeof part, "PL1401 endpoint victim: the handler %s has not returned from %s",
             hangs[row].plugin, hangs[row].callback);
    expect_part(hangs[row].plugin, part);
    owe(hangs[row].plugin);
}

static void test_hostile__a_hang_in_any_callback_is_named_by_the_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < HELD_UP; i++) {
        hang(i);
    }
    expect_next_start_in_peace();
}

/* ---- DLLs that do not return while a reload waits for them ---- */

static const struct {
    const char *plugin;
    bool is_loaded; /* it hangs in its start, and not before */
    const char *says;
} reloads[] = {
    {"hang-export", false,
     "the plugin hang-export.dll has not returned from its DllMain or portlistener_handler"},
    {"strikes-start", true, "endpoint victim: the handler strikes-start has not returned from start"},
};

#define RELOADS (sizeof reloads / sizeof reloads[0])

/* While it is judged and loaded, nobody can write to its file. */
static bool is_held(const char *plugin)
{
    char file[64];
    snprintf(file, sizeof file, "plugins\\%s.dll", plugin);
    HANDLE handle = CreateFileW(inside(file), GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    if (handle != INVALID_HANDLE_VALUE) {
        CloseHandle(handle);
    }
    return handle == INVALID_HANDLE_VALUE;
}

static bool is_told(const char *part)
{
    read_file("logs\\test.log");
    return strstr(world.text, part) != NULL;
}

static bool hangs_now(size_t row)
{
    return reloads[row].is_loaded ? is_told("PL1403 ") : is_held(reloads[row].plugin);
}

/* A change that comes before the file is watched is none, so there are several. */
static void reload_until_it_hangs(size_t row)
{
    const ULONGLONG end = GetTickCount64() + PATIENCE;
    ULONGLONG next = 0;
    put_dll(reloads[row].plugin, reloads[row].plugin);
    for (unsigned change = 0; !hangs_now(row); Sleep(100)) {
        if (GetTickCount64() > end) {
            fail_msg("%s does not hang: %s", reloads[row].plugin, world.text);
        }
        if (GetTickCount64() >= next) {
            char how[32];
            snprintf(how, sizeof how, "hang\n; change %u", ++change);
            write_ini(reloads[row].plugin, how);
            next = GetTickCount64() + 8000;
        }
    }
}

/* Clients are served meanwhile, and the stop takes no longer than one with a callback that hangs. */
static void hang_reload(size_t row)
{
    print_message("  a reload: %s\n", reloads[row].plugin);
    start_up("discard", NULL);
    reload_until_it_hangs(row);
    expect_other_goes_on();
    console_run_ask_to_stop();
    assert_int_equal(wait_for_end(), EXIT_CODE_FAILED);
    assert_true(is_told("stopping: asked to stop"));
    expect_part(reloads[row].plugin, "PL1401 ");
    expect_part(reloads[row].plugin, reloads[row].says);
    snprintf(world.owed, sizeof world.owed, "process ");
    if (reloads[row].is_loaded) {
        owe(reloads[row].plugin);
    }
}

static void test_hostile__a_hang_in_a_reload_does_not_keep_the_stop(void **state)
{
    (void)state;
    world.is_watched = true;
    for (size_t i = 0; i < RELOADS; i++) {
        hang_reload(i);
    }
    expect_next_start_in_peace();
}

/* ---- DLLs that call the host as they must not, or lose what they were given ---- */

static const struct {
    const char *plugin, *protocol;
} misuses[] = {
    {"stale-send", "tcp"},    {"closes-twice", "tcp"}, {"sends-in-close", "tcp"},   {"wrong-thread", "tcp"},
    {"wrong-counter", "tcp"}, {"loses-user", "tcp"},   {"over-consumes", "tcp"},    {"never-consumes", "tcp"},
    {"leaks-handle", "tcp"},  {"leaks-start", "tcp"},  {"never-ends", "tcp"},       {"forgets-full", "tcp"},
    {"slow-stop", "tcp"},     {"sleeps", "tcp"},       {"user-of-datagram", "udp"},
};

#define MISUSES (sizeof misuses / sizeof misuses[0])

static void misuse(size_t row)
{
    struct client *clients[3] = {NULL};
    print_message("  %s\n", misuses[row].plugin);
    listen_to(misuses[row].protocol);
    start_up(misuses[row].plugin, NULL);
    for (size_t i = 0; i < 3 && strcmp(misuses[row].protocol, "tcp") == 0; i++) {
        clients[i] = provoke();
    }
    if (clients[0] == NULL) {
        provoke_by_datagram();
    }
    expect_other_goes_on();
    for (size_t i = 0; i < 3 && clients[i] != NULL; i++) {
        client_close(clients[i]);
    }
    expect_end_in_order();
}

static void test_hostile__misuse_of_the_host_harms_nobody(void **state)
{
    (void)state;
    for (size_t i = 0; i < MISUSES; i++) {
        misuse(i);
    }
}

/* ---- How many ---- */

static void test_hostile__the_cases_are_forty_at_least(void **state)
{
    (void)state;
    const unsigned count = (unsigned)(REFUSED + LOADS + DEATHS + HELD_UP + RELOADS + MISUSES);
    print_message(
        "hostile cases: %u refused, %u end or hold up while they are loaded, %u end the process, %u do not return, "
        "%u of them in a reload, %u misuse the host; %u in all\n",
        (unsigned)REFUSED, (unsigned)LOADS, (unsigned)DEATHS, (unsigned)(HELD_UP + RELOADS),
        (unsigned)RELOADS, (unsigned)MISUSES, count);
    assert_true(count >= LEAST_CASES);
}

/* ---- Around each test ---- */

static int setup(void **state)
{
    const int result = program_setup(state);
    program_folder(world.folder);
    CreateDirectoryW(inside("plugins"), NULL);
    CreateDirectoryW(inside("logs"), NULL);
    world.victim = program_free_port();
    world.other = program_free_port();
    world.owed[0] = '\0';
    world.is_watched = false;
    listen_to(NULL);
    return result;
}

static int teardown(void **state)
{
    DWORD code = 0;
    if (world.process != NULL) { /* of a test that failed */
        (void)console_run_end(world.process, 0, &code);
        world.process = NULL;
    }
    program_remove(world.folder);
    return program_teardown(state);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* With an argument: those tests whose names have it. */
int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        test(test_hostile__files_and_descriptors_are_refused_each_for_its_own_reason),
        test(test_hostile__while_it_is_loaded_nothing_runs_yet),
        test(test_hostile__a_crash_in_any_callback_is_reported_and_told_by_the_next_start),
        test(test_hostile__a_hang_in_any_callback_is_named_by_the_stop),
        test(test_hostile__a_hang_in_a_reload_does_not_keep_the_stop),
        test(test_hostile__misuse_of_the_host_harms_nobody),
        test(test_hostile__the_cases_are_forty_at_least),
    };
    if (count > 1) {
        cmocka_set_test_filter(arguments[1]);
    }
    console_run_open();
    const int result = cmocka_run_group_tests(tests, NULL, NULL);
    console_run_close();
    return result;
}
