/* SPDX-License-Identifier: MIT
   The rule for files that are trusted, such as the DLL of a handler: nobody but an administrator could have changed
   them. What is loaded or run must be read from the very handle that was checked. */
#ifndef PORTLISTENER_BASE_FILE_TRUST_H
#define PORTLISTENER_BASE_FILE_TRUST_H

#include <stdbool.h>

#include "base/failure.h"
#include "base/win.h"

/* file_trust_open: a file as file_trust_check needs it; its path is UTF-8. INVALID_HANDLE_VALUE: `error_out`. */
HANDLE file_trust_open(const char *path, DWORD *error_out);

/* file_trust_check: whether the opened file, its folder and all folders above are safe from strangers (see
   file_access.h), on a disk of this machine, and the file is no link. The handle needs GENERIC_READ, and
   FILE_FLAG_OPEN_REPARSE_POINT when it was opened, or a link is not seen. False: `failure_out` says what is wrong and
   how to mend it; its code is EXIT_CODE_CONFIGURATION where the file is at fault, and EXIT_CODE_FAILED where the
   system could not tell. Any thread. */
bool file_trust_check(HANDLE file, struct failure *failure_out);

/* file_trust_can_tell: false in Wine, which has the permissions of the system below it, by which nobody is an
   administrator. Any thread. */
bool file_trust_can_tell(void);

#endif
