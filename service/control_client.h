/* SPDX-License-Identifier: MIT
   The client of the control pipe: asks a running service, or a run on a console, of this machine. */
#ifndef PORTLISTENER_SERVICE_CONTROL_CLIENT_H
#define PORTLISTENER_SERVICE_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/control_message.h"
#include "base/failure.h"
#include "base/win.h"

enum {
    CONTROL_BUSY_PATIENCE = 10000, /* milliseconds until a place on the pipe is free */
    CONTROL_REPLY_PATIENCE = 60000 /* between two parts of an answer */
};

struct control_client {
    HANDLE pipe;
    HANDLE event;
    HANDLE cancel; /* an event that ends a call at once; NULL: none. The caller's */
    uint32_t busy_patience, reply_patience;
    uint64_t deadline; /* of everything, by GetTickCount64; 0: none */
    DWORD process;     /* who answers */
};

/* control_client_open: to the instance of this name. The service manager must know the process that answers, when `service` is a
   service. False: NOT_RUNNING, ACCESS_DENIED or FAILED, and what to do. */
bool control_client_open(struct control_client *client, const char *service, HANDLE cancel,
                         struct failure *failure_out);

/* control_client_open_within: the same, for who cannot wait as long as it takes: opening and asking together end within
   `patience` milliseconds. */
bool control_client_open_within(struct control_client *client, const char *service, uint32_t patience,
                                struct failure *failure_out);
void control_client_close(struct control_client *client);

/* Takes a part of an answer. */
typedef void (*control_sink)(void *context, const struct control_piece *piece);

/* control_client_ask: sends a request, made by control_request_add, and hands its answer on. False: there is no whole answer,
   `failure_out`; else the exit code is in `code_out`. Once for each open. */
bool control_client_ask(struct control_client *client, const struct text *request, control_sink sink,
                        void *context, enum exit_code *code_out, struct failure *failure_out);

#endif
