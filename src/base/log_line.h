/* SPDX-License-Identifier: MIT
   One line of the log, and how it is written: for people and grep, or as JSON. */
#ifndef PORTLISTENER_BASE_LOG_LINE_H
#define PORTLISTENER_BASE_LOG_LINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/events.h"
#include "base/text.h"

enum {
    LOG_LINE_ENDPOINT_ROOM = 256,
    LOG_LINE_CONNECTION_ROOM = 20,
    LOG_LINE_MESSAGE_ROOM = 3072,
    LOG_LINE_ROOM = 8192, /* of a whole line in either format: JSON doubles backslashes and quotes */
    LOG_LINE_EVENT_ROOM = LOG_LINE_ENDPOINT_ROOM + LOG_LINE_CONNECTION_ROOM + LOG_LINE_MESSAGE_ROOM
};

/* What a line says; escaped already, so that nothing from the network can end it or pass for another. */
struct log_line {
    const struct event_row *row;
    char endpoint[LOG_LINE_ENDPOINT_ROOM];     /* empty: none */
    char connection[LOG_LINE_CONNECTION_ROOM]; /* 16 hexadecimal digits; empty: none */
    char message[LOG_LINE_MESSAGE_ROOM];
};

/* log_line_init: `endpoint` may be NULL and `connection` 0. What is too long ends with "...". */
void log_line_init(struct log_line *line, const struct event_row *row, const char *endpoint,
                   uint64_t connection, const char *format, va_list arguments) TEXT_FORMAT(5, 0);

/* log_line_add_text: "2026-11-25T02:27:00.123Z info    PL1002 [web] #00a1b2c3d4e5f607 message" and CR LF, as
   Windows' own viewers need it. `time` is what stands in the first column. */
void log_line_add_text(struct text *text, const struct log_line *line, const char *time);

/* log_line_add_json: the same as an object, ended by LF: time, level, id, event, endpoint, connection,
   text. */
void log_line_add_json(struct text *text, const struct log_line *line, const char *time);

/* log_line_add_event: "[web] #00a1b2c3d4e5f607 message", for the event log, which has columns for the
   rest. */
void log_line_add_event(struct text *text, const struct log_line *line);

#endif
