/* SPDX-License-Identifier: MIT
   One overlapped call: what the completion port gives back, and whom to tell. */
#ifndef PORTLISTENER_IO_OPERATION_H
#define PORTLISTENER_IO_OPERATION_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/win.h"
#include "io/lanes.h"

struct operation {
    union {
        OVERLAPPED overlapped; /* while it is in flight; first: the port returns its address */
        struct {               /* then, until it is told */
            struct task turn;
            uint32_t error;
            uint32_t bytes;
            bool is_taken; /* from the port; where `overlapped` has its event, which is NULL */
        } ended;
    };

    /* On the worker's thread. `error` is 0 or a Winsock or Win32 code, see net_error.h. */
    void (*complete)(struct operation *operation, uint32_t error, uint32_t bytes);
};

static_assert(offsetof(struct operation, ended.is_taken) == offsetof(struct operation, overlapped.hEvent),
              "operation_begin clears it");

/* operation_begin: before each call; Winsock may leave the state of the last one otherwise. The overlapped to
   pass. */
static inline OVERLAPPED *operation_begin(struct operation *operation)
{
    ZeroMemory(&operation->overlapped, sizeof operation->overlapped);
    return &operation->overlapped;
}

/* operation_has_ended: one that was begun, and has not been told yet. On the worker's thread. */
static inline bool operation_has_ended(const struct operation *operation)
{
    return operation->ended.is_taken || HasOverlappedIoCompleted(&operation->overlapped);
}

#endif
