/* SPDX-License-Identifier: MIT
   Who can tell why an address could not be bound: what stands between an engine and the diagnosis. */
#ifndef PORTLISTENER_DIAGNOSIS_EXPLAINER_H
#define PORTLISTENER_DIAGNOSIS_EXPLAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "diagnosis/bind_cause.h"

struct explainer {
    /* Appends the cause and the remedy of a bind that failed at `since` (of GetTickCount64) to `text` (NULL: only asks), and
       says in `cause_out` which it is, a number that stays while the cause does. False: not known yet; it is being found
       out, and can be asked for again. Never waits; any thread. */
    bool (*explain)(void *context, const struct bind_question *question, uint64_t since, struct text *text,
                    uint64_t *cause_out);
    void *context;
};

#endif
