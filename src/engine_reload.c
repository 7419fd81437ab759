/* SPDX-License-Identifier: MIT
   From one configuration to the next while it runs, see engine_reload in engine.h. */
#include <string.h>

#include "config/config_diff.h"
#include "engine_state.h"

enum { RELOAD_LINES_MAX = 100 /* of changes that are logged; the rest is counted */ };

/* ---- What is told ---- */

static void engine__tell_changes(const struct config_diff *diff, struct reload_report *report)
{
    report->changes = diff->changes;
    report->restarts = diff->restarts;
    if (report->told != NULL && report->is_json) {
        config_diff_add_json(report->told, diff);
    } else if (report->told != NULL) {
        config_diff_add(report->told, diff);
    }
}

static bool engine__fail_memory(struct reload_report *report)
{
    return engine_fail(&report->failure, EXIT_CODE_FAILED, ERROR_NOT_ENOUGH_MEMORY,
                       "there is no memory for the reload; nothing has changed");
}

bool engine_compare(struct engine *engine, const struct config *next, struct reload_report *report)
{
    struct config_diff diff;
    report->failure.code = EXIT_CODE_DONE;
    AcquireSRWLockShared(&engine->lock);
    const bool is_made = config_diff_init(&diff, engine->config, next);
    if (is_made) {
        engine__tell_changes(&diff, report);
    }
    config_diff_fini(&diff);
    ReleaseSRWLockShared(&engine->lock);
    return is_made || engine__fail_memory(report);
}

/* ---- What is done ---- */

bool engine_reload(struct engine *engine, const struct config *next, struct reload_report *report)
{
    const bool is_compared = engine_compare(engine, next, report);
    (void)RELOAD_LINES_MAX;
    return is_compared && engine_fail(&report->failure, EXIT_CODE_FAILED, 0,
                                      "this version makes no change while it runs: restart the service");
}
