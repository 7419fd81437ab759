/* SPDX-License-Identifier: MIT
   The command line, taken apart by the command table: which command, its options, its operands. */
#ifndef PORTLISTENER_SERVICE_ARGUMENTS_H
#define PORTLISTENER_SERVICE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/failure.h"
#include "base/text.h"

struct command;

enum option {
    OPTION_CONFIG,
    OPTION_SERVICE,
    OPTION_JSON,
    OPTION_STRICT,
    OPTION_MARKDOWN,
    OPTION_ALL,
    OPTION_WATCH,
    OPTION_EXPECT,
    OPTION_LINES,
    OPTION_ENDPOINT,
    OPTION_DRY_RUN,
    OPTION_METRICS,
    OPTION_ACCOUNT,
    OPTION_DELAYED,
    OPTION_FIREWALL,
    OPTION_START,
    OPTION_PURGE,
    OPTION_KEEP_PROGRAM,
    OPTION_LIVE,
    OPTION_HELP,
    OPTION_COUNT
};

enum {
    ARGUMENTS_OPERANDS_MAX = 2,
    /* What every command takes, but for command.h, asks. */
    ARGUMENTS_COMMON = 1 << OPTION_CONFIG | 1 << OPTION_SERVICE | 1 << OPTION_HELP
};

/* The texts are the caller's words. */
struct arguments {
    const struct command *command;     /* NULL: none was named */
    const char *options[OPTION_COUNT]; /* the value, or for a switch its name; NULL: not given */
    const char *operands[ARGUMENTS_OPERANDS_MAX];
    size_t operand_count;
};

/* arguments_parse: `words` are the command line without the program's name, `commands` the table. False with
   EXIT_CODE_USAGE and what would be right. */
bool arguments_parse(const char *const *words, size_t count, const struct command *commands,
                     struct arguments *arguments_out, struct failure *failure_out);

/* arguments_count: EXIT_CODE_USAGE in `failure_out` and false when the command needs more operands than there are. */
bool arguments_count(const struct arguments *arguments, struct failure *failure_out);

/* arguments_option: the name of an option, "--json". */
const char *arguments_option(enum option option);

/* arguments_add_options: the options of the set `options`, one line each, for a help text. */
void arguments_add_options(struct text *text, unsigned options);

/* arguments_add_usage: " [--json] [--strict]" and so on, for the first line of a help text. */
void arguments_add_usage(struct text *text, unsigned options);

#endif
