/* SPDX-License-Identifier: MIT
   Crashes, see crash.h. Nothing here allocates or takes a lock of the C run-time library. */
#include "support/crash.h"

#include <stdbool.h>

#include "support/place.h"
#include "support/seam.h"

enum { CRASH_FRAMES = 20 };

static bool crash__is_fatal(DWORD code)
{
    static const DWORD fatal[] = {EXCEPTION_ACCESS_VIOLATION,
                                  EXCEPTION_ARRAY_BOUNDS_EXCEEDED,
                                  EXCEPTION_DATATYPE_MISALIGNMENT,
                                  EXCEPTION_ILLEGAL_INSTRUCTION,
                                  EXCEPTION_INT_DIVIDE_BY_ZERO,
                                  EXCEPTION_IN_PAGE_ERROR,
                                  EXCEPTION_PRIV_INSTRUCTION,
                                  EXCEPTION_STACK_OVERFLOW,
                                  EXCEPTION_BREAKPOINT,
                                  0xC0000374 /* heap corruption */};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        if (fatal[i] == code) {
            return true;
        }
    }
    return false;
}

static void crash__write(const struct text *text)
{
    const HANDLE error = GetStdHandle(STD_ERROR_HANDLE);
    DWORD written = 0;
    SEAM_REAL(WriteFile)(error, text->at, (DWORD)text->length, &written, NULL);
    SEAM_REAL(WriteFile)(error, "\n", 1, &written, NULL);
}

static void crash__tell(const EXCEPTION_RECORD *record)
{
    char room[512];
    struct text text;
    text_init(&text, room, sizeof room);
    text_add_format(&text, "crash: exception 0x%08lX on thread %lu at ", (unsigned long)record->ExceptionCode,
                    (unsigned long)GetCurrentThreadId());
    place_add_offset(&text, record->ExceptionAddress);
    if (record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION) {
        text_add_format(&text, ", accessing 0x%llx", (unsigned long long)record->ExceptionInformation[1]);
    }
    crash__write(&text);
}

/* With names and lines; should that fail, the bare facts are out already. */
static void crash__tell_calls(const void *address)
{
    char room[1024];
    void *frames[CRASH_FRAMES];
    struct text text;
    const USHORT count = RtlCaptureStackBackTrace(0, CRASH_FRAMES, frames, NULL);
    USHORT first = 0;
    while (first < count && frames[first] != address) { /* what lies before dispatches the exception */
        first++;
    }
    text_init(&text, room, sizeof room);
    text_add_string(&text, "crash: in ");
    if (first < count) {
        frames[first] = (char *)frames[first] + 1; /* the others are return addresses */
        place_add_chain(&text, (const void *const *)frames + first, count - first);
    } else {
        place_add(&text, address);
    }
    crash__write(&text);
}

static LONG CALLBACK crash__report(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
    if (crash__is_fatal(record->ExceptionCode) && !place_is_asking()) {
        crash__tell(record);
        crash__tell_calls(record->ExceptionAddress);
        SEAM_REAL(TerminateProcess)(GetCurrentProcess(), CRASH_EXIT_CODE);
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

void crash_watch(void)
{
    static LONG volatile is_watching;
    if (InterlockedExchange(&is_watching, 1) == 0) {
        AddVectoredExceptionHandler(1, crash__report);
    }
}
