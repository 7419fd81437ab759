/* SPDX-License-Identifier: MIT
   How the service stands at one moment, and the three forms in which that is told. What is shown: docs/status.md.
   No Windows header. */
#ifndef PORTLISTENER_STATS_REPORT_H
#define PORTLISTENER_STATS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/queue_delay.h"
#include "stats/stats.h"

/* What the handler contract's `report` has, too. */
enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_PROMETHEUS, REPORT_FORMAT_COUNT };

/* Takes the next `length` bytes of a report. */
typedef void (*report_sink)(void *context, const char *at, size_t length);

enum report_state { REPORT_RUNNING, REPORT_PAUSED, REPORT_STOPPING };

struct report_listener {
    char address[80]; /* "tcp://127.0.0.1:80" */
    bool is_udp;
    bool is_bound;
    uint32_t armed;       /* accepts or receives outstanding */
    uint32_t win32_error; /* not bound: why */
    uint32_t retry_in;    /* not bound: milliseconds until it is tried again */
    char *diagnosis;      /* not bound: what is wrong and what to do, on the heap; may be NULL */
};

struct report_counter { /* of a handler */
    char handler[40];
    char name[40];
    char metric[96]; /* of both, without the prefix portlistener_; an endpoint has each once */
    char help[200];
    uint64_t value;
};

struct report_endpoint {
    char name[72];
    char handler[40];
    bool is_paused;
    size_t listener_count;
    const struct report_listener *listeners; /* NULL: none left */
    size_t counter_count;
    const struct report_counter *counters; /* its handlers' */
    uint64_t sums[COUNTER_COUNT];
};

struct report {
    const char *version;
    enum report_state state;
    int64_t time;    /* of the report, in seconds since 1970 */
    uint64_t uptime; /* milliseconds */
    int64_t loaded;  /* the configuration, in seconds since 1970 */
    uint32_t generation;
    uint32_t workers;
    const struct queue_delay *delays; /* of each worker; NULL: it is not told */
    uint64_t log_dropped;
    bool has_access_log;
    uint64_t access_log_dropped;
    size_t endpoint_count;
    struct report_endpoint *endpoints;
    uint64_t nobodys
        [COUNTER_COUNT]; /* of no endpoint, of none that is left, or there was no memory to tell of which */
};

/* report_write: all of it. */
void report_write(const struct report *report, enum report_format format, report_sink sink, void *context);

/* report_connections, report_sessions, report_outbound: how many there are, by these sums. report_has: whether the endpoint has counters of
   this scope. */
uint64_t report_connections(const uint64_t sums[COUNTER_COUNT]);
uint64_t report_sessions(const uint64_t sums[COUNTER_COUNT]);
uint64_t report_outbound(const uint64_t sums[COUNTER_COUNT]);
bool report_has(const struct report_endpoint *endpoint, enum family_scope scope);

/* report_total: the sum over all endpoints and nobody's. */
uint64_t report_total(const struct report *report, enum counter counter);

/* report_family_total: of all counters of one family. */
uint64_t report_family_total(const uint64_t sums[COUNTER_COUNT], enum family family);

const char *report_state_name(enum report_state state);

/* report_add_time: "2026-11-25T02:27:00Z", of seconds since 1970. */
struct text;
void report_add_time(struct text *text, int64_t seconds);

/* report_has_metric: whether a metric of this name, without the prefix portlistener_, is our own. */
bool report_has_metric(const char *metric);

/* report_counter_name: fills in handler, name and metric. */
void report_counter_name(struct report_counter *counter, const char *handler, const char *name);

#endif
