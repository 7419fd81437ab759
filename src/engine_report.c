/* SPDX-License-Identifier: MIT
   Copying how an engine stands, see engine_report.h. */
#include "engine_report.h"

#include <string.h>

#include "base/address_prefix.h"
#include "base/log_time.h"
#include "base/memory.h"
#include "endpoint/listener.h"

/* A report, and what it is made of: blocks of the heap. */
struct copy {
    struct report report;
    struct report_endpoint *endpoints;
    struct report_listener *listeners;
    struct listener *originals; /* of `listeners`, as they were */
    struct report_counter *counters;
    struct queue_delay *delays;
    size_t endpoint_count, listener_count, counter_count;
};

/* ---- How much there is ---- */

static size_t copy__count_nodes(const struct list_node *list)
{
    size_t count = 0;
    for (const struct list_node *node = list->next; node != list; node = node->next) {
        count++;
    }
    return count;
}

static size_t copy__count_counters(const struct tally *tally)
{
    size_t count = 0;
    for (const struct handler_counters *at = tally->handlers; at != NULL; at = at->next) {
        count += at->count;
    }
    return count;
}

static bool copy__make_room(struct copy *copy, const struct tallies *tallies)
{
    size_t endpoints = 0, listeners = 0, counters = 0;
    for (struct list_node *node = tallies->all.next; node != &tallies->all; node = node->next) {
        const struct tally *tally = LIST_ELEMENT(node, struct tally, node);
        endpoints++;
        listeners += copy__count_nodes(&tally->listeners);
        counters += copy__count_counters(tally);
    }
    copy->endpoints = memory_alloc((endpoints + 1) * sizeof copy->endpoints[0]);
    copy->listeners = memory_alloc((listeners + 1) * sizeof copy->listeners[0]);
    copy->originals = memory_alloc((listeners + 1) * sizeof copy->originals[0]);
    copy->counters = memory_alloc((counters + 1) * sizeof copy->counters[0]);
    copy->delays = memory_alloc((tallies->workers + 1) * sizeof copy->delays[0]);
    return copy->endpoints != NULL && copy->listeners != NULL && copy->originals != NULL &&
           copy->counters != NULL && copy->delays != NULL;
}

static void copy__fini(struct copy *copy)
{
    for (size_t i = 0; i < copy->listener_count; i++) {
        memory_free(copy->listeners[i].diagnosis);
    }
    memory_free(copy->endpoints);
    memory_free(copy->listeners);
    memory_free(copy->originals);
    memory_free(copy->counters);
    memory_free(copy->delays);
}

/* ---- Under the lock ---- */

static void copy__listeners(struct copy *copy, struct report_endpoint *endpoint, const struct tally *tally)
{
    endpoint->listeners = copy->listeners + copy->listener_count;
    for (struct list_node *node = tally->listeners.next; node != &tally->listeners; node = node->next) {
        const struct listener *listener = LIST_ELEMENT(node, struct listener, node);
        text_copy(endpoint->handler, sizeof endpoint->handler, listener->endpoint->config->handler);
        endpoint->is_paused = listener->endpoint->is_paused != 0;
        if (listener->state == LISTENER_STOPPED) {
            continue;
        }
        copy->originals[copy->listener_count] = *listener;
        copy->listeners[copy->listener_count].armed = listener->armed != NULL ? *listener->armed : 0;
        copy->listener_count++;
        endpoint->listener_count++;
    }
}

/* What was counted under descriptors that a plugin has no more is added to what has the same name now. */
static struct report_counter *copy__counter(struct report_endpoint *endpoint, struct copy *copy,
                                            const char *handler, const struct pl_counter *row)
{
    struct report_counter *counter = &copy->counters[copy->counter_count];
    report_counter_name(counter, handler, row->name);
    for (size_t i = 0; i < endpoint->counter_count; i++) {
        if (strcmp(endpoint->counters[i].metric, counter->metric) == 0) {
            return &copy->counters[copy->counter_count - endpoint->counter_count + i];
        }
    }
    text_copy(counter->help, sizeof counter->help, row->help);
    counter->value = 0;
    copy->counter_count++;
    endpoint->counter_count++;
    return counter;
}

static void copy__counters(struct copy *copy, struct report_endpoint *endpoint, const struct tally *tally)
{
    endpoint->counters = copy->counters + copy->counter_count;
    for (struct handler_counters *at = tally->handlers; at != NULL; at = at->next) {
        for (uint32_t i = 0; i < at->count; i++) {
            copy__counter(endpoint, copy, at->handler, &at->rows[i])->value +=
                (uint64_t)InterlockedCompareExchange64(&at->values[i], 0, 0);
        }
    }
}

static bool copy__take(struct copy *copy, struct tallies *tallies)
{
    AcquireSRWLockShared(&tallies->lock);
    const bool is_done = copy__make_room(copy, tallies);
    for (struct list_node *node = tallies->all.next; is_done && node != &tallies->all; node = node->next) {
        const struct tally *tally = LIST_ELEMENT(node, struct tally, node);
        struct report_endpoint *endpoint = &copy->endpoints[copy->endpoint_count++];
        text_copy(endpoint->name, sizeof endpoint->name, tally_name(tally));
        copy__listeners(copy, endpoint, tally);
        copy__counters(copy, endpoint, tally);
        tally_sum(tally, endpoint->sums);
    }
    memcpy(copy->report.nobodys, tallies->gone, sizeof tallies->gone);
    ReleaseSRWLockShared(&tallies->lock);
    return is_done;
}

/* ---- Outside of it ---- */

static void copy__describe(struct report_listener *listener, struct listener *original, uint64_t now)
{
    struct text text;
    original->endpoint = NULL; /* may be gone by now */
    text_init(&text, listener->address, sizeof listener->address);
    listener_add_name(&text, original);
    listener->is_udp = original->protocol == CONFIG_UDP;
    listener->is_bound = original->state == LISTENER_LISTENING;
    if (!listener->is_bound) {
        char room[1024];
        text_init(&text, room, sizeof room);
        listener_add_error(&text, original);
        listener->diagnosis = memory_copy_text(text.at, text.length);
        listener->win32_error = original->win32_error;
        listener->retry_in = original->retry_at > now ? (uint32_t)(original->retry_at - now) : 0;
    }
}

static void copy__finish(struct copy *copy, const struct engine_view *view)
{
    const uint64_t now = GetTickCount64();
    struct report *report = &copy->report;
    for (size_t i = 0; i < copy->listener_count; i++) {
        copy__describe(&copy->listeners[i], &copy->originals[i], now);
    }
    for (unsigned i = 0; i < view->worker_count; i++) {
        tally_row_sum(worker_nobodys(view->workers[i]), report->nobodys);
        worker_queue_delay(view->workers[i], &copy->delays[i]);
    }
    report->version = PORTLISTENER_VERSION;
    report->state = view->state;
    report->time = log_time_now();
    report->uptime = now - view->started_at;
    report->loaded = view->loaded;
    report->generation = view->generation;
    report->workers = view->worker_count;
    report->delays = copy->delays;
    report->log_dropped = view->log != NULL ? log_dropped(view->log) : 0;
    report->has_access_log = view->access_log != NULL;
    report->access_log_dropped = view->access_log != NULL ? access_log_dropped(view->access_log) : 0;
    report->endpoints = copy->endpoints;
    report->endpoint_count = copy->endpoint_count;
}

bool engine_report(const struct engine *engine, enum report_format format, report_sink sink, void *context)
{
    struct engine_view view;
    struct copy copy = {.endpoint_count = 0};
    engine_view(engine, &view);
    const bool is_done = copy__take(&copy, view.tallies);
    if (is_done) {
        copy__finish(&copy, &view);
        report_write(&copy.report, format, sink, context);
    }
    copy__fini(&copy);
    return is_done;
}

/* ---- Whom they serve ---- */

static void access__add_list(struct text *lines, const char *key, const struct config_prefixes *list)
{
    for (size_t i = 0; i < list->count; i++) {
        text_add_format(lines, "%s ", key);
        address_prefix_add(lines, &list->at[i]);
        text_add_string(lines, "\n");
    }
}

static void access__add(struct text *lines, const struct tally *tally)
{
    if (tally->listeners.next == &tally->listeners) {
        return; /* nothing of this name listens any more */
    }
    const struct listener *listener = LIST_ELEMENT(tally->listeners.next, struct listener, node);
    const struct config_endpoint *config = listener->endpoint->config;
    text_add_format(lines, "endpoint %s\nhandler %s\n", tally_name(tally), config->handler);
    if (config->proxy_protocol != CONFIG_PROXY_OFF) {
        text_add_string(lines, "proxied yes\n");
    }
    access__add_list(lines, "allow", &config->allow);
    access__add_list(lines, "deny", &config->deny);
}

bool engine_report_access(const struct engine *engine, struct text *lines)
{
    struct engine_view view;
    engine_view(engine, &view);
    AcquireSRWLockShared(&view.tallies->lock);
    for (struct list_node *node = view.tallies->all.next; node != &view.tallies->all; node = node->next) {
        access__add(lines, LIST_ELEMENT(node, struct tally, node));
    }
    ReleaseSRWLockShared(&view.tallies->lock);
    return !lines->is_cut;
}
