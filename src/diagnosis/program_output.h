/* SPDX-License-Identifier: MIT
   Runs a program of the system and takes down what it prints, for a limited time. */
#ifndef PORTLISTENER_DIAGNOSIS_PROGRAM_OUTPUT_H
#define PORTLISTENER_DIAGNOSIS_PROGRAM_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/win.h"

/* program_output_read: runs `file` of System32, by its full path, with these arguments, and appends at most 256 KB of what
   it prints to `text`. False when it could not be started, did not end before `deadline` (of GetTickCount64) or before
   `stop` was set (NULL: never), or ended with another exit code than 0; it has ended in each case. */
bool program_output_read(const WCHAR *file, const WCHAR *arguments, uint64_t deadline, HANDLE stop,
                         struct text *text);

#endif
