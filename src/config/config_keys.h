/* SPDX-License-Identifier: MIT
   The table of all keys: what reads a configuration, shows it and documents it. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_KEYS_H
#define PORTLISTENER_CONFIG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config.h"

/* And the C type of the place. */
enum config_type {
    CONFIG_TYPE_BOOL,     /* bool */
    CONFIG_TYPE_NUMBER,   /* uint32_t or uint64_t; so are the next three */
    CONFIG_TYPE_SIZE,     /* bytes */
    CONFIG_TYPE_DURATION, /* milliseconds */
    CONFIG_TYPE_RATIO,    /* thousandths */
    CONFIG_TYPE_CHOICE,   /* an enum, or a bool for two choices; the index of the choice */
    CONFIG_TYPE_FOLDER,   /* char *; so are the next two */
    CONFIG_TYPE_LOG_FILE, /* or "-" */
    CONFIG_TYPE_HANDLER,
    CONFIG_TYPE_LISTEN,   /* struct config_listen *, and listen_count */
    CONFIG_TYPE_PREFIXES, /* struct config_prefixes */
    CONFIG_TYPE_FILE,     /* char * */
    CONFIG_TYPE_TEXT,     /* struct config_bytes: what the text means, without its escapes */
    CONFIG_TYPE_LIST      /* struct config_bytes: the items, \n between them */
};

/* Bytes on the heap, which may have a NUL among them, and have one behind them. NULL: no value. */
struct config_bytes {
    char *at;
    size_t length;
};

/* The most that has no limit, and a number that has no value. */
#define CONFIG_NO_LIMIT  ((uint64_t)INT64_MAX)
#define CONFIG_NO_NUMBER UINT64_MAX

/* Which addresses of an endpoint it is about. */
enum config_scope { CONFIG_SCOPE_ALL, CONFIG_SCOPE_TCP, CONFIG_SCOPE_UDP };

/* One key. */
struct config_key {
    const char *name;
    const char *value; /* the default, as one would write it, perhaps nothing; NULL: the key is required */
    size_t offset;     /* of the place in struct config_service or struct config_endpoint */
    size_t size;
    uint64_t least; /* of numbers, sizes, durations and ratios; of a text's bytes, of a list's items */
    uint64_t most;
    const char *zero; /* what 0 means where it lies outside of least to most; NULL: it is refused there. Of a
                         list of networks: what it means when it is empty. It may be the empty text */
    const char *const *choices; /* ends with NULL */
    const char *help;
    enum config_type type;
    enum config_scope scope;
    bool is_endpoint_only; /* not in [defaults] */
    bool needs_restart;    /* a changed value counts from the next start, never by a reload */
};

struct config_table {
    const struct config_key *keys;
    size_t count;
};

/* For struct config_service; for struct config_endpoint. */
extern const struct config_table config_keys_service;
extern const struct config_table config_keys_endpoint;

/* config_keys_find: the row of the key at[0..length), or NULL. */
const struct config_key *config_keys_find(const struct config_table *table, const char *at, size_t length);

/* config_keys_may_be_empty: whether "key =" is a value: where the default is the empty text. */
bool config_keys_may_be_empty(const struct config_key *key);

/* config_keys_is_list: whether its value is several. */
bool config_keys_is_list(const struct config_key *key);

/* config_keys_store, config_keys_number: bool, number, size, duration, ratio or choice, in the key's place of
   `record`. */
void config_keys_store(const struct config_key *key, void *record, uint64_t number);
uint64_t config_keys_number(const struct config_key *key, const void *record);

/* config_keys_has_number: whether a bool, number, size, duration, ratio or choice has a value. One without is told by
   CONFIG_NO_NUMBER, which needs a place of 64 bits. */
bool config_keys_has_number(const struct config_key *key, const void *record);

/* config_keys_bytes: the place of a text or list. */
struct config_bytes *config_keys_bytes(const struct config_key *key, void *record);

/* config_keys_text: the place of a folder, file, log file or handler. */
char **config_keys_text(const struct config_key *key, void *record);

/* config_keys_prefixes: the place of a list of networks. */
struct config_prefixes *config_keys_prefixes(const struct config_key *key, void *record);

/* config_keys_lend: the value of the key (not `listen`) for another record, which has none. Its text or list stays
   the lender's, who must outlive the other. */
void config_keys_lend(const struct config_key *key, const void *lender, void *record);

/* config_keys_clear: the key's place is all zero; what it had is not freed. */
void config_keys_clear(const struct config_key *key, void *record);

/* config_keys_reset: the key has no value, and what it had is freed. */
void config_keys_reset(const struct config_key *key, void *record);

/* config_keys_free: what the record's keys have on the heap, without what `lender` has lent to it (NULL: nothing). */
void config_keys_free(const struct config_table *table, void *record, const void *lender);

/* config_keys_type: what kind of value it takes, for people: "number", "time", "choice". */
const char *config_keys_type(const struct config_key *key);

/* config_keys_add_range: what may be written: "0 (no limit), or 100ms to 365d". */
void config_keys_add_range(struct text *text, const struct config_key *key);

/* config_keys_add_amount: a number, as the type writes it: "5m", "64K", "1.5", "512". */
void config_keys_add_amount(struct text *text, const struct config_key *key, uint64_t number);

/* config_keys_count_items: how many items the record's list has; config_keys_add_item: one of them, as one
   could write it. Of lists of any kind. */
size_t config_keys_count_items(const struct config_key *key, const void *record);
void config_keys_add_item(struct text *text, const struct config_key *key, const void *record, size_t index);

/* config_keys_add_value: what the record has, as one could write it in the INI. */
void config_keys_add_value(struct text *text, const struct config_key *key, const void *record);

/* config_keys_add_json: that as a JSON string. */
void config_keys_add_json(struct text *text, const struct config_key *key, const void *record);

#endif
