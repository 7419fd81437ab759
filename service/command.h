/* SPDX-License-Identifier: MIT
   A command of the program, and what is made from the table of them: the help texts and the hints. */
#ifndef PORTLISTENER_SERVICE_COMMAND_H
#define PORTLISTENER_SERVICE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "arguments.h"
#include "base/failure.h"
#include "base/text.h"
#include "output.h"

struct command {
    const char *name;    /* one word or two */
    const char *operand; /* as the help shows it, "[NAME]"; NULL: takes none */
    size_t operands_min; /* words of it: at least */
    size_t operands_max; /* at most */
    unsigned options;    /* 1 << OPTION_..., beside ARGUMENTS_COMMON */
    bool
        has_no_config; /* takes no --config: it asks the service that runs, which knows its own, or needs none */
    const char *summary; /* one line */
    const char *details; /* paragraphs for its own help */
    enum exit_code (*run)(const struct arguments *arguments, struct streams *streams);
};

/* command_options: all that it takes; NULL: what may stand before a command. */
unsigned command_options(const struct command *command);

/* command_find: the command whose name `words` begin with; NULL when there is none. `used_out`: words of its
   name. */
const struct command *command_find(const struct command *commands, const char *const *words, size_t count,
                                   size_t *used_out);

/* command_add_unknown: why `words` name no command, with the names that come near. */
void command_add_unknown(struct text *text, const struct command *commands, const char *const *words,
                         size_t count);

/* command_add_group: a line for each command of two words whose first one is `word`; false: there is none. */
bool command_add_group(struct text *text, const struct command *commands, const char *word);

/* command_add_overview: the help of the program. command_add_help: of one command. */
void command_add_overview(struct text *text, const struct command *commands);
void command_add_help(struct text *text, const struct command *command);

#endif
