/* SPDX-License-Identifier: MIT
   The diary of a random walk, see diary.h. */
#include "support/diary.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/win.h"
#include "support/seam.h"

enum { DIARY_NOTES = 20, DIARY_ROOM = 160 };

static struct {
    bool is_open;
    uint64_t seed;
    uint32_t steps;
    uint32_t step;
    uint32_t count; /* of notes, ever */
    char notes[DIARY_NOTES][DIARY_ROOM];
} diary;

/* A number from the environment, or `otherwise`. */
static uint64_t diary__number(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */
    return given != NULL && *given != '\0' ? strtoull(given, NULL, 0) : otherwise;
}

/* Does not return when it was an assert: its own words are out already. */
static void diary__aborted(int signal_number)
{
    (void)signal_number;
    diary_print();
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
    return (struct random){random_mix(random_mix(diary.seed + 1) + step)};
}

void diary_note(const char *format, ...)
{
    va_list arguments;
    char *note = diary.notes[diary.count++ % DIARY_NOTES];
    const int length = snprintf(note, DIARY_ROOM, "step %u: ", (unsigned)diary.step);
    va_start(arguments, format);
    vsnprintf(note + length, DIARY_ROOM - (size_t)length, format, arguments);
    va_end(arguments);
}

void diary_print(void)
{
    if (!diary.is_open) {
        return;
    }
    diary.is_open = false;
    fprintf(stderr, "walk: failed in step %u; again with PORTLISTENER_TEST_SEED=%llu; what it did last:\n",
            (unsigned)diary.step, (unsigned long long)diary.seed);
    for (uint32_t i = diary.count > DIARY_NOTES ? diary.count - DIARY_NOTES : 0; i < diary.count; i++) {
        fprintf(stderr, "  %s\n", diary.notes[i % DIARY_NOTES]);
    }
    fflush(stderr);
}
