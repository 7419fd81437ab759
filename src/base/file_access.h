/* SPDX-License-Identifier: MIT
   Who may change a file, a folder or a registry key, by its security descriptor: the rule for files that are trusted. Trusted are
   SYSTEM, the administrators and TrustedInstaller; everybody else is a stranger. */
#ifndef PORTLISTENER_BASE_FILE_ACCESS_H
#define PORTLISTENER_BASE_FILE_ACCESS_H

#include <stdbool.h>

#include "base/text.h"
#include "base/win.h"

/* What a stranger must not do depends on what it is. In the folder of the file nobody may add anything: what a program
   is looked for there could be his. Above that one it is enough that the folders cannot be replaced by others. */
enum file_access_kind {
    FILE_ACCESS_FILE,
    FILE_ACCESS_FOLDER,
    FILE_ACCESS_ANCESTOR,
    FILE_ACCESS_KEY /* of the registry: nobody may set values in it or create keys there */
};

enum file_access_flaw_kind {
    FILE_ACCESS_OWNED,     /* its owner is a stranger: he can give himself every right */
    FILE_ACCESS_GRANTED,   /* an entry gives a stranger a right */
    FILE_ACCESS_OPEN,      /* it has no list of rights: everyone may do everything */
    FILE_ACCESS_UNREADABLE /* its descriptor is not as Windows makes them */
};

struct file_access_flaw {
    enum file_access_flaw_kind kind;
    const SID *account; /* the stranger, in the descriptor; NULL but for OWNED and GRANTED */
    const char *right;  /* for GRANTED: what he may do, as in "may ..." */
    bool is_inherited;  /* the entry comes from the folder above */
};

/* file_access_is_safe: whether strangers can do nothing to the file or folder with this descriptor (owner and DACL; its
   other parts are not looked at). False: `flaw_out` is the first thing that they can. Entries that deny take nothing
   back, for whom they reach depends on the account; entries with a condition or for one kind of object count as if
   they had none. Any thread. */
bool file_access_is_safe(PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind,
                         struct file_access_flaw *flaw_out);

/* file_access_add_flaw: says of "PATH" what is wrong, and with which command to mend it. Asks the system for the name
   of the account, which may ask a domain controller. */
void file_access_add_flaw(struct text *text, const WCHAR *path, enum file_access_kind kind,
                          const struct file_access_flaw *flaw);

#endif
