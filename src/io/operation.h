/* SPDX-License-Identifier: MIT
   One overlapped call in flight: what the completion port gives back, and whom to tell. */
#ifndef PORTLISTENER_IO_OPERATION_H
#define PORTLISTENER_IO_OPERATION_H

#include <stdint.h>

#include "base/win.h"

struct operation {
    OVERLAPPED overlapped; /* first: the port returns its address */

    /* On the worker's thread. `error` is 0 or a Winsock or Win32 code, see net_error.h. */
    void (*complete)(struct operation *operation, uint32_t error, uint32_t bytes);
};

/* operation_begin: before each call; Winsock may leave the state of the last one otherwise. The overlapped to
   pass. */
static inline OVERLAPPED *operation_begin(struct operation *operation)
{
    ZeroMemory(&operation->overlapped, sizeof operation->overlapped);
    return &operation->overlapped;
}

#endif
