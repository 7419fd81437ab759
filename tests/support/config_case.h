/* SPDX-License-Identifier: MIT
   Configurations from text, for tests: the file is "t.ini" in C:\conf, the service PortListener, the
   environment has ProgramData, Empty and Odd, the handlers are echo and discard, stream (TCP only) and packet
   (UDP only). */
#ifndef PORTLISTENER_TESTS_SUPPORT_CONFIG_CASE_H
#define PORTLISTENER_TESTS_SUPPORT_CONFIG_CASE_H

#include <stddef.h>

#include "config/config.h"

struct config_case {
    struct config *config;
    struct config_problems problems;
};

extern const struct config_source config_case_source;

/* config_case_parse: end with config_case_fini. */
void config_case_parse(struct config_case *it, const char *text, size_t length);
void config_case_fini(struct config_case *it);

/* config_case_assert: parsing `text` gives exactly these lines of problems, and a configuration when none of
   them is an error. On the test's own thread. */
void config_case_assert(const char *text, const char *problems);

/* config_case_write: the configuration as an INI file that says everything. */
void config_case_write(struct text *text, const struct config *config);

#endif
