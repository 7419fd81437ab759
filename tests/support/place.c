/* SPDX-License-Identifier: MIT
   Addresses of code, see place.h. dbghelp serves one thread at a time. */
#include "support/place.h"

#include "support/seam.h"

#include <dbghelp.h>

enum { PLACE_NAME = 200 };

typedef DWORD(WINAPI *place__options)(DWORD);
typedef BOOL(WINAPI *place__initialize)(HANDLE, PCSTR, BOOL);
typedef DWORD64(WINAPI *place__load)(HANDLE, HANDLE, PCSTR, PCSTR, DWORD64, DWORD, PMODLOAD_DATA, DWORD);
typedef BOOL(WINAPI *place__symbol)(HANDLE, DWORD64, PDWORD64, PSYMBOL_INFO);
typedef BOOL(WINAPI *place__line)(HANDLE, DWORD64, PDWORD, PIMAGEHLP_LINE64);

static struct {
    SRWLOCK lock;
    volatile DWORD thread; /* that is in dbghelp now; 0: none */
    bool is_tried;
    place__symbol symbol; /* NULL: no symbols */
    place__line line;
} dbghelp = {.lock = SRWLOCK_INIT};

static seam_function place__function(HMODULE library, const char *name)
{
    return library != NULL ? (seam_function)SEAM_REAL(GetProcAddress)(library, name) : NULL;
}

static void place__load_locked(void)
{
    char program[MAX_PATH];
    const HMODULE library = SEAM_REAL(LoadLibraryExW)(L"dbghelp.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    const place__options options = (place__options)place__function(library, "SymSetOptions");
    const place__initialize initialize = (place__initialize)place__function(library, "SymInitialize");
    const place__load load = (place__load)place__function(library, "SymLoadModuleEx");
    dbghelp.is_tried = true;
    if (options == NULL || initialize == NULL || load == NULL || !options(SYMOPT_LOAD_LINES) ||
        !initialize(GetCurrentProcess(), NULL, FALSE) ||
        GetModuleFileNameA(NULL, program, sizeof program) == 0 ||
        load(GetCurrentProcess(), NULL, program, NULL, (DWORD64)(ULONG_PTR)GetModuleHandleW(NULL), 0, NULL,
             0) == 0) {
        return;
    }
    dbghelp.line = (place__line)place__function(library, "SymGetLineFromAddr64");
    dbghelp.symbol = (place__symbol)place__function(library, "SymFromAddr");
}

/* The last name of a path. */
static const char *place__name(const char *path)
{
    const char *name = path;
    for (; *path != '\0'; path++) {
        name = *path == '\\' || *path == '/' ? path + 1 : name;
    }
    return name;
}

static bool place__add_symbol_locked(struct text *text, const void *address)
{
    union {
        SYMBOL_INFO info;
        char room[sizeof(SYMBOL_INFO) + PLACE_NAME];
    } symbol = {.info = {.SizeOfStruct = sizeof(SYMBOL_INFO), .MaxNameLen = PLACE_NAME}};
    IMAGEHLP_LINE64 line = {.SizeOfStruct = sizeof line};
    DWORD column = 0;
    DWORD64 offset = 0;
    const DWORD64 call = (DWORD64)(ULONG_PTR)address - 1; /* a return address may be another line's already */
    if (dbghelp.symbol == NULL || !dbghelp.symbol(GetCurrentProcess(), call, &offset, &symbol.info)) {
        return false;
    }
    text_add_string(text, symbol.info.Name);
    if (dbghelp.line != NULL && dbghelp.line(GetCurrentProcess(), call, &column, &line)) {
        text_add_format(text, " (%s:%lu)", place__name(line.FileName), (unsigned long)line.LineNumber);
    }
    return true;
}

void place_add_offset(struct text *text, const void *address)
{
    char path[MAX_PATH];
    HMODULE module = NULL;
    if (!GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            address, &module)) {
        text_add_format(text, "0x%llx", (unsigned long long)(ULONG_PTR)address);
        return;
    }
    path[0] = '\0';
    GetModuleFileNameA(module, path, sizeof path);
    text_add_string(text, place__name(path));
    text_add_format(text, "+0x%llx", (unsigned long long)((ULONG_PTR)address - (ULONG_PTR)module));
}

void place_add(struct text *text, const void *address)
{
    bool is_added = false;
    if (TryAcquireSRWLockExclusive(&dbghelp.lock)) { /* or it is in use; by us, if it crashed */
        dbghelp.thread = GetCurrentThreadId();
        if (!dbghelp.is_tried) {
            place__load_locked();
        }
        is_added = place__add_symbol_locked(text, address);
        dbghelp.thread = 0;
        ReleaseSRWLockExclusive(&dbghelp.lock);
    }
    if (!is_added) {
        place_add_offset(text, address);
    }
}

bool place_is_asking(void)
{
    return dbghelp.thread == GetCurrentThreadId();
}

void place_add_chain(struct text *text, const void *const *addresses, size_t count)
{
    for (size_t i = 0; i < count && addresses[i] != NULL; i++) {
        text_add_string(text, i > 0 ? " < " : "");
        place_add(text, addresses[i]);
    }
}
