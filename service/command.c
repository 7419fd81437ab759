/* SPDX-License-Identifier: MIT
   The command table at work, see command.h. */
#include "command.h"

#include <string.h>

enum { COMMAND_NEAR = 2, COMMAND_COLUMN = 20 };

/* Whether the first words of the command line are the command's name: 0, or how many words it has. */
static size_t command__matches(const char *name, const char *const *words, size_t count)
{
    const char *space = strchr(name, ' ');
    const size_t first = space != NULL ? (size_t)(space - name) : strlen(name);
    if (count == 0 || strlen(words[0]) != first || memcmp(words[0], name, first) != 0) {
        return 0;
    }
    if (space == NULL) {
        return 1;
    }
    return count > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_find(const struct command *commands, const char *const *words, size_t count,
                                   size_t *used_out)
{
    for (; commands->name != NULL; commands++) {
        *used_out = command__matches(commands->name, words, count);
        if (*used_out > 0) {
            return commands;
        }
    }
    return NULL;
}

/* Near: a slip of the keyboard away, or the word begins a command of two words. */
static bool command__is_near(const char *name, const char *const *words, size_t count)
{
    char typed[80];
    struct text text;
    text_init(&text, typed, sizeof typed);
    text_add_string(&text, words[0]);
    const char *space = strchr(name, ' ');
    if (space != NULL && text_equal(name, (size_t)(space - name), text.at)) {
        return true;
    }
    if (space != NULL && count > 1) {
        text_add_format(&text, " %s", words[1]);
    }
    return !text.is_cut && text_distance(text.at, text.length, name, COMMAND_NEAR) <= COMMAND_NEAR;
}

void command_add_unknown(struct text *text, const struct command *commands, const char *const *words,
                         size_t count)
{
    bool is_near = false;
    text_add_string(text, "\"");
    text_add_escaped(text, words[0], strlen(words[0]));
    text_add_string(text, "\" is no command");
    for (; commands->name != NULL; commands++) {
        if (command__is_near(commands->name, words, count)) {
            text_add_format(text, "%s\"%s\"", is_near ? " or " : "; did you mean ", commands->name);
            is_near = true;
        }
    }
    text_add_string(text, is_near ? "?" : "; \"portlistener help\" lists them");
}

void command_add_overview(struct text *text, const struct command *commands)
{
    text_add_string(text, "PortListener " PORTLISTENER_VERSION
                          ": listens on TCP and UDP ports as an INI file says.\n\n"
                          "Usage: portlistener COMMAND [OPTION ...]\n\nCommands:\n");
    for (; commands->name != NULL; commands++) {
        char name[64];
        struct text left;
        text_init(&left, name, sizeof name);
        text_add_format(&left, "%s%s%s", commands->name, commands->operand != NULL ? " " : "",
                        commands->operand != NULL ? commands->operand : "");
        text_add_format(text, "  %-*s %s\n", COMMAND_COLUMN, name, commands->summary);
    }
    text_add_string(text, "\nEvery command takes:\n");
    arguments_add_options(text, ARGUMENTS_COMMON);
    text_add_string(text, "\nExit codes: 0 done; 1 failed; 2 wrong usage; 3 configuration invalid;\n"
                          "4 an endpoint could not be bound; 5 access denied; 6 not running.\n");
}

void command_add_help(struct text *text, const struct command *command)
{
    text_add_format(text, "Usage: portlistener %s", command->name);
    if (command->operand != NULL) {
        text_add_format(text, " %s", command->operand);
    }
    arguments_add_usage(text, command->options | ARGUMENTS_COMMON);
    text_add_format(text, "\n\n%s\n\n%s\nOptions:\n", command->summary, command->details);
    arguments_add_options(text, command->options | ARGUMENTS_COMMON);
}
