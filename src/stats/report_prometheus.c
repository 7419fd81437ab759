/* SPDX-License-Identifier: MIT
   A report as Prometheus reads it: the text format 0.0.4. Each family once, with HELP and TYPE, and all its samples
   behind them; what belongs to no endpoint has no label `endpoint`, so that sums over a family are totals. */
#include <string.h>

#include "stats/report_out.h"

#define GAUGE(name, metric, type, help) GAUGE_##name,
enum gauge {
#include "stats/gauges.def"
    GAUGE_COUNT
};
#undef GAUGE

#define GAUGE(name, metric, type, help) {metric, type, help},
static const struct {
    const char *metric, *type, *help;
} gauges[GAUGE_COUNT] = {
#include "stats/gauges.def"
};
#undef GAUGE

bool report_has_metric(const char *metric)
{
    bool is_ours = false;
    for (enum gauge gauge = 0; gauge < GAUGE_COUNT; gauge++) {
        is_ours = is_ours || strcmp(gauges[gauge].metric, metric) == 0;
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        is_ours = is_ours || strcmp(family_row(family)->metric, metric) == 0;
    }
    return is_ours;
}

/* In a label's value and, but for the quotation mark, in help. */
static void prometheus__add_escaped(struct text *text, const char *at, bool is_label)
{
    for (; *at != '\0'; at++) {
        if (*at == '\n') {
            text_add_string(text, "\\n");
        } else {
            text_add(text, "\\", *at == '\\' || (is_label && *at == '"'));
            text_add(text, at, 1);
        }
    }
}

static void prometheus__head(struct report_out *out, const char *metric, const char *type, const char *help)
{
    text_add_format(&out->text, "# HELP portlistener_%s ", metric);
    prometheus__add_escaped(&out->text, help, false);
    text_add_format(&out->text, "\n# TYPE portlistener_%s %s\n", metric, type);
    report_out_more(out);
}

struct prometheus_label {
    const char *name, *value; /* `value` NULL: it is left out */
};

static void prometheus__labels(struct report_out *out, const char *metric,
                               const struct prometheus_label labels[2])
{
    const char *before = "{";
    text_add_format(&out->text, "portlistener_%s", metric);
    for (size_t i = 0; i < 2; i++) {
        if (labels[i].value != NULL) {
            text_add_format(&out->text, "%s%s=\"", before, labels[i].name);
            prometheus__add_escaped(&out->text, labels[i].value, true);
            text_add_string(&out->text, "\"");
            before = ",";
        }
    }
    text_add_format(&out->text, "%s ", *before == ',' ? "}" : "");
}

static void prometheus__sample(struct report_out *out, const char *metric,
                               const struct prometheus_label labels[2], uint64_t value)
{
    prometheus__labels(out, metric, labels);
    text_add_format(&out->text, "%llu\n", (unsigned long long)value);
    report_out_more(out);
}

/* ---- Gauges ---- */

static void prometheus__gauge_head(struct report_out *out, enum gauge gauge)
{
    prometheus__head(out, gauges[gauge].metric, gauges[gauge].type, gauges[gauge].help);
}

static void prometheus__gauge(struct report_out *out, enum gauge gauge, const char *name, const char *value,
                              uint64_t number)
{
    const struct prometheus_label labels[2] = {{name, value}, {NULL, NULL}};
    prometheus__gauge_head(out, gauge);
    prometheus__sample(out, gauges[gauge].metric, labels, number);
}

/* ---- Queues of workers ---- */

static void prometheus__add_delay(struct report_out *out, enum gauge gauge, const struct queue_delay *delay)
{
    const uint64_t time = gauge == GAUGE_DELAY_SUM ? delay->sum : delay->longest;
    if (gauge == GAUGE_DELAY_PROBES) {
        text_add_format(&out->text, "%llu\n", (unsigned long long)delay->count);
    } else {
        text_add_format(&out->text, "%llu.%06llu\n", (unsigned long long)(time / 1000000),
                        (unsigned long long)(time % 1000000));
    }
}

static void prometheus__delays(const struct report *report, struct report_out *out)
{
    for (enum gauge gauge = GAUGE_DELAY_LONGEST; gauge <= GAUGE_DELAY_PROBES; gauge++) {
        prometheus__gauge_head(out, gauge);
        for (uint32_t i = 0; report->delays != NULL && i < report->workers; i++) {
            char number[16];
            struct text text;
            text_init(&text, number, sizeof number);
            text_add_format(&text, "%u", i);
            const struct prometheus_label labels[2] = {{"worker", number}, {NULL, NULL}};
            prometheus__labels(out, gauges[gauge].metric, labels);
            prometheus__add_delay(out, gauge, &report->delays[i]);
            report_out_more(out);
        }
    }
}

/* ---- The service ---- */

static void prometheus__service(const struct report *report, struct report_out *out)
{
    const uint64_t uptime = report->uptime / 1000;
    prometheus__gauge(out, GAUGE_BUILD, "version", report->version, 1);
    prometheus__gauge(out, GAUGE_START_TIME, NULL, NULL, (uint64_t)report->time - uptime);
    prometheus__gauge(out, GAUGE_UPTIME, NULL, NULL, uptime);
    prometheus__gauge(out, GAUGE_PAUSED, NULL, NULL, report->state == REPORT_PAUSED);
    prometheus__gauge(out, GAUGE_WORKERS, NULL, NULL, report->workers);
    prometheus__delays(report, out);
    prometheus__gauge(out, GAUGE_CONFIG_LOADED, NULL, NULL, (uint64_t)report->loaded);
    prometheus__gauge(out, GAUGE_CONFIG_GENERATION, NULL, NULL, report->generation);
    prometheus__gauge(out, GAUGE_LOG_DROPPED, "log", "service", report->log_dropped);
    if (report->has_access_log) {
        const struct prometheus_label labels[2] = {{"log", "access"}, {NULL, NULL}};
        prometheus__sample(out, gauges[GAUGE_LOG_DROPPED].metric, labels, report->access_log_dropped);
    }
}

static void prometheus__of_endpoint(struct report_out *out, enum gauge gauge,
                                    const struct report_endpoint *endpoint, const char *label,
                                    const char *value, uint64_t number)
{
    const struct prometheus_label labels[2] = {{"endpoint", endpoint->name}, {label, value}};
    prometheus__sample(out, gauges[gauge].metric, labels, number);
}

static void prometheus__listeners(struct report_out *out, const struct report_endpoint *endpoint)
{
    size_t bound = 0;
    for (size_t i = 0; i < endpoint->listener_count; i++) {
        bound += endpoint->listeners[i].is_bound;
    }
    prometheus__of_endpoint(out, GAUGE_LISTENERS, endpoint, "state", "listening", bound);
    prometheus__of_endpoint(out, GAUGE_LISTENERS, endpoint, "state", "waiting",
                            endpoint->listener_count - bound);
}

static void prometheus__armed(struct report_out *out, const struct report_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->listener_count; i++) {
        const struct report_listener *listener = &endpoint->listeners[i];
        prometheus__of_endpoint(out, GAUGE_ARMED, endpoint, "address", listener->address, listener->armed);
    }
}

static void prometheus__endpoint_gauge(struct report_out *out, enum gauge gauge,
                                       const struct report_endpoint *endpoint)
{
    if (gauge == GAUGE_LISTENERS) {
        prometheus__listeners(out, endpoint);
    } else if (gauge == GAUGE_ARMED) {
        prometheus__armed(out, endpoint);
    } else if (gauge == GAUGE_ENDPOINT_PAUSED) {
        prometheus__of_endpoint(out, gauge, endpoint, NULL, NULL, endpoint->is_paused);
    } else if (gauge == GAUGE_CONNECTIONS && report_has(endpoint, SCOPE_TCP)) {
        prometheus__of_endpoint(out, gauge, endpoint, NULL, NULL, report_connections(endpoint->sums));
    } else if (gauge == GAUGE_SESSIONS && report_has(endpoint, SCOPE_UDP)) {
        prometheus__of_endpoint(out, gauge, endpoint, NULL, NULL, report_sessions(endpoint->sums));
    } else if (gauge == GAUGE_OUTBOUND && report_has(endpoint, SCOPE_OUTBOUND)) {
        prometheus__of_endpoint(out, gauge, endpoint, NULL, NULL, report_outbound(endpoint->sums));
    }
}

/* ---- Counters ---- */

static void prometheus__sum(struct report_out *out, enum counter counter, const char *endpoint,
                            uint64_t value)
{
    const struct counter_row *row = counter_row(counter);
    const struct prometheus_label labels[2] = {{"endpoint", endpoint}, {"reason", row->reason}};
    prometheus__sample(out, family_row(row->family)->metric, labels, value);
}

static void prometheus__counter(const struct report *report, struct report_out *out, enum counter counter)
{
    const enum family_scope scope = family_row(counter_row(counter)->family)->scope;
    for (size_t i = 0; i < report->endpoint_count; i++) {
        const struct report_endpoint *endpoint = &report->endpoints[i];
        if (report_has(endpoint, scope)) {
            prometheus__sum(out, counter, endpoint->name, endpoint->sums[counter]);
        }
    }
    if (scope == SCOPE_NOBODY || report->nobodys[counter] > 0) {
        prometheus__sum(out, counter, NULL, report->nobodys[counter]);
    }
}

static void prometheus__family(const struct report *report, struct report_out *out, enum family family)
{
    const struct family_row *row = family_row(family);
    prometheus__head(out, row->metric, family_is_level(family) ? "gauge" : "counter", row->help);
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        if (counter_row(i)->family == family) {
            prometheus__counter(report, out, i);
        }
    }
}

/* ---- Handlers' counters ---- */

/* That of this metric; NULL: the endpoint has none. */
static const struct report_counter *prometheus__find(const struct report_endpoint *endpoint,
                                                     const char *metric)
{
    for (size_t i = 0; i < endpoint->counter_count; i++) {
        if (strcmp(endpoint->counters[i].metric, metric) == 0) {
            return &endpoint->counters[i];
        }
    }
    return NULL;
}

/* Of all endpoints from `first` on, if it is the first. */
static void prometheus__handler_family(const struct report *report, struct report_out *out, size_t first,
                                       const struct report_counter *counter)
{
    for (size_t i = 0; i < first; i++) {
        if (prometheus__find(&report->endpoints[i], counter->metric) != NULL) {
            return;
        }
    }
    prometheus__head(out, counter->metric, "counter", counter->help);
    for (size_t i = first; i < report->endpoint_count; i++) {
        const struct report_counter *found = prometheus__find(&report->endpoints[i], counter->metric);
        if (found != NULL) {
            const struct prometheus_label labels[2] = {{"endpoint", report->endpoints[i].name}, {NULL, NULL}};
            prometheus__sample(out, counter->metric, labels, found->value);
        }
    }
}

static void prometheus__handlers(const struct report *report, struct report_out *out)
{
    for (size_t i = 0; i < report->endpoint_count; i++) {
        const struct report_endpoint *endpoint = &report->endpoints[i];
        for (size_t k = 0; k < endpoint->counter_count; k++) {
            prometheus__handler_family(report, out, i, &endpoint->counters[k]);
        }
    }
}

void report_prometheus(const struct report *report, struct report_out *out)
{
    prometheus__service(report, out);
    for (enum gauge gauge = GAUGE_ENDPOINT_PAUSED; gauge < GAUGE_COUNT; gauge++) {
        prometheus__gauge_head(out, gauge);
        for (size_t i = 0; i < report->endpoint_count; i++) {
            prometheus__endpoint_gauge(out, gauge, &report->endpoints[i]);
        }
    }
    for (enum family family = 0; family < FAMILY_COUNT; family++) {
        prometheus__family(report, out, family);
    }
    prometheus__handlers(report, out);
}
