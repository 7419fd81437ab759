/* SPDX-License-Identifier: MIT
   The commands "help" and "version". */
#include "commands.h"

enum exit_code command_help_run(const struct arguments *arguments, struct streams *streams)
{
    struct text text;
    text_init_heap(&text);
    if (arguments->operand_count == 0) {
        command_add_overview(&text, commands_all);
        output_text(&streams->out, &text);
        text_fini(&text);
        return EXIT_CODE_DONE;
    }
    size_t used = 0;
    const struct command *command =
        command_find(commands_all, arguments->operands, arguments->operand_count, &used);
    if (command != NULL && used == arguments->operand_count) {
        command_add_help(&text, command);
        output_text(&streams->out, &text);
        text_fini(&text);
        return EXIT_CODE_DONE;
    }
    if (arguments->operand_count == 1 && command_add_group(&text, commands_all, arguments->operands[0])) {
        output_text(&streams->out, &text);
        text_fini(&text);
        return EXIT_CODE_DONE;
    }
    text_fini(&text);
    struct failure failure = {.code = EXIT_CODE_USAGE};
    text_init(&text, failure.text, sizeof failure.text);
    command_add_unknown(&text, commands_all, arguments->operands, arguments->operand_count);
    return output_failure(&streams->err, &failure);
}

enum exit_code command_version_run(const struct arguments *arguments, struct streams *streams)
{
    (void)arguments;
    output_format(&streams->out, "PortListener " PORTLISTENER_VERSION "\n");
    return EXIT_CODE_DONE;
}
