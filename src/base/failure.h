/* SPDX-License-Identifier: MIT
   What went wrong, for a person: functions that can fail for a reason worth telling return false and fill one
   of these. */
#ifndef PORTLISTENER_BASE_FAILURE_H
#define PORTLISTENER_BASE_FAILURE_H

#include <stdint.h>

/* Exit codes of every command; the service reports the same numbers as its service-specific exit code. */
enum exit_code {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_CONFIGURATION = 3,
    EXIT_CODE_BIND = 4,
    EXIT_CODE_ACCESS_DENIED = 5,
    EXIT_CODE_NOT_RUNNING = 6
};

struct failure {
    enum exit_code code;
    uint32_t win32_error; /* 0 where no call of the system failed */
    char text[1024];      /* UTF-8: what happened, to what, why, and what to do */
};

#endif
