/* SPDX-License-Identifier: MIT
   Looking at the machine on a thread of its own, see diagnosis.h. */
#include "diagnosis/diagnosis.h"

#include "base/memory.h"
#include "diagnosis/machine_reader.h"

enum { DIAGNOSIS_PAUSE = 1000, DIAGNOSIS_RANGES_AGE = 60000 };

struct diagnosis {
    SRWLOCK lock; /* over what follows, up to the handles */
    struct machine seen;
    unsigned parts;     /* that `seen` was asked for */
    uint64_t seen_at;   /* when looking began; of GetTickCount64 */
    uint64_t ranges_at; /* likewise, of the excluded ports; 0: never */
    unsigned wanted;    /* parts that someone waits for */
    HANDLE thread;      /* NULL: nobody has asked yet */
    HANDLE wake;        /* auto-reset */
    HANDLE stop;        /* manual-reset */
};

/* ---- The thread ---- */

/* The excluded ports that were read before go over to `next`. */
static void diagnosis__keep_ranges(struct diagnosis *diagnosis, struct machine *next)
{
    next->ranges = diagnosis->seen.ranges;
    next->known |= diagnosis->seen.known & MACHINE_RANGES;
    diagnosis->seen.ranges = (struct machine_rows){0};
}

static void diagnosis__look(struct diagnosis *diagnosis, unsigned parts)
{
    struct machine next;
    const uint64_t now = GetTickCount64();
    const bool is_fresh = diagnosis->ranges_at != 0 && now - diagnosis->ranges_at < DIAGNOSIS_RANGES_AGE;
    machine_init(&next);
    machine_read(&next, is_fresh ? parts & ~(unsigned)MACHINE_RANGES : parts, diagnosis->stop);
    AcquireSRWLockExclusive(&diagnosis->lock);
    if (is_fresh) {
        diagnosis__keep_ranges(diagnosis, &next);
        parts |= MACHINE_RANGES;
    } else {
        diagnosis->ranges_at = (parts & MACHINE_RANGES) != 0 ? now : 0;
    }
    machine_fini(&diagnosis->seen);
    diagnosis->seen = next;
    diagnosis->parts = parts;
    diagnosis->seen_at = now;
    ReleaseSRWLockExclusive(&diagnosis->lock);
}

static unsigned diagnosis__take_wanted(struct diagnosis *diagnosis)
{
    AcquireSRWLockExclusive(&diagnosis->lock);
    const unsigned wanted = diagnosis->wanted;
    diagnosis->wanted = 0;
    ReleaseSRWLockExclusive(&diagnosis->lock);
    return wanted;
}

static DWORD WINAPI diagnosis__run(void *argument)
{
    struct diagnosis *diagnosis = argument;
    HANDLE events[] = {diagnosis->stop, diagnosis->wake};
    while (WaitForMultipleObjects(2, events, FALSE, INFINITE) != WAIT_OBJECT_0) {
        const unsigned wanted = diagnosis__take_wanted(diagnosis);
        if (wanted != 0) {
            diagnosis__look(diagnosis, wanted);
            WaitForSingleObject(diagnosis->stop, DIAGNOSIS_PAUSE);
        }
    }
    return 0;
}

/* ---- Those who ask ---- */

struct diagnosis *diagnosis_create(void)
{
    struct diagnosis *diagnosis = memory_alloc(sizeof *diagnosis);
    if (diagnosis == NULL) {
        return NULL;
    }
    InitializeSRWLock(&diagnosis->lock);
    machine_init(&diagnosis->seen);
    diagnosis->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    diagnosis->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (diagnosis->wake == NULL || diagnosis->stop == NULL) {
        diagnosis_destroy(diagnosis);
        return NULL;
    }
    return diagnosis;
}

static void diagnosis__close(HANDLE handle)
{
    if (handle != NULL) {
        CloseHandle(handle);
    }
}

void diagnosis_destroy(struct diagnosis *diagnosis)
{
    if (diagnosis == NULL) {
        return;
    }
    if (diagnosis->thread != NULL) {
        SetEvent(diagnosis->stop);
        WaitForSingleObject(diagnosis->thread, INFINITE);
    }
    diagnosis__close(diagnosis->thread);
    diagnosis__close(diagnosis->wake);
    diagnosis__close(diagnosis->stop);
    machine_fini(&diagnosis->seen);
    memory_free(diagnosis);
}

/* Holding the lock. */
static bool diagnosis__knows(const struct diagnosis *diagnosis, unsigned parts, uint64_t since)
{
    return diagnosis->seen_at != 0 && diagnosis->seen_at >= since && (diagnosis->parts & parts) == parts;
}

/* Where no thread can be started now, the next question tries again. */
static void diagnosis__request(struct diagnosis *diagnosis, unsigned parts)
{
    AcquireSRWLockExclusive(&diagnosis->lock);
    diagnosis->wanted |= parts;
    if (diagnosis->thread == NULL) {
        diagnosis->thread = CreateThread(NULL, 0, diagnosis__run, diagnosis, 0, NULL);
    }
    ReleaseSRWLockExclusive(&diagnosis->lock);
    SetEvent(diagnosis->wake);
}

static void diagnosis__answer(const struct diagnosis *diagnosis, const struct bind_question *question,
                              struct text *text, uint64_t *cause_out)
{
    struct bind_cause cause;
    bind_cause_find(&diagnosis->seen, question, &cause);
    *cause_out = bind_cause_key(&cause);
    if (text != NULL) {
        bind_cause_add(text, &diagnosis->seen, question, &cause);
    }
}

bool diagnosis_explain(void *context, const struct bind_question *question, uint64_t since, struct text *text,
                       uint64_t *cause_out)
{
    struct diagnosis *diagnosis = context;
    const unsigned parts = bind_cause_parts(question);
    AcquireSRWLockShared(&diagnosis->lock);
    const bool is_known = parts == 0 || diagnosis__knows(diagnosis, parts, since);
    if (is_known) {
        diagnosis__answer(diagnosis, question, text, cause_out);
    }
    ReleaseSRWLockShared(&diagnosis->lock);
    if (!is_known) {
        diagnosis__request(diagnosis, parts);
    }
    return is_known;
}
