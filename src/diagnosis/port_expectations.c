/* SPDX-License-Identifier: MIT
   Expected listeners, see port_expectations.h. */
#include "diagnosis/port_expectations.h"

#include <string.h>

#include "base/address.h"
#include "base/memory.h"

enum { EXPECTED_PORT_MAX = 65535 };

/* A part of a line. */
struct word {
    const char *at;
    size_t length;
};

static bool word__is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Takes the next word off `line`. */
static struct word word__take(struct word *line)
{
    while (line->length > 0 && word__is_space(*line->at)) {
        line->at++, line->length--;
    }
    struct word word = {line->at, 0};
    while (word.length < line->length && !word__is_space(word.at[word.length])) {
        word.length++;
    }
    line->at += word.length;
    line->length -= word.length;
    return word;
}

static struct word word__trim(struct word line)
{
    while (line.length > 0 && word__is_space(*line.at)) {
        line.at++, line.length--;
    }
    while (line.length > 0 && word__is_space(line.at[line.length - 1])) {
        line.length--;
    }
    return line;
}

static bool word__number(struct word word, uint16_t *number_out)
{
    uint32_t number = 0;
    for (size_t i = 0; i < word.length; i++) {
        if (word.at[i] < '0' || word.at[i] > '9' || number > EXPECTED_PORT_MAX) {
            return false;
        }
        number = number * 10 + (uint32_t)(word.at[i] - '0');
    }
    *number_out = (uint16_t)number;
    return word.length > 0 && number > 0 && number <= EXPECTED_PORT_MAX;
}

/* "80" or "49152-65535". */
static bool port_expectations__ports(struct word word, struct port_expectation *expectation)
{
    const char *dash = memchr(word.at, '-', word.length);
    const struct word first = {word.at, dash != NULL ? (size_t)(dash - word.at) : word.length};
    const struct word last = {dash != NULL ? dash + 1 : word.at,
                              dash != NULL ? word.length - first.length - 1 : word.length};
    return word__number(first, &expectation->first) && word__number(last, &expectation->last) &&
           expectation->first <= expectation->last;
}

/* "*:80", "127.0.0.1:80", "[::1]:80". */
static bool port_expectations__address(struct word word, struct port_expectation *expectation)
{
    size_t colon = word.length;
    while (colon > 0 && word.at[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    struct word address = {word.at, colon - 1};
    const struct word ports = {word.at + colon, word.length - colon};
    expectation->is_any_address = address.length == 1 && address.at[0] == '*';
    const bool is_bracketed =
        address.length > 2 && address.at[0] == '[' && address.at[address.length - 1] == ']';
    if (is_bracketed) {
        address.at++, address.length -= 2;
    }
    return port_expectations__ports(ports, expectation) &&
           (expectation->is_any_address ||
            (address_parse(address.at, address.length, &expectation->address) &&
             is_bracketed == (expectation->address.family == 6)));
}

/* NULL: fine; else what is wrong. */
static const char *port_expectations__line(struct word line, struct port_expectation *expectation)
{
    const struct word protocol = word__take(&line);
    const struct word address = word__take(&line);
    const struct word program = word__trim(line);
    if (text_equal(protocol.at, protocol.length, "tcp")) {
        expectation->protocol = CONFIG_TCP;
    } else if (text_equal(protocol.at, protocol.length, "udp")) {
        expectation->protocol = CONFIG_UDP;
    } else {
        return "it begins with tcp or udp";
    }
    if (!port_expectations__address(address, expectation)) {
        return "behind the protocol stands an address with a port, such as 127.0.0.1:80, [::1]:80 or *:8000-8010";
    }
    expectation->program = program.at;
    expectation->length = program.length;
    return program.length > 0 ? NULL : "at the end stands the path of a program, its name, or *";
}

static size_t port_expectations__count_lines(const char *at, size_t length)
{
    size_t count = 1;
    for (size_t i = 0; i < length; i++) {
        count += at[i] == '\n';
    }
    return count;
}

bool port_expectations_parse(struct port_expectations *expectations, const char *at, size_t length,
                             struct text *problem)
{
    static const char mark[] = "\xEF\xBB\xBF";
    *expectations = (struct port_expectations){0};
    expectations->at = memory_alloc(port_expectations__count_lines(at, length) * sizeof expectations->at[0]);
    if (expectations->at == NULL) {
        return false;
    }
    size_t from = length >= 3 && memcmp(at, mark, 3) == 0 ? 3 : 0;
    for (unsigned number = 1; from < length; number++) {
        const char *end = memchr(at + from, '\n', length - from);
        const size_t size = end != NULL ? (size_t)(end - at) - from : length - from;
        const struct word line = word__trim((struct word){at + from, size});
        if (line.length > 0 && line.at[0] != '#' && line.at[0] != ';') {
            struct port_expectation *row = &expectations->at[expectations->count];
            const char *wrong = port_expectations__line(line, row);
            if (wrong != NULL) {
                text_add_format(problem, "line %u: %s", number, wrong);
                return false;
            }
            expectations->count++;
        }
        from += size + 1;
    }
    return true;
}

void port_expectations_free(struct port_expectations *expectations)
{
    memory_free(expectations->at);
    *expectations = (struct port_expectations){0};
}

static bool port_expectations__is_program(const struct port_expectation *row,
                                          const struct machine_process *process)
{
    if (row->length == 1 && row->program[0] == '*') {
        return true;
    }
    const char *known = process == NULL                                   ? NULL
                        : memchr(row->program, '\\', row->length) != NULL ? process->path
                                                                          : process->name;
    return known != NULL && text_equal(row->program, row->length, known);
}

bool port_expectations_have(const struct port_expectations *expectations, const struct machine_port *port,
                            const struct machine_process *process)
{
    for (size_t i = 0; i < expectations->count; i++) {
        const struct port_expectation *row = &expectations->at[i];
        struct pl_address address = row->address;
        address.port = port->local.port;
        if (row->protocol == port->protocol && row->first <= port->local.port &&
            port->local.port <= row->last && (row->is_any_address || address_equal(&address, &port->local)) &&
            port_expectations__is_program(row, process)) {
            return true;
        }
    }
    return false;
}

bool port_expectations_add_line(struct text *text, const struct machine_port *port,
                                const struct machine_process *process)
{
    const char *program = process == NULL ? NULL : process->path != NULL ? process->path : process->name;
    if (program == NULL) {
        text_add_format(text, "# The program (process %lu) is not seen: this line allows any.\n",
                        (unsigned long)port->pid);
    }
    text_add_format(text, "%s ", port->protocol == CONFIG_TCP ? "tcp" : "udp");
    address_add_with_port(text, &port->local);
    text_add_format(text, " %s\n", program != NULL ? program : "*");
    return program != NULL;
}
