/* SPDX-License-Identifier: MIT
   JSON objects, see json.h. */
#include "base/json.h"

#include <string.h>

struct json json_begin(struct text *text, enum json_form form, const char *open)
{
    return (struct json){.text = text, .form = form, .before = open};
}

void json_end(const struct json *object)
{
    text_add_string(object->text, "}");
}

void json_name(struct json *object, const char *name)
{
    const bool is_dense = object->form == JSON_DENSE;
    text_add_string(object->text, object->before);
    text_add_string(object->text, "\"");
    text_add_string(object->text, name);
    text_add_string(object->text, is_dense ? "\":" : "\": ");
    object->before = is_dense ? "," : ", ";
}

void json_string(struct json *object, const char *name, const char *value)
{
    json_name(object, name);
    json_add_string(object->text, value);
}

void json_bytes(struct json *object, const char *name, const char *at, size_t length)
{
    json_name(object, name);
    text_add_json(object->text, at, length);
}

void json_number(struct json *object, const char *name, uint64_t value)
{
    json_name(object, name);
    text_add_format(object->text, "%llu", (unsigned long long)value);
}

void json_bool(struct json *object, const char *name, bool value)
{
    json_name(object, name);
    text_add_string(object->text, value ? "true" : "false");
}

void json_format(struct json *object, const char *name, const char *format, ...)
{
    va_list arguments;
    json_name(object, name);
    text_add_string(object->text, "\"");
    va_start(arguments, format);
    text_add_format_list(object->text, format, arguments);
    va_end(arguments);
    text_add_string(object->text, "\"");
}

void json_address(struct json *object, const char *name, const char *port_name,
                  const struct pl_address *address)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text value;
    text_init(&value, room, sizeof room);
    address_add(&value, address);
    json_string(object, name, room);
    json_number(object, port_name, address->port);
}

void json_add_string(struct text *text, const char *value)
{
    if (value != NULL) {
        text_add_json(text, value, strlen(value));
    } else {
        text_add_string(text, "null");
    }
}
