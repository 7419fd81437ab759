/* SPDX-License-Identifier: MIT
   Who has a file open, for messages. */
#ifndef PORTLISTENER_BASE_FILE_HOLDER_H
#define PORTLISTENER_BASE_FILE_HOLDER_H

#include <stdbool.h>

#include "base/text.h"
#include "base/win.h"

/* file_holder_add: appends "PortListener (process 1234, service PortListener)", and how many others there are.
   False, and nothing is appended, when the Restart Manager cannot tell: it sees only processes that the caller
   may look at. It writes to the registry and takes its time: not to be called again and again. Any thread. */
bool file_holder_add(struct text *text, const WCHAR *path);

#endif
