/* SPDX-License-Identifier: MIT
   The program portlistener: the command line comes in, an exit code goes out. */
#include <string.h>

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "commands.h"
#include "hardening.h"

int wmain(int count, WCHAR **utf16);

static bool main__has_no_handles(const struct streams *streams)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    return (in == NULL || in == INVALID_HANDLE_VALUE) && streams->out.handle == NULL &&
           streams->err.handle == NULL;
}

/* The command line without the program's name, in UTF-8; NULL when there is no memory. */
static char **main__words(size_t count, WCHAR **utf16)
{
    char **words = memory_alloc((count + 1) * sizeof *words);
    for (size_t i = 0; words != NULL && i < count; i++) {
        words[i] = utf16_to_utf8(utf16[i]);
        if (words[i] == NULL) {
            return NULL; /* the process ends */
        }
    }
    return words;
}

static enum exit_code main__overview(struct output *output, enum exit_code code)
{
    struct text text;
    text_init_heap(&text);
    command_add_overview(&text, commands_all);
    output_text(output, &text);
    text_fini(&text);
    return code;
}

static enum exit_code main__run(const char *const *words, size_t count, struct streams *streams)
{
    struct arguments arguments;
    struct failure failure;
    static const char *const version[] = {"version"};
    if (count == 1 && strcmp(words[0], "--version") == 0) { /* what everybody tries */
        words = version;
    }
    if (!arguments_parse(words, count, commands_all, &arguments, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    if (arguments.options[OPTION_HELP] != NULL && arguments.command == NULL) {
        return main__overview(&streams->out, EXIT_CODE_DONE);
    }
    if (arguments.options[OPTION_HELP] != NULL) {
        struct text text;
        text_init_heap(&text);
        command_add_help(&text, arguments.command);
        output_text(&streams->out, &text);
        text_fini(&text);
        return EXIT_CODE_DONE;
    }
    if (arguments.command != NULL) {
        return arguments.command->run(&arguments, streams);
    }
    /* A service that was registered without the verb: nobody but the service manager gives a console program
       no handle at all. */
    return main__has_no_handles(streams) ? command_service_run(&arguments, streams)
                                         : main__overview(&streams->err, EXIT_CODE_USAGE);
}

int wmain(int count, WCHAR **utf16)
{
    hardening_apply();
    struct streams streams;
    output_init(&streams.out, STD_OUTPUT_HANDLE);
    output_init(&streams.err, STD_ERROR_HANDLE);
    const size_t word_count = count > 1 ? (size_t)count - 1 : 0;
    char **words = main__words(word_count, utf16 + 1);
    if (words == NULL) {
        return (int)output_failure(
            &streams.err, &(const struct failure){.code = EXIT_CODE_FAILED, .text = "out of memory"});
    }
    enum exit_code code = main__run((const char *const *)words, word_count, &streams);
    for (size_t i = 0; i < word_count; i++) {
        memory_free(words[i]);
    }
    memory_free(words);
    if (code == EXIT_CODE_DONE && streams.out.error != 0) { /* a full disk, or a reader that is gone */
        struct failure failure = {.code = EXIT_CODE_FAILED};
        struct text text;
        text_init(&text, failure.text, sizeof failure.text);
        text_add_string(&text, "the output could not be written: ");
        utf16_add_error(&text, streams.out.error);
        code = output_failure(&streams.err, &failure);
    }
    return (int)code;
}
