/* SPDX-License-Identifier: MIT
   The clock and the terminal, see system.h. */
#include "bench/load/system.h"

#include <stdio.h>

#include "base/win.h"

uint64_t system_now(void)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER count;
    if (frequency.QuadPart == 0) {
        QueryPerformanceFrequency(&frequency);
    }
    QueryPerformanceCounter(&count);
    const uint64_t seconds = (uint64_t)count.QuadPart / (uint64_t)frequency.QuadPart;
    const uint64_t rest = (uint64_t)count.QuadPart % (uint64_t)frequency.QuadPart;
    return seconds * 1000000000u + rest * 1000000000u / (uint64_t)frequency.QuadPart;
}

bool system_has_terminal(void)
{
    DWORD mode = 0;
    return GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode) != FALSE;
}

/* With its number, for the texts are in the language of the system. */
void system_explain(int error, char *text, size_t room)
{
    char told[200] = "";
    DWORD length = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                                  (DWORD)error, 0, told, sizeof told, NULL);
    while (length > 0 && (told[length - 1] == '\n' || told[length - 1] == '\r' || told[length - 1] == '.')) {
        told[--length] = '\0';
    }
    snprintf(text, room, "error %d%s%s", error, length > 0 ? ", " : "", told);
}
