/* SPDX-License-Identifier: MIT
   The command table at work, see command.h. */
#include "command.h"

#include <string.h>

enum { COMMAND_NEAR = 2, COMMAND_GUESSES = 3, COMMAND_COLUMN = 22 };

unsigned command_options(const struct command *command)
{
    if (command == NULL) {
        return ARGUMENTS_COMMON;
    }
    return command->options |
           (command->has_no_config ? ARGUMENTS_COMMON & ~(1U << OPTION_CONFIG) : ARGUMENTS_COMMON);
}

/* Whether the first words of the command line are the command's name: 0, or how many words it has. */
static size_t command__matches(const char *name, const char *const *words, size_t count)
{
    const char *space = strchr(name, ' ');
    if (count > 0 && strcmp(words[0], name) == 0) { /* both words in quotation marks, too */
        return 1;
    }
    const size_t first = space != NULL ? (size_t)(space - name) : strlen(name);
    if (count < 2 || space == NULL || strlen(words[0]) != first || memcmp(words[0], name, first) != 0) {
        return 0;
    }
    return strcmp(words[1], space + 1) == 0 ? 2 : 0;
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
    size_t guesses = 0, told = 0;
    for (const struct command *command = commands; command->name != NULL; command++) {
        guesses += command__is_near(command->name, words, count) ? 1 : 0;
    }
    text_add_string(text, "\"");
    text_add_escaped(text, words[0], strlen(words[0]));
    text_add_string(text, "\" is no command");
    if (guesses > COMMAND_GUESSES) { /* it begins so many */
        text_add_format(text, "; \"portlistener help %s\" lists those that begin so", words[0]);
        return;
    }
    for (; commands->name != NULL; commands++) {
        if (command__is_near(commands->name, words, count)) {
            text_add_format(text, "%s\"%s\"", told++ > 0 ? " or " : "; did you mean ", commands->name);
        }
    }
    text_add_string(text, guesses > 0 ? "?" : "; \"portlistener help\" lists them");
}

static void command__add_row(struct text *text, const struct command *command)
{
    char name[64];
    struct text left;
    text_init(&left, name, sizeof name);
    text_add_format(&left, "%s%s%s", command->name, command->operand != NULL ? " " : "",
                    command->operand != NULL ? command->operand : "");
    text_add_format(text, "  %-*s %s\n", COMMAND_COLUMN, name, command->summary);
}

bool command_add_group(struct text *text, const struct command *commands, const char *word)
{
    const size_t length = strlen(word);
    bool is_one = false;
    for (; commands->name != NULL; commands++) {
        if (strncmp(commands->name, word, length) == 0 && commands->name[length] == ' ') {
            command__add_row(text, commands);
            is_one = true;
        }
    }
    return is_one;
}

void command_add_overview(struct text *text, const struct command *commands)
{
    text_add_string(text, "PortListener " PORTLISTENER_VERSION
                          ": listens on TCP and UDP ports as an INI file says.\n\n"
                          "Usage: portlistener COMMAND [OPTION ...]\n\nCommands:\n");
    for (; commands->name != NULL; commands++) {
        command__add_row(text, commands);
    }
    text_add_string(text, "\nEvery command takes:\n");
    arguments_add_options(text, ARGUMENTS_COMMON & ~(1U << OPTION_CONFIG));
    text_add_string(text, "and, where it means something:\n");
    arguments_add_options(text, 1U << OPTION_CONFIG);
    text_add_string(text, "\nExit codes: 0 done; 1 failed; 2 wrong usage; 3 configuration invalid;\n"
                          "4 an endpoint could not be bound; 5 access denied; 6 not running.\n");
}

void command_add_help(struct text *text, const struct command *command)
{
    text_add_format(text, "Usage: portlistener %s", command->name);
    if (command->operand != NULL) {
        text_add_format(text, " %s", command->operand);
    }
    arguments_add_usage(text, command_options(command));
    text_add_format(text, "\n\n%s\n\n%s\nOptions:\n", command->summary, command->details);
    arguments_add_options(text, command_options(command));
}
