/* SPDX-License-Identifier: MIT
   The streams of a command, see streams.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "support/streams.h"

#include <cmocka.h>

#include "support/program.h"

static void streams__open_one(struct output *output, const WCHAR *folder, const WCHAR *name)
{
    WCHAR path[PROGRAM_PATH_MAX];
    program_write(folder, name, "", path);
    *output = (struct output){
        .handle = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL)};
    assert_ptr_not_equal(output->handle, INVALID_HANDLE_VALUE);
}

static void streams__read_one(const WCHAR *folder, const WCHAR *name, char *at, size_t room)
{
    WCHAR path[PROGRAM_PATH_MAX];
    if (room > 0) {
        swprintf(path, PROGRAM_PATH_MAX, L"%ls\\%ls", folder, name);
        assert_true(program_read(path, at, room));
    }
}

void streams_open(struct streams *streams_out, const WCHAR *folder)
{
    streams__open_one(&streams_out->out, folder, L"out");
    streams__open_one(&streams_out->err, folder, L"err");
}

void streams_end(struct streams *streams, const WCHAR *folder, char *out, size_t out_room, char *err,
                 size_t err_room)
{
    CloseHandle(streams->out.handle);
    CloseHandle(streams->err.handle);
    streams__read_one(folder, L"out", out, out_room);
    streams__read_one(folder, L"err", err, err_room);
}

void streams_look(const WCHAR *folder, char *out, size_t room)
{
    streams__read_one(folder, L"out", out, room);
}
