/* SPDX-License-Identifier: MIT
   Rates, see watch_rates.h. */
#include "watch_rates.h"

#include <string.h>

/* Summed, whatever their labels. */
static const struct {
    const char *title;
    const char *metric;
    bool is_bytes;
} watch_rates__rows[WATCH_RATES] = {
    {"CONNECTIONS/s", "portlistener_connections_accepted_total", false},
    {"REFUSED/s", "portlistener_connections_refused_total", false},
    {"RECEIVED/s", "portlistener_received_bytes_total", true},
    {"SENT/s", "portlistener_sent_bytes_total", true},
    {"DATAGRAMS/s", "portlistener_datagrams_received_total", false},
    {"ANSWERS/s", "portlistener_datagrams_sent_total", false},
};

/* The number at the end of a metric's line: behind its labels, if it has any. */
static uint64_t watch_rates__number(const char *line, size_t length)
{
    uint64_t number = 0;
    size_t i = length;
    while (i > 0 && line[i - 1] != ' ') {
        i--;
    }
    for (; i < length && line[i] >= '0' && line[i] <= '9'; i++) {
        number = number * 10 + (uint64_t)(line[i] - '0');
    }
    return number;
}

static void watch_rates__sum(const char *metrics, uint64_t sums_out[WATCH_RATES])
{
    memset(sums_out, 0, WATCH_RATES * sizeof sums_out[0]);
    while (*metrics != '\0') {
        const size_t length = strcspn(metrics, "\n");
        for (int i = 0; i < WATCH_RATES; i++) {
            const size_t name = strlen(watch_rates__rows[i].metric);
            if (length > name && memcmp(metrics, watch_rates__rows[i].metric, name) == 0 &&
                (metrics[name] == '{' || metrics[name] == ' ')) {
                sums_out[i] += watch_rates__number(metrics, length);
            }
        }
        metrics += length + (metrics[length] == '\n' ? 1 : 0);
    }
}

void watch_rates_take(struct watch_rates *rates, const char *metrics, uint64_t now)
{
    uint64_t sums[WATCH_RATES];
    const double seconds = (double)(now - rates->at) / 1000;
    watch_rates__sum(metrics, sums);
    for (int i = 0; i < WATCH_RATES; i++) { /* less than before: it has been started anew */
        rates->rates[i] = rates->count > 0 && seconds > 0 && sums[i] >= rates->sums[i]
                              ? (double)(sums[i] - rates->sums[i]) / seconds
                              : 0;
        rates->sums[i] = sums[i];
    }
    rates->at = now;
    rates->count++;
}

static void watch_rates__add_one(struct text *text, double rate, bool is_bytes)
{
    static const char units[] = " KMGT";
    int unit = 0;
    const double step = is_bytes ? 1024 : 1000;
    while (rate >= 10 * step && unit < 4) {
        rate /= step;
        unit++;
    }
    text_add_format(text, "%.0f%.*s", rate, unit > 0 ? 1 : 0, units + unit);
}

void watch_rates_add(struct text *text, const struct watch_rates *rates)
{
    for (int i = 0; i < WATCH_RATES; i++) {
        text_add_format(text, "%*s%s", i > 0 ? 16 : 13, watch_rates__rows[i].title,
                        i < WATCH_RATES - 1 ? "" : "\n");
    }
    for (int i = 0; i < WATCH_RATES; i++) {
        char room[32];
        struct text cell;
        text_init(&cell, room, sizeof room);
        if (rates->count >= 2) {
            watch_rates__add_one(&cell, rates->rates[i], watch_rates__rows[i].is_bytes);
        } else {
            text_add_string(&cell, "-");
        }
        text_add_format(text, "%*s%s", i > 0 ? 16 : 13, cell.at, i < WATCH_RATES - 1 ? "" : "\n\n");
    }
}
