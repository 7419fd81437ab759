/* SPDX-License-Identifier: MIT
   One line of the access log, see access_line.h.

   Why the text has names. A line tells by itself what its numbers are, wherever it is cut out, and needs no
   header, which rotation would tear away; grep finds reason=idle or client=192.0.2.7 without counting
   columns; Splunk and whatever else reads logfmt takes the fields out unasked. For the others the fields are
   as fixed as columns: split at blanks and "=", as awk -F'[ =]' or Excel's Text to Columns does, each value
   has its own column. An address and its port are two fields, so that clients can be counted. A gap is a
   comment, which such readers pass over, and which has none of the fields; JSON knows no comments, so there it
   is an object like the others, told apart by "missing". */
#include "stats/access_line.h"

#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/log_line.h"

/* A line under construction: the list of fields is the same in both forms. */
struct access_line__form {
    struct json object;
    bool is_json;
};

static struct access_line__form access_line__begin(struct text *text, bool is_json)
{
    return (struct access_line__form){.object = json_begin(text, JSON_DENSE, "{"), .is_json = is_json};
}

/* `value` is escaped already; empty: there is none. */
static void access_line__add_word(struct access_line__form *form, const char *name, const char *value)
{
    if (!form->is_json) {
        text_add_format(form->object.text, " %s=%s", name, value[0] != '\0' ? value : "-");
    } else if (value[0] != '\0') {
        json_string(&form->object, name, value);
    }
}

static void access_line__add_number(struct access_line__form *form, const char *name, uint64_t value)
{
    if (!form->is_json) {
        text_add_format(form->object.text, " %s=%llu", name, (unsigned long long)value);
    } else {
        json_number(&form->object, name, value);
    }
}

/* Cut at the end of `room`, so that what follows always has its place. */
static void access_line__escape(char *room, size_t size, const char *at)
{
    struct text value;
    text_init(&value, room, size);
    text_add_escaped(&value, at, strlen(at));
}

static void access_line__add_address(struct access_line__form *form, const char *name, const char *port_name,
                                     const struct pl_address *address)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text value;
    if (address->family == 0) {
        access_line__add_word(form, name, "");
        access_line__add_word(form, port_name, "");
        return;
    }
    text_init(&value, room, sizeof room);
    address_add(&value, address);
    access_line__add_word(form, name, value.at);
    access_line__add_number(form, port_name, address->port);
}

/* As the log writes it. */
static void access_line__add_id(struct access_line__form *form, uint64_t id)
{
    char room[LOG_LINE_CONNECTION_ROOM];
    struct text value;
    text_init(&value, room, sizeof room);
    if (id != 0) {
        text_add_format(&value, "%016llx", (unsigned long long)id);
    }
    access_line__add_word(form, "connection", value.at);
}

void access_line_add(struct text *text, const struct access_line *line, bool is_json, const char *time)
{
    struct access_line__form form = access_line__begin(text, is_json);
    const struct close_reason_row *reason = close_reason_row(line->reason);
    char endpoint[LOG_LINE_ENDPOINT_ROOM];
    access_line__escape(endpoint, sizeof endpoint, line->endpoint);
    if (is_json) {
        json_string(&form.object, "time", time);
    } else {
        text_add_string(text, time);
    }
    access_line__add_word(&form, "endpoint", endpoint);
    access_line__add_word(&form, "protocol", line->is_udp ? "udp" : "tcp");
    access_line__add_address(&form, "client", "client_port", &line->client);
    access_line__add_address(&form, "proxy", "proxy_port", &line->proxy);
    access_line__add_address(&form, "local", "local_port", &line->local);
    access_line__add_id(&form, line->connection);
    access_line__add_number(&form, "bytes_in", line->bytes_in);
    access_line__add_number(&form, "bytes_out", line->bytes_out);
    access_line__add_number(&form, "duration_ms", line->duration);
    access_line__add_word(&form, "outcome",
                          line->is_outbound    ? "outbound"
                          : reason->is_refusal ? "refused"
                                               : "closed");
    access_line__add_word(&form, "reason", reason->word);
    text_add_string(text, is_json ? "}\n" : "\r\n");
}

void access_line_add_gap(struct text *text, uint64_t missing, const char *words, bool is_json,
                         const char *time)
{
    char escaped[LOG_LINE_MESSAGE_ROOM];
    access_line__escape(escaped, sizeof escaped, words);
    if (is_json) {
        struct json object = json_begin(text, JSON_DENSE, "{");
        json_string(&object, "time", time);
        json_number(&object, "missing", missing);
        if (escaped[0] != '\0') {
            json_string(&object, "text", escaped);
        }
        text_add_string(text, "}\n");
    } else {
        text_add_format(text, "# %s %s\r\n", time, escaped);
    }
}
