/* SPDX-License-Identifier: MIT
   What command_control.c and command_watch.c do for each other. */
#ifndef PORTLISTENER_SERVICE_COMMAND_WATCH_H
#define PORTLISTENER_SERVICE_COMMAND_WATCH_H

#include "arguments.h"
#include "control_client.h"
#include "output.h"

enum { CONTROL_OPTION_ROOM = 1024 };

/* command_control_request: the request that a command line makes. False: it makes none. */
bool command_control_request(struct text *text, const struct arguments *arguments,
                             struct failure *failure_out);

/* command_control_ask: asks as the command line says. `cancel` may be NULL. False: there is no answer. */
bool command_control_ask(const struct arguments *arguments, HANDLE cancel, control_sink sink, void *context,
                         enum exit_code *code_out, struct failure *failure_out);

/* command_watch_run: a command with --watch: its answer, again each second, until Ctrl+C. */
enum exit_code command_watch_run(const struct arguments *arguments, struct streams *streams);

#endif
