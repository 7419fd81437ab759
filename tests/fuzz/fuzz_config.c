/* SPDX-License-Identifier: MIT
   Any bytes as a configuration: it is refused with problems that each have their place, or it is complete,
   and the same when it is written and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_problems.h"
#include "config/config_report.h"
#include "config/config_settings.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "support/optioned.h"

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_config__fail(#condition, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_config__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

static bool fuzz_config__variable(const char *name, struct text *value)
{
    const bool is_known = text_equal(name, strlen(name), "a");
    text_add_string(value, is_known ? "D:\\data" : "");
    return is_known;
}

static const struct pl_handler *const handlers[] = {&discard_handler, &echo_handler,   &optioned_greeter,
                                                    &optioned_keeper, &optioned_relay, NULL};

static const struct config_source source = {.file = "f",
                                            .folder = "C:\\conf",
                                            .service = "s",
                                            .handlers = handlers,
                                            .variable = fuzz_config__variable};

/* "f:LINE:COLUMN: error: WHAT; WHAT ELSE" and nothing that is not for a terminal; returns what follows the
   line. */
static const char *fuzz_config__require_line(const char *at, unsigned *errors)
{
    const size_t length = strcspn(at, "\n");
    char kind[16] = "";
    unsigned line = 0, column = 0;
    int used = 0;
    REQUIRE(at[length] == '\n');
    REQUIRE(sscanf(at, "f:%u:%u: %7[a-z]: %n", &line, &column, kind, &used) == 3 && used > 0);
    REQUIRE(line > 0 && column > 0);
    REQUIRE(strcmp(kind, "error") == 0 || strcmp(kind, "warning") == 0);
    REQUIRE((size_t)used < length && memchr(at, ';', length) != NULL);
    REQUIRE(text_is_utf8(at, length));
    for (size_t i = 0; i < length; i++) {
        REQUIRE((unsigned char)at[i] >= 0x20 && at[i] != 0x7F);
    }
    *errors += kind[0] == 'e';
    return at + length + 1;
}

static void fuzz_config__require_problems(const struct config_problems *problems)
{
    unsigned errors = 0, lines = 0;
    const bool is_capped = problems->errors + problems->warnings > CONFIG_PROBLEMS_SHOWN_MAX;
    for (const char *at = problems->text.at; *at != '\0'; lines++) {
        at = fuzz_config__require_line(at, &errors);
    }
    REQUIRE(!problems->is_out_of_memory);
    REQUIRE(lines == problems->count + is_capped);
    REQUIRE(is_capped || errors == problems->errors);
    for (size_t i = 1; i < problems->count; i++) {
        REQUIRE(problems->list[i - 1].line <= problems->list[i].line);
    }
}

static void fuzz_config__require_complete(const struct config *config)
{
    REQUIRE(config->endpoint_count > 0);
    REQUIRE(config->service.data_dir[1] == ':' || config->service.data_dir[1] == '\\');
    REQUIRE(config->service.log_file[0] != '\0');
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        REQUIRE(endpoint->name[0] != '\0' && strlen(endpoint->name) <= 64);
        REQUIRE(endpoint->handler != NULL && endpoint->listen_count > 0);
        REQUIRE(endpoint->backlog > 0 && endpoint->send_queue >= 65536 && endpoint->max_datagram >= 512);
        REQUIRE(endpoint->udp_sessions_max > 0 && endpoint->udp_sessions_max <= 1000000);
        REQUIRE(endpoint->reply_limit == 0 ||
                (endpoint->reply_limit >= 100 && endpoint->reply_limit <= 1000000));
        for (size_t k = 0; k < endpoint->listen_count; k++) {
            REQUIRE(endpoint->listen[k].address.port > 0);
            REQUIRE(endpoint->listen[k].last_port >= endpoint->listen[k].address.port);
        }
    }
}

static void fuzz_config__write_record(struct text *text, const struct config_table *table, const void *record)
{
    for (size_t i = 0; i < table->count; i++) {
        text_add_format(text, "%s=", table->keys[i].name);
        config_keys_add_value(text, &table->keys[i], record);
        text_add_string(text, "\n");
    }
}

static void fuzz_config__write(struct text *text, const struct config *config)
{
    text_add_string(text, "[service]\n");
    fuzz_config__write_record(text, &config_keys_service, &config->service);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        text_add_format(text, "[endpoint %s]\n", config->endpoints[i].name);
        fuzz_config__write_record(text, &config_keys_endpoint, &config->endpoints[i]);
        fuzz_config__write_record(text, &config->endpoints[i].options.options->table,
                                  config->endpoints[i].options.settings);
    }
}

static void fuzz_config__require_same_again(const struct config *config)
{
    struct config_problems problems;
    struct text once, twice;
    text_init_heap(&once);
    text_init_heap(&twice);
    config_problems_init(&problems);
    fuzz_config__write(&once, config);
    struct config *again = config_parse(&source, once.at, once.length, &problems);
    REQUIRE(again != NULL);
    fuzz_config__write(&twice, again);
    REQUIRE(strcmp(once.at, twice.at) == 0);
    config_destroy(again);
    config_problems_fini(&problems);
    text_fini(&once);
    text_fini(&twice);
}

static void fuzz_config__report(const struct config *config)
{
    struct text text;
    text_init_heap(&text);
    config_report_show(&text, config);
    config_report_show_json(&text, config);
    REQUIRE(!text.is_cut && text_is_utf8(text.at, text.length));
    text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_problems problems;
    config_problems_init(&problems);
    struct config *config = config_parse(&source, (const char *)data, size, &problems);
    REQUIRE((config == NULL) == (problems.errors > 0));
    fuzz_config__require_problems(&problems);
    if (config != NULL) {
        fuzz_config__require_complete(config);
        fuzz_config__require_same_again(config);
        fuzz_config__report(config);
    }
    config_destroy(config);
    config_problems_fini(&problems);
    return 0;
}
