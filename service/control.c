/* SPDX-License-Identifier: MIT
   Requests from outside, see control.h. The lock is held for a few instructions only: a control handler must
   not wait. */
#include "control.h"

void control_init(struct control *control)
{
    *control = (struct control){.stop = CONTROL_RUN};
    InitializeSRWLock(&control->lock);
    InitializeConditionVariable(&control->changed);
}

void control_ask_stop(struct control *control, enum control_stop why)
{
    AcquireSRWLockExclusive(&control->lock);
    if (control->stop == CONTROL_RUN) {
        control->stop = why;
    }
    ReleaseSRWLockExclusive(&control->lock);
    WakeAllConditionVariable(&control->changed);
}

void control_ask_pause(struct control *control, bool is_pause_wanted)
{
    AcquireSRWLockExclusive(&control->lock);
    control->is_pause_wanted = is_pause_wanted;
    ReleaseSRWLockExclusive(&control->lock);
    WakeAllConditionVariable(&control->changed);
}

void control_ask(struct control *control, enum control_wish wish)
{
    AcquireSRWLockExclusive(&control->lock);
    control->wishes |= (unsigned)wish;
    ReleaseSRWLockExclusive(&control->lock);
    WakeAllConditionVariable(&control->changed);
}

unsigned control_take_wishes(struct control *control)
{
    AcquireSRWLockExclusive(&control->lock);
    const unsigned wishes = control->wishes;
    control->wishes = 0;
    ReleaseSRWLockExclusive(&control->lock);
    return wishes;
}

void control_hurry(struct control *control)
{
    AcquireSRWLockExclusive(&control->lock);
    control->is_hurried = true;
    if (control->engine != NULL) {
        engine_hurry(control->engine);
    }
    ReleaseSRWLockExclusive(&control->lock);
    control_ask_stop(control, CONTROL_STOP);
}

void control_set_engine(struct control *control, struct engine *engine)
{
    AcquireSRWLockExclusive(&control->lock);
    control->engine = engine;
    control->has_started = control->has_started || engine != NULL;
    if (engine != NULL && control->is_hurried) {
        engine_hurry(engine);
    }
    ReleaseSRWLockExclusive(&control->lock);
}

enum control_stop control_wait(struct control *control, bool is_paused, bool *is_pause_wanted_out)
{
    AcquireSRWLockExclusive(&control->lock);
    while (control->stop == CONTROL_RUN && control->is_pause_wanted == is_paused && control->wishes == 0) {
        SleepConditionVariableSRW(&control->changed, &control->lock, INFINITE, 0);
    }
    const enum control_stop stop = control->stop;
    *is_pause_wanted_out = control->is_pause_wanted;
    ReleaseSRWLockExclusive(&control->lock);
    return stop;
}

bool control_has_started(struct control *control)
{
    AcquireSRWLockShared(&control->lock);
    const bool has_started = control->has_started;
    ReleaseSRWLockShared(&control->lock);
    return has_started;
}

bool control_is_stopping(struct control *control)
{
    AcquireSRWLockShared(&control->lock);
    const bool is_stopping = control->stop != CONTROL_RUN;
    ReleaseSRWLockShared(&control->lock);
    return is_stopping;
}

bool control_is_hurried(struct control *control)
{
    AcquireSRWLockShared(&control->lock);
    const bool is_hurried = control->is_hurried;
    ReleaseSRWLockShared(&control->lock);
    return is_hurried;
}
