/* SPDX-License-Identifier: MIT
   One check and what is looked at behind each, see checks.h. */
#include <inttypes.h>

#include "checks.h"

enum { TRIAL_SETTLE = 5000, TRIAL_STOP = 5000 /* milliseconds, beside the drain */ };

bool trial_start(struct trial *trial)
{
    struct failure failure;
    if (!subject_start(&trial->subject, &failure)) {
        trial->is_over = true;
        report_problem(&trial->report, REPORT_FAILED, "the engine does not start: %s", failure.text);
    }
    return !trial->is_over;
}

static void trial__tell_kept(struct trial *trial)
{
    const LONG64 kept = trial->subject.witness.retained - trial->subject.witness.released;
    if (kept > 0 && !trial->has_told_kept) {
        trial->has_told_kept = true;
        report_problem(
            &trial->report, REPORT_FAILED,
            "input that retain has kept was not released, %lld times; each keeps 64 KB and more until release "
            "is called with it, which is to come before stop returns",
            (long long)kept);
    }
}

bool trial_stop(struct trial *trial, uint32_t within)
{
    struct failure failure;
    const int64_t took = subject_stop(&trial->subject, within, &failure);
    if (took < 0) {
        trial->is_over = true;
        const char *running = witness_running(&trial->subject.witness);
        report_problem(
            &trial->report, REPORT_FAILED,
            "%s has not returned, and the stop does not come to its end; see to it that it always returns: %s",
            running != NULL ? running : "a callback", failure.text);
        return false;
    }
    if (took > (int64_t)within + TRIAL_STOP) {
        report_problem(&trial->report, REPORT_WARNING,
                       "the stop took %" PRId64
                       " ms, the handler's stop included; join threads that have been told to end",
                       took);
    }
    if (subject_open(&trial->subject) != 0) {
        report_problem(&trial->report, REPORT_FAILED, "%lld on_open without an on_close",
                       (long long)subject_open(&trial->subject));
    }
    trial__tell_kept(trial);
    trial->left = 0;
    return true;
}

static void trial__tell_findings(struct trial *trial)
{
    const struct witness *witness = &trial->subject.witness;
    for (int i = 0; i < FINDING_COUNT; i++) {
        const struct finding_row *row = finding_row((enum finding)i);
        if (witness->counts[i] > 0 && witness->places[i] != NULL && trial->told[i] == 0) {
            trial->told[i] = 1;
            report_problem(&trial->report, row->level, "%s %s", witness->places[i], row->text);
        }
    }
}

static void trial__look(struct trial *trial)
{
    struct subject *subject = &trial->subject;
    if (!subject_serves(subject)) {
        trial->is_deaf = true;
        report_problem(
            &trial->report, REPORT_FAILED,
            "a new client does not reach the handler any more; look for a callback that does not return");
    }
    /* Sessions of UDP last until nobody has spoken for a while. */
    if (subject->protocol == CONFIG_TCP && !subject_wait(subject, trial->left, TRIAL_SETTLE)) {
        const LONG64 open = subject_open(subject);
        report_problem(
            &trial->report, REPORT_WARNING,
            "%lld connections of clients that have gone are still open after %u seconds; end on_eof with close, "
            "do not leave reading paused",
            (long long)(open - trial->left), TRIAL_SETTLE / 1000);
        trial->left = open;
    }
}

void trial_run(struct trial *trial, const struct check *check)
{
    report_begin(&trial->report, check->name);
    check->run(trial);
    if (!trial->is_over) {
        trial__look(trial);
    }
    trial__tell_findings(trial);
    report_end(&trial->report);
}
