/* SPDX-License-Identifier: MIT
   The import seam, see seam.h: one function and one pointer variable for each row of imports.def. */
#include "support/seam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "support/clock.h"
#include "support/fault.h"
#include "support/ledger.h"

#ifdef _MSC_VER
#include <intrin.h>
#define SEAM_SITE() _ReturnAddress()
#else
#define SEAM_SITE() __builtin_return_address(0)
#endif

/* Kernel32's GetProcAddress and GetModuleHandleW are ours here; these, of ntdll, are what they call themselves. */
struct seam__ansi_string {
    USHORT length;
    USHORT room;
    const char *at;
};
__declspec(dllimport) LONG NTAPI LdrGetProcedureAddress(HMODULE module, const struct seam__ansi_string *name,
                                                        ULONG ordinal, PVOID *address);
struct seam__wide_string {
    USHORT length; /* in bytes */
    USHORT room;
    const WCHAR *at;
};
__declspec(dllimport) LONG NTAPI LdrGetDllHandle(const WCHAR *folders, ULONG *flags,
                                                 const struct seam__wide_string *name, HMODULE *module);

struct seam__row {
    const char *name;
    const WCHAR *dll;   /* NULL: an extension of Winsock */
    seam_function fake; /* never NULL */
};

static const struct seam__row rows[IMPORT_COUNT];
static PVOID volatile real_functions[IMPORT_COUNT];
static PVOID volatile replacements[IMPORT_COUNT];

const char *seam_name(enum import import)
{
    return rows[import].name;
}

/* NULL: not loaded. */
static HMODULE seam__module(const WCHAR *dll)
{
    const USHORT length = (USHORT)(wcslen(dll) * sizeof *dll);
    const struct seam__wide_string name = {length, (USHORT)(length + sizeof *dll), dll};
    HMODULE module = NULL;
    return LdrGetDllHandle(NULL, NULL, &name, &module) == 0 ? module : NULL;
}

static void *seam__look_up(enum import import)
{
    const struct seam__row *row = &rows[import];
    const struct seam__ansi_string name = {(USHORT)strlen(row->name), (USHORT)(strlen(row->name) + 1),
                                           row->name};
    HMODULE module = row->dll != NULL ? seam__module(row->dll) : NULL;
    PVOID address = NULL;
    if (module == NULL && row->dll != NULL) {
        /* Nothing may be left that imports from it in the ordinary way. */
        module = ((seam_LoadLibraryW)seam_real(IMPORT_LoadLibraryW))(row->dll);
    }
    if (module == NULL || LdrGetProcedureAddress(module, &name, 0, &address) != 0) {
        fprintf(stderr, "seam: no %s on this system\n", row->name);
        abort();
    }
    return address;
}

seam_function seam_real(enum import import)
{
    union {
        void *address;
        seam_function function;
    } real = {InterlockedCompareExchangePointer(&real_functions[import], NULL, NULL)};
    if (real.address == NULL) {
        real.address = seam__look_up(import);
        InterlockedExchangePointer(&real_functions[import], real.address); /* any thread writes the same */
    }
    return real.function;
}

void seam_replace(enum import import, seam_function function)
{
    const union {
        seam_function function;
        void *address;
    } replacement = {function};
    InterlockedExchangePointer(&replacements[import], replacement.address);
}

void seam_restore(void)
{
    for (int i = 0; i < IMPORT_COUNT; i++) {
        seam_replace((enum import)i, NULL);
    }
}

/* What a call leads to when no fault is due. */
static seam_function seam__target(enum import import)
{
    const union {
        void *address;
        seam_function function;
    } replacement = {InterlockedCompareExchangePointer(&replacements[import], NULL, NULL)};
    return replacement.address != NULL ? replacement.function : seam_real(import);
}

static enum import seam__find(const char *name)
{
    int i = 0;
    while (i < IMPORT_COUNT && strcmp(rows[i].name, name) != 0) {
        i++;
    }
    return (enum import)i;
}

/* What GetProcAddress returns: a function of the table is ours there, too. */
static FARPROC seam__found(HMODULE library, const char *procedure, FARPROC result)
{
    (void)library;
    const bool is_ordinal = ((ULONG_PTR)procedure >> 16) == 0;
    const enum import import = result == NULL || is_ordinal ? IMPORT_COUNT : seam__find(procedure);
    return import == IMPORT_COUNT ? result : (FARPROC)rows[import].fake;
}

/* What WSAIoctl hands out: Winsock's function is kept, ours goes to the caller. */
static void seam__extension(const void *guid, void *function_out)
{
    static const struct {
        GUID guid;
        enum import import;
    } known[] = {{WSAID_ACCEPTEX, IMPORT_AcceptEx},
                 {WSAID_CONNECTEX, IMPORT_ConnectEx},
                 {WSAID_WSARECVMSG, IMPORT_WSARecvMsg},
                 {WSAID_WSASENDMSG, IMPORT_WSASendMsg}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(guid, &known[i].guid, sizeof(GUID)) == 0) {
            PVOID real = NULL;
            memcpy(&real, function_out, sizeof real);
            InterlockedExchangePointer(&real_functions[known[i].import], real);
            memcpy(function_out, &rows[known[i].import].fake, sizeof(seam_function));
        }
    }
}

#ifdef _MSC_VER
/* The allocators of Visual C++'s static run-time library: in this program, and on the same heap. The unwind
   tables know where the function around an address begins. */
void *__cdecl _malloc_base(size_t size);
void *__cdecl _calloc_base(size_t count, size_t size);
void *__cdecl _realloc_base(void *block, size_t size);
void __cdecl _free_base(void *block);

static bool seam__is_of_run_time(const void *site)
{
    static const seam_function functions[] = {(seam_function)_malloc_base, (seam_function)_calloc_base,
                                              (seam_function)_realloc_base, (seam_function)_free_base};
    DWORD64 base = 0;
    const RUNTIME_FUNCTION *entry = RtlLookupFunctionEntry((DWORD64)(ULONG_PTR)site, &base, NULL);
    for (size_t i = 0; entry != NULL && i < sizeof functions / sizeof functions[0]; i++) {
        if (base + entry->BeginAddress == (DWORD64)(ULONG_PTR)functions[i]) {
            return true;
        }
    }
    return false;
}
#else
static bool seam__is_of_run_time(const void *site)
{
    (void)site; /* MinGW's run-time library is a DLL, with imports of its own */
    return false;
}
#endif

bool seam_is_ours(const struct seam_call *call)
{
    const bool is_heap = call->import == IMPORT_HeapAlloc || call->import == IMPORT_HeapReAlloc ||
                         call->import == IMPORT_HeapFree;
    return !is_heap || !seam__is_of_run_time(call->site);
}

/* The words of imports.def. */
#define NOTHING               (void)0
#define NO_ERROR_SET(code)    (void)(code)
#define SetWinsockError(code) WSASetLastError((int)(code))
#define OPENS(kind, is_done, value, detail) \
    ((is_done) ? (void)ledger_open(&call, LEDGER_##kind, (ULONG_PTR)(value), (ULONG_PTR)(detail)) : (void)0)
#define CLOSES(kind, value)          ledger_close(LEDGER_##kind, (ULONG_PTR)(value))
#define MUST(is_done, value)         ((is_done) ? (void)0 : ledger_mistake(&call, (ULONG_PTR)(value)))
#define BEGINS(s, overlapped)        const uint64_t operation = ledger_begin_operation(&call, s, overlapped)
#define RETURNS(overlapped, is_done) ledger_end_operation(overlapped, operation, is_done, error)
#define CUTS(s, buffers, count)            \
    WSABUF cut_buffers[FAULT_CUT_BUFFERS]; \
    fault_cut(s, &(buffers), &(count), cut_buffers)

/* Types cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define FAKE(type, convention, name, parameters, failed, set_error, before, action, after) \
    static type convention fake_##name parameters                                          \
    {                                                                                      \
        const DWORD error_before = GetLastError();                                         \
        const struct seam_call call = {IMPORT_##name, SEAM_SITE()};                        \
        const seam_##name real = (seam_##name)seam__target(IMPORT_##name);                 \
        DWORD code = 0;                                                                    \
        if (fault_is_due(&call, &code)) {                                                  \
            set_error(code);                                                               \
            return failed;                                                                 \
        }                                                                                  \
        before;                                                                            \
        SetLastError(error_before);                                                        \
        type result = action;                                                              \
        const DWORD error = GetLastError();                                                \
        after;                                                                             \
        SetLastError(error);                                                               \
        return result;                                                                     \
    }

#define EXTENSION(type, convention, name, parameters, failed, set_error, before, action, after) \
    FAKE(type, convention, name, parameters, failed, set_error, before, action, after)
/* With the pointer variable, and a check that the row's types are those of the system's header. */
#define IMPORT(dll, type, convention, name, parameters, failed, set_error, before, action, after) \
    FAKE(type, convention, name, parameters, failed, set_error, before, action, after)            \
    enum { seam__check_##name = sizeof(1 ? &(name) : &fake_##name) };                             \
    extern seam_##name __imp_##name;                                                              \
    seam_##name __imp_##name = fake_##name;
/* NOLINTEND(bugprone-macro-parentheses) */
#include "support/imports.def"
#undef IMPORT
#undef EXTENSION

#define IMPORT(dll, type, convention, name, parameters, failed, set_error, before, action, after) \
    {#name, L## #dll L".dll", (seam_function)fake_##name},
#define EXTENSION(type, convention, name, parameters, failed, set_error, before, action, after) \
    {#name, NULL, (seam_function)fake_##name},
static const struct seam__row rows[IMPORT_COUNT] = {
#include "support/imports.def"
};
#undef IMPORT
#undef EXTENSION
