/* SPDX-License-Identifier: MIT
   The file of a plugin, see plugin_file.h. */
#include "handler/plugin_file.h"

#include <string.h>

#include "base/file_holder.h"
#include "base/file_trust.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf16.h"
#include "handler/pe_file.h"

#if defined(_M_ARM64) || defined(__aarch64__)
enum { PLUGIN_FILE_MACHINE = PE_ARM64 };
#else
enum { PLUGIN_FILE_MACHINE = PE_X64 };
#endif

bool plugin_file_refuse(const struct plugin_file *file, const char *what, DWORD error, const char *remedy,
                        struct failure *failure_out)
{
    struct text text;
    failure_out->code = error == 0                     ? EXIT_CODE_CONFIGURATION
                        : error == ERROR_ACCESS_DENIED ? EXIT_CODE_ACCESS_DENIED
                                                       : EXIT_CODE_FAILED;
    failure_out->win32_error = error;
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "%s cannot be loaded: %s", file->path, what);
    if (error != 0) {
        text_add_string(&text, ": ");
        utf16_add_error(&text, error);
    }
    if (remedy != NULL) {
        text_add_format(&text, "; %s", remedy);
    }
    return false;
}

static bool plugin_file__refuse_memory(struct failure *failure_out)
{
    *failure_out = (struct failure){.code = EXIT_CODE_FAILED,
                                    .win32_error = ERROR_NOT_ENOUGH_MEMORY,
                                    .text = "the plugin cannot be loaded: there is no memory"};
    return false;
}

/* Fills in the name; false: `file_name` is not as those of plugins are. */
static bool plugin_file__read_name(struct plugin_file *file, const char *file_name)
{
    size_t length = 0;
    while (length < PLUGIN_FILE_NAME_MAX && file_name[length] != '\0') {
        const char c = text_lower(file_name[length]);
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", c) == NULL) {
            break;
        }
        file->name[length++] = c;
    }
    file->name[length] = '\0';
    return length > 0 && text_equal(file_name + length, strlen(file_name + length), ".dll");
}

static bool plugin_file__refuse_name(const char *file_name, struct failure *failure_out)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_CONFIGURATION};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_string(&text, "\"");
    text_add_escaped(&text, file_name, strnlen(file_name, 200));
    text_add_string(
        &text, "\" is no name of a plugin: write 1 to 32 of a-z, 0-9, _ and -, then .dll; a configuration "
               "has no path before it, for it is looked for in plugin_dir only");
    return false;
}

static bool plugin_file__make_path(struct plugin_file *file, const char *folder, const char *file_name)
{
    file->path = text_make("%s\\%s", folder, file_name);
    return file->path != NULL;
}

static bool plugin_file__refuse_open(const struct plugin_file *file, const WCHAR *path, DWORD error,
                                     struct failure *failure_out)
{
    char room[300];
    struct text holder;
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        plugin_file_refuse(file, "there is no such file", error,
                           "put the DLL there, or correct handler or plugin_dir", failure_out);
        failure_out->code = EXIT_CODE_CONFIGURATION;
        return false;
    case ERROR_SHARING_VIOLATION:
        text_init(&holder, room, sizeof room);
        text_add_string(&holder, "it is being written by ");
        if (!file_holder_add(&holder, path)) {
            text_add_string(&holder, "another process");
        }
        return plugin_file_refuse(file, holder.at, error, "try again when that has ended", failure_out);
    case ERROR_ACCESS_DENIED:
        return plugin_file_refuse(file, "it cannot be opened", error,
                                  "the account of this process needs the right to read it", failure_out);
    default:
        return plugin_file_refuse(file, "it cannot be opened", error, NULL, failure_out);
    }
}

/* For a folder and a link, too, so that they can be told apart. */
static bool plugin_file__open(struct plugin_file *file, struct failure *failure_out)
{
    WCHAR *path = utf16_from(file->path);
    if (path == NULL) {
        return plugin_file__refuse_memory(failure_out);
    }
    file->handle = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                               FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    const bool is_open = file->handle != INVALID_HANDLE_VALUE;
    if (!is_open) {
        plugin_file__refuse_open(file, path, GetLastError(), failure_out);
    }
    memory_free(path);
    return is_open;
}

static bool plugin_file__is_ordinary(const struct plugin_file *file, struct failure *failure_out)
{
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    if (GetFileType(file->handle) != FILE_TYPE_DISK) { /* such as NUL.DLL, a device in every folder */
        return plugin_file_refuse(file, "it is a device, not a file", 0, "give the plugin another name",
                                  failure_out);
    }
    if (!GetFileInformationByHandleEx(file->handle, FileAttributeTagInfo, &tag, sizeof tag)) {
        return plugin_file_refuse(file, "whether it is a file cannot be told", GetLastError(), NULL,
                                  failure_out);
    }
    if ((tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        return plugin_file_refuse(file, "it is a link or another reparse point, whose target can change", 0,
                                  "put the file itself there", failure_out);
    }
    if ((tag.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return plugin_file_refuse(file, "it is a folder", 0, "put the file of a plugin there", failure_out);
    }
    return true;
}

static bool plugin_file__check_trust(struct plugin_file *file, bool must_be_trusted,
                                     struct failure *failure_out)
{
    file->is_trusted = file_trust_check(file->handle, &file->distrust);
    if (file->is_trusted || !must_be_trusted) {
        return true;
    }
    plugin_file_refuse(file, file->distrust.text, 0, NULL, failure_out);
    failure_out->code = file->distrust.code;
    failure_out->win32_error = file->distrust.win32_error;
    return false;
}

static bool plugin_file__read(struct plugin_file *file, struct failure *failure_out)
{
    LARGE_INTEGER size = {0};
    DWORD read = 0;
    if (!GetFileSizeEx(file->handle, &size)) {
        return plugin_file_refuse(file, "its size cannot be told", GetLastError(), NULL, failure_out);
    }
    if (size.QuadPart > PLUGIN_FILE_SIZE_MAX) {
        return plugin_file_refuse(file, "it is larger than 64 MB", 0,
                                  "give the file of a plugin, built without its debug information",
                                  failure_out);
    }
    file->size = (uint32_t)size.QuadPart;
    file->bytes = memory_alloc((size_t)file->size + 1);
    if (file->bytes == NULL) {
        return plugin_file__refuse_memory(failure_out);
    }
    if (!ReadFile(file->handle, file->bytes, file->size, &read, NULL)) {
        return plugin_file_refuse(file, "it cannot be read", GetLastError(), NULL, failure_out);
    }
    if (read != file->size) {
        return plugin_file_refuse(file, "it ended while it was read", 0, "try again", failure_out);
    }
    return true;
}

static bool plugin_file__is_plugin(const struct plugin_file *file, struct failure *failure_out)
{
    struct pe_problem problem;
    return pe_file_check(file->bytes, file->size, PLUGIN_FILE_MACHINE, "portlistener_handler", &problem) ||
           plugin_file_refuse(file, problem.what, 0, problem.remedy, failure_out);
}

bool plugin_file_open(struct plugin_file *file_out, const char *folder, const char *file_name,
                      bool must_be_trusted, struct failure *failure_out)
{
    *file_out = (struct plugin_file){.handle = INVALID_HANDLE_VALUE};
    if (!plugin_file__read_name(file_out, file_name)) {
        return plugin_file__refuse_name(file_name, failure_out);
    }
    if (!plugin_file__make_path(file_out, folder, file_name)) {
        return plugin_file__refuse_memory(failure_out);
    }
    if (plugin_file__open(file_out, failure_out) && plugin_file__is_ordinary(file_out, failure_out) &&
        plugin_file__check_trust(file_out, must_be_trusted, failure_out) &&
        plugin_file__read(file_out, failure_out) && plugin_file__is_plugin(file_out, failure_out)) {
        return true;
    }
    plugin_file_close(file_out);
    return false;
}

void plugin_file_close(struct plugin_file *file)
{
    if (file->handle != INVALID_HANDLE_VALUE) {
        CloseHandle(file->handle);
        file->handle = INVALID_HANDLE_VALUE;
    }
    memory_free(file->bytes);
    memory_free(file->path);
    file->bytes = NULL;
    file->path = NULL;
}
