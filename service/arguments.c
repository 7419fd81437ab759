/* SPDX-License-Identifier: MIT
   Taking the command line apart, see arguments.h. */
#include "arguments.h"

#include <string.h>

#include "command.h"

enum {
    ARGUMENTS_NEAR = 2,
    ARGUMENTS_COLUMN = 20,
    ARGUMENTS_COLUMNS = 100,
    ARGUMENTS_SERVICE_MAX = 256 /* UTF-16 units */
};

static const struct {
    const char *name;
    const char *value; /* NULL: a switch */
    const char *help;
} arguments__options[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"--config", "FILE", "the configuration file"},
    [OPTION_SERVICE] = {"--service", "NAME",
                        "which service it is about (default: PortListener; run: console)"},
    [OPTION_JSON] = {"--json", NULL, "print JSON, for programs"},
    [OPTION_STRICT] = {"--strict", NULL, "treat warnings as errors"},
    [OPTION_MARKDOWN] = {"--markdown", NULL, "print Markdown"},
    [OPTION_ALL] = {"--all", NULL, "connections as well, not only what listens"},
    [OPTION_WATCH] = {"--watch", NULL, "go on, and print what changes"},
    [OPTION_EXPECT] = {"--expect", "FILE", "what may listen; anything else is exit code 1"},
    [OPTION_LINES] = {"--lines", NULL, "print lines for a file of --expect"},
    [OPTION_ENDPOINT] = {"--endpoint", "NAME", "only what belongs to this endpoint"},
    [OPTION_DRY_RUN] = {"--dry-run", NULL, "only tell what it would do"},
    [OPTION_METRICS] = {"--metrics", NULL, "print metrics in the text form of Prometheus"},
    [OPTION_ACCOUNT] = {"--account", "NAME", "the account it runs under (default: one of its own)"},
    [OPTION_DELAYED] = {"--delayed", NULL, "start some minutes after the machine, not with it"},
    [OPTION_FIREWALL] = {"--firewall", NULL,
                         "let other machines in, those of \"allow\" only where it is set"},
    [OPTION_START] = {"--start", NULL, "start it when done, unless its start is manual or disabled"},
    [OPTION_PURGE] = {"--purge", NULL, "remove the configuration and the data as well"},
    [OPTION_KEEP_PROGRAM] = {"--keep-program", NULL,
                             "leave the program's files, which somebody else removes"},
    [OPTION_LIVE] = {"--live", NULL, "try what the running service listens on"},
    [OPTION_HELP] = {"--help", NULL, "print this help"},
};

/* What no command can do at once. */
static const struct {
    enum option first, second;
    const char *reason;
} arguments__conflicts[] = {
    {OPTION_JSON, OPTION_LINES, "each is another form of what is printed"},
    {OPTION_JSON, OPTION_METRICS, "each is another form of what is printed"},
    {OPTION_EXPECT, OPTION_LINES, "the one reads the file that the other makes"},
    {OPTION_ALL, OPTION_LINES, "a connection is no listener that could be expected"},
    {OPTION_WATCH, OPTION_LINES, "a line for a file does not tell what comes and what goes"},
};

/* The option that `word` (of `length`) names; OPTION_COUNT when none. */
static enum option arguments__find(const char *word, size_t length)
{
    enum option option = OPTION_CONFIG;
    while (option < OPTION_COUNT && (strlen(arguments__options[option].name) != length ||
                                     memcmp(arguments__options[option].name, word, length) != 0)) {
        option++;
    }
    return length == 2 && (memcmp(word, "-h", 2) == 0 || memcmp(word, "/?", 2) == 0) ? OPTION_HELP : option;
}

static void arguments__fail(struct failure *failure_out, struct text *text)
{
    *failure_out = (struct failure){.code = EXIT_CODE_USAGE};
    text_init(text, failure_out->text, sizeof failure_out->text);
}

static bool arguments__refuse_option(const struct command *command, const char *word, size_t length,
                                     struct failure *failure_out)
{
    struct text text;
    arguments__fail(failure_out, &text);
    const unsigned options = command_options(command);
    text_add_format(&text, "%s takes no option \"", command != NULL ? command->name : "portlistener");
    text_add_escaped(&text, word, length);
    text_add_string(&text, "\"");
    for (enum option i = OPTION_CONFIG; i < OPTION_COUNT; i++) {
        if ((options >> i & 1U) != 0 &&
            text_distance(word, length, arguments__options[i].name, ARGUMENTS_NEAR) <= ARGUMENTS_NEAR) {
            text_add_format(&text, "; did you mean \"%s\"?", arguments__options[i].name);
            return false;
        }
    }
    text_add_format(&text, "; \"portlistener %s%shelp\" tells what it takes",
                    command != NULL ? command->name : "", command != NULL ? " --" : "");
    return false;
}

/* One option at words[*at], its value perhaps behind it; *at ends on the last word used. */
static bool arguments__take_option(const char *const *words, size_t count, size_t *at,
                                   struct arguments *arguments, struct failure *failure_out)
{
    struct text text;
    const char *word = words[*at], *equals = strchr(word, '=');
    const size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const enum option option = arguments__find(word, length);
    if (option == OPTION_COUNT || (command_options(arguments->command) >> option & 1U) == 0) {
        return arguments__refuse_option(arguments->command, word, length, failure_out);
    }
    const bool wants_value = arguments__options[option].value != NULL;
    const char *value = equals != NULL ? equals + 1 : wants_value && *at + 1 < count ? words[++*at] : NULL;
    if (wants_value != (value != NULL && value[0] != '\0')) {
        arguments__fail(failure_out, &text);
        text_add_format(&text, "the option %s takes %s%s", arguments__options[option].name,
                        wants_value ? "a value: " : "no value",
                        wants_value ? arguments__options[option].value : "");
        return false;
    }
    if (arguments->options[option] != NULL) {
        arguments__fail(failure_out, &text);
        text_add_format(&text, "the option %s is given twice", arguments__options[option].name);
        return false;
    }
    arguments->options[option] = wants_value ? value : arguments__options[option].name;
    return true;
}

static bool arguments__take_operand(const char *word, struct arguments *arguments,
                                    struct failure *failure_out)
{
    const struct command *command = arguments->command;
    if (arguments->operand_count < command->operands_max) {
        arguments->operands[arguments->operand_count++] = word;
        return true;
    }
    struct text text;
    arguments__fail(failure_out, &text);
    text_add_format(&text, "%s does not take \"", command->name);
    text_add_escaped(&text, word, strlen(word));
    text_add_format(&text, "\"; \"portlistener %s --help\" tells what it takes", command->name);
    return false;
}

static bool arguments__check_conflicts(const struct arguments *arguments, struct failure *failure_out)
{
    for (size_t i = 0; i < sizeof arguments__conflicts / sizeof arguments__conflicts[0]; i++) {
        const enum option first = arguments__conflicts[i].first, second = arguments__conflicts[i].second;
        if (arguments->options[first] != NULL && arguments->options[second] != NULL) {
            struct text text;
            arguments__fail(failure_out, &text);
            text_add_format(&text, "the options %s and %s do not go together: %s",
                            arguments__options[first].name, arguments__options[second].name,
                            arguments__conflicts[i].reason);
            return false;
        }
    }
    return true;
}

/* The length in UTF-16 units: what Windows counts as characters. */
static size_t arguments__utf16_length(const char *word)
{
    const size_t length = strlen(word);
    size_t units = 0;
    for (size_t i = 0; i < length;) {
        const size_t bytes = text_utf8_length(word + i, length - i);
        units += bytes == 4 ? 2 : 1; /* beyond U+FFFF a pair of surrogates */
        i += bytes > 0 ? bytes : 1;
    }
    return units;
}

/* An option that stands before the command, which does not take it. */
static bool arguments__check_options(const struct arguments *arguments, struct failure *failure_out)
{
    for (enum option i = OPTION_CONFIG; i < OPTION_COUNT; i++) {
        if (arguments->options[i] != NULL && (command_options(arguments->command) >> i & 1U) == 0) {
            const char *name = arguments__options[i].name;
            return arguments__refuse_option(arguments->command, name, strlen(name), failure_out);
        }
    }
    return true;
}

/* A service name as the service manager allows it; it becomes part of registry keys and file names. */
static bool arguments__check_service(const struct arguments *arguments, struct failure *failure_out)
{
    const char *name = arguments->options[OPTION_SERVICE];
    if (name == NULL ||
        (arguments__utf16_length(name) <= ARGUMENTS_SERVICE_MAX && strpbrk(name, "/\\") == NULL)) {
        return true;
    }
    struct text text;
    arguments__fail(failure_out, &text);
    text_add_string(&text, "a service name has at most 256 characters and neither / nor \\");
    return false;
}

/* An option, or what looks like one: "-x", "/?"; "-" alone is a word. */
static bool arguments__is_option(const char *word)
{
    return (word[0] == '-' && word[1] != '\0') || strcmp(word, "/?") == 0;
}

bool arguments_parse(const char *const *words, size_t count, const struct command *commands,
                     struct arguments *arguments_out, struct failure *failure_out)
{
    *arguments_out = (struct arguments){0};
    for (size_t i = 0; i < count; i++) {
        bool is_fine = true;
        if (arguments__is_option(words[i])) {
            is_fine = arguments__take_option(words, count, &i, arguments_out, failure_out);
        } else if (arguments_out->command != NULL) {
            is_fine = arguments__take_operand(words[i], arguments_out, failure_out);
        } else {
            size_t used = 0;
            arguments_out->command = command_find(commands, words + i, count - i, &used);
            if (arguments_out->command == NULL) {
                struct text text;
                arguments__fail(failure_out, &text);
                command_add_unknown(&text, commands, words + i, count - i);
                return false;
            }
            i += used - 1;
        }
        if (!is_fine) {
            return false;
        }
    }
    return arguments__check_conflicts(arguments_out, failure_out) &&
           arguments__check_options(arguments_out, failure_out) &&
           arguments__check_service(arguments_out, failure_out);
}

void arguments_add_options(struct text *text, unsigned options)
{
    for (enum option i = OPTION_CONFIG; i < OPTION_COUNT; i++) {
        if ((options >> i & 1U) == 0) {
            continue;
        }
        char name[ARGUMENTS_COLUMN + 1];
        struct text left;
        text_init(&left, name, sizeof name);
        text_add_string(&left, arguments__options[i].name);
        if (arguments__options[i].value != NULL) {
            text_add_format(&left, " %s", arguments__options[i].value);
        }
        text_add_format(text, "  %-*s %s\n", ARGUMENTS_COLUMN, name, arguments__options[i].help);
    }
}

void arguments_add_usage(struct text *text, unsigned options)
{
    size_t column = text->length; /* the command's name stands in front, on the same line */
    for (enum option i = OPTION_CONFIG; i < OPTION_COUNT; i++) {
        if ((options >> i & 1U) == 0) {
            continue;
        }
        char room[ARGUMENTS_COLUMN + 8];
        struct text item;
        text_init(&item, room, sizeof room);
        text_add_format(&item, "[%s%s%s]", arguments__options[i].name,
                        arguments__options[i].value != NULL ? " " : "",
                        arguments__options[i].value != NULL ? arguments__options[i].value : "");
        if (column + 1 + item.length > ARGUMENTS_COLUMNS) {
            text_add_string(text, "\n      ");
            column = 6;
        }
        text_add_format(text, " %s", item.at);
        column += 1 + item.length;
    }
}

const char *arguments_option(enum option option)
{
    return arguments__options[option].name;
}

bool arguments_count(const struct arguments *arguments, struct failure *failure_out)
{
    const struct command *command = arguments->command;
    struct text text;
    if (arguments->operand_count >= command->operands_min) {
        return true;
    }
    arguments__fail(failure_out, &text);
    text_add_format(&text, "%s takes %s; \"portlistener %s --help\" tells what that is", command->name,
                    command->operand, command->name);
    return false;
}
