/* SPDX-License-Identifier: MIT
   A walk through folders, see snapshot.h. */
#include "support/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include <cmocka.h>

enum { PATH_ROOM = 1024, DEPTH_MAX = 24 };

struct snapshot_file {
    WCHAR *path;
    uint64_t size, written;
};

struct snapshot {
    struct snapshot_file *files;
    size_t count, room;
};

static void snapshot__add(struct snapshot *snapshot, const WCHAR *path, const WIN32_FIND_DATAW *found)
{
    if (snapshot->count == snapshot->room) {
        snapshot->room = snapshot->room * 2 + 1024;
        snapshot->files = realloc(snapshot->files, snapshot->room * sizeof snapshot->files[0]);
        assert_non_null(snapshot->files);
    }
    struct snapshot_file *file = &snapshot->files[snapshot->count++];
    const bool is_folder = (found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    *file = (struct snapshot_file){.path = _wcsdup(path)};
    assert_non_null(file->path);
    if (!is_folder) { /* a folder changes with what is in it, which is told of anyway */
        file->size = (uint64_t)found->nFileSizeHigh << 32 | found->nFileSizeLow;
        file->written =
            (uint64_t)found->ftLastWriteTime.dwHighDateTime << 32 | found->ftLastWriteTime.dwLowDateTime;
    }
}

static bool snapshot__is_left_out(const WCHAR *name)
{
    static const WCHAR *const names[] = {L".",         L"..",    L"Desktop",  L"Documents", L"Downloads",
                                         L"Templates", L"Music", L"Pictures", L"Videos"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (_wcsicmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void snapshot__walk(struct snapshot *snapshot, const WCHAR *folder, int depth)
{
    WCHAR path[PATH_ROOM];
    WIN32_FIND_DATAW found;
    assert_true(depth < DEPTH_MAX);
    swprintf(path, PATH_ROOM, L"%ls\\*", folder);
    const HANDLE search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE) {
        return; /* gone meanwhile */
    }
    do {
        if (snapshot__is_left_out(found.cFileName)) {
            continue;
        }
        swprintf(path, PATH_ROOM, L"%ls\\%ls", folder, found.cFileName);
        snapshot__add(snapshot, path, &found);
        if ((found.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)) ==
            FILE_ATTRIBUTE_DIRECTORY) {
            snapshot__walk(snapshot, path, depth + 1);
        }
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

struct snapshot *snapshot_take(const WCHAR *folder)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    assert_non_null(snapshot);
    snapshot__walk(snapshot, folder, 0);
    return snapshot;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        free(snapshot->files[i].path);
    }
    free(snapshot->files);
    free(snapshot);
}

static const struct snapshot_file *snapshot__find(const struct snapshot *snapshot, const WCHAR *path)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        if (wcscmp(snapshot->files[i].path, path) == 0) {
            return &snapshot->files[i];
        }
    }
    return NULL;
}

void snapshot_compare(const struct snapshot *before, const struct snapshot *after,
                      void (*changed)(void *context, const WCHAR *path), void *context)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct snapshot_file *now = &after->files[i], *old = snapshot__find(before, now->path);
        if (old == NULL || old->size != now->size || old->written != now->written) {
            changed(context, now->path);
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        if (snapshot__find(after, before->files[i].path) == NULL) {
            changed(context, before->files[i].path);
        }
    }
}
