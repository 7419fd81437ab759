/* SPDX-License-Identifier: MIT
   Collecting problems, see config_problems.h. */
#include "config/config_problems.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_include.h"

enum { CONFIG_PROBLEMS_FIRST_ROOM = 16, CONFIG_PROBLEMS_NAME_ROOM = 301 /* without memory */ };

void config_problems_init(struct config_problems *problems)
{
    *problems = (struct config_problems){0};
    text_init_heap(&problems->text);
    text_init_heap(&problems->found);
}

void config_problems_fini(struct config_problems *problems)
{
    text_fini(&problems->text);
    text_fini(&problems->found);
    memory_free(problems->list);
    config_include_free(problems->includes, problems->include_count);
    *problems = (struct config_problems){0};
}

void config_problems_no_memory(struct config_problems *problems)
{
    problems->is_out_of_memory = true;
}

bool config_problems_are_full(const struct config_problems *problems)
{
    return problems->count >= CONFIG_PROBLEMS_SHOWN_MAX;
}

static bool config_problems__grow(struct config_problems *problems)
{
    const size_t room = problems->room > 0 ? problems->room * 2 : CONFIG_PROBLEMS_FIRST_ROOM;
    struct config_problem *list = memory_resize(problems->list, room * sizeof *list);
    if (list == NULL) {
        config_problems_no_memory(problems);
        return false;
    }
    problems->list = list;
    problems->room = room;
    return true;
}

static void config_problems__add(struct config_problems *problems, bool is_error, uint32_t line,
                                 uint32_t column, const char *format, va_list arguments) TEXT_FORMAT(5, 0);

static void config_problems__add(struct config_problems *problems, bool is_error, uint32_t line,
                                 uint32_t column, const char *format, va_list arguments)
{
    *(is_error ? &problems->errors : &problems->warnings) += 1;
    if (config_problems_are_full(problems) ||
        (problems->count == problems->room && !config_problems__grow(problems))) {
        return;
    }
    const size_t offset = problems->found.length;
    text_add_format_list(&problems->found, format, arguments);
    problems->list[problems->count++] = (struct config_problem){.line = line,
                                                                .column = column,
                                                                .is_error = is_error,
                                                                .offset = offset,
                                                                .length = problems->found.length - offset};
}

void config_problems_error(struct config_problems *problems, uint32_t line, uint32_t column,
                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    config_problems__add(problems, true, line, column, format, arguments);
    va_end(arguments);
}

void config_problems_warning(struct config_problems *problems, uint32_t line, uint32_t column,
                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    config_problems__add(problems, false, line, column, format, arguments);
    va_end(arguments);
}

struct text config_problems_place(struct config_problems *problems, uint32_t line, uint32_t here)
{
    struct text place;
    text_init_heap(&place);
    if (problems->places != NULL) {
        config_places_add_other(&place, problems->places, line, here);
    } else {
        text_add_format(&place, "line %lu", (unsigned long)line);
    }
    if (place.is_cut) {
        config_problems_no_memory(problems);
    }
    return place;
}

void config_problems_twice(struct config_problems *problems, const char *key, uint32_t line, uint32_t column,
                           uint32_t earlier)
{
    struct text place = config_problems_place(problems, earlier, line);
    const bool is_registry = problems->places != NULL && config_places_is_registry(problems->places, line);
    config_problems_error(problems, line, column, "%s is set in %s already; remove one of the two %s", key,
                          place.at, is_registry ? "values" : "lines");
    text_fini(&place);
}

bool config_problems_overrides(const struct config_problems *problems, uint32_t line, uint32_t earlier)
{
    return problems->places != NULL && config_places_overrides(problems->places, line, earlier);
}

/* By place; in one place as they were found. */
static int config_problems__compare(const void *left, const void *right)
{
    const struct config_problem *a = left;
    const struct config_problem *b = right;
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : 1;
}

/* The place that the problem's line is in; its line is then the one there. */
static void config_problems__write_place(struct config_problems *problems, const char *file,
                                         struct config_problem *problem)
{
    struct text *text = &problems->text;
    problem->place = text->length;
    if (problems->places == NULL || problem->line == 0) {
        text_add_string(text, file);
    } else {
        config_places_add_name(text, problems->places, problem->line);
        problem->is_registry = config_places_is_registry(problems->places, problem->line);
        problem->line -= config_places_find(problems->places, problem->line)->before;
    }
    problem->place_length = text->length - problem->place;
    if (problem->is_registry) {
        problem->line = 0;
        problem->column = 0;
    }
    if (problem->line != 0) {
        text_add_format(text, ":%lu:%lu", (unsigned long)problem->line, (unsigned long)problem->column);
    }
}

static void config_problems__write(struct config_problems *problems, const char *file,
                                   struct config_problem *problem)
{
    struct text *text = &problems->text;
    config_problems__write_place(problems, file, problem);
    text_add_string(text, problem->is_error ? ": error: " : ": warning: ");
    const size_t offset = text->length;
    text_add(text, problems->found.at + problem->offset, problem->length);
    text_add_string(text, "\n");
    problem->offset = offset;
}

static void config_problems__write_rest(struct config_problems *problems, struct config_problem last,
                                        const char *file)
{
    const unsigned long rest =
        (unsigned long)problems->errors + problems->warnings - (unsigned long)problems->count;
    if (rest > 0) {
        config_problems__write_place(problems, file, &last);
        text_add_format(&problems->text, ": error: %lu more problems are not shown; correct these first\n",
                        rest);
    }
}

/* The room is in the struct, as there may be none elsewhere. */
static void config_problems__write_no_memory(struct config_problems *problems, const char *file)
{
    char name[CONFIG_PROBLEMS_NAME_ROOM];
    struct text start;
    text_init(&start, name, sizeof name);
    text_add_string(&start, file);
    text_fini(&problems->text);
    text_init(&problems->text, problems->no_memory_room, sizeof problems->no_memory_room);
    text_add_format(&problems->text, "%s: error: ", name);
    const size_t offset = problems->text.length;
    text_add_string(&problems->text, "out of memory; end other programs and try again");
    problems->is_out_of_memory = true;
    problems->count = 0;
    problems->errors = 1;
    problems->warnings = 0;
    if (problems->list != NULL) {
        problems->list[0] = (struct config_problem){.is_error = true,
                                                    .offset = offset,
                                                    .length = problems->text.length - offset,
                                                    .place_length = strlen(name)};
        problems->count = 1;
    }
    text_add_string(&problems->text, "\n");
}

void config_problems_finish(struct config_problems *problems, const char *file)
{
    struct config_problem last = {.line = 0};
    if (problems->count > 0) {
        qsort(problems->list, problems->count, sizeof problems->list[0], config_problems__compare);
        last = problems->list[problems->count - 1];
    }
    for (size_t i = 0; i < problems->count; i++) {
        config_problems__write(problems, file, &problems->list[i]);
    }
    if (!problems->is_out_of_memory) {
        config_problems__write_rest(problems, last, file);
    }
    if (problems->is_out_of_memory || problems->found.is_cut || problems->text.is_cut) {
        config_problems__write_no_memory(problems, file);
    }
    text_fini(&problems->found);
    problems->places = NULL;
}
