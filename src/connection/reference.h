/* SPDX-License-Identifier: MIT
   Bytes that are somebody else's, to be sent where they lie, and whom to tell that they are not needed any more. */
#ifndef PORTLISTENER_CONNECTION_REFERENCE_H
#define PORTLISTENER_CONNECTION_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "portlistener/handler.h"

struct reference {
    const uint8_t *at;
    size_t length;
    pl_release release; /* NULL: the bytes are there for the call alone, and are copied */
    void *what;
};

static inline void reference_release(const struct reference *reference)
{
    if (reference->release != NULL) {
        reference->release(reference->what);
    }
}

#endif
