/* SPDX-License-Identifier: MIT
   What "check" has found: findings of one table, findings.def, in the order in which they were made; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FINDING_H
#define PORTLISTENER_DIAGNOSIS_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/text.h"

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE, FINDING_SEVERITY_COUNT };
enum finding_class { FINDING_CONFIGURATION, FINDING_BIND, FINDING_OTHER };

#define FINDING(name, id, severity, class, text, remedy) FINDING_##name,
enum finding_kind {
#include "diagnosis/findings.def"
    FINDING_KIND_COUNT
};
#undef FINDING

struct finding_row {
    const char *id;
    enum finding_severity severity;
    enum finding_class class;
    const char *text;
    const char *remedy;
};

/* What a {name} of a row becomes; the last one has no name. */
struct finding_word {
    const char *name;
    const char *value;
};
#define FINDING_WORDS(...) ((const struct finding_word[]){__VA_ARGS__, {NULL, NULL}})

struct finding {
    enum finding_kind kind;
    char *subject; /* "endpoint web, tcp://0.0.0.0:80", a path, "service PortListener" */
    char *text;
    char *remedy;
    size_t command; /* where in `remedy` a command begins that goes to its end; 0: none */
};

struct findings {
    struct finding *at;
    size_t count, room;
    size_t counts[FINDING_SEVERITY_COUNT];
    bool is_out_of_memory; /* there are more */
};

void findings_init(struct findings *findings);
void findings_fini(struct findings *findings);

/* findings_add: `words` may be NULL where the row has no {word}. */
void findings_add(struct findings *findings, enum finding_kind kind, const char *subject,
                  const struct finding_word *words);

const struct finding_row *finding_row(enum finding_kind kind);
const char *finding_severity_name(enum finding_severity severity);

/* findings_code: the exit code by the worst of them: CONFIGURATION before BIND before the others. `is_strict`: warnings
   count as errors of no class. */
enum exit_code findings_code(const struct findings *findings, bool is_strict);

/* findings_add_text: for people, in lines of at most 100 columns; only a command has a line of its own of any length, so that
   it can be copied. findings_add_json: objects, with commas between them and,
   where `has_others`, before the first one. */
void findings_add_text(struct text *text, const struct findings *findings);
void findings_add_json(struct text *text, const struct findings *findings, bool has_others);

#endif
