/* SPDX-License-Identifier: MIT
   The server of the control pipe \\.\pipe\portlistener-SERVICE: clients of this machine ask for something, each is answered on a
   thread of its own, CONTROL_CLIENTS_MAX at a time. The messages are those of base/control_message.h. */
#ifndef PORTLISTENER_SERVICE_CONTROL_PIPE_H
#define PORTLISTENER_SERVICE_CONTROL_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/control_message.h"
#include "base/failure.h"
#include "base/log.h"
#include "base/win.h"

enum {
    CONTROL_CLIENTS_MAX = 8,
    CONTROL_ASK_PATIENCE = 5000, /* milliseconds from the connection to the end of the request */
    CONTROL_ANSWER_PATIENCE =
        30000 /* in which a client must have read the answer, beside the time that it takes to make */
};

struct control_pipe;
struct control_answer;

/* Answers a request; returns the exit code for the client. On a thread of the pipe's; several at a time. */
typedef enum exit_code (*control_answerer)(void *context, const struct control_request *request,
                                           struct control_answer *answer);

struct control_pipe_options {
    const char *service;
    bool is_service; /* else a run on a console */
    struct log *log; /* may be NULL */
    control_answerer answer;
    void *context;
};

/* control_pipe_start: `options` are copied, what they point to stays the caller's. NULL: `failure_out` tells why there is no
   pipe; another process may have it. */
struct control_pipe *control_pipe_start(const struct control_pipe_options *options,
                                        struct failure *failure_out);

/* control_pipe_stop: clients that are being served are cut off; a call of `answer` that is under way is waited for. NULL is
   allowed. */
void control_pipe_stop(struct control_pipe *pipe);

/* control_answer_write: of whatever length; goes to the client while the answer is being made. control_answer_text: likewise;
   and whether nothing had been cut. control_answer_is_lost: the client reads no more, or the pipe stops: whatever is written
   is dropped. control_answer_client: the process that asks; 0: unknown. */
void control_answer_write(struct control_answer *answer, enum control_stream stream, const char *at,
                          size_t length);
void control_answer_format(struct control_answer *answer, enum control_stream stream, const char *format, ...)
    TEXT_FORMAT(3, 4);
bool control_answer_is_lost(struct control_answer *answer);
unsigned long control_answer_client(const struct control_answer *answer);

#endif
