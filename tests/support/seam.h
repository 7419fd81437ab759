/* SPDX-License-Identifier: MIT
   The import seam: in a test program the imports listed in imports.def lead here first. Each passes through
   to Windows, and on the way tells the ledger and asks for faults; production code has no hook for it.

   How: a call to an imported function goes through the pointer variable __imp_NAME. The linker takes ours
   before it looks into an import library. It needs objects compiled with the system's headers (dllimport) and
   no link-time optimisation. */
#ifndef PORTLISTENER_TESTS_SUPPORT_SEAM_H
#define PORTLISTENER_TESTS_SUPPORT_SEAM_H

#include <stdbool.h>

#include "base/win.h"

#ifndef SEAM_EXIT_CODE
#define SEAM_EXIT_CODE UINT /* other headers than Microsoft's may have another type */
#endif

#ifdef __MINGW32__
#define SEAM_TIMEVAL PTIMEVAL /* of select; Microsoft's is to a constant */
#else
#define SEAM_TIMEVAL const struct timeval *
#endif

#define IMPORT(dll, type, convention, name, parameters, failed, set_error, before, action, after) \
    IMPORT_##name,
#define EXTENSION(type, convention, name, parameters, failed, set_error, before, action, after) IMPORT_##name,
enum import {
#include "imports.def"
    IMPORT_COUNT
};
#undef IMPORT
#undef EXTENSION

/* Types cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define IMPORT(dll, type, convention, name, parameters, failed, set_error, before, action, after) \
    typedef type(convention *seam_##name) parameters;
#define EXTENSION(type, convention, name, parameters, failed, set_error, before, action, after) \
    typedef type(convention *seam_##name) parameters;
/* NOLINTEND(bugprone-macro-parentheses) */
#include "imports.def"
#undef IMPORT
#undef EXTENSION

/* One call of production code (or of a test). */
struct seam_call {
    enum import import;
    const void *site; /* where it returns to */
};

/* SEAM_REAL: the function itself, past faults and ledger: for the support's own calls. */
#define SEAM_REAL(name) ((seam_##name)seam_real(IMPORT_##name))

typedef void (*seam_function)(void);

/* seam_real: Windows' own function, looked up at the first call. Any thread, also before main. */
seam_function seam_real(enum import import);

/* seam_replace: from now on `function`, of the import's own type, stands for Windows' own; it may call that
   by SEAM_REAL. Faults and ledger work as before. NULL: Windows' own again. seam_restore: of all imports;
   support_setup and support_teardown call it. Any thread. */
void seam_replace(enum import import, seam_function function);
void seam_restore(void);

/* seam_name: as in the system's headers. */
const char *seam_name(enum import import);

/* seam_is_ours: false for the C run-time library's own use of the heap. */
bool seam_is_ours(const struct seam_call *call);

#endif
