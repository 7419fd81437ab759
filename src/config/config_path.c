/* SPDX-License-Identifier: MIT
   Windows paths, see config_path.h. */
#include "config/config_path.h"

#include <string.h>

#include "base/memory.h"

enum {
    CONFIG_PATH_MAX = 32000, /* bytes; Windows allows 32767 UTF-16 units, and the log adds to its name */
    CONFIG_PATH_VARIABLE_MAX = 256
};

static const char service_mark[] = "<service>";

struct path_reader {
    const struct config_source *source;
    struct config_fault *fault;
    struct text expanded;
    bool is_as_written; /* nothing was replaced: positions are those of the value */
};

static bool config_path__is_separator(char character)
{
    return character == '\\' || character == '/';
}

static bool config_path__is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

static bool config_path__is_forbidden(char character)
{
    return (unsigned char)character < 0x20 || strchr("<>:\"|?*", character) != NULL;
}

/* A fault at `part` of the expanded path. */
static bool config_path__refuse(struct path_reader *reader, const char *part, size_t length,
                                const char *problem, const char *remedy)
{
    const size_t offset = reader->is_as_written ? (size_t)(part - reader->expanded.at) : 0;
    return config_value_fault(reader->fault, offset, part, length, problem, remedy);
}

/* A service may have characters in its name that a file cannot have. */
static void config_path__add_service(struct text *text, const char *service)
{
    for (; *service != '\0'; service++) {
        text_add(text,
                 config_path__is_forbidden(*service) || config_path__is_separator(*service) ? "_" : service,
                 1);
    }
}

/* %NAME% at `at`. A % without a second one stands for itself, as in Windows. Returns the bytes read; 0 with a
   fault. */
static size_t config_path__add_variable(struct path_reader *reader, const char *value, const char *at,
                                        size_t length)
{
    char name[CONFIG_PATH_VARIABLE_MAX];
    const char *end = memchr(at + 1, '%', length - 1);
    const size_t name_length = end != NULL ? (size_t)(end - at) - 1 : 0;
    if (name_length == 0 || name_length >= sizeof name) {
        text_add(&reader->expanded, at, 1);
        return 1;
    }
    memcpy(name, at + 1, name_length);
    name[name_length] = '\0';
    reader->is_as_written = false;
    if (!reader->source->variable(name, &reader->expanded)) {
        config_value_fault(reader->fault, (size_t)(at - value), at, name_length + 2,
                           "is not a variable of the environment",
                           "define it for the account of the service, or write the path itself");
        return 0;
    }
    return name_length + 2;
}

static bool config_path__expand(struct path_reader *reader, const char *at, size_t length)
{
    const size_t mark = sizeof service_mark - 1;
    for (size_t i = 0; i < length;) {
        if (length - i >= mark && text_equal(at + i, mark, service_mark)) {
            reader->is_as_written = false;
            config_path__add_service(&reader->expanded, reader->source->service);
            i += mark;
        } else if (at[i] == '%') {
            const size_t used = config_path__add_variable(reader, at, at + i, length - i);
            if (used == 0) {
                return false;
            }
            i += used;
        } else {
            text_add(&reader->expanded, at + i, 1);
            i++;
        }
    }
    if (reader->expanded.is_cut) {
        reader->fault->problem[0] = '\0'; /* no memory */
        return false;
    }
    return true;
}

/* Windows takes these for devices, in any folder and with any extension. */
static bool config_path__is_reserved(const char *at, size_t length)
{
    static const char *const names[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
    static const char *const numbered[] = {"com", "lpt"};
    static const char *const digits[] = {
        "1", "2", "3", "4",        "5",        "6",
        "7", "8", "9", "\xC2\xB9", "\xC2\xB2", "\xC2\xB3"}; /* superscript 1, 2 and 3, too */
    const char *dot = memchr(at, '.', length);
    length = dot != NULL ? (size_t)(dot - at) : length;
    while (length > 0 && at[length - 1] == ' ') {
        length--;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_equal(at, length, names[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < 2 && length > 3; i++) {
        for (size_t k = 0; k < sizeof digits / sizeof digits[0]; k++) {
            if (text_equal(at, 3, numbered[i]) && text_equal(at + 3, length - 3, digits[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool config_path__check_name(struct path_reader *reader, const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (config_path__is_forbidden(at[i])) {
            return config_path__refuse(reader, at + i, 1, "cannot be in the name of a file or folder",
                                       "leave it out");
        }
    }
    if (at[length - 1] == ' ' || at[length - 1] == '.') {
        return config_path__refuse(reader, at, length, "ends with a dot or a blank, which Windows drops",
                                   "leave it out");
    }
    if (config_path__is_reserved(at, length)) {
        return config_path__refuse(reader, at, length, "is the name of a device in Windows",
                                   "choose another name");
    }
    return true;
}

static bool config_path__is_name(const char *at, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(at, name, length) == 0;
}

static size_t config_path__name_length(const char *at)
{
    size_t length = 0;
    while (at[length] != '\0' && !config_path__is_separator(at[length])) {
        length++;
    }
    return length;
}

/* The part of a full path that .. cannot leave: "C:\" or "\\server\share"; 0 for a path that is not full. */
static size_t config_path__root_length(const char *path)
{
    if (path[0] != '\0' && path[1] == ':') {
        return config_path__is_separator(path[2]) ? 3 : 0;
    }
    if (!config_path__is_separator(path[0]) || !config_path__is_separator(path[1])) {
        return 0;
    }
    size_t length = 2;
    length += config_path__name_length(path + length);
    return path[length] != '\0' ? length + 1 + config_path__name_length(path + length + 1) : length;
}

/* Whether `path` begins at a root, and at one that leaves nothing open. */
static bool config_path__check_root(struct path_reader *reader, const char *path, size_t *root_length_out)
{
    *root_length_out = 0;
    if (config_path__is_separator(path[0]) && config_path__is_separator(path[1])) {
        const size_t server = config_path__name_length(path + 2);
        const size_t length = config_path__root_length(path);
        if (server == 0 || length <= server + 3 || config_path__is_forbidden(path[2]) || path[2] == '.') {
            return config_path__refuse(reader, path, reader->expanded.length,
                                       "is not a path of a network share",
                                       "write \\\\SERVER\\SHARE\\..., or C:\\...");
        }
        *root_length_out = length;
    } else if (config_path__is_separator(path[0])) {
        return config_path__refuse(reader, path, reader->expanded.length, "does not say on which drive",
                                   "write the drive before it, such as C:\\...");
    } else if (config_path__is_letter(path[0]) && path[1] == ':') {
        if (!config_path__is_separator(path[2])) {
            return config_path__refuse(reader, path, reader->expanded.length,
                                       "depends on the current folder of the drive", "write C:\\...");
        }
        *root_length_out = 3;
    }
    return true;
}

/* Takes the last name off, but nothing of the root. */
static void config_path__pop(struct text *full, size_t root_length)
{
    size_t length = full->length;
    while (length > root_length && full->at[length - 1] != '\\') {
        length--;
    }
    if (length > root_length) {
        length--; /* the separator */
    }
    full->length = length;
    full->at[length] = '\0';
}

/* Appends the names of `path` to `full`. */
static bool config_path__add_names(struct path_reader *reader, const char *path, size_t root_length,
                                   struct text *full)
{
    while (*path != '\0') {
        const size_t length = config_path__name_length(path);
        if (config_path__is_name(path, length, "..")) {
            config_path__pop(full, root_length);
        } else if (length > 0 && !config_path__is_name(path, length, ".")) {
            if (!config_path__check_name(reader, path, length)) {
                return false;
            }
            text_add_string(full, full->length > 0 && full->at[full->length - 1] != '\\' ? "\\" : "");
            text_add(full, path, length);
        }
        path += length + (path[length] != '\0');
    }
    return true;
}

/* Ends with a separator, . or .. */
static bool config_path__is_folder_only(const char *path)
{
    const char *last = path;
    for (; *path != '\0'; path++) {
        last = config_path__is_separator(*path) ? path + 1 : last;
    }
    return last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

/* A root, or the folder where relative paths begin, without a separator at its end. */
static void config_path__add_start(struct text *full, const char *path, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        text_add(full, path[i] == '/' ? "\\" : path + i, 1);
    }
    if (length > config_path__root_length(path) && full->length > 0 && full->at[full->length - 1] == '\\') {
        full->at[--full->length] = '\0';
    }
}

static char *config_path__build(struct path_reader *reader, const char *folder, bool is_file)
{
    const char *path = reader->expanded.at;
    size_t root_length = 0;
    struct text full;
    if (!config_path__check_root(reader, path, &root_length)) {
        return NULL;
    }
    if (is_file && config_path__is_folder_only(path + root_length)) {
        config_path__refuse(reader, path, reader->expanded.length, "names a folder",
                            "write the name of a file behind it");
        return NULL;
    }
    text_init_heap(&full);
    if (root_length > 0) {
        config_path__add_start(&full, path, root_length);
    } else {
        config_path__add_start(&full, folder, strlen(folder));
    }
    const size_t fixed = root_length > 0 ? root_length : config_path__root_length(folder);
    char *result = NULL;
    if (config_path__add_names(reader, path + root_length, fixed, &full)) {
        if (full.length > CONFIG_PATH_MAX) {
            config_path__refuse(reader, path, reader->expanded.length, "is longer than a path can be",
                                "shorten it");
        } else {
            reader->fault->problem[0] = '\0';
            result = full.is_cut ? NULL : memory_copy_text(full.at, full.length);
        }
    }
    text_fini(&full);
    return result;
}

char *config_path_resolve(const char *at, size_t length, const char *folder, bool is_file,
                          const struct config_source *source, struct config_fault *fault_out)
{
    struct path_reader reader = {.source = source, .fault = fault_out, .is_as_written = true};
    if (length > CONFIG_PATH_MAX) { /* not even expanded: with many variables that would be huge */
        config_value_fault(fault_out, 0, at, length, "is longer than a path can be", "shorten it");
        return NULL;
    }
    text_init_heap(&reader.expanded);
    char *full =
        config_path__expand(&reader, at, length) ? config_path__build(&reader, folder, is_file) : NULL;
    text_fini(&reader.expanded);
    return full;
}
