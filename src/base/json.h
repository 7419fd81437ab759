/* SPDX-License-Identifier: MIT
   Writing JSON objects (RFC 8259), member by member. No Windows header. */
#ifndef PORTLISTENER_BASE_JSON_H
#define PORTLISTENER_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/text.h"

/* {"a":1,"b":2}, for programs; or {"a": 1, "b": 2}, which people read as well. */
enum json_form { JSON_DENSE, JSON_SPACED };

/* An object that is being written. */
struct json {
    struct text *text;
    enum json_form form;
    const char *before; /* what stands in front of the next member */
};

/* json_begin: `open`, a brace or whatever ends what stands before the first member, comes with that member. json_end: the
   brace behind the last one. */
struct json json_begin(struct text *text, enum json_form form, const char *open);
void json_end(const struct json *object);

/* json_name: of a member whose value the caller writes; of characters that need no escape. */
void json_name(struct json *object, const char *name);

/* json_string, json_bytes, json_number, json_bool: a whole member; a string that is NULL is null. json_format: a string, of
   characters that need no escape. */
void json_string(struct json *object, const char *name, const char *value);
void json_bytes(struct json *object, const char *name, const char *at, size_t length);
void json_number(struct json *object, const char *name, uint64_t value);
void json_bool(struct json *object, const char *name, bool value);
void json_format(struct json *object, const char *name, const char *format, ...) TEXT_FORMAT(3, 4);

/* json_address: two members, the address and its port. */
void json_address(struct json *object, const char *name, const char *port_name,
                  const struct pl_address *address);

/* json_add_string: a value alone. */
void json_add_string(struct text *text, const char *value);

#endif
