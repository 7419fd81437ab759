/* SPDX-License-Identifier: MIT
   One run of the service, from the configuration to the last connection's end; the same under the service
   manager and on a console. */
#ifndef PORTLISTENER_SERVICE_HOST_H
#define PORTLISTENER_SERVICE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event_log.h"
#include "base/failure.h"
#include "base/log.h"
#include "config/config.h"
#include "control.h"
#include "engine.h"

enum service_state {
    SERVICE_HOST_STARTING,
    SERVICE_HOST_RUNNING,
    SERVICE_HOST_PAUSED,
    SERVICE_HOST_STOPPING
};

/* How it goes. */
struct service_report {
    enum service_state state;
    uint32_t remaining;          /* STARTING, STOPPING: milliseconds, an estimate */
    struct engine *engine;       /* RUNNING, PAUSED; else NULL */
    const struct config *config; /* likewise */
};

struct service_host_options {
    const char *service;     /* its name: of the log, the event source, the registry key */
    const char *config_file; /* NULL: the default places */
    struct control *control;
    bool is_automatic_start; /* see engine.h */
    bool is_service;         /* else a run on a console: its control pipe is for its user, too */
    enum config_trust
        trust; /* in the configuration's files and its registry key; handlers in DLLs that others than
                                administrators can change are refused by ADMINISTRATORS, else told */
    uint32_t preshutdown_timeout; /* milliseconds that the system grants at CONTROL_PRESHUTDOWN */

    struct event_log *event_log; /* NULL: none. Takes what the configuration says, once that is known */

    /* report: each change of state, and at least every second while STARTING and STOPPING. tell, may be NULL:
       what the log cannot take, because it is not open yet or cannot be opened, and an access log that cannot;
       perhaps several lines. Both on the thread of service_host_run. */
    void (*report)(void *context, const struct service_report *report);
    void (*tell)(void *context, enum event event, const char *text);
    void *context;
};

enum service_end {
    SERVICE_ENDED,    /* nothing is left */
    SERVICE_ABANDONED /* a handler's callback never returned: report the end, then end the process at once */
};

/* service_host_run: returns after the stop that `control` asks for, or when the start fails. The code in
   `failure_out` is EXIT_CODE_DONE when all went well; what went wrong has also been logged, or told, and is
   in the event log. */
enum service_end service_host_run(const struct service_host_options *options, struct failure *failure_out);

#endif
