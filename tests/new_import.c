/* SPDX-License-Identifier: MIT
   What tests/check-imports.sh must refuse: a call of Windows that nobody has judged. Linked into nothing. */
#include "base/win.h"

void new_import(void);

void new_import(void)
{
    Beep(440, 1);
}
