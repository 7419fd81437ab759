/* SPDX-License-Identifier: MIT
   What a call of the system failed with, see system_failure.h. */
#include "system_failure.h"

#include "base/text.h"
#include "base/utf16.h"

bool system_failure(struct failure *failure_out, DWORD error, const char *what)
{
    struct text text;
    *failure_out =
        (struct failure){.code = error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED : EXIT_CODE_FAILED,
                         .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, what);
    utf16_add_error(&text, error);
    return false;
}
