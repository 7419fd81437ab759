/* SPDX-License-Identifier: MIT
   The table of findings, and a list of those that were made; see finding.h. finding_text.c prints it. */
#include "diagnosis/finding.h"

#include <string.h>

#include "base/memory.h"

enum { FINDING_ROOM = 16 };

#define FINDING(name, id, severity, class, text, remedy) \
    [FINDING_##name] = {id, FINDING_##severity, FINDING_##class, text, remedy},
static const struct finding_row rows[FINDING_KIND_COUNT] = {
#include "diagnosis/findings.def"
};
#undef FINDING

const struct finding_row *finding_row(enum finding_kind kind)
{
    return &rows[kind];
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[FINDING_SEVERITY_COUNT] = {"error", "warning", "note"};
    return names[severity];
}

void findings_init(struct findings *findings)
{
    *findings = (struct findings){0};
}

static void finding__fini(const struct finding *finding)
{
    memory_free(finding->subject);
    memory_free(finding->text);
    memory_free(finding->remedy);
}

void findings_fini(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        finding__fini(&findings->at[i]);
    }
    memory_free(findings->at);
    *findings = (struct findings){0};
}

static const char *finding__value(const struct finding_word *words, const char *name, size_t length)
{
    for (; words != NULL && words->name != NULL; words++) {
        if (strlen(words->name) == length && memcmp(words->name, name, length) == 0) {
            return words->value;
        }
    }
    return "?";
}

/* The words of a row, with what stands in braces; NULL: no memory. */
static char *finding__fill(const char *pattern, const struct finding_word *words)
{
    struct text text;
    text_init_heap(&text);
    while (*pattern != '\0') {
        const size_t plain = strcspn(pattern, "{");
        text_add(&text, pattern, plain);
        pattern += plain;
        if (*pattern == '{') {
            const size_t length = strcspn(++pattern, "}");
            text_add_string(&text, finding__value(words, pattern, length));
            pattern += length + (pattern[length] != '\0');
        }
    }
    char *filled = text.is_cut ? NULL : memory_copy_text(text.at, text.length);
    text_fini(&text);
    return filled;
}

/* Where the command begins with which the remedy ends. */
static size_t finding__command(const char *pattern, const char *remedy, const struct finding_word *words)
{
    static const char name[] = "command", end[] = "{command}";
    const size_t length = strlen(pattern), behind = sizeof end - 1;
    if (remedy == NULL || length < behind || strcmp(pattern + length - behind, end) != 0) {
        return 0;
    }
    return strlen(remedy) - strlen(finding__value(words, name, sizeof name - 1));
}

static bool findings__reserve(struct findings *findings)
{
    const size_t room = findings->room > 0 ? findings->room * 2 : FINDING_ROOM;
    if (findings->count < findings->room) {
        return true;
    }
    struct finding *grown = memory_resize(findings->at, room * sizeof *grown);
    if (grown != NULL) {
        findings->at = grown;
        findings->room = room;
    }
    return grown != NULL;
}

void findings_add(struct findings *findings, enum finding_kind kind, const char *subject,
                  const struct finding_word *words)
{
    struct finding finding = {.kind = kind,
                              .subject = memory_copy_text(subject, strlen(subject)),
                              .text = finding__fill(rows[kind].text, words),
                              .remedy = finding__fill(rows[kind].remedy, words)};
    finding.command = finding__command(rows[kind].remedy, finding.remedy, words);
    if (finding.subject == NULL || finding.text == NULL || finding.remedy == NULL ||
        !findings__reserve(findings)) {
        finding__fini(&finding);
        findings->is_out_of_memory = true;
        return;
    }
    findings->at[findings->count++] = finding;
    findings->counts[rows[kind].severity]++;
}

enum exit_code findings_code(const struct findings *findings, bool is_strict)
{
    static const enum exit_code codes[] = {[FINDING_CONFIGURATION] = EXIT_CODE_CONFIGURATION,
                                           [FINDING_BIND] = EXIT_CODE_BIND,
                                           [FINDING_OTHER] = EXIT_CODE_FAILED};
    unsigned worst = FINDING_OTHER + 1;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding_row *row = &rows[findings->at[i].kind];
        if (row->severity == FINDING_ERROR && (unsigned)row->class < worst) {
            worst = (unsigned)row->class;
        }
    }
    if (worst <= FINDING_OTHER) {
        return codes[worst];
    }
    const bool has_failed =
        findings->is_out_of_memory || (is_strict && findings->counts[FINDING_WARNING] > 0);
    return has_failed ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}
