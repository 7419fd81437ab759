/* SPDX-License-Identifier: MIT
   What a running service listens on, see live_sockets.h. Of the JSON as much is understood as that takes: what is not in the
   form of docs/status.md is no socket. */
#include "diagnosis/live_sockets.h"

#include <string.h>

#include "base/address.h"
#include "base/memory.h"
#include "config/config_listen.h"

enum { SOCKETS_ROOM = 16 };

struct json_string {
    const char *at; /* between its quotes, as it is written; NULL: none */
    size_t length;
};

struct sockets_reader {
    const char *at, *end;
    size_t depth;           /* of objects and arrays */
    struct json_string key; /* whose value comes next */
    struct json_string address;
    bool is_listening; /* the object at hand says so */
    size_t listeners;  /* the depth inside of the array of that name; 0: outside */
};

static bool json_string__is(const struct json_string *string, const char *word)
{
    return string->length == strlen(word) && memcmp(string->at, word, string->length) == 0;
}

/* Behind the opening quote. False: it has no end. */
static bool sockets__take_string(struct sockets_reader *reader, struct json_string *string_out)
{
    const char *begin = reader->at;
    while (reader->at < reader->end && *reader->at != '"') {
        reader->at += *reader->at == '\\' && reader->end - reader->at > 1 ? 2 : 1;
    }
    if (reader->at >= reader->end) {
        return false;
    }
    *string_out = (struct json_string){begin, (size_t)(reader->at++ - begin)};
    return true;
}

static bool sockets__is_key(const struct sockets_reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) {
        at++;
    }
    return at < reader->end && *at == ':';
}

static bool sockets__string(struct sockets_reader *reader)
{
    struct json_string string;
    if (!sockets__take_string(reader, &string)) {
        return false;
    }
    if (sockets__is_key(reader)) {
        reader->key = string;
        return true;
    }
    if (reader->depth == reader->listeners + 1 && json_string__is(&reader->key, "address")) {
        reader->address = string;
    } else if (reader->depth == reader->listeners + 1 && json_string__is(&reader->key, "state")) {
        reader->is_listening = json_string__is(&string, "listening");
    }
    return true;
}

/* False: no memory. An address that means several, or none, is not one of a socket. */
static bool sockets__add(struct live_sockets *sockets, const struct json_string *address)
{
    struct config_listen listens[2];
    struct config_fault fault;
    if (config_listen_parse(address->at, address->length, listens, &fault) != 1 ||
        listens[0].last_port != listens[0].address.port) {
        return true;
    }
    struct machine_rows *rows = &sockets->rows;
    if (rows->count == rows->room) {
        const size_t room = rows->room > 0 ? rows->room * 2 : SOCKETS_ROOM;
        void *grown = memory_resize(rows->at, room * sizeof listens[0]);
        if (grown == NULL) {
            return false;
        }
        rows->at = grown;
        rows->room = room;
    }
    ((struct config_listen *)rows->at)[rows->count++] = listens[0];
    return true;
}

static void sockets__open(struct sockets_reader *reader, char bracket)
{
    reader->depth++;
    if (bracket == '[' && reader->listeners == 0 && json_string__is(&reader->key, "listeners")) {
        reader->listeners = reader->depth;
    } else if (reader->depth == reader->listeners + 1) {
        reader->address = (struct json_string){NULL, 0};
        reader->is_listening = false;
    }
    reader->key = (struct json_string){NULL, 0};
}

static bool sockets__close(struct sockets_reader *reader, char bracket, struct live_sockets *sockets)
{
    if (reader->depth == 0) {
        return false;
    }
    bool is_done = true;
    if (reader->listeners != 0 && reader->depth == reader->listeners + 1 && bracket == '}' &&
        reader->is_listening && reader->address.at != NULL) {
        is_done = sockets__add(sockets, &reader->address);
    }
    if (reader->depth-- == reader->listeners) {
        reader->listeners = 0;
    }
    return is_done;
}

static bool sockets__take(struct sockets_reader *reader, struct live_sockets *sockets)
{
    const char letter = *reader->at++;
    switch (letter) {
    case '"':
        return sockets__string(reader);
    case '{':
    case '[':
        sockets__open(reader, letter);
        return true;
    case '}':
    case ']':
        return sockets__close(reader, letter, sockets);
    default:
        return true;
    }
}

bool live_sockets_read(const char *json, size_t length, struct live_sockets *sockets_out)
{
    struct sockets_reader reader = {.at = json, .end = json + length};
    *sockets_out = (struct live_sockets){.rows = {.count = 0}};
    bool is_read = length > 0 && json[0] == '{';
    while (is_read && reader.at < reader.end) {
        is_read = sockets__take(&reader, sockets_out);
    }
    is_read = is_read && reader.depth == 0;
    if (!is_read) {
        live_sockets_fini(sockets_out);
    }
    return is_read;
}

void live_sockets_fini(struct live_sockets *sockets)
{
    memory_free(sockets->rows.at);
    *sockets = (struct live_sockets){.rows = {.count = 0}};
}

bool live_sockets_has(const struct live_sockets *sockets, const struct bind_question *question)
{
    const struct config_listen *rows = sockets->rows.at;
    for (size_t i = 0; i < sockets->rows.count; i++) {
        if (rows[i].protocol == question->protocol && rows[i].is_dual_stack == question->is_dual_stack &&
            address_equal(&rows[i].address, &question->address)) {
            return true;
        }
    }
    return false;
}
