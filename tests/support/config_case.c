/* SPDX-License-Identifier: MIT
   Configurations from text, see config_case.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_settings.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "support/config_case.h"

static const struct pl_handler stream_handler = {
    .size = sizeof(struct pl_handler), .flags = PL_TCP, .name = "stream"};
static const struct pl_handler packet_handler = {
    .size = sizeof(struct pl_handler), .flags = PL_UDP, .name = "packet"};
static const struct pl_handler *const handlers[] = {&discard_handler, &echo_handler, &packet_handler,
                                                    &stream_handler, NULL};

static bool config_case__variable(const char *name, struct text *value)
{
    static const char *const variables[][2] = {
        {"ProgramData", "C:\\ProgramData"}, {"Empty", ""}, {"Odd", "C:\\a|b"}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (text_equal(name, strlen(name), variables[i][0])) {
            text_add_string(value, variables[i][1]);
            return true;
        }
    }
    return false;
}

const struct config_source config_case_source = {.file = "t.ini",
                                                 .folder = "C:\\conf",
                                                 .service = "PortListener",
                                                 .handlers = handlers,
                                                 .variable = config_case__variable};

void config_case_parse(struct config_case *it, const char *text, size_t length)
{
    config_problems_init(&it->problems);
    it->config = config_parse(&config_case_source, text, length, &it->problems);
}

void config_case_fini(struct config_case *it)
{
    config_destroy(it->config);
    config_problems_fini(&it->problems);
}

void config_case_assert(const char *text, const char *problems)
{
    struct config_case it;
    config_case_parse(&it, text, strlen(text));
    assert_string_equal(it.problems.text.at, problems);
    assert_int_equal(it.config == NULL, it.problems.errors > 0);
    assert_int_equal(it.problems.errors > 0, strstr(problems, ": error: ") != NULL);
    config_case_fini(&it);
}

static void config_case__write_record(struct text *text, const struct config_table *table, const void *record)
{
    for (size_t i = 0; i < table->count; i++) {
        text_add_format(text, "%s = ", table->keys[i].name);
        config_keys_add_value(text, &table->keys[i], record);
        text_add_string(text, "\n");
    }
}

void config_case_write(struct text *text, const struct config *config)
{
    text_add_string(text, "[service]\n");
    config_case__write_record(text, &config_keys_service, &config->service);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        text_add_format(text, "[endpoint %s]\n", config->endpoints[i].name);
        config_case__write_record(text, &config_keys_endpoint, &config->endpoints[i]);
        config_case__write_record(text, &config->endpoints[i].options.options->table,
                                  config->endpoints[i].options.settings);
    }
}
