/* SPDX-License-Identifier: MIT
   The file that tells how a run ended, see running_file.h.

   All of it is written by WriteFile before it becomes a view, and the part that is written later is locked in memory:
   a store to a view fails with an exception when its page has to be read from a disk that is gone. */
#include "running_file.h"

#include <string.h>

#include "base/log_time.h"
#include "base/memory.h"
#include "base/record_name.h"
#include "base/utf16.h"
#include "crash_report.h"

enum {
    RUNNING_MORE_NAMES =
        64, /* of endpoints that reloads make, beside one more for each that there is at the start */
    RUNNING_FILE_MOST = 64 * 1024 * 1024 /* bytes of one that is read: no number of endpoints makes more */
};

struct running_file {
    WCHAR *path;
    HANDLE handle;                 /* INVALID_HANDLE_VALUE: there is none */
    HANDLE mapping;                /* NULL: likewise */
    void *view;                    /* likewise */
    void *block;                   /* of the heap; in it, at a cache line's begin, what the file begins as */
    struct breadcrumb *breadcrumb; /* in the view, or in the block */
};

static bool running_file__fail(const struct running_file *file, const char *what, DWORD error,
                               struct failure *failure_out)
{
    struct text text;
    failure_out->code = EXIT_CODE_FAILED;
    failure_out->win32_error = error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "the next start would not know which handler's callback was running if this run "
                           "died: ");
    utf16_add(&text, file->path);
    text_add_format(&text, " cannot be %s: ", what);
    utf16_add_error(&text, error);
    if (error == ERROR_SHARING_VIOLATION) {
        text_add_string(&text, "; another run with this log has it, or somebody reads it");
    } else if (error == ERROR_ACCESS_DENIED) {
        text_add_string(&text, "; the account of this process needs the right to write there");
    }
    return false;
}

/* ---- The last run ---- */

static void running_file__tell(const char *log, const struct breadcrumb *last, struct text *text)
{
    text_add_string(text, "the last run did not end in order: ");
    breadcrumb_describe(last, text);
    if (last->crash_code != 0) {
        text_add_format(text, "; it died of exception 0x%08lX on thread %lu", (unsigned long)last->crash_code,
                        (unsigned long)last->crash_thread);
    }
    if (last->crash_time != 0) {
        text_add_string(text, ", see ");
        crash_report_add_path(text, log, last->crash_time);
    }
}

/* The whole file, for memory_free; NULL: it cannot be read. */
static void *running_file__read(HANDLE handle, size_t *length_out)
{
    LARGE_INTEGER size;
    DWORD read = 0;
    if (!GetFileSizeEx(handle, &size) || size.QuadPart > RUNNING_FILE_MOST) {
        return NULL;
    }
    void *at = memory_alloc((size_t)size.QuadPart + 1);
    if (at != NULL && !ReadFile(handle, at, (DWORD)size.QuadPart, &read, NULL)) {
        memory_free(at);
        return NULL;
    }
    *length_out = read;
    return at;
}

/* What is no breadcrumb was cut short when the machine went down, or is another program's. */
static void running_file__take_last(const struct running_file *file, const char *log, struct text *text)
{
    size_t length = 0;
    HANDLE handle = CreateFileW(file->path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE) {
        return; /* why, if not because there is none, is told when it cannot be made */
    }
    const struct breadcrumb *last = running_file__read(handle, &length);
    CloseHandle(handle);
    if (last == NULL || !breadcrumb_is_sound(last, length)) {
        text_add_string(text, "the last run did not end in order, and which callbacks were running cannot be "
                              "read in ");
        utf16_add(text, file->path);
    } else if (last->has_ended == 0) {
        running_file__tell(log, last, text);
    }
    memory_free((void *)(uintptr_t)last);
}

/* ---- This run ---- */

static struct breadcrumb *running_file__make(struct running_file *file, const struct config *config)
{
    const size_t names = 2 * config->endpoint_count + RUNNING_MORE_NAMES;
    const size_t size = breadcrumb_size(names);
    file->block = memory_alloc(size + BREADCRUMB_LINE - 1);
    if (file->block == NULL) {
        return NULL;
    }
    const uintptr_t line = ((uintptr_t)file->block + BREADCRUMB_LINE - 1) / BREADCRUMB_LINE;
    struct breadcrumb *breadcrumb = (struct breadcrumb *)(line * BREADCRUMB_LINE);
    breadcrumb_init(breadcrumb, names, PORTLISTENER_VERSION);
    breadcrumb->began = log_time_ticks();
    breadcrumb->process = GetCurrentProcessId();
    for (size_t i = 0; i < config->endpoint_count; i++) {
        breadcrumb_add_name(breadcrumb, config->endpoints[i].name, config->endpoints[i].handler);
    }
    return breadcrumb;
}

static bool running_file__write(struct running_file *file, struct failure *failure_out)
{
    DWORD written = 0;
    file->handle = CreateFileW(file->path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
                               NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file->handle == INVALID_HANDLE_VALUE) {
        return running_file__fail(file, "opened", GetLastError(), failure_out);
    }
    if (!WriteFile(file->handle, file->breadcrumb, file->breadcrumb->size, &written, NULL)) {
        return running_file__fail(file, "written", GetLastError(), failure_out);
    }
    return written == file->breadcrumb->size ||
           running_file__fail(file, "written", ERROR_DISK_FULL, failure_out);
}

/* All of it, or, where that is more than a process may lock, all but the names. */
static bool running_file__lock(struct running_file *file)
{
    struct breadcrumb *breadcrumb = file->view;
    if (VirtualLock(breadcrumb, breadcrumb->size)) {
        return true;
    }
    breadcrumb->are_names_fixed = 1;
    return VirtualLock(breadcrumb, sizeof *breadcrumb);
}

static bool running_file__map(struct running_file *file, struct failure *failure_out)
{
    file->mapping = CreateFileMappingW(file->handle, NULL, PAGE_READWRITE, 0, 0, NULL);
    file->view = file->mapping != NULL ? MapViewOfFile(file->mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    return (file->view != NULL && running_file__lock(file)) ||
           running_file__fail(file, "kept in memory", GetLastError(), failure_out);
}

/* Without the breadcrumb in the block. */
static void running_file__unmake(struct running_file *file)
{
    if (file->view != NULL) {
        UnmapViewOfFile(file->view);
        file->view = NULL;
    }
    if (file->mapping != NULL) {
        CloseHandle(file->mapping);
        file->mapping = NULL;
    }
    if (file->handle != INVALID_HANDLE_VALUE) {
        CloseHandle(file->handle);
        (void)DeleteFileW(file->path);
        file->handle = INVALID_HANDLE_VALUE;
    }
}

struct running_file *running_file_open(const char *log, const struct config *config, struct text *last,
                                       struct failure *failure_out)
{
    struct running_file *file = memory_alloc(sizeof *file);
    failure_out->code = EXIT_CODE_DONE;
    if (file == NULL) {
        return NULL;
    }
    file->handle = INVALID_HANDLE_VALUE;
    file->path = record_name_beside(log, L".running");
    file->breadcrumb = file->path != NULL ? running_file__make(file, config) : NULL;
    if (file->breadcrumb == NULL) {
        memory_free(file->path);
        memory_free(file);
        return NULL;
    }
    running_file__take_last(file, log, last);
    if (running_file__write(file, failure_out) && running_file__map(file, failure_out)) {
        file->breadcrumb = file->view;
        memory_free(file->block);
        file->block = NULL;
    } else {
        running_file__unmake(file);
    }
    return file;
}

struct breadcrumb *running_file_breadcrumb(struct running_file *file)
{
    return file != NULL ? file->breadcrumb : NULL;
}

void running_file_close(struct running_file *file)
{
    if (file != NULL) {
        file->breadcrumb->has_ended = 1; /* the file may stay: somebody reads it */
        running_file__unmake(file);
        memory_free(file->block);
        memory_free(file->path);
        memory_free(file);
    }
}
