/* SPDX-License-Identifier: MIT
   The clock and the terminal, see system.h. */
#define _POSIX_C_SOURCE 200809L
#include "bench/load/system.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool system_has_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void system_explain(int error, char *text, size_t room)
{
    snprintf(text, room, "%s", strerror(error));
}
