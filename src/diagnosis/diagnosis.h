/* SPDX-License-Identifier: MIT
   The diagnosis of failed binds while a program runs. A thread of its own looks at the machine, when someone has asked and
   not oftener than once a second; at the excluded ports, which takes longest, at most once a minute. Who asks is answered
   from what was seen last. */
#ifndef PORTLISTENER_DIAGNOSIS_DIAGNOSIS_H
#define PORTLISTENER_DIAGNOSIS_DIAGNOSIS_H

#include "diagnosis/explainer.h"

struct diagnosis;

/* diagnosis_create: NULL: no memory or no handle. The thread begins with the first question. */
struct diagnosis *diagnosis_create(void);

/* diagnosis_destroy: ends the thread first; nobody may ask any more. NULL is allowed. */
void diagnosis_destroy(struct diagnosis *diagnosis);

/* diagnosis_explain: see explainer.h; `context` is the diagnosis. */
bool diagnosis_explain(void *context, const struct bind_question *question, uint64_t since, struct text *text,
                       uint64_t *cause_out);

#endif
