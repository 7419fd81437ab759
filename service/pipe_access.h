/* SPDX-License-Identifier: MIT
   Who may use the control pipe of a service: its name and its security descriptor. */
#ifndef PORTLISTENER_SERVICE_PIPE_ACCESS_H
#define PORTLISTENER_SERVICE_PIPE_ACCESS_H

#include <stdbool.h>

#include "base/text.h"
#include "base/win.h"

/* What a client asks for, and what administrators are granted: to read and write, never FILE_CREATE_PIPE_INSTANCE (which is
   FILE_APPEND_DATA, part of GENERIC_WRITE): who has that can answer in the service's place. */
enum { PIPE_CLIENT_RIGHTS = FILE_READ_DATA | FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE };

/* pipe_access_name: the pipe of the service, UTF-16 on the heap for memory_free; NULL: no memory. */
WCHAR *pipe_access_name(const char *service);

/* pipe_access_sid: the SID that the system gives a service of this name, "S-1-5-80-...": S-1-5-80 and the SHA-1 of the name
   in capital letters. False: no memory, or the name is too long. */
bool pipe_access_sid(struct text *text, const char *service);

/* pipe_access_describe: the descriptor, in SDDL: SYSTEM and the server itself may do all, administrators PIPE_CLIENT_RIGHTS,
   the owner, which is an account that may run other services, too, cannot change that. The server is the service's SID, or,
   on a console, the user who runs it. False: `error_out` of the system. */
bool pipe_access_describe(struct text *text, const char *service, bool is_service, DWORD *error_out);

/* pipe_access_create: the same, made for CreateNamedPipe; for LocalFree. NULL: `error_out`. */
PSECURITY_DESCRIPTOR pipe_access_create(const char *service, bool is_service, DWORD *error_out);

#endif
