/* SPDX-License-Identifier: MIT */
#include "config/config_include.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_path.h"

enum { INCLUDE_FIRST_ROOM = 8 };

/* The bytes of the character at `name`; a byte that begins none is one by itself. */
static size_t config_include__step(const char *name)
{
    const size_t length = text_utf8_length(name, strlen(name));
    return length > 0 ? length : 1;
}

/* Where a star has taken too little, it takes one character more: no more steps than pattern times name. */
bool config_include_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *taken = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            taken = name;
        } else if (*pattern == '?') {
            pattern++;
            name += config_include__step(name);
        } else if (text_lower(*pattern) == text_lower(*name)) {
            pattern++;
            name++;
        } else if (star != NULL) {
            taken += config_include__step(taken);
            pattern = star;
            name = taken;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* By name without case, as folders are shown; those that differ in case only by their bytes. */
static int config_include__compare(const void *left, const void *right)
{
    const char *a = ((const struct config_included *)left)->path;
    const char *b = ((const struct config_included *)right)->path;
    const int difference = text_compare(a, strlen(a), b);
    return difference != 0 ? difference : strcmp(a, b);
}

/* One line at work. */
struct include_line {
    struct config_includes *includes;
    const struct config_source *source;
    struct config_span value;
    struct config_fault *fault;
    uint32_t line;
    char *folder;        /* full path */
    const char *pattern; /* the name behind it */
    bool is_out_of_memory;
    bool is_too_many;
    bool is_pattern;
    size_t first;                        /* files before it are those of other lines */
    const struct config_included *twice; /* one of these is among its own, too; or NULL */
};

static bool config_include__grow(struct config_includes *includes)
{
    if (includes->count < includes->room) {
        return true;
    }
    const size_t room = includes->room > 0 ? includes->room * 2 : INCLUDE_FIRST_ROOM;
    struct config_included *grown = memory_resize(includes->list, room * sizeof *grown);
    if (grown != NULL) {
        includes->list = grown;
        includes->room = room;
    }
    return grown != NULL;
}

/* One that another line has included. */
static const struct config_included *config_include__find_other(const struct include_line *it,
                                                                const struct text *path)
{
    size_t i = 0;
    while (i < it->first && !text_equal(path->at, path->length, it->includes->list[i].path)) {
        i++;
    }
    return i < it->first ? &it->includes->list[i] : NULL;
}

/* "folder\name", unless it is the file that includes. False: there is no memory, or another line has included it. */
static bool config_include__add(struct include_line *it, const char *name)
{
    struct text path;
    char *copy = NULL;
    text_init_heap(&path);
    const size_t length = strlen(it->folder);
    text_add_format(&path, "%s%s%s", it->folder, it->folder[length - 1] == '\\' ? "" : "\\", name);
    const bool is_itself = it->source->path != NULL && text_equal(path.at, path.length, it->source->path);
    it->twice = is_itself || path.is_cut ? NULL : config_include__find_other(it, &path);
    if (it->twice != NULL) {
        text_fini(&path);
        return false;
    }
    if (!is_itself && !path.is_cut && config_include__grow(it->includes)) {
        copy = memory_copy_text(path.at, path.length);
    }
    text_fini(&path);
    if (copy != NULL) {
        it->includes->list[it->includes->count++] =
            (struct config_included){.path = copy, .line = it->line, .column = it->value.column};
    }
    it->is_out_of_memory = it->is_out_of_memory || (copy == NULL && !is_itself);
    return copy != NULL || is_itself;
}

/* For the folder's reader: false ends it. */
static bool config_include__take(void *context, const char *name)
{
    struct include_line *it = context;
    if (!config_include_matches(it->pattern, name)) {
        return true;
    }
    it->is_too_many = it->includes->count >= CONFIG_INCLUDES_MAX;
    return !it->is_too_many && config_include__add(it, name);
}

static bool config_include__wrong(const struct include_line *it, const char *problem, const char *remedy)
{
    return config_value_fault(it->fault, 0, it->value.at, it->value.length, problem, remedy);
}

static bool config_include__too_many(const struct include_line *it)
{
    return config_include__wrong(it, "includes more than 1000 files", "put several of them together");
}

static bool config_include__is_twice(const struct include_line *it)
{
    char room[sizeof it->fault->remedy];
    struct text remedy;
    text_init(&remedy, room, sizeof room);
    text_add_format(&remedy, "line %lu includes %s already: take it out of one of the two",
                    (unsigned long)it->twice->line, strrchr(it->twice->path, '\\') + 1);
    return config_include__wrong(
        it, it->is_pattern ? "means a file that is included twice" : "is included twice", remedy.at);
}

/* All files of the folder that have such a name. */
static bool config_include__search(struct include_line *it)
{
    const struct config_include_source *files = it->source->includes;
    const size_t first = it->includes->count;
    struct text problem;
    text_init_heap(&problem);
    const bool is_read =
        files->list(files->context, it->folder, config_include__take, it, &problem) && !problem.is_cut;
    it->fault->problem[0] = '\0'; /* no memory */
    if (it->is_too_many) {
        config_include__too_many(it);
    } else if (it->twice != NULL) {
        config_include__is_twice(it);
    } else if (!is_read && problem.length > 0) {
        config_include__wrong(it, "cannot be looked for", problem.at);
    }
    text_fini(&problem);
    if (it->includes->count > first) {
        qsort(it->includes->list + first, it->includes->count - first, sizeof *it->includes->list,
              config_include__compare);
    }
    return is_read && !it->is_too_many && it->twice == NULL && !it->is_out_of_memory;
}

/* Where the last name of the value begins. */
static size_t config_include__find_name(struct config_span value)
{
    size_t at = value.length;
    while (at > 0 && value.at[at - 1] != '\\' && value.at[at - 1] != '/') {
        at--;
    }
    return at;
}

static bool config_include__one(struct include_line *it)
{
    if (it->includes->count >= CONFIG_INCLUDES_MAX) {
        return config_include__too_many(it);
    }
    it->fault->problem[0] = '\0';
    return config_include__add(it, it->pattern) || (it->twice != NULL && config_include__is_twice(it));
}

/* Also what cannot be read: it may come to be there. */
static bool config_include__remember(struct include_line *it)
{
    struct config_includes *includes = it->includes;
    struct config_include *grown =
        memory_resize(includes->lines, (includes->line_count + 1) * sizeof *includes->lines);
    if (grown == NULL) {
        return false;
    }
    includes->lines = grown;
    struct config_include *line = &grown[includes->line_count];
    line->folder = memory_copy_text(it->folder, strlen(it->folder));
    line->pattern = memory_copy_text(it->pattern, strlen(it->pattern));
    includes->line_count++;
    return line->folder != NULL && line->pattern != NULL;
}

static bool config_include__find(struct include_line *it)
{
    const size_t name = config_include__find_name(it->value);
    it->is_pattern = strpbrk(it->pattern, "*?") != NULL;
    if (strpbrk(it->pattern, "<>:\"|") != NULL || it->pattern[0] == '\0') {
        return config_include__wrong(it, "is no file",
                                     "write the path of a file, or a pattern such as conf.d\\*.ini");
    }
    it->folder =
        name > 0 ? config_path_resolve(it->value.at, name, it->source->folder, false, it->source, it->fault)
                 : config_path_resolve(".", 1, it->source->folder, false, it->source, it->fault);
    return it->folder != NULL && config_include__remember(it) &&
           (it->is_pattern ? config_include__search(it) : config_include__one(it));
}

enum config_include_result config_includes_add(struct config_includes *includes, struct config_span value,
                                               uint32_t line, const struct config_source *source,
                                               struct config_fault *fault_out)
{
    const size_t name = config_include__find_name(value);
    char *pattern = memory_copy_text(value.at + name, value.length - name);
    const size_t before = includes->count;
    struct include_line it = {.includes = includes,
                              .source = source,
                              .value = value,
                              .fault = fault_out,
                              .line = line,
                              .first = before,
                              .pattern = pattern};
    fault_out->problem[0] = '\0';
    fault_out->remedy[0] = '\0';
    const bool is_found = pattern != NULL && config_include__find(&it);
    while (!is_found && includes->count > before) { /* all of them, or none */
        memory_free(includes->list[--includes->count].path);
    }
    memory_free(it.folder);
    memory_free(pattern);
    return !is_found                  ? CONFIG_INCLUDE_WRONG
           : includes->count > before ? CONFIG_INCLUDE_DONE
                                      : CONFIG_INCLUDE_EMPTY;
}

bool config_includes_read(struct config_includes *includes, size_t index, const struct config_source *source,
                          struct text *problem)
{
    struct config_included *one = &includes->list[index];
    const size_t left = CONFIG_INCLUDES_SIZE_MAX - includes->size;
    if (!source->includes->read(source->includes->context, one->path, CONFIG_FILE_SIZE_MAX, &one->file,
                                problem)) {
        return false;
    }
    if (one->file.length > left && one->file.length <= CONFIG_FILE_SIZE_MAX) {
        text_add_string(problem, "all included files together are larger than 16 MB; take some of them out");
        return false;
    }
    includes->size += one->file.length <= left ? one->file.length : 0;
    return true;
}

void config_includes_hand_over(struct config_includes *includes, struct config *config,
                               struct config_problems *problems)
{
    *(config != NULL ? &config->includes : &problems->includes) = includes->lines;
    *(config != NULL ? &config->include_count : &problems->include_count) = includes->line_count;
    includes->lines = NULL;
    includes->line_count = 0;
}

struct config_include *config_include_copy(const struct config_include *list, size_t count)
{
    struct config_include *copy = memory_alloc((count + 1) * sizeof *copy);
    bool is_made = copy != NULL;
    for (size_t i = 0; is_made && i < count; i++) {
        copy[i] =
            (struct config_include){.folder = memory_copy_text(list[i].folder, strlen(list[i].folder)),
                                    .pattern = memory_copy_text(list[i].pattern, strlen(list[i].pattern))};
        is_made = copy[i].folder != NULL && copy[i].pattern != NULL;
    }
    if (!is_made) {
        config_include_free(copy, count);
    }
    return is_made ? copy : NULL;
}

void config_include_free(struct config_include *list, size_t count)
{
    for (size_t i = 0; list != NULL && i < count; i++) {
        memory_free(list[i].folder);
        memory_free(list[i].pattern);
    }
    memory_free(list);
}

void config_includes_fini(struct config_includes *includes)
{
    config_include_free(includes->lines, includes->line_count);
    for (size_t i = 0; i < includes->count; i++) {
        memory_free(includes->list[i].path);
        whole_file_free(&includes->list[i].file);
    }
    memory_free(includes->list);
    *includes = (struct config_includes){.list = NULL};
}
