/* SPDX-License-Identifier: MIT
   One line of the log, see log_line.h. */
#include "base/log_line.h"

#include <string.h>

#include "base/json.h"

enum { LOG_LINE_RAW_ROOM = 2048, LOG_LINE_MARK = 3 };

static const char *const log_line__levels[] = {[LOG_LEVEL_ERROR] = "error",
                                               [LOG_LEVEL_WARNING] = "warning",
                                               [LOG_LEVEL_INFO] = "info",
                                               [LOG_LEVEL_DEBUG] = "debug"};

/* Escapes into `buffer`; the room for the mark is kept free until it is known whether it is needed. */
static void log_line__escape(char *buffer, size_t room, const char *at, size_t length, bool is_cut)
{
    struct text text;
    text_init(&text, buffer, room - LOG_LINE_MARK);
    text_add_escaped(&text, at, length);
    if (text.is_cut || is_cut) {
        memcpy(text.at + text.length, "...", LOG_LINE_MARK + 1);
    }
}

void log_line_init(struct log_line *line, const struct event_row *row, const char *endpoint,
                   uint64_t connection, const char *format, va_list arguments)
{
    char raw[LOG_LINE_RAW_ROOM];
    struct text text;
    line->row = row;
    text_init(&text, raw, sizeof raw);
    text_add_format_list(&text, format, arguments);
    log_line__escape(line->message, sizeof line->message, text.at, text.length, text.is_cut);
    log_line__escape(line->endpoint, sizeof line->endpoint, endpoint != NULL ? endpoint : "",
                     endpoint != NULL ? strlen(endpoint) : 0, false);
    text_init(&text, line->connection, sizeof line->connection);
    if (connection != 0) {
        text_add_format(&text, "%016llx", (unsigned long long)connection);
    }
}

void log_line_add_event(struct text *text, const struct log_line *line)
{
    if (line->endpoint[0] != '\0') {
        text_add_format(text, "[%s] ", line->endpoint);
    }
    if (line->connection[0] != '\0') {
        text_add_format(text, "#%s ", line->connection);
    }
    text_add_string(text, line->message);
}

void log_line_add_text(struct text *text, const struct log_line *line, const char *time)
{
    text_add_format(text, "%s %-7s PL%d ", time, log_line__levels[line->row->level], (int)line->row->event);
    log_line_add_event(text, line);
    text_add_string(text, "\r\n");
}

void log_line_add_json(struct text *text, const struct log_line *line, const char *time)
{
    struct json object = json_begin(text, JSON_DENSE, "{");
    json_string(&object, "time", time);
    json_string(&object, "level", log_line__levels[line->row->level]);
    json_format(&object, "id", "PL%d", (int)line->row->event);
    json_string(&object, "event", line->row->name);
    if (line->endpoint[0] != '\0') {
        json_string(&object, "endpoint", line->endpoint);
    }
    if (line->connection[0] != '\0') {
        json_string(&object, "connection", line->connection);
    }
    json_string(&object, "text", line->message);
    text_add_string(text, "}\n");
}
