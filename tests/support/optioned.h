/* SPDX-License-Identifier: MIT
   Handlers with options for tests: "greeter" has one of each kind, most of them with a default; "keeper" needs two;
   "relay" has defaults of the host's keys; "plain" has nothing. They do nothing. */
#ifndef PORTLISTENER_TESTS_SUPPORT_OPTIONED_H
#define PORTLISTENER_TESTS_SUPPORT_OPTIONED_H

#include "portlistener/handler.h"

#define OPTIONED(handler_name, table)                                                                      \
    .size = sizeof(struct pl_handler), .flags = PL_TCP | PL_UDP, .name = (handler_name), .version = "1.0", \
    .summary = "Does nothing.", .option_size = sizeof(struct pl_option),                                   \
    .option_count = sizeof(table) / sizeof((table)[0]), .options = (table)

static const struct pl_option optioned_greets[] = {
    {"polite", PL_BOOL, 0, "yes", NULL, "Whether it says `please`."},
    {"times", PL_NUMBER, 0, "1", "1..9", "How often."},
    {"most", PL_SIZE, 0, "4K", "0 no limit|1K..1M", "How much."},
    {"pause", PL_TIME, 0, "0", "0|100ms..", "How long it waits."},
    {"any", PL_NUMBER, 0, NULL, NULL, "Any number."},
    {"text", PL_TEXT, 0, "Hello\\r\\n", "1..20", "What it says."},
    {"file", PL_PATH, 0, NULL, NULL, "Where it is."},
    {"folder", PL_PATH, 0, "greetings", "folder", "Where they are."},
    {"then", PL_CHOICE, 0, "close", "close|wait|reset", "What it does then."},
    {"names", PL_LIST, 0, NULL, "1..3", "Whom it greets."},
    {"flag", PL_BOOL, 0, NULL, NULL, "Neither yes nor no."},
    {"words", PL_TEXT, 0, "", NULL, "More words."},
    {"mood", PL_CHOICE, 0, NULL, "good|bad", "Perhaps a mood."},
};
static const struct pl_counter optioned_counters[] = {
    {"greetings", "greetings", "what was said"},
    {"answers", "answers", "what was heard"},
};
static const struct pl_handler optioned_greeter = {OPTIONED("greeter", optioned_greets),
                                                   .counter_size = sizeof(struct pl_counter),
                                                   .counter_count = 2, .counters = optioned_counters};

static const struct pl_option optioned_keeps[] = {
    {"file", PL_PATH, 1, NULL, NULL, "Where to."},
    {"keep", PL_NUMBER, 1, NULL, "1..8", "How many."},
};
static const struct pl_handler optioned_keeper = {OPTIONED("keeper", optioned_keeps)};

static const char *const optioned_defaults[] = {"idle_timeout = 0", "keepalive=yes",
                                                "allow = 127.0.0.0/8, ::1", "idle_timeout = 1s", NULL};
static const struct pl_handler optioned_relay = {.size = sizeof(struct pl_handler),
                                                 .flags = PL_TCP,
                                                 .name = "relay",
                                                 .version = "1.0",
                                                 .summary = "Does nothing.",
                                                 .defaults = optioned_defaults};

static const struct pl_handler optioned_plain = {.size = offsetof(struct pl_handler, option_size),
                                                 .flags = PL_UDP,
                                                 .name = "plain",
                                                 .version = "1.0",
                                                 .summary = "Does nothing."};

static const struct pl_handler *const optioned_handlers[] = {&optioned_greeter, &optioned_keeper,
                                                             &optioned_plain, &optioned_relay, NULL};

#endif
