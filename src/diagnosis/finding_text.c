/* SPDX-License-Identifier: MIT
   Findings as text for people and as JSON, see finding.h. */
#include <string.h>

#include "base/json.h"
#include "diagnosis/finding.h"

enum { FINDING_COLUMNS = 100, FINDING_INDENT = 9 };

static void finding__add_indent(struct text *text, const char *lead)
{
    text_add_format(text, "%-*s", FINDING_INDENT, lead);
}

static void finding__add_wrapped(struct text *text, const char *lead, const char *words, size_t size)
{
    struct text clean;
    text_init_heap(&clean);
    text_add_escaped(&clean, words, size);
    const char *at = clean.at;
    do {
        const size_t length = text_fit(at, strlen(at), FINDING_COLUMNS - FINDING_INDENT);
        finding__add_indent(text, lead);
        text_add(text, at, length);
        text_add_string(text, "\n");
        lead = "";
        at += length;
        at += strspn(at, " ");
    } while (*at != '\0');
    text->is_cut = text->is_cut || clean.is_cut;
    text_fini(&clean);
}

/* A command that is broken up would be several when it is pasted. */
static void finding__add_remedy(struct text *text, const struct finding *finding)
{
    const char *remedy = finding->remedy;
    size_t words = finding->command > 0 ? finding->command : strlen(remedy);
    while (words > 0 && remedy[words - 1] == ' ') {
        words--;
    }
    finding__add_wrapped(text, "      ->", remedy, words);
    if (finding->command > 0) {
        finding__add_indent(text, "");
        text_add_escaped(text, remedy + finding->command, strlen(remedy + finding->command));
        text_add_string(text, "\n");
    }
}

static void finding__add(struct text *text, const struct finding *finding)
{
    const struct finding_row *row = finding_row(finding->kind);
    struct text head;
    text_init_heap(&head);
    text_add_format(&head, "%s (%s)", finding->subject, row->id);
    finding__add_wrapped(text, finding_severity_name(row->severity), head.at, head.length);
    text->is_cut = text->is_cut || head.is_cut;
    text_fini(&head);
    finding__add_wrapped(text, "", finding->text, strlen(finding->text));
    if (finding->remedy[0] != '\0') {
        finding__add_remedy(text, finding);
    }
}

/* The worst first. */
void findings_add_text(struct text *text, const struct findings *findings)
{
    for (unsigned severity = 0; severity < FINDING_SEVERITY_COUNT; severity++) {
        for (size_t i = 0; i < findings->count; i++) {
            if ((unsigned)finding_row(findings->at[i].kind)->severity == severity) {
                finding__add(text, &findings->at[i]);
            }
        }
    }
}

void findings_add_json(struct text *text, const struct findings *findings, bool has_others)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->at[i];
        const struct finding_row *row = finding_row(finding->kind);
        struct json object = json_begin(text, JSON_SPACED, i > 0 || has_others ? ",\n  {" : "\n  {");
        json_number(&object, "line", 0);
        json_number(&object, "column", 0);
        json_string(&object, "severity", finding_severity_name(row->severity));
        json_string(&object, "message", finding->text);
        json_string(&object, "id", row->id);
        json_string(&object, "subject", finding->subject);
        json_string(&object, "remedy", finding->remedy);
        json_end(&object);
    }
}
