/* SPDX-License-Identifier: MIT
   UDP clients: each keeps its datagrams in flight. A datagram has its number in front, so that it is known in whatever
   order answers come; one that no answer comes to makes way for the next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"
#include "bench/load/system.h"
#include "support/pattern.h"

enum { NUMBER = SETTINGS_DATAGRAM_LEAST, LOST_PART = 5 };

/* Of each client there are --depth; one sends numbers `number`, `number` + depth and so on. */
struct slot {
    uint64_t number, asked;
    bool is_out;
    bool is_late; /* the one before was counted as lost, and may still come */
};

struct sender {
    bool has_failed, is_sending, is_receiving;
    bool has_lost;                  /* since the last answer: it waits on */
    uint64_t taken, answered, lost; /* datagrams */
    uint64_t waits_since;
    struct slot *slots;
    uint32_t *free, free_count; /* numbers of slots */
};

struct datagrams {
    struct sender *senders;
    struct slot *slots;
    uint32_t *free;
};

static struct sender *datagrams__sender(const struct load *load, uint32_t number)
{
    const struct datagrams *const all = load->clients;
    return &all->senders[number];
}

/* It takes no further part. */
static void sender__fail(struct load *load, uint32_t number, const char *what)
{
    struct sender *const sender = datagrams__sender(load, number);
    char text[500];
    snprintf(text, sizeof text, "%s; %llu datagrams were sent, %llu answered, %llu lost", what,
             (unsigned long long)sender->taken, (unsigned long long)sender->answered,
             (unsigned long long)sender->lost);
    load_tell(load, number, text);
    load->in_flight -= sender->taken - sender->answered - sender->lost;
    load->alive--;
    sender->has_failed = true;
}

static void sender__fail_and_close(struct load *load, uint32_t number, const char *what)
{
    sender__fail(load, number, what);
    links_close(load->links, number);
}

static void sender__fail_with(struct load *load, uint32_t number, const char *what, int error)
{
    char reason[250], text[300];
    system_explain(error, reason, sizeof reason);
    snprintf(text, sizeof text, "%s: %s", what, reason);
    sender__fail(load, number, text);
}

static void sender__fail_and_close_with(struct load *load, uint32_t number, const char *what, int error)
{
    sender__fail_with(load, number, what, error);
    links_close(load->links, number);
}

/* ---- The bytes ---- */

/* What stands in front: the number, and whose it is. */
static uint64_t datagram__head(uint32_t client, uint64_t number)
{
    uint64_t whose = 0;
    uint8_t bytes[NUMBER];
    pattern_fill(bytes, client, 0, sizeof bytes);
    memcpy(&whose, bytes, sizeof whose);
    return whose ^ number;
}

static void datagram__fill(uint8_t *at, uint32_t client, uint64_t number, size_t size)
{
    const uint64_t head = datagram__head(client, number);
    memcpy(at, &head, NUMBER);
    pattern_fill(at + NUMBER, client, number * SETTINGS_BUFFER, size - NUMBER);
}

static uint64_t datagram__number(const uint8_t *at, uint32_t client)
{
    uint64_t head = 0;
    memcpy(&head, at, NUMBER);
    return datagram__head(client, head);
}

/* ---- Sending ---- */

/* True: it may go on. */
static bool sender__send(struct load *load, uint32_t number, struct sender *sender, uint64_t now)
{
    uint8_t *const at = load_send_buffer(load, number);
    const uint32_t depth = load->settings->depth;
    size_t bytes = 0;
    if (sender->free_count == 0 || !tally_take(&load->tally, now)) {
        return false;
    }
    struct slot *const slot = &sender->slots[sender->free[--sender->free_count]];
    if (sender->taken == sender->answered + sender->lost && !sender->has_lost) {
        sender->waits_since = now;
    }
    slot->number += depth;
    slot->asked = now;
    slot->is_out = true;
    sender->taken++;
    load->in_flight++;
    datagram__fill(at, number, slot->number, load->settings->size);
    switch (links_send(load->links, number, at, load->settings->size, &bytes)) {
    case LINKS_DONE:
        return true;
    case LINKS_PENDING:
        sender->is_sending = true;
        return false;
    case LINKS_FAILED:
    default:
        sender__fail_and_close_with(load, number, "cannot send", links_error(load->links));
        return false;
    }
}

static void sender__free(struct sender *sender, struct slot *slot)
{
    slot->is_out = false;
    sender->free[sender->free_count++] = (uint32_t)(slot - sender->slots);
}

/* ---- Receiving ---- */

static void sender__answer(struct load *load, uint32_t number, struct sender *sender, struct slot *slot,
                           uint64_t now)
{
    const uint64_t time = now - slot->asked;
    if (time > load_patience(load)) {
        char text[100];
        snprintf(text, sizeof text, "datagram %llu came late, after %.3f ms",
                 (unsigned long long)slot->number, (double)time / 1e6);
        sender__fail_and_close(load, number, text);
        return;
    }
    sender->answered++;
    sender->waits_since = now;
    sender->has_lost = false;
    load->in_flight--;
    tally_answer(&load->tally, time, true, now);
    sender__free(sender, slot);
}

/* One of those in flight, or the one before it, given up too early. */
static void sender__received(struct load *load, uint32_t number, struct sender *sender, size_t bytes,
                             uint64_t now)
{
    const uint8_t *const at = load_receive_buffer(load, number);
    const size_t size = load->settings->size;
    const uint32_t depth = load->settings->depth;
    char text[200];
    if (bytes != size) {
        snprintf(text, sizeof text, "a datagram of %lu bytes came instead of %lu%s", (unsigned long)bytes,
                 (unsigned long)size, bytes > size ? ", or more" : "");
        sender__fail_and_close(load, number, text);
        return;
    }
    const uint64_t told = datagram__number(at, number);
    struct slot *const slot = &sender->slots[told % depth];
    const bool is_out = slot->is_out && slot->number == told;
    const bool is_late = slot->is_late && slot->number == told + (slot->is_out ? depth : 0);
    const size_t same = pattern_compare(at + NUMBER, number, told * SETTINGS_BUFFER, size - NUMBER);
    if (!is_out && !is_late) {
        sender__fail_and_close(load, number, "a datagram came that is not in flight: changed, or sent twice");
    } else if (same < size - NUMBER) {
        snprintf(text, sizeof text, "byte %lu of datagram %llu is wrong", (unsigned long)(NUMBER + same),
                 (unsigned long long)told);
        sender__fail_and_close(load, number, text);
    } else if (is_out) {
        sender__answer(load, number, sender, slot, now);
    } else {
        slot->is_late = false;
    }
}

/* True: it may go on. */
static bool sender__receive(struct load *load, uint32_t number, struct sender *sender)
{
    size_t bytes = 0;
    switch (
        links_receive(load->links, number, load_receive_buffer(load, number), load->receive_room, &bytes)) {
    case LINKS_DONE:
        sender__received(load, number, sender, bytes, system_now());
        return true;
    case LINKS_PENDING:
        sender->is_receiving = true;
        return false;
    case LINKS_FAILED:
    default:
        sender__fail_and_close_with(load, number, "cannot receive", links_error(load->links));
        return false;
    }
}

/* ---- Turns ---- */

static void sender__go_on(struct load *load, uint32_t number, struct sender *sender, uint64_t now)
{
    for (int i = 0; i < LOAD_TURNS; i++) {
        bool has_moved = false;
        if (!sender->has_failed && !sender->is_sending) {
            has_moved = sender__send(load, number, sender, now);
        }
        if (!sender->has_failed && !sender->is_receiving) {
            has_moved = sender__receive(load, number, sender) || has_moved;
        }
        if (sender->has_failed || !has_moved) {
            return;
        }
    }
    load_queue(load, number);
}

static void datagrams__event(struct load *load, const struct links_event *event, uint64_t now)
{
    struct sender *const sender = datagrams__sender(load, event->number);
    const bool is_send = event->operation == LINKS_SEND;
    if (sender->has_failed) {
        return; /* what was pending then */
    }
    if (event->error != 0) {
        sender__fail_and_close_with(load, event->number, is_send ? "cannot send" : "cannot receive",
                                    event->error);
        return;
    }
    if (is_send) {
        sender->is_sending = false;
    } else {
        sender->is_receiving = false;
        sender__received(load, event->number, sender, event->bytes, now);
    }
    sender__go_on(load, event->number, sender, now);
}

static void datagrams__again(struct load *load, uint32_t number, uint64_t now)
{
    sender__go_on(load, number, datagrams__sender(load, number), now);
}

/* Gives up what is out for too long. */
static void sender__expire(struct load *load, struct sender *sender, uint64_t now)
{
    for (uint32_t i = 0; i < load->settings->depth; i++) {
        struct slot *const slot = &sender->slots[i];
        if (slot->is_out && now > slot->asked + load_patience(load) / LOST_PART) {
            slot->is_late = sender->has_lost = true;
            sender->lost++;
            load->in_flight--;
            tally_lose(&load->tally, now);
            sender__free(sender, slot);
        }
    }
}

static void datagrams__sweep(struct load *load, uint64_t now)
{
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        struct sender *const sender = datagrams__sender(load, i);
        if (sender->has_failed) {
            continue;
        }
        if (sender->taken > sender->answered + sender->lost &&
            now > sender->waits_since + load_patience(load)) {
            char text[100];
            snprintf(text, sizeof text, "no answer for %lu ms", (unsigned long)load->settings->patience);
            sender__fail_and_close(load, i, text);
            continue;
        }
        sender__expire(load, sender, now);
        load_queue(load, i); /* and sends others */
    }
}

/* ---- The run ---- */

static void datagrams__open(struct load *load)
{
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        if (links_open(load->links, i, i % LINKS_SOURCES) == LINKS_FAILED) {
            sender__fail_with(load, i, "cannot connect", links_error(load->links));
        }
    }
    load->connect_seconds = 0;
}

static void datagrams__go(struct load *load)
{
    uint64_t now = system_now();
    datagrams__open(load);
    load_begin(load, system_now());
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        load_queue(load, i);
    }
    while (load_is_busy(load) && load_turn(load, &now)) {}
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        const struct sender *const sender = datagrams__sender(load, i);
        if (!sender->has_failed && sender->taken > 0 && sender->answered == 0) {
            sender__fail_and_close(load, i, "no datagram was answered");
        }
    }
}

static void datagrams__prepare(const struct load *load, struct datagrams *all)
{
    const uint32_t depth = load->settings->depth;
    for (uint32_t i = 0; i < load->settings->clients; i++) {
        struct sender *const sender = &all->senders[i];
        sender->slots = all->slots + (size_t)i * depth;
        sender->free = all->free + (size_t)i * depth;
        for (uint32_t slot = 0; slot < depth; slot++) {
            sender->slots[slot].number = slot;
            sender->free[sender->free_count++] = slot;
        }
    }
}

bool datagrams_run(struct load *load)
{
    static const struct load_kind kind = {datagrams__event, datagrams__again, datagrams__sweep};
    const size_t count = load->settings->clients, depth = load->settings->depth;
    struct datagrams all = {0};
    all.senders = calloc(count, sizeof *all.senders);
    all.slots = calloc(count * depth, sizeof *all.slots);
    all.free = calloc(count * depth, sizeof *all.free);
    const bool is_possible = all.senders != NULL && all.slots != NULL && all.free != NULL;
    if (is_possible) {
        datagrams__prepare(load, &all);
        load->kind = &kind;
        load->clients = &all;
        datagrams__go(load);
        load->clients = NULL;
    }
    free(all.senders);
    free(all.slots);
    free(all.free);
    return is_possible;
}
