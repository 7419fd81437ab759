/* SPDX-License-Identifier: MIT
   The report on a crash, see crash_report.h.

   The filter runs on the thread that crashed, in a process of which nothing is certain: it uses no heap, no lock of ours,
   no printf, and little of the stack. What it needs was allocated before. It writes in parts, what is surest first. */
#include "crash_report.h"

#include <string.h>

#include "base/log_time.h"
#include "base/memory.h"
#include "base/record_name.h"
#include "base/utf16.h"
#include "base/win.h"

#define CRASH_ENDING L"-crash.txt"

enum {
    CRASH_TEXT = 4096,
    CRASH_PATH = 1024,      /* characters of a module's path */
    CRASH_CALLS = 48,       /* return addresses that are looked at */
    CRASH_CALLS_SHOWN = 24, /* and told */
    CRASH_WAIT = 10000      /* milliseconds that a second thread leaves the first one */
};

struct crash_report {
    struct breadcrumb *breadcrumb;
    WCHAR *path;    /* without a stamp */
    WCHAR *stamped; /* room for it with one */
    LPTOP_LEVEL_EXCEPTION_FILTER before;
    volatile LONG thread; /* that writes the report; 0: none does */
    HANDLE file;
    struct text text;
    char text_room[CRASH_TEXT];
    WCHAR module[CRASH_PATH];
    char module_name[3 * CRASH_PATH];
    void *calls[CRASH_CALLS];
};

/* A filter is given no context: this is how it finds its own. NULL while none is armed. */
static struct crash_report *volatile crash_report__armed;

/* ---- Texts, without printf ---- */

static void crash_report__add_hex(struct text *text, uint64_t value, int digits)
{
    char room[16];
    for (int i = digits; i > 0; value /= 16) {
        room[--i] = "0123456789ABCDEF"[value % 16];
    }
    text_add_string(text, "0x");
    text_add(text, room, (size_t)digits);
}

static void crash_report__add_number(struct text *text, uint32_t value)
{
    char room[10];
    size_t first = sizeof room;
    do {
        room[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    text_add(text, room + first, sizeof room - first);
}

static void crash_report__begin_line(struct text *text, const char *name)
{
    text_add_string(text, name);
    text_add_string(text, ": ");
}

static void crash_report__end_line(struct text *text)
{
    text_add_string(text, "\r\n");
}

static void crash_report__add_line(struct text *text, const char *name, const char *value)
{
    crash_report__begin_line(text, name);
    text_add_string(text, value);
    crash_report__end_line(text);
}

static void crash_report__add_hex_line(struct text *text, const char *name, uint64_t value)
{
    crash_report__begin_line(text, name);
    crash_report__add_hex(text, value, 16);
    crash_report__end_line(text);
}

static void crash_report__add_number_line(struct text *text, const char *name, uint32_t value)
{
    crash_report__begin_line(text, name);
    crash_report__add_number(text, value);
    crash_report__end_line(text);
}

/* ---- What happened ---- */

static const char *crash_report__name(DWORD code)
{
    static const struct {
        DWORD code;
        const char *name;
    } names[] = {
        {EXCEPTION_ACCESS_VIOLATION, "access violation"},
        {EXCEPTION_IN_PAGE_ERROR, "a page could not be read from its disk"},
        {EXCEPTION_STACK_OVERFLOW, "stack overflow"},
        {EXCEPTION_INT_DIVIDE_BY_ZERO, "integer division by zero"},
        {EXCEPTION_INT_OVERFLOW, "integer overflow"},
        {EXCEPTION_ILLEGAL_INSTRUCTION, "illegal instruction"},
        {EXCEPTION_PRIV_INSTRUCTION, "privileged instruction"},
        {EXCEPTION_BREAKPOINT, "breakpoint, or an assertion that failed"},
        {EXCEPTION_DATATYPE_MISALIGNMENT, "misaligned address"},
        {EXCEPTION_ARRAY_BOUNDS_EXCEEDED, "array index out of bounds"},
        {EXCEPTION_FLT_DIVIDE_BY_ZERO, "floating-point division by zero"},
        {EXCEPTION_FLT_INVALID_OPERATION, "invalid floating-point operation"},
        {EXCEPTION_GUARD_PAGE, "guard page"},
        {EXCEPTION_INVALID_HANDLE, "invalid handle"},
        {EXCEPTION_NONCONTINUABLE_EXCEPTION, "an exception that cannot be continued was"},
        {0xE06D7363, "C++ exception that nobody caught (Visual C++)"},
        {0x20474343, "C++ exception that nobody caught (GCC)"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return "unknown";
}

/* Of an access violation, and of a page that could not be read: what was done, and to which address. */
static void crash_report__add_access(struct text *text, const EXCEPTION_RECORD *record)
{
    if ((record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION &&
         record->ExceptionCode != EXCEPTION_IN_PAGE_ERROR) ||
        record->NumberParameters < 2) {
        return;
    }
    const ULONG_PTR kind = record->ExceptionInformation[0];
    text_add_string(text, kind == 0 ? ", reading " : kind == 1 ? ", writing " : ", executing ");
    crash_report__add_hex(text, record->ExceptionInformation[1], 16);
}

/* Where the module begins that this address is in; 0: in none. */
static uint64_t crash_report__base(const void *address)
{
    MEMORY_BASIC_INFORMATION memory;
    return VirtualQuery(address, &memory, sizeof memory) != 0 && memory.Type == MEM_IMAGE
               ? (uint64_t)(uintptr_t)memory.AllocationBase
               : 0;
}

static void crash_report__add_callback(const struct crash_report *report, struct text *text, uint32_t thread)
{
    struct breadcrumb_callback callback;
    if (report->breadcrumb == NULL || !breadcrumb_callback_of(report->breadcrumb, thread, &callback)) {
        crash_report__add_line(text, "handler", "none: the thread was in no callback");
        return;
    }
    crash_report__add_line(text, "handler", callback.handler);
    crash_report__add_line(text, "callback", callback.name);
    crash_report__add_line(text, "endpoint", callback.endpoint);
    crash_report__add_hex_line(text, "connection", callback.id);
}

/* All that is known without asking who may wait for a lock. */
static void crash_report__tell(struct crash_report *report, const EXCEPTION_RECORD *record, const char *time)
{
    struct text *text = &report->text;
    const uint64_t address = (uint64_t)(uintptr_t)record->ExceptionAddress;
    const uint64_t base = crash_report__base(record->ExceptionAddress);
    crash_report__add_line(text, "crash of", "PortListener " PORTLISTENER_VERSION);
    crash_report__add_line(text, "time", time);
    crash_report__add_number_line(text, "process", GetCurrentProcessId());
    crash_report__add_number_line(text, "thread", GetCurrentThreadId());
    crash_report__begin_line(text, "exception");
    crash_report__add_hex(text, record->ExceptionCode, 8);
    text_add_string(text, ", ");
    text_add_string(text, crash_report__name(record->ExceptionCode));
    crash_report__add_access(text, record);
    crash_report__end_line(text);
    crash_report__add_hex_line(text, "address", address);
    crash_report__add_hex_line(text, "module's base", base);
    crash_report__add_hex_line(text, "offset", base != 0 ? address - base : 0);
    crash_report__add_callback(report, text, GetCurrentThreadId());
}

/* ---- Whose code it was ---- */

/* The module's path in UTF-8; where it cannot be had, "?". */
static const char *crash_report__module(struct crash_report *report, uint64_t base)
{
    report->module[0] = L'\0';
    if (base == 0 || GetModuleFileNameW((HMODULE)(uintptr_t)base, report->module, CRASH_PATH) == 0 ||
        WideCharToMultiByte(CP_UTF8, 0, report->module, -1, report->module_name, sizeof report->module_name,
                            NULL, NULL) == 0) {
        return "?";
    }
    return report->module_name;
}

static void crash_report__add_call(struct crash_report *report, const void *call)
{
    const uint64_t base = crash_report__base(call);
    text_add_string(&report->text, "  ");
    text_add_string(&report->text, text_file_name(crash_report__module(report, base)));
    text_add_string(&report->text, "+");
    crash_report__add_hex(&report->text, (uint64_t)(uintptr_t)call - base, 8);
    crash_report__end_line(&report->text);
}

/* The calls that led to it: from the address itself on, for before it stands what dispatches the exception. */
static void crash_report__tell_calls(struct crash_report *report, const void *address)
{
    const USHORT count = RtlCaptureStackBackTrace(0, CRASH_CALLS, report->calls, NULL);
    USHORT first = 0, shown = 0;
    while (first < count && report->calls[first] != address) {
        first++;
    }
    text_add_string(&report->text, "calls:\r\n");
    for (USHORT i = first < count ? first : 0; i < count && shown < CRASH_CALLS_SHOWN; i++, shown++) {
        crash_report__add_call(report, report->calls[i]);
    }
}

/* ---- The report ---- */

static bool crash_report__write(struct crash_report *report)
{
    DWORD written = 0;
    const bool is_written =
        WriteFile(report->file, report->text.at, (DWORD)report->text.length, &written, NULL) &&
        written == report->text.length;
    text_clear(&report->text);
    return is_written;
}

/* "20261127T083100.123Z" of the stamp. */
static void crash_report__copy_time(const WCHAR *stamp, char time_out[RECORD_NAME_STAMP])
{
    for (size_t i = 1; i < RECORD_NAME_STAMP; i++) {
        time_out[i - 1] = (char)stamp[i];
    }
    time_out[RECORD_NAME_STAMP - 1] = '\0';
}

static void crash_report__note(struct breadcrumb *breadcrumb, const EXCEPTION_RECORD *record)
{
    if (breadcrumb != NULL) {
        breadcrumb->crash_thread = GetCurrentThreadId();
        breadcrumb->crash_code = record->ExceptionCode;
    }
}

/* In parts: what is written then, is there, whatever becomes of the next. */
static bool crash_report__write_parts(struct crash_report *report, const EXCEPTION_RECORD *record,
                                      const char *time)
{
    crash_report__tell(report, record, time);
    if (!crash_report__write(report)) {
        return false;
    }
    crash_report__add_line(&report->text, "module",
                           crash_report__module(report, crash_report__base(record->ExceptionAddress)));
    (void)crash_report__write(report);
    crash_report__tell_calls(report, record->ExceptionAddress);
    (void)crash_report__write(report);
    return true;
}

static void crash_report__make(struct crash_report *report, const EXCEPTION_RECORD *record)
{
    WCHAR stamp[RECORD_NAME_STAMP];
    char time[RECORD_NAME_STAMP];
    const uint64_t now = log_time_ticks();
    crash_report__note(report->breadcrumb, record);
    record_name_stamp(stamp, now);
    crash_report__copy_time(stamp, time);
    record_name_compose(report->path, report->stamped, now);
    report->file = CreateFileW(report->stamped, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_NEW,
                               FILE_ATTRIBUTE_NORMAL, NULL);
    if (report->file == INVALID_HANDLE_VALUE) {
        return;
    }
    if (crash_report__write_parts(report, record, time) && report->breadcrumb != NULL) {
        report->breadcrumb->crash_time = now;
    }
    CloseHandle(report->file);
}

/* The end is by TerminateProcess: an end in order would call into DLLs whose locks the crashed thread may hold. It is
   at once, so that the service manager can start again at once; and STOPPED is not reported, so that it does. Whoever
   crashes here, while it writes, comes back to here. */
static LONG WINAPI crash_report__filter(EXCEPTION_POINTERS *pointers)
{
    struct crash_report *report = crash_report__armed;
    if (report != NULL) { /* else it was disarmed while this was under way */
        const LONG me = (LONG)GetCurrentThreadId();
        const LONG writer = InterlockedCompareExchange(&report->thread, me, 0);
        if (writer == 0) {
            crash_report__make(report, pointers->ExceptionRecord);
        } else if (writer != me) {
            Sleep(CRASH_WAIT); /* the other one ends the process before */
        }
    }
    TerminateProcess(GetCurrentProcess(), pointers->ExceptionRecord->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

/* ---- Arming it ---- */

static WCHAR *crash_report__room(const WCHAR *path)
{
    return path != NULL ? memory_alloc((wcslen(path) + RECORD_NAME_STAMP + 1) * sizeof(WCHAR)) : NULL;
}

static void crash_report__destroy(struct crash_report *report)
{
    memory_free(report->stamped);
    memory_free(report->path);
    memory_free(report);
}

bool crash_report_arm(const char *log, struct breadcrumb *breadcrumb)
{
    struct crash_report *report = memory_alloc(sizeof *report);
    if (report == NULL) {
        return false;
    }
    report->breadcrumb = breadcrumb;
    report->path = record_name_beside(log, CRASH_ENDING);
    report->stamped = crash_report__room(report->path);
    if (report->stamped == NULL) {
        crash_report__destroy(report);
        return false;
    }
    text_init(&report->text, report->text_room, sizeof report->text_room);
    record_name_delete_surplus(report->path, report->stamped, CRASH_REPORTS_KEPT - 1);
    crash_report__armed = report;
    report->before = SetUnhandledExceptionFilter(crash_report__filter);
    return true;
}

void crash_report_disarm(void)
{
    struct crash_report *report = crash_report__armed;
    if (report != NULL) {
        (void)SetUnhandledExceptionFilter(report->before);
        crash_report__armed = NULL;
        crash_report__destroy(report);
    }
}

void crash_report_add_path(struct text *text, const char *log, uint64_t time)
{
    WCHAR *path = record_name_beside(log, CRASH_ENDING);
    WCHAR *stamped = crash_report__room(path);
    if (stamped != NULL) {
        record_name_compose(path, stamped, time);
        utf16_add(text, stamped);
    } else {
        text->is_cut = true;
    }
    memory_free(stamped);
    memory_free(path);
}
