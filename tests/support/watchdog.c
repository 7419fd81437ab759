/* SPDX-License-Identifier: MIT
   A watchdog, see watchdog.h. Its thread lives as long as the process. */
#include "support/watchdog.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"
#include "support/place.h"
#include "support/seam.h"

#include <tlhelp32.h>

enum { WATCHDOG_LOOK = 100, WATCHDOG_FRAMES = 24 };

static struct {
    SRWLOCK lock;
    HANDLE thread;
    const char *what;
    uint64_t deadline; /* UINT64_MAX: nothing is watched */
} watchdog = {.lock = SRWLOCK_INIT, .deadline = UINT64_MAX};

/* By the unwind tables; a function without an entry has changed no register but the stack's. */
static bool watchdog__step(CONTEXT *context)
{
    DWORD64 base = 0, frame = 0;
    void *data = NULL;
    RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context->Rip, &base, NULL);
    if (function != NULL) {
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context->Rip, function, context, &data, &frame, NULL);
    } else {
        context->Rip = *(const DWORD64 *)(ULONG_PTR)context->Rsp;
        context->Rsp += sizeof(DWORD64);
    }
    return context->Rip != 0;
}

/* No more than needed while it is suspended: it may hold any lock. */
static size_t watchdog__capture(HANDLE thread, const void *frames[WATCHDOG_FRAMES])
{
    CONTEXT context = {.ContextFlags = CONTEXT_FULL};
    size_t count = 0;
    if (SuspendThread(thread) == (DWORD)-1) {
        return 0;
    }
    bool is_there = GetThreadContext(thread, &context) != FALSE;
    while (is_there && count < WATCHDOG_FRAMES) {
        frames[count++] = (const void *)(ULONG_PTR)context.Rip;
        is_there = watchdog__step(&context);
    }
    ResumeThread(thread);
    return count;
}

static void watchdog__tell_thread(DWORD id)
{
    const void *frames[WATCHDOG_FRAMES];
    char room[2048];
    struct text text;
    const HANDLE thread = OpenThread(THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT, FALSE, id);
    if (thread == NULL) {
        return;
    }
    const size_t count = watchdog__capture(thread, frames);
    text_init(&text, room, sizeof room);
    text_add_format(&text, "thread %lu: ", (unsigned long)id);
    place_add_chain(&text, frames, count);
    fprintf(stderr, "%s\n", text.at);
    SEAM_REAL(CloseHandle)(thread);
}

static void watchdog__tell(const char *what)
{
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    const HANDLE threads = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    fprintf(stderr, "it hangs: %s\n", what);
    for (BOOL is_there = Thread32First(threads, &entry); is_there; is_there = Thread32Next(threads, &entry)) {
        if (entry.th32OwnerProcessID == GetCurrentProcessId() && entry.th32ThreadID != GetCurrentThreadId()) {
            watchdog__tell_thread(entry.th32ThreadID);
        }
    }
    fflush(stderr);
}

/* Leaves the lock taken: what is watched must not change while it is told. */
static bool watchdog__waits_too_long(void)
{
    AcquireSRWLockExclusive(&watchdog.lock);
    const bool is_too_long = SEAM_REAL(GetTickCount64)() >= watchdog.deadline;
    if (!is_too_long) {
        ReleaseSRWLockExclusive(&watchdog.lock);
    }
    return is_too_long;
}

static DWORD WINAPI watchdog__main(void *argument)
{
    (void)argument;
    while (!watchdog__waits_too_long()) {
        Sleep(WATCHDOG_LOOK);
    }
    watchdog__tell(watchdog.what);
    SEAM_REAL(TerminateProcess)(GetCurrentProcess(), WATCHDOG_EXIT_CODE);
    return 0;
}

static void watchdog__set(const char *what, uint64_t deadline)
{
    AcquireSRWLockExclusive(&watchdog.lock);
    if (watchdog.thread == NULL) {
        watchdog.thread = SEAM_REAL(CreateThread)(NULL, 0, watchdog__main, NULL, 0, NULL);
    }
    watchdog.what = what;
    watchdog.deadline = deadline;
    ReleaseSRWLockExclusive(&watchdog.lock);
}

void watchdog_begin(const char *what, uint32_t milliseconds)
{
    watchdog__set(what, SEAM_REAL(GetTickCount64)() + milliseconds);
}

void watchdog_end(void)
{
    watchdog__set("", UINT64_MAX);
}
