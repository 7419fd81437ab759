/* SPDX-License-Identifier: MIT
   The log's file or standard error, see log_output.h. */
#include "base/log_output.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"

bool log_output_init(struct log_output *output, const struct record_file_options *options, const char *key)
{
    const bool is_file = strcmp(options->path, "-") != 0;
    *output = (struct log_output){.file = is_file ? record_file_create(options) : NULL, .key = key};
    return !is_file || output->file != NULL;
}

void log_output_fini(struct log_output *output)
{
    record_file_destroy(output->file);
}

static bool log_output__fail(const struct log_output *output, const char *what, DWORD error,
                             struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .win32_error = error};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "standard error %s: ", what);
    utf16_add_error(&text, error);
    text_add_format(&text, "; give %s the name of a file", output->key);
    return false;
}

static bool log_output__open_standard_error(struct log_output *output, struct failure *failure_out)
{
    DWORD mode;
    output->handle = GetStdHandle(STD_ERROR_HANDLE);
    if (output->handle == NULL || output->handle == INVALID_HANDLE_VALUE) {
        return log_output__fail(output, "is not there", ERROR_INVALID_HANDLE, failure_out);
    }
    output->is_console = GetConsoleMode(output->handle, &mode);
    return true;
}

bool log_output_open(struct log_output *output, struct failure *failure_out)
{
    return output->file != NULL ? record_file_open(output->file, failure_out)
                                : log_output__open_standard_error(output, failure_out);
}

/* As UTF-16, so that no code page of the console matters. All or nothing. */
static uint32_t log_output__write_console(HANDLE console, const char *at, uint32_t length)
{
    char *line = memory_copy_text(at, length);
    WCHAR *wide = line != NULL ? utf16_from(line) : NULL;
    bool is_done = wide != NULL;
    for (const WCHAR *rest = wide; is_done && *rest != L'\0';) {
        DWORD written = 0;
        is_done = WriteConsoleW(console, rest, (DWORD)wcslen(rest), &written, NULL) && written > 0;
        rest += written;
    }
    memory_free(wide);
    memory_free(line);
    return is_done ? length : 0;
}

static uint32_t log_output__write_stream(HANDLE stream, const char *at, uint32_t length)
{
    DWORD written = 0;
    (void)WriteFile(stream, at, length, &written, NULL);
    return written;
}

static uint32_t log_output__write_standard_error(struct log_output *output, const char *at, uint32_t length,
                                                 struct failure *failure_out)
{
    if (!log_output__open_standard_error(output, failure_out)) {
        return 0;
    }
    SetLastError(ERROR_WRITE_FAULT); /* for what tells no error: no memory, a pipe that is full */
    const uint32_t written = output->is_console ? log_output__write_console(output->handle, at, length)
                                                : log_output__write_stream(output->handle, at, length);
    if (written < length) {
        log_output__fail(output, "cannot be written", GetLastError(), failure_out);
    }
    return written;
}

uint32_t log_output_write(struct log_output *output, const char *at, uint32_t length,
                          struct failure *failure_out)
{
    if (output->file == NULL) {
        return log_output__write_standard_error(output, at, length, failure_out);
    }
    return record_file_append(output->file, at, length, failure_out) ? length : 0;
}

void log_output_rotate(struct log_output *output, struct rotation *rotation_out)
{
    if (output->file != NULL) {
        record_file_rotate(output->file, rotation_out);
    } else {
        rotation_tell(rotation_out, ROTATION_NEEDLESS, output->key,
                      " is standard error, where there is nothing to rotate");
    }
}

const struct rotation *log_output_take_news(struct log_output *output)
{
    return output->file != NULL ? record_file_take_news(output->file) : NULL;
}

void log_output_reconfigure(struct log_output *output, const struct record_file_options *options)
{
    if (output->file != NULL) {
        record_file_reconfigure(output->file, options);
    }
}
