/* SPDX-License-Identifier: MIT
   The diary of a random walk, see diary.h. */
#include "support/diary.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/win.h"
#include "support/seam.h"

enum { DIARY_NOTES = 20, DIARY_ROOM = 160 };

static struct {
    bool is_open;
    uint64_t seed;
    uint32_t steps;
    uint32_t step;
    uint32_t count;         /* of notes, ever */
    char where[DIARY_ROOM]; /* in words, for what is printed */
    char notes[DIARY_NOTES][DIARY_ROOM];
} diary;

/* A number from the environment, or `otherwise`. */
static uint64_t diary__number(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
    return given != NULL && *given != '\0' ? strtoull(given, NULL, 0) : otherwise;
}

/* An assert has failed, and has said so. In Windows this is an ordinary call, on the thread that aborts. */
static void diary__aborted(int signal_number)
{
    (void)signal_number;
    diary_print(); /* NOLINT(bugprone-signal-handler,cert-sig30-c) */
}

static LONG CALLBACK diary__crashed(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode >> 30 == 3) { /* an error: support/crash.c tells more */
        diary_print();
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

void diary_begin(uint32_t steps)
{
    LARGE_INTEGER counter;
    QueryPerformanceCounter(&counter);
    const uint64_t fresh = ((uint64_t)counter.QuadPart ^ (uint64_t)GetCurrentProcessId() << 20) % 1000000007u;
    diary.seed = diary__number("PORTLISTENER_TEST_SEED", fresh);
    diary.steps = (uint32_t)diary__number("PORTLISTENER_TEST_STEPS", steps);
    diary.step = diary.count = 0;
    diary.is_open = true;
    signal(SIGABRT, diary__aborted);
    AddVectoredExceptionHandler(1, diary__crashed);
    printf("walk: PORTLISTENER_TEST_SEED=%llu PORTLISTENER_TEST_STEPS=%u\n", (unsigned long long)diary.seed,
           (unsigned)diary.steps);
    fflush(stdout);
}

void diary_end(void)
{
    diary.is_open = false;
    signal(SIGABRT, SIG_DFL);
}

uint64_t diary_seed(void)
{
    return diary.seed;
}

uint32_t diary_steps(void)
{
    return diary.steps;
}

struct random diary_step(uint32_t step)
{
    diary.step = step;
    snprintf(diary.where, sizeof diary.where,
             "walk: failed in step %u; again with PORTLISTENER_TEST_SEED=%llu; what it did last:",
             (unsigned)step, (unsigned long long)diary.seed);
    return (struct random){random_mix(random_mix(diary.seed + 1) + step)};
}

void diary_note(const char *format, ...)
{
    va_list arguments;
    char *note = diary.notes[diary.count++ % DIARY_NOTES];
    const int length = snprintf(note, DIARY_ROOM, "  step %u: ", (unsigned)diary.step);
    va_start(arguments, format);
    vsnprintf(note + length, DIARY_ROOM - (size_t)length, format, arguments);
    va_end(arguments);
}

/* In a crash the output of the C run-time library may be locked: past it.
   NOLINTBEGIN(bugprone-signal-handler,cert-sig30-c) */
static void diary__write(const char *text)
{
    DWORD written = 0;
    SEAM_REAL(WriteFile)(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, NULL);
    SEAM_REAL(WriteFile)(GetStdHandle(STD_ERROR_HANDLE), "\n", 1, &written, NULL);
}
/* NOLINTEND(bugprone-signal-handler,cert-sig30-c) */

void diary_print(void)
{
    if (!diary.is_open) {
        return;
    }
    diary.is_open = false;
    diary__write(diary.where);
    for (uint32_t i = diary.count > DIARY_NOTES ? diary.count - DIARY_NOTES : 0; i < diary.count; i++) {
        diary__write(diary.notes[i % DIARY_NOTES]);
    }
}
