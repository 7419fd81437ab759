/* SPDX-License-Identifier: MIT
   Port ranges, see port_ranges.h. */
#include "diagnosis/port_ranges.h"

#include <string.h>

enum { PORT_MAX = 65535 };

/* What netsh puts between columns; a carriage return as well, for its lines end with one. */
static bool port_ranges__is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\0';
}

static size_t port_ranges__skip(const char *at, size_t length, size_t from)
{
    while (from < length && port_ranges__is_space(at[from])) {
        from++;
    }
    return from;
}

/* A number from 0 to 65535 with a space or the line's end behind it; where it ends, or 0 where there is none. */
static size_t port_ranges__number(const char *at, size_t length, size_t from, uint32_t *value_out)
{
    size_t end = from;
    *value_out = 0;
    while (end < length && at[end] >= '0' && at[end] <= '9' && *value_out <= PORT_MAX) {
        *value_out = *value_out * 10 + (uint32_t)(at[end++] - '0');
    }
    const bool is_alone = end == length || port_ranges__is_space(at[end]);
    return end > from && is_alone && *value_out <= PORT_MAX ? end : 0;
}

static bool port_ranges__line(const char *at, size_t length, struct machine_range *range_out)
{
    uint32_t first = 0, last = 0;
    size_t end = port_ranges__number(at, length, port_ranges__skip(at, length, 0), &first);
    end = end > 0 ? port_ranges__number(at, length, port_ranges__skip(at, length, end), &last) : 0;
    if (end == 0 || first > last) {
        return false;
    }
    end = port_ranges__skip(at, length, end);
    range_out->is_administered = end < length && at[end] == '*';
    range_out->first = (uint16_t)first;
    range_out->last = (uint16_t)last;
    return port_ranges__skip(at, length, end + range_out->is_administered) == length;
}

bool port_ranges_parse(struct machine *machine, enum config_protocol protocol, uint16_t family,
                       const char *at, size_t length)
{
    while (length > 0) {
        const char *end = memchr(at, '\n', length);
        const size_t line = end != NULL ? (size_t)(end - at) : length;
        struct machine_range range = {.protocol = protocol, .family = family};
        if (port_ranges__line(at, line, &range) && !machine_add_range(machine, &range)) {
            return false;
        }
        at += line + (end != NULL);
        length -= line + (end != NULL);
    }
    return true;
}

static const struct machine_range *port_ranges__find(const struct machine *machine,
                                                     enum config_protocol protocol, uint16_t family,
                                                     uint16_t port, bool is_administered)
{
    const struct machine_range *found = NULL;
    for (size_t i = 0; i < machine->ranges.count; i++) {
        const struct machine_range *range = machine_range_at(machine, i);
        if (range->protocol == protocol && (family == 0 || range->family == family) &&
            range->is_administered == is_administered && range->first <= port && port <= range->last &&
            (found == NULL || range->last - range->first < found->last - found->first)) {
            found = range;
        }
    }
    return found;
}

const struct machine_range *port_ranges_find(const struct machine *machine, enum config_protocol protocol,
                                             uint16_t family, uint16_t port)
{
    return port_ranges__find(machine, protocol, family, port, false);
}

const struct machine_range *port_ranges_find_administered(const struct machine *machine,
                                                          enum config_protocol protocol, uint16_t family,
                                                          uint16_t port)
{
    return port_ranges__find(machine, protocol, family, port, true);
}
