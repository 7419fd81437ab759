/* SPDX-License-Identifier: MIT
   Clients as a table, see client_table.h. */
#include "client_table.h"

#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"

enum { CLIENT_TABLE_WIDTH = 100, CLIENT_CELL = 80, CLIENT_NAME_MIN = 12, CLIENT_ROWS_FIRST = 64 };

static const char *const client_table__states[] = {
    [CLIENT_HEADER] = "header", [CLIENT_CONNECTING] = "connecting",
    [CLIENT_OPEN] = "open",     [CLIENT_SENDING] = "sending",
    [CLIENT_HALF] = "half",     [CLIENT_CLOSING] = "closing",
    [CLIENT_ONCE] = "once"};

/* ---- Cells ---- */

/* "870ms", "59s", "12m", "5h", "41d": the largest unit that is not 0. */
static void client_table__add_span(struct text *text, uint64_t milliseconds)
{
    static const struct {
        uint64_t most;
        uint64_t unit;
        const char *name;
    } units[] = {
        {60000, 1000, "s"}, {3600000, 60000, "m"}, {86400000, 3600000, "h"}, {UINT64_MAX, 86400000, "d"}};
    size_t i = 0;
    while (i < sizeof units / sizeof units[0] - 1 && milliseconds >= units[i].most) {
        i++;
    }
    text_add_format(text, "%llu%s", (unsigned long long)(milliseconds / units[i].unit), units[i].name);
}

/* "0", "1023", "10K", "1.2G": in powers of 1024, as the configuration has them; at most five characters. */
static void client_table__add_bytes(struct text *text, uint64_t bytes)
{
    static const char names[] = "KMGTPE";
    int unit = 0;
    if (bytes < 10000) {
        text_add_format(text, "%llu", (unsigned long long)bytes);
        return;
    }
    uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
    for (; tenths >= 10240 && unit < 5; unit++) {
        tenths /= 1024;
    }
    if (tenths < 100) {
        text_add_format(text, "%llu.%llu%c", (unsigned long long)(tenths / 10),
                        (unsigned long long)(tenths % 10), names[unit]);
    } else {
        text_add_format(text, "%llu%c", (unsigned long long)(tenths / 10), names[unit]);
    }
}

enum column {
    COLUMN_ID,
    COLUMN_ENDPOINT,
    COLUMN_PROTOCOL,
    COLUMN_CLIENT,
    COLUMN_LOCAL,
    COLUMN_AGE,
    COLUMN_IDLE,
    COLUMN_IN,
    COLUMN_OUT,
    COLUMN_STATE,
    COLUMN_COUNT
};

static const struct {
    const char *title;
    bool is_right;
} client_table__columns[COLUMN_COUNT] = {
    [COLUMN_ID] = {"ID", false},        [COLUMN_ENDPOINT] = {"ENDPOINT", false},
    [COLUMN_PROTOCOL] = {"NET", false}, [COLUMN_CLIENT] = {"CLIENT", false},
    [COLUMN_LOCAL] = {"LOCAL", false},  [COLUMN_AGE] = {"AGE", true},
    [COLUMN_IDLE] = {"IDLE", true},     [COLUMN_IN] = {"IN", true},
    [COLUMN_OUT] = {"OUT", true},       [COLUMN_STATE] = {"STATE", false}};

static void client_table__add_cell(struct text *text, enum column column, const struct client_row *row)
{
    switch (column) {
    case COLUMN_ID:
        text_add_format(text, "%016llx", (unsigned long long)row->id);
        break;
    case COLUMN_ENDPOINT:
        text_add_string(text, row->endpoint);
        break;
    case COLUMN_PROTOCOL:
        text_add_format(text, "%s%s", row->is_udp ? "udp" : "tcp", row->is_outbound ? ">" : "");
        break;
    case COLUMN_CLIENT:
        address_add_with_port(text, &row->client);
        break;
    case COLUMN_LOCAL:
        address_add_with_port(text, &row->local);
        break;
    case COLUMN_AGE:
        client_table__add_span(text, row->age);
        break;
    case COLUMN_IDLE:
        client_table__add_span(text, row->idle);
        break;
    case COLUMN_IN:
        client_table__add_bytes(text, row->bytes_in);
        break;
    case COLUMN_OUT:
        client_table__add_bytes(text, row->bytes_out);
        break;
    case COLUMN_STATE:
    case COLUMN_COUNT:
        text_add_string(text, client_table__states[row->state]);
        break;
    }
}

/* ---- For people ---- */

static void client_table__measure(const struct client_table *table, size_t widths_out[COLUMN_COUNT])
{
    for (int column = 0; column < COLUMN_COUNT; column++) {
        widths_out[column] = strlen(client_table__columns[column].title);
        for (size_t i = 0; i < table->count; i++) {
            char room[CLIENT_CELL];
            struct text cell;
            text_init(&cell, room, sizeof room);
            client_table__add_cell(&cell, (enum column)column, &table->rows[i]);
            widths_out[column] = cell.length > widths_out[column] ? cell.length : widths_out[column];
        }
    }
}

/* The columns of a line that are shown. */
static size_t client_table__width(const size_t widths[COLUMN_COUNT])
{
    size_t sum = 0;
    for (int column = 0; column < COLUMN_COUNT; column++) {
        sum += widths[column] > 0 ? widths[column] + 1 : 0; /* a blank behind each but the last */
    }
    return sum - 1;
}

/* What gives way when the line would be too long: first the local address, then ends of endpoint names; only where a client's
   address leaves them no room, one time and the other. A width of 0: left out. */
static void client_table__fit(size_t widths[COLUMN_COUNT])
{
    static const enum column order[] = {COLUMN_LOCAL, COLUMN_IDLE, COLUMN_AGE};
    const size_t steps = sizeof order / sizeof order[0];
    const size_t name = widths[COLUMN_ENDPOINT];
    for (size_t i = 0; i < steps && client_table__width(widths) > CLIENT_TABLE_WIDTH; i++) {
        const size_t least = i + 1 == steps ? 1 : CLIENT_NAME_MIN;
        widths[order[i]] = 0;
        widths[COLUMN_ENDPOINT] = name;
        const size_t rest = client_table__width(widths) - name;
        const size_t left = rest + least < CLIENT_TABLE_WIDTH ? CLIENT_TABLE_WIDTH - rest : least;
        widths[COLUMN_ENDPOINT] = name < left ? name : left;
    }
}

/* A text that is wider than its column ends with "~". */
static void client_table__cut(struct text *cell, size_t width)
{
    if (width > 0 && cell->length > width) {
        cell->at[width - 1] = '~';
        cell->at[width] = '\0';
        cell->length = width;
    }
}

/* `row` NULL: the titles. */
static void client_table__add_line(struct text *text, const size_t widths[COLUMN_COUNT],
                                   const struct client_row *row)
{
    for (int column = 0; column < COLUMN_COUNT; column++) {
        char room[CLIENT_CELL];
        struct text cell;
        text_init(&cell, room, sizeof room);
        if (row != NULL) {
            client_table__add_cell(&cell, (enum column)column, row);
        } else {
            text_add_string(&cell, client_table__columns[column].title);
        }
        client_table__cut(&cell, widths[column]);
        const int width = (int)widths[column];
        if (column == COLUMN_COUNT - 1) {
            text_add_format(text, "%s\n", cell.at);
        } else if (width > 0) {
            text_add_format(text, client_table__columns[column].is_right ? "%*s " : "%-*s ", width, cell.at);
        }
    }
}

/* `whole`: what the columns would need. */
static void client_table__add_missing(struct text *text, const size_t whole[COLUMN_COUNT],
                                      const size_t widths[COLUMN_COUNT])
{
    bool is_whole = true;
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (widths[column] == 0) {
            text_add_format(text, "%s%s", is_whole ? "(left out, for the lines would be too long: " : ", ",
                            client_table__columns[column].title);
            is_whole = false;
        }
    }
    text_add_string(text, is_whole ? "" : "; --json has all)\n");
    if (widths[COLUMN_ENDPOINT] < whole[COLUMN_ENDPOINT]) {
        text_add_string(text, "(a name that ends with ~ goes on; --json has all of it)\n");
    }
}

static void client_table__end_text(struct client_table *table, unsigned silent)
{
    size_t whole[COLUMN_COUNT], widths[COLUMN_COUNT];
    client_table__measure(table, whole);
    memcpy(widths, whole, sizeof widths);
    client_table__fit(widths);
    client_table__add_line(table->text, widths, NULL);
    for (size_t i = 0; i < table->count; i++) {
        client_table__add_line(table->text, widths, &table->rows[i]);
    }
    client_table__add_missing(table->text, whole, widths);
    if (table->is_cut) {
        text_add_format(table->text,
                        "(these are the first %zu; --json has all, --endpoint NAME those of one)\n",
                        table->count);
    }
    if (silent > 0) {
        text_add_format(
            table->text,
            "(%u of the workers did not answer: a callback of a handler holds them up, see the log)\n",
            silent);
    }
}

/* ---- For programs ---- */

static void client_table__add_json(struct text *text, const struct client_row *row)
{
    struct json object = json_begin(text, JSON_SPACED, "\n  {");
    json_format(&object, "id", "%016llx", (unsigned long long)row->id);
    json_string(&object, "endpoint", row->endpoint);
    json_string(&object, "protocol", row->is_udp ? "udp" : "tcp");
    json_address(&object, "client", "client_port", &row->client);
    json_address(&object, "local", "local_port", &row->local);
    json_number(&object, "age_ms", row->age);
    json_number(&object, "idle_ms", row->idle);
    json_number(&object, "bytes_in", row->bytes_in);
    json_number(&object, "bytes_out", row->bytes_out);
    json_string(&object, "state", client_table__states[row->state]);
    json_bool(&object, "outbound", row->is_outbound);
    json_end(&object);
}

/* ---- The table ---- */

void client_table_begin(struct client_table *table, struct text *text, bool is_json)
{
    *table = (struct client_table){.text = text, .is_json = is_json};
    if (is_json) {
        text_add_string(text, "{\"connections\": [");
    }
}

static bool client_table__make_room(struct client_table *table)
{
    if (table->count < table->room) {
        return true;
    }
    const size_t room = table->room == 0 ? CLIENT_ROWS_FIRST : table->room * 2;
    struct client_row *rows = memory_resize(table->rows, room * sizeof rows[0]);
    if (rows == NULL) {
        return false;
    }
    table->rows = rows;
    table->room = room;
    return true;
}

static bool client_table__add_row(struct client_table *table, const struct client_row *row)
{
    const size_t most = table->is_json ? CLIENT_TABLE_JSON_MAX : CLIENT_TABLE_MAX;
    if (table->count == most) {
        table->is_cut = true;
        return false;
    }
    if (table->is_json) {
        text_add_string(table->text, table->count > 0 ? "," : "");
        client_table__add_json(table->text, row);
    } else if (client_table__make_room(table)) {
        table->rows[table->count] = *row;
    } else {
        table->text->is_cut = true;
        return false;
    }
    table->count++;
    return true;
}

bool client_table_add(struct client_table *table, const struct client_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!client_table__add_row(table, &rows[i])) {
            return false;
        }
    }
    return true;
}

void client_table_end(struct client_table *table, unsigned silent)
{
    if (table->is_json) {
        struct json object = json_begin(table->text, JSON_SPACED, table->count > 0 ? "\n], " : "], ");
        json_number(&object, "count", table->count);
        json_bool(&object, "is_complete", !table->is_cut && silent == 0);
        json_number(&object, "silent_workers", silent);
        text_add_string(table->text, "}\n");
    } else {
        client_table__end_text(table, silent);
    }
    memory_free(table->rows);
}
