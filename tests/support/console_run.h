/* SPDX-License-Identifier: MIT
   The built program running as `portlistener run` on a console of the test's own, in a child process that may die. For the
   test's own thread, with cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_CONSOLE_RUN_H
#define PORTLISTENER_TESTS_SUPPORT_CONSOLE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/win.h"

/* console_run_open, console_run_close: around all runs: the console, for Ctrl+C goes to everybody there. */
void console_run_open(void);
void console_run_close(void);

/* console_run_start: with the INI of this path; NULL process: none runs. What it prints comes into console.out in `folder`. */
HANDLE console_run_start(const WCHAR *folder, const WCHAR *ini);

/* console_run_is_up: waits until somebody listens on this TCP port of 127.0.0.1; false: the process has ended instead, or
   nobody did within `patience` milliseconds. */
bool console_run_is_up(HANDLE process, uint16_t port, DWORD patience);

/* console_run_ask_to_stop: Ctrl+C. */
void console_run_ask_to_stop(void);

/* console_run_end: waits for its end, and returns the exit code; false: it has not ended within `patience`, and is killed. */
bool console_run_end(HANDLE process, DWORD patience, DWORD *code_out);

#endif
