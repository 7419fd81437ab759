/* SPDX-License-Identifier: MIT
   A plugin whose descriptor is wrong in one thing, MISDESCRIBES; built once for each of them. */
#include "plugins/plugin.h"

enum misdescription {
    OPTION_SIZE,
    OPTION_COUNT,
    OPTION_NAME,
    OPTION_KEY,
    OPTION_TWICE,
    OPTION_TYPE,
    OPTION_RANGE,
    OPTION_VALUE,
    OPTION_HELP,
    OPTION_REQUIRED,
    COUNTER_SIZE,
    COUNTER_NAME,
    COUNTER_TWICE,
    DEFAULT_KEY,
    DEFAULT_VALUE,
    NO_DATAGRAM,
    SESSIONS_ALONE,
    HUGE_INPUT,
    WILD_NAME
};

static pl_handler handler;
static pl_option options[] = {{"first", PL_NUMBER, 0, "3", "1..9", "Any number."},
                              {"second", PL_NUMBER, 0, "3", "1..9", "Any number."}};
static pl_counter counters[] = {{"first", "things", "what was seen"}, {"second", "things", "what was seen"}};
static const char *defaults[] = {"idle_timeout = 1m", NULL};

static void spoil_option(enum misdescription how)
{
    options[1].name = how == OPTION_NAME    ? "Second Option"
                      : how == OPTION_KEY   ? "idle_timeout"
                      : how == OPTION_TWICE ? "first"
                                            : "second";
    options[1].type = how == OPTION_TYPE ? 77 : PL_NUMBER;
    options[1].range = how == OPTION_RANGE ? "9..1" : "1..9";
    options[1].value = how == OPTION_VALUE ? "99" : "3";
    options[1].help = how == OPTION_HELP ? NULL : "Any number.";
    options[1].required = how == OPTION_REQUIRED;
}

static void spoil(enum misdescription how)
{
    spoil_option(how);
    counters[1].name = how == COUNTER_NAME ? "" : how == COUNTER_TWICE ? "first" : "second";
    defaults[0] = how == DEFAULT_KEY     ? "colour = red"
                  : how == DEFAULT_VALUE ? "idle_timeout = soon"
                                         : "idle_timeout = 1m";
    handler.option_size = how == OPTION_SIZE ? 8 : sizeof options[0];
    handler.option_count = how == OPTION_COUNT ? 1000000 : 2;
    handler.counter_size = how == COUNTER_SIZE ? 0 : sizeof counters[0];
    handler.flags |= how == NO_DATAGRAM ? PL_UDP : how == SESSIONS_ALONE ? PL_SESSIONS : 0U;
    handler.max_input = how == HUGE_INPUT ? 0xFFFFFFFF : 0;
    handler.name = how == WILD_NAME ? (const char *)(uintptr_t)16 : MISDESCRIBES_NAME;
}

const pl_handler *portlistener_handler(void)
{
    handler = plugin_make(MISDESCRIBES_NAME);
    handler.counter_count = 2;
    handler.options = options;
    handler.counters = counters;
    handler.defaults = defaults;
    spoil(MISDESCRIBES);
    return &handler;
}
