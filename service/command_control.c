/* SPDX-License-Identifier: MIT
   The commands that ask a running service over its control pipe: the command line goes there as it is, and what comes back is
   printed. */
#include "commands.h"

#include "command_watch.h"
#include "control_client.h"
#include "control_desk.h"

enum {
    /* What concerns the client alone. */
    COMMAND_CONTROL_OWN = ARGUMENTS_COMMON | 1 << OPTION_WATCH
};

static const char *command_control__service(const struct arguments *arguments)
{
    const char *service = arguments->options[OPTION_SERVICE];
    return service != NULL ? service : "PortListener";
}

bool command_control_request(struct text *text, const struct arguments *arguments,
                             struct failure *failure_out)
{
    const char *words[CONTROL_WORDS_MAX];
    char rooms[OPTION_COUNT][CONTROL_OPTION_ROOM];
    size_t count = 0;
    words[count++] = arguments->command->name;
    for (size_t i = 0; i < arguments->operand_count; i++) {
        words[count++] = arguments->operands[i];
    }
    for (int option = 0; option < OPTION_COUNT && count < CONTROL_WORDS_MAX; option++) {
        const char *value = arguments->options[option], *name = arguments_option((enum option)option);
        struct text word;
        if (value == NULL || (COMMAND_CONTROL_OWN >> option & 1) != 0) {
            continue;
        }
        text_init(&word, rooms[option], sizeof rooms[option]);
        text_add_string(&word, name);
        if (value != name) {
            text_add_format(&word, "=%s", value);
        }
        words[count++] = word.at;
    }
    if (control_request_add(text, words, count)) {
        return true;
    }
    *failure_out = (struct failure){.code = EXIT_CODE_USAGE};
    struct text reason;
    text_init(&reason, failure_out->text, sizeof failure_out->text);
    text_add_format(&reason, "what follows \"%s\" has a blank or a control character, or is too long",
                    arguments->command->name);
    return false;
}

static void command_control__print(void *context, const struct control_piece *piece)
{
    struct streams *streams = context;
    output_write(piece->stream == CONTROL_OUT ? &streams->out : &streams->err, piece->at, piece->length);
}

bool command_control_ask(const struct arguments *arguments, HANDLE cancel, control_sink sink, void *context,
                         enum exit_code *code_out, struct failure *failure_out)
{
    struct control_client client;
    struct text request;
    bool is_answered = false;
    text_init_heap(&request);
    if (command_control_request(&request, arguments, failure_out) &&
        control_client_open(&client, command_control__service(arguments), cancel, failure_out)) {
        is_answered = control_client_ask(&client, &request, sink, context, code_out, failure_out);
        control_client_close(&client);
    }
    text_fini(&request);
    return is_answered;
}

enum exit_code command_control_run(const struct arguments *arguments, struct streams *streams)
{
    enum exit_code code = EXIT_CODE_DONE;
    struct failure failure;
    if (!arguments_count(arguments, &failure)) {
        return output_failure(&streams->err, &failure);
    }
    if (arguments->options[OPTION_WATCH] != NULL) {
        return command_watch_run(arguments, streams);
    }
    return command_control_ask(arguments, NULL, command_control__print, streams, &code, &failure)
               ? code
               : output_failure(&streams->err, &failure);
}
