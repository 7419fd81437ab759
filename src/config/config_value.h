/* SPDX-License-Identifier: MIT
   The values of a configuration: from text, and back to text. Knows no key; no Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_VALUE_H
#define PORTLISTENER_CONFIG_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config_file.h"

/* Why a value was refused. */
struct config_fault {
    size_t offset;     /* of the byte that is wrong */
    char problem[384]; /* what is wrong; empty: no memory */
    char remedy[384];  /* what would be right; empty: whatever the key allows */
};

/* config_value_fault: fills `fault_out` with: "at[0..length)" problem; remedy. Returns false. */
bool config_value_fault(struct config_fault *fault_out, size_t offset, const char *at, size_t length,
                        const char *problem, const char *remedy);

/* config_value_add_quoted: "at[0..length)" in quotes, for messages: cut when it is long, control characters
   as \xHH. */
void config_value_add_quoted(struct text *text, const char *at, size_t length);

/* The functions below read the whole of at[0..length), trimmed and not empty; false with a fault.

   config_value_bool: yes no, true false, on off. */
bool config_value_bool(const char *at, size_t length, bool *value_out, struct config_fault *fault_out);

/* config_value_number: decimal digits. */
bool config_value_number(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out);

/* config_value_duration: a number with ms, s, m, h or d, or 0; in milliseconds. */
bool config_value_duration(const char *at, size_t length, uint64_t *value_out,
                           struct config_fault *fault_out);

/* config_value_size: a number, with K, M or G (KB, MB, GB; powers of 1024) or without; in bytes. */
bool config_value_size(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out);

/* config_value_ratio: a number with up to three digits behind a point, or none; in thousandths. */
bool config_value_ratio(const char *at, size_t length, uint64_t *value_out, struct config_fault *fault_out);

/* config_value_choice: the index in `choices`, which ends with NULL. */
bool config_value_choice(const char *at, size_t length, const char *const *choices, uint64_t *value_out,
                         struct config_fault *fault_out);

/* config_value_name: of an endpoint: [A-Za-z0-9._-]{1,64}. */
enum { CONFIG_VALUE_NAME_MAX = 64 };
bool config_value_name(const char *at, size_t length, struct config_fault *fault_out);

/* config_value_text: appends what the text means, without its escapes \r \n \t \\ \xHH, to `text`, which is on the
   heap. */
bool config_value_text(const char *at, size_t length, struct text *text, struct config_fault *fault_out);

/* config_value_take_item: takes the first item, trimmed, and its comma off `list`; false when none is left.
   An item may be empty. */
bool config_value_take_item(struct config_span *list, struct config_span *item_out);

/* Back to text, as short as it can be written. */
void config_value_add_duration(struct text *text, uint64_t milliseconds);
void config_value_add_size(struct text *text, uint64_t bytes);
void config_value_add_ratio(struct text *text, uint64_t thousandths); /* "1.0", "0.125", "0" */

/* config_value_add_text: with escapes for what could not stand there, or would not be seen. */
void config_value_add_text(struct text *text, const char *at, size_t length);

#endif
