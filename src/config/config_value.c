/* SPDX-License-Identifier: MIT
   The values of a configuration, see config_value.h. */
#include "config/config_value.h"

#include <string.h>

#include "config/config_guess.h"

enum {
    CONFIG_VALUE_QUOTED_MAX = 64, /* bytes of a value in a message */
    RATIO_ONE = 1000,             /* thousandths */
    RATIO_DIGITS = 3
};

struct config_unit {
    const char *name;
    uint64_t factor;
};

static const struct config_unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", 24 * 60 * 60 * 1000}, {NULL, 0},
};

static const struct config_unit sizes[] = {
    {"K", 1U << 10}, {"KB", 1U << 10}, {"M", 1U << 20}, {"MB", 1U << 20},
    {"G", 1U << 30}, {"GB", 1U << 30}, {NULL, 0},
};

void config_value_add_quoted(struct text *text, const char *at, size_t length)
{
    size_t shown = length < CONFIG_VALUE_QUOTED_MAX ? length : CONFIG_VALUE_QUOTED_MAX;
    while (shown < length && shown > 0 && ((uint8_t)at[shown] & 0xC0U) == 0x80U) {
        shown--; /* not inside a character */
    }
    text_add_string(text, "\"");
    for (size_t i = 0, start = 0; i <= shown; i++) {
        if (i == shown || at[i] == '\\') { /* a path reads better with its backslashes as they are */
            text_add_escaped(text, at + start, i - start);
            text_add(text, "\\", i < shown ? 1 : 0);
            start = i + 1;
        }
    }
    text_add_string(text, shown < length ? "...\"" : "\"");
}

bool config_value_fault(struct config_fault *fault_out, size_t offset, const char *at, size_t length,
                        const char *problem, const char *remedy)
{
    struct text text;
    fault_out->offset = offset;
    text_init(&text, fault_out->problem, sizeof fault_out->problem);
    config_value_add_quoted(&text, at, length);
    text_add_string(&text, " ");
    text_add_string(&text, problem);
    text_init(&text, fault_out->remedy, sizeof fault_out->remedy);
    text_add_string(&text, remedy);
    return false;
}

bool config_value_bool(const char *at, size_t length, bool *value_out, struct config_fault *fault_out)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text_equal(at, length, words[i])) {
            *value_out = i % 2 != 0;
            return true;
        }
    }
    return config_value_fault(fault_out, 0, at, length, "is neither yes nor no", "");
}

static size_t config_value__digits(const char *at, size_t length)
{
    size_t count = 0;
    while (count < length && at[count] >= '0' && at[count] <= '9') {
        count++;
    }
    return count;
}

/* What about the form of a number of `digits` digits is wrong; NULL: nothing. */
static const char *config_value__wrong_form(const char *at, size_t length, size_t digits,
                                            const char **remedy_out)
{
    if (at[0] == '-' || at[0] == '+') {
        return "has a sign";
    }
    if (digits == 0) {
        return "is not a number";
    }
    if (digits == 1 && at[0] == '0' && length > 1 && (at[1] == 'x' || at[1] == 'X')) {
        *remedy_out = "write the number in decimal";
        return "is hexadecimal";
    }
    if (digits > 1 && at[0] == '0') {
        *remedy_out = "leave it out";
        return "has a leading zero";
    }
    if (digits < length && (at[digits] == '.' || at[digits] == ',')) {
        return "is not a whole number";
    }
    return NULL;
}

/* The number that the value begins with, and how many digits it has; 0 with a fault. */
static size_t config_value__leading_number(const char *at, size_t length, uint64_t *value_out,
                                           struct config_fault *fault_out)
{
    const size_t digits = config_value__digits(at, length);
    const char *remedy = "";
    const char *wrong = config_value__wrong_form(at, length, digits, &remedy);
    uint64_t value = 0;
    for (size_t i = 0; i < digits && wrong == NULL; i++) {
        const uint64_t digit = (uint64_t)(at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            wrong = "is too large";
        }
        value = value * 10 + digit;
    }
    if (wrong != NULL) {
        config_value_fault(fault_out, 0, at, length, wrong, remedy);
        return 0;
    }
    *value_out = value;
    return digits;
}

bool config_value_number(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out)
{
    const size_t digits = config_value__leading_number(at, length, value_out, fault_out);
    if (digits > 0 && digits < length) {
        return config_value_fault(fault_out, digits, at, length, "is not a number", "");
    }
    return digits > 0;
}

static const struct config_unit *config_value__find_unit(const struct config_unit *units, const char *at,
                                                         size_t length)
{
    while (units->name != NULL && !text_equal(at, length, units->name)) {
        units++;
    }
    return units;
}

/* A number and one of `units`; without a unit it is `plain`, 0 where one must stand. */
static bool config_value__with_unit(const char *at, size_t length, const struct config_unit *units,
                                    uint64_t plain, const char *known, uint64_t *value_out,
                                    struct config_fault *fault_out)
{
    uint64_t value = 0;
    size_t used = config_value__leading_number(at, length, &value, fault_out);
    if (used == 0) {
        return false;
    }
    while (used < length && (at[used] == ' ' || at[used] == '\t')) {
        used++;
    }
    uint64_t factor = plain;
    if (used < length) {
        factor = config_value__find_unit(units, at + used, length - used)->factor;
        if (factor == 0) {
            return config_value_fault(fault_out, used, at + used, length - used, "is not a unit here", known);
        }
    } else if (factor == 0 && value != 0) {
        return config_value_fault(fault_out, length, at, length, "has no unit", known);
    }
    if (factor != 0 && value > UINT64_MAX / factor) {
        return config_value_fault(fault_out, 0, at, length, "is too large", "");
    }
    *value_out = value * factor;
    return true;
}

bool config_value_duration(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out)
{
    return config_value__with_unit(at, length, durations, 0,
                                   "write ms, s, m, h or d behind the number, such as 30s or 5m", value_out,
                                   fault_out);
}

bool config_value_size(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out)
{
    return config_value__with_unit(
        at, length, sizes, 1, "write K, M or G behind the number, such as 64K or 10M, or nothing for bytes",
        value_out, fault_out);
}

/* The digits behind the point, at[0..length), in thousandths; false when they are none, or too many. */
static bool config_value__thousandths(const char *at, size_t length, uint64_t *value_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < RATIO_DIGITS; i++) {
        value = value * 10 + (i < length ? (uint64_t)(at[i] - '0') : 0);
    }
    *value_out = value;
    return length >= 1 && length <= RATIO_DIGITS && config_value__digits(at, length) == length;
}

bool config_value_ratio(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out)
{
    const char *point = memchr(at, '.', length);
    const size_t whole = point != NULL ? (size_t)(point - at) : length;
    uint64_t value = 0, thousandths = 0;
    if (point == at) {
        return config_value_fault(fault_out, 0, at, length, "begins with a point", "write 0 before it");
    }
    if (memchr(at, ',', length) != NULL) {
        return config_value_fault(fault_out, 0, at, length, "has a comma", "write a point in its place");
    }
    if (!config_value_number(at, whole, &value, fault_out)) {
        return false;
    }
    if (point != NULL && !config_value__thousandths(point + 1, length - whole - 1, &thousandths)) {
        return config_value_fault(fault_out, whole, at, length, "is not a ratio",
                                  "write one to three digits behind the point");
    }
    if (value > UINT64_MAX / RATIO_ONE - 1) {
        return config_value_fault(fault_out, 0, at, length, "is too large", "");
    }
    *value_out = value * RATIO_ONE + thousandths;
    return true;
}

bool config_value_choice(const char *at, size_t length, const char *const *choices, uint64_t *value_out,
                         struct config_fault *fault_out)
{
    struct config_guess guess = config_guess_begin(at, length);
    for (uint64_t i = 0; choices[i] != NULL; i++) {
        if (text_equal(at, length, choices[i])) {
            *value_out = i;
            return true;
        }
        config_guess_try(&guess, choices[i]);
    }
    config_value_fault(fault_out, 0, at, length, "is not known", "");
    if (guess.best != NULL) {
        struct text remedy;
        text_init(&remedy, fault_out->remedy, sizeof fault_out->remedy);
        text_add_format(&remedy, "did you mean %s?", guess.best);
    }
    return false;
}

static bool config_value__is_name_character(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || (character != '\0' && strchr("._-", character) != NULL);
}

bool config_value_name(const char *at, size_t length, struct config_fault *fault_out)
{
    static const char remedy[] = "a name is 1 to 64 letters, digits, dots, underscores and hyphens";
    for (size_t i = 0; i < length; i++) {
        if (!config_value__is_name_character(at[i])) {
            const size_t character = text_utf8_length(at + i, length - i);
            return config_value_fault(fault_out, i, at + i, character > 0 ? character : 1,
                                      "cannot be in a name", remedy);
        }
    }
    if (length > CONFIG_VALUE_NAME_MAX) {
        return config_value_fault(fault_out, CONFIG_VALUE_NAME_MAX, at, length, "is too long", remedy);
    }
    return true;
}

/* The value of a hexadecimal digit, or -1. */
static int config_value__hex(char digit)
{
    const char lower = (char)(digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
    return lower >= '0' && lower <= '9' ? lower - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The escape that at[0..length) begins with: how long it is, and the byte that it means; 0: it is none. */
static size_t config_value__escape(const char *at, size_t length, char *byte_out)
{
    static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
    const char *letter = length >= 2 && at[1] != '\0' ? strchr(letters, at[1]) : NULL;
    const int high = length >= 4 ? config_value__hex(at[2]) : -1;
    const int low = length >= 4 ? config_value__hex(at[3]) : -1;
    if (letter != NULL) {
        *byte_out = bytes[letter - letters];
        return 2;
    }
    if (high < 0 || low < 0 || at[1] != 'x') {
        return 0;
    }
    *byte_out = (char)(high * 16 + low);
    return 4;
}

bool config_value_text(const char *at, size_t length, struct text *text, struct config_fault *fault_out)
{
    for (size_t i = 0; i < length;) {
        char byte = at[i];
        const size_t step = byte == '\\' ? config_value__escape(at + i, length - i, &byte) : 1;
        if (step == 0) {
            const size_t rest = length - i > 1 ? text_utf8_length(at + i + 1, length - i - 1) : 0;
            return config_value_fault(fault_out, i, at + i, 1 + rest, "means nothing",
                                      "write \\\\ for a backslash; there are \\r, \\n, \\t and \\xHH, too");
        }
        text_add(text, &byte, 1);
        i += step;
    }
    fault_out->problem[0] = '\0';
    return !text->is_cut;
}

bool config_value_take_item(struct config_span *list, struct config_span *item_out)
{
    if (list->at == NULL) {
        return false;
    }
    const char *comma = memchr(list->at, ',', list->length);
    const size_t length = comma != NULL ? (size_t)(comma - list->at) : list->length;
    *item_out =
        config_file_trim((struct config_span){.at = list->at, .length = length, .column = list->column});
    list->column += config_file_characters(list->at, length) + 1;
    list->length -= comma != NULL ? length + 1 : length;
    list->at = comma != NULL ? comma + 1 : NULL;
    return true;
}

/* The largest unit of which it is a whole number; of two names for a unit, the first. */
static void config_value__add_with_unit(struct text *text, uint64_t value, const struct config_unit *units)
{
    const char *name = "";
    uint64_t factor = 1;
    for (const struct config_unit *unit = units; unit->name != NULL && value != 0; unit++) {
        if (value % unit->factor == 0 && (unit->factor > factor || name[0] == '\0')) {
            name = unit->name;
            factor = unit->factor;
        }
    }
    text_add_format(text, "%llu%s", (unsigned long long)(value / factor), name);
}

void config_value_add_duration(struct text *text, uint64_t milliseconds)
{
    config_value__add_with_unit(text, milliseconds, durations);
}

void config_value_add_size(struct text *text, uint64_t bytes)
{
    config_value__add_with_unit(text, bytes, sizes);
}

void config_value_add_ratio(struct text *text, uint64_t thousandths)
{
    char room[32];
    struct text ratio;
    text_init(&ratio, room, sizeof room);
    text_add_format(&ratio, "%llu.%03llu", (unsigned long long)(thousandths / RATIO_ONE),
                    (unsigned long long)(thousandths % RATIO_ONE));
    size_t length = ratio.length;
    while (room[length - 1] == '0' && room[length - 2] != '.') {
        length--;
    }
    text_add(text, room, thousandths == 0 ? 1 : length);
}

/* Whether the character at[i] would be lost, or taken for something else, where it stands. */
static bool config_value__is_hidden(const char *at, size_t length, size_t i)
{
    const bool is_first = i == 0, is_last = i + 1 == length;
    const bool is_quote = (at[i] == '"' || at[i] == '\'') && at[0] == at[length - 1];
    const bool is_comment = (at[i] == ';' || at[i] == '#') && (is_first || at[i - 1] == ' ');
    return is_comment || ((is_first || is_last) && (at[i] == ' ' || is_quote));
}

void config_value_add_text(struct text *text, const char *at, size_t length)
{
    for (size_t i = 0; i < length;) {
        const size_t character = text_utf8_length(at + i, length - i);
        const size_t step = character > 0 ? character : 1;
        if (at[i] == '\\') {
            text_add_string(text, "\\\\");
        } else if (config_value__is_hidden(at, length, i)) {
            text_add_format(text, "\\x%02X", (unsigned)(unsigned char)at[i]);
        } else {
            text_add_escaped(text, at + i, step);
        }
        i += step;
    }
}
