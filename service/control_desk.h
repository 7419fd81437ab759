/* SPDX-License-Identifier: MIT
   What a running service answers on its control pipe: one table of verbs. Each is a command of the program with the same
   name: its row in commands.c says which operands and options it takes, for the client and for the server. */
#ifndef PORTLISTENER_SERVICE_CONTROL_DESK_H
#define PORTLISTENER_SERVICE_CONTROL_DESK_H

#include <stdbool.h>

#include "arguments.h"
#include "base/log.h"
#include "control_pipe.h"
#include "engine.h"

/* What the verbs work on. Fields do not change while the pipe is open. */
struct control_desk {
    const char *service;
    struct engine *engine;
    struct log *log; /* may be NULL */

    struct access_log *access_log; /* likewise */

    /* Reads the configuration again; any thread. `told` takes what came of it, for people, or as JSON. NULL: it cannot. */
    enum exit_code (*reload)(void *context, bool is_dry_run, bool is_json, struct text *told);
    void *context;
};

struct control_verb {
    const char *name; /* of the command, too */
    enum exit_code (*answer)(const struct control_desk *desk, const struct arguments *arguments,
                             struct control_answer *answer);
};

/* Ends with one without a name. */
extern const struct control_verb control_verbs[];

/* control_desk_answer: a control_answerer; `context` is the desk. */
enum exit_code control_desk_answer(void *context, const struct control_request *request,
                                   struct control_answer *answer);

#endif
