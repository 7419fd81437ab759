/* SPDX-License-Identifier: MIT
   Any keys and values of any type as a registry: refused, each with its place, or a configuration, which is the same when
   it has been a file meanwhile. The input is a row of records: a byte (key, or the type of a value), the length of its
   name in units, the length of its data, the name, the data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_exchange.h"
#include "config/config_keys.h"
#include "config/config_options.h"
#include "config/config_problems.h"
#include "config/config_report.h"
#include "handler/discard.h"
#include "handler/echo.h"
#include "support/optioned.h"

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_registry__fail(#condition, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_registry__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

static bool fuzz_registry__variable(const char *name, struct text *value)
{
    (void)name, (void)value;
    return false;
}

static const struct pl_handler *const handlers[] = {&discard_handler, &echo_handler,   &optioned_greeter,
                                                    &optioned_keeper, &optioned_relay, NULL};

static struct config *fuzz_registry__parse(const char *text, size_t length,
                                           const struct config_registry *registry,
                                           struct config_problems *problems)
{
    const struct config_source source = {.file = "f",
                                         .folder = "C:\\conf",
                                         .service = "s",
                                         .handlers = handlers,
                                         .registry = registry,
                                         .registry_name = "R",
                                         .variable = fuzz_registry__variable};
    config_problems_init(problems);
    return config_parse(&source, text, length, problems);
}

/* Names in the input are bytes, each of which becomes a unit; 0xFF becomes half of a pair. */
static void fuzz_registry__build(const uint8_t *at, size_t size, struct config_registry *registry)
{
    while (size >= 3) {
        uint16_t name[64];
        const uint8_t kind = at[0];
        const size_t name_length = at[1] % 64, wanted = at[2];
        at += 3;
        size -= 3;
        if (name_length > size) {
            return;
        }
        for (size_t i = 0; i < name_length; i++) {
            name[i] = at[i] == 0xFF ? 0xD800 : at[i];
        }
        at += name_length;
        size -= name_length;
        if (kind == 'k') {
            REQUIRE(config_registry_add_key(registry, name, name_length));
            continue;
        }
        const size_t length = wanted < size ? wanted : size;
        REQUIRE(config_registry_add_value(registry, name, name_length, kind, at, length));
        at += length;
        size -= length;
    }
}

static void fuzz_registry__require_problems(const struct config_problems *problems)
{
    REQUIRE(!problems->is_out_of_memory);
    REQUIRE(text_is_utf8(problems->text.at, problems->text.length));
    for (size_t i = 0; i < problems->text.length; i++) {
        const unsigned char byte = (unsigned char)problems->text.at[i];
        REQUIRE(byte == '\n' || (byte >= 0x20 && byte != 0x7F));
    }
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        REQUIRE(problem->is_registry == (problems->text.at[problem->place] == 'R'));
        REQUIRE(memchr(problems->text.at + problem->offset, ';', problem->length) != NULL);
    }
}

static void fuzz_registry__write(struct text *text, const struct config *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        text_add_format(text, "[%s]\n", endpoint->name);
        for (size_t k = 0; k < config_keys_endpoint.count; k++) {
            config_keys_add_value(text, &config_keys_endpoint.keys[k], endpoint);
            text_add_string(text, "\n");
        }
        for (size_t k = 0; k < endpoint->options.options->table.count; k++) {
            config_keys_add_value(text, &endpoint->options.options->table.keys[k],
                                  endpoint->options.settings);
            text_add_string(text, "\n");
        }
    }
}

static void fuzz_registry__require_same_as_file(const struct config *config,
                                                const struct config_registry *registry)
{
    struct config_problems problems;
    struct text file, once, again;
    text_init_heap(&file);
    text_init_heap(&once);
    text_init_heap(&again);
    REQUIRE(config_exchange_to_text(config, registry, &file));
    struct config *other = fuzz_registry__parse(file.at, file.length, NULL, &problems);
    if (other == NULL) {
        fprintf(stderr, "%s%s", file.at, problems.text.at);
    }
    REQUIRE(other != NULL);
    fuzz_registry__write(&once, config);
    fuzz_registry__write(&again, other);
    REQUIRE(strcmp(once.at, again.at) == 0);
    config_destroy(other);
    config_problems_fini(&problems);
    text_fini(&file);
    text_fini(&once);
    text_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_registry registry = {.list = NULL};
    struct config_problems problems;
    struct text text;
    fuzz_registry__build(data, size, &registry);
    (void)config_registry_has_endpoint(&registry);
    struct config *config = fuzz_registry__parse("", 0, &registry, &problems);
    REQUIRE((config == NULL) == (problems.errors > 0));
    fuzz_registry__require_problems(&problems);
    if (config != NULL) {
        text_init_heap(&text);
        config_report_show(&text, config);
        config_report_show_json(&text, config);
        REQUIRE(!text.is_cut && text_is_utf8(text.at, text.length));
        text_fini(&text);
        fuzz_registry__require_same_as_file(config, &registry);
    }
    config_destroy(config);
    config_problems_fini(&problems);
    config_registry_fini(&registry);
    return 0;
}
