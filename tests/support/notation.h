/* SPDX-License-Identifier: MIT
   Whether a text keeps to the rules of its notation: JSON (RFC 8259), Prometheus' text format. Strict, and no more than
   that: for tests. cmocka's asserts inside. */
#ifndef PORTLISTENER_TESTS_SUPPORT_NOTATION_H
#define PORTLISTENER_TESTS_SUPPORT_NOTATION_H

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Calls back with the name of each member of each object. */
struct notation {
    const char *at;
    void (*member)(void *context, const char *name, size_t length);
    void *context;
};

static inline void notation__blanks(struct notation *notation)
{
    notation->at += strspn(notation->at, " \r\n\t");
}

static inline void notation__expect(struct notation *notation, char wanted)
{
    notation__blanks(notation);
    if (*notation->at != wanted) {
        fail_msg("JSON: here should be %c: %.40s", wanted, notation->at);
    }
    notation->at++;
}

static inline void notation__string(struct notation *notation)
{
    notation__expect(notation, '"');
    while (*notation->at != '"') {
        if ((unsigned char)*notation->at < ' ') {
            fail_msg("JSON: a control character: %.40s", notation->at);
        }
        notation->at += *notation->at == '\\' ? 2 : 1;
    }
    notation->at++;
}

static inline void notation__value(struct notation *notation);

static inline void notation__object(struct notation *notation)
{
    notation__expect(notation, '{');
    for (char next = ','; next == ',';) {
        notation__blanks(notation);
        const char *name = notation->at + 1;
        notation__string(notation);
        if (notation->member != NULL) {
            notation->member(notation->context, name, (size_t)(notation->at - 1 - name));
        }
        notation__expect(notation, ':');
        notation__value(notation);
        notation__blanks(notation);
        next = *notation->at;
        notation__expect(notation, next == ',' ? ',' : '}');
    }
}

static inline void notation__array(struct notation *notation)
{
    notation__expect(notation, '[');
    notation__blanks(notation);
    for (char next = *notation->at == ']' ? ']' : ','; next == ',';) {
        notation__value(notation);
        notation__blanks(notation);
        next = *notation->at;
        notation->at += next == ',';
    }
    notation__expect(notation, ']');
}

static inline void notation__value(struct notation *notation)
{
    static const char *const words[] = {"true", "false", "null"};
    notation__blanks(notation);
    if (*notation->at == '{') {
        notation__object(notation);
    } else if (*notation->at == '[') {
        notation__array(notation);
    } else if (*notation->at == '"') {
        notation__string(notation);
    } else if (isdigit((unsigned char)*notation->at)) {
        notation->at += strspn(notation->at, "0123456789");
    } else {
        size_t i = 0;
        while (i < 3 && strncmp(notation->at, words[i], strlen(words[i])) != 0) {
            i++;
        }
        if (i < 3) {
            notation->at += strlen(words[i]);
        } else {
            fail_msg("JSON: no value: %.40s", notation->at);
        }
    }
}

/* notation_check_json: one value. `member` may be NULL. */
static inline void notation_check_json(const char *text,
                                       void (*member)(void *context, const char *name, size_t length),
                                       void *context)
{
    struct notation notation = {text, member, context};
    notation__value(&notation);
    notation__blanks(&notation);
    if (*notation.at != '\0') {
        fail_msg("JSON: more behind the end: %.40s", notation.at);
    }
}

/* ---- Prometheus ---- */

static inline size_t notation__name_length(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

/* `{name="value",...}`, if there is one. Returns what is behind. */
static inline const char *notation__labels(const char *at)
{
    if (*at != '{') {
        return at;
    }
    do {
        const size_t length = notation__name_length(++at);
        assert_in_range(length, 1, 64);
        at += length;
        assert_memory_equal(at, "=\"", 2);
        for (at += 2; *at != '"'; at += *at == '\\' ? 2 : 1) {
            assert_true(*at != '\n' && *at != '\0');
            assert_true(*at != '\\' || strchr("\\\"n", at[1]) != NULL);
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

/* A sample of the family with this metric; returns what is behind. */
static inline const char *notation__sample(const char *at, const char *metric, size_t length)
{
    const char *line = at;
    if (notation__name_length(at) != length || strncmp(at, metric, length) != 0) {
        fail_msg("metrics: no sample of %.*s: %.80s", (int)length, metric, at);
    }
    at = notation__labels(at + length);
    assert_int_equal(*at, ' ');
    size_t digits = strspn(++at, "0123456789");
    digits += at[digits] == '.' && digits > 0 ? 1 + strspn(at + digits + 1, "0123456789") : 0;
    if (digits == 0 || at[digits] != '\n') {
        fail_msg("metrics: no value: %.80s", line);
    }
    return at + digits + 1;
}

/* notation_check_metrics: families, each once, with HELP, TYPE and their samples, no two of which have the same labels. */
static inline void notation_check_metrics(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        char head[128];
        assert_memory_equal(at, "# HELP ", 7);
        const char *metric = at + 7;
        const size_t length = notation__name_length(metric);
        assert_in_range(length, 1, 100);
        assert_int_equal(metric[length], ' ');
        snprintf(head, sizeof head, "# HELP %.*s ", (int)length, metric);
        assert_ptr_equal(strstr(text, head), at); /* the first, and... */
        assert_null(strstr(at + 1, head));        /* ...the only one */
        at = strchr(at, '\n') + 1;
        snprintf(head, sizeof head, "# TYPE %.*s ", (int)length, metric);
        assert_memory_equal(at, head, strlen(head));
        const bool is_counter = strncmp(at + strlen(head), "counter\n", 8) == 0;
        assert_true(is_counter || strncmp(at + strlen(head), "gauge\n", 6) == 0);
        assert_int_equal(is_counter, length > 6 && memcmp(metric + length - 6, "_total", 6) == 0);
        at = strchr(at, '\n') + 1;
        const char *first = at;
        while (*at != '#' && *at != '\0') {
            const char *line = at;
            at = notation__sample(at, metric, length);
            const size_t key = (size_t)(strcspn(line, "\n")) + 1;
            const char *value = line + key - 1;
            while (value[-1] != ' ') {
                value--;
            }
            for (const char *other = first; other < line; other = strchr(other, '\n') + 1) {
                assert_false(strncmp(other, line, (size_t)(value - line)) == 0);
            }
        }
    }
}

#endif
