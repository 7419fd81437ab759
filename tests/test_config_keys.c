/* SPDX-License-Identifier: MIT
   Tests of config/config_keys.h: the table against the contract, and what is done by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/config_keys.h"
#include "support/failing_memory.h"

/* Names, types and defaults are a promise to those who write files: a change here breaks somebody. */
static const struct promise {
    const char *name;
    const char *type;
    const char *value;
    const char *range;
    const char *change;
} service_promises[] = {
    {"workers", "number", "0", "0 (one per logical processor), or 1 to 64", "restart"},
    {"blocking_threads", "number", "16", "1 to 512", "restart"},
    {"max_connections", "number", "0", "0 (no limit), or 1 to 4000000", "live"},
    {"drain_timeout", "time", "10s", "0 to 1h", "live"},
    {"start_policy", "choice", "partial", "partial or all", "live"},
    {"bind_retry", "time", "500ms", "100ms to 30s", "live"},
    {"reload", "choice", "manual", "manual or watch", "live"},
    {"data_dir", "path", ".", "the path of a folder", "restart"},
    {"log_file", "path", "logs\\<service>.log", "the path of a file, or -", "restart"},
    {"log_level", "choice", "info", "error, warning, info or debug", "live"},
    {"log_format", "choice", "text", "text or json", "live"},
    {"log_time", "choice", "utc", "utc or local", "live"},
    {"log_rotate_size", "size", "10M", "0 (not by size), or 64K to 100G", "live"},
    {"log_rotate_interval", "time", "0", "0 (not by age), or 1m to 365d", "live"},
    {"log_keep", "number", "8", "1 to 1000", "live"},
    {"access_log", "path", "", "the path of a file, or -, or nothing (off)", "restart"},
    {"event_log", "choice", "lifecycle", "off, errors, lifecycle or all", "live"},
    {"plugin_dir", "path", "plugins", "the path of a folder", "restart"},
    {"control_pipe", "yes/no", "yes", "yes or no", "restart"},
};

static const struct promise endpoint_promises[] = {
    {"enabled", "yes/no", "yes", "yes or no", "live"},
    {"listen", "list of addresses", NULL, "tcp://ADDRESS:PORT or udp://ADDRESS:PORT, several by commas",
     "live"},
    {"handler", "name", NULL, "the name of a handler", "live"},
    {"allow", "list of networks", "", "nothing (everyone), or ADDRESS or ADDRESS/LENGTH, several by commas",
     "live"},
    {"deny", "list of networks", "", "nothing (nobody), or ADDRESS or ADDRESS/LENGTH, several by commas",
     "live"},
    {"max_connections", "number", "0", "0 (no limit), or 1 to 4000000", "live"},
    {"max_connections_per_source", "number", "0", "0 (no limit), or 1 to 4000000", "live"},
    {"max_outbound", "number", "0", "0 (no limit), or 1 to 4000000", "live"},
    {"accept_rate", "number", "0", "0 (no limit), or 1 to 1000000", "live"},
    {"accept_burst", "number", "0", "0 (as accept_rate), or 1 to 1000000", "live"},
    {"proxy_protocol", "choice", "off", "off, v1, v2 or both", "live"},
    {"trusted_proxies", "list of networks", "",
     "nothing (no proxy), or ADDRESS or ADDRESS/LENGTH, several by commas", "live"},
    {"proxy_timeout", "time", "3s", "100ms to 1h", "live"},
    {"backlog", "number", "512", "1 to 65535", "restart"},
    {"accepts_max", "number", "256", "1 to 4096", "live"},
    {"receives_max", "number", "32", "1 to 1024", "live"},
    {"first_byte_timeout", "time", "0", "0 (no limit), or 100ms to 365d", "live"},
    {"idle_timeout", "time", "5m", "0 (no limit), or 100ms to 365d", "live"},
    {"send_timeout", "time", "30s", "0 (no limit), or 100ms to 365d", "live"},
    {"lifetime", "time", "0", "0 (no limit), or 100ms to 365d", "live"},
    {"close_timeout", "time", "5s", "0 (no limit), or 100ms to 365d", "live"},
    {"send_queue", "size", "1M", "64K to 1G", "live"},
    {"nodelay", "yes/no", "yes", "yes or no", "live"},
    {"keepalive", "yes/no", "no", "yes or no", "live"},
    {"keepalive_time", "time", "2h", "1s to 30d", "live"},
    {"keepalive_interval", "time", "75s", "1s to 1d", "live"},
    {"recv_buffer", "size", "0", "0 (the system's, for UDP 4M), or 1K to 1G", "live"},
    {"send_buffer", "size", "0", "0 (the system's), or 1K to 1G", "live"},
    {"max_datagram", "size", "65507", "512 to 65507", "live"},
    {"udp_sessions_max", "number", "65536", "1 to 1000000", "live"},
    {"reply_limit", "ratio", "1.0", "0 (no limit), or 0.1 to 1000.0", "live"},
    {"access_log", "yes/no", "yes", "yes or no", "live"},
};

static void assert_promises(const struct config_table *table, const struct promise *promises, size_t count)
{
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &table->keys[i];
        char room[256];
        struct text range;
        text_init(&range, room, sizeof room);
        config_keys_add_range(&range, key);
        assert_string_equal(key->name, promises[i].name);
        assert_string_equal(config_keys_type(key), promises[i].type);
        assert_int_equal(key->value == NULL, promises[i].value == NULL);
        if (key->value != NULL) {
            assert_string_equal(key->value, promises[i].value);
        }
        assert_string_equal(room, promises[i].range);
        assert_string_equal(key->needs_restart ? "restart" : "live", promises[i].change);
    }
}

static void test_config_keys__are_as_promised(void **state)
{
    (void)state;
    assert_promises(&config_keys_service, service_promises,
                    sizeof service_promises / sizeof service_promises[0]);
    assert_promises(&config_keys_endpoint, endpoint_promises,
                    sizeof endpoint_promises / sizeof endpoint_promises[0]);
}

/* Places do not overlap and lie in their struct; sizes fit the types. */
static void assert_places(const struct config_table *table, size_t record_size)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *a = &table->keys[i];
        const bool is_number = a->type == CONFIG_TYPE_NUMBER || a->type == CONFIG_TYPE_SIZE ||
                               a->type == CONFIG_TYPE_DURATION || a->type == CONFIG_TYPE_RATIO;
        assert_true(a->offset + a->size <= record_size);
        assert_true(a->type != CONFIG_TYPE_BOOL || a->size == sizeof(bool));
        assert_true(!is_number || a->size == sizeof(uint32_t) || a->size == sizeof(uint64_t));
        assert_true(!is_number || a->size == sizeof(uint64_t) || a->most <= UINT32_MAX);
        assert_true(a->type != CONFIG_TYPE_DURATION || a->most <= UINT64_C(365) * 24 * 3600 * 1000);
        assert_true((a->type == CONFIG_TYPE_CHOICE) == (a->choices != NULL));
        assert_true(a->type != CONFIG_TYPE_PREFIXES || a->size == sizeof(struct config_prefixes));
        assert_true(a->type != CONFIG_TYPE_PREFIXES || (a->zero != NULL && a->value[0] == '\0'));
        for (size_t k = 0; k < i; k++) {
            const struct config_key *b = &table->keys[k];
            assert_true(a->offset + a->size <= b->offset || b->offset + b->size <= a->offset);
            assert_string_not_equal(a->name, b->name);
        }
    }
}

static void test_config_keys__have_places_of_their_own(void **state)
{
    (void)state;
    assert_places(&config_keys_service, sizeof(struct config_service));
    assert_places(&config_keys_endpoint, sizeof(struct config_endpoint));
}

static const struct config_key *find(const struct config_table *table, const char *name)
{
    return config_keys_find(table, name, strlen(name));
}

static void test_config_keys__are_found_without_case(void **state)
{
    (void)state;
    assert_string_equal(find(&config_keys_service, "LOG_level")->name, "log_level");
    assert_null(find(&config_keys_service, "log_leve"));
    assert_null(find(&config_keys_service, "log_level2"));
    assert_null(find(&config_keys_service, ""));
    assert_null(find(&config_keys_service, "listen"));
    assert_null(find(&config_keys_endpoint, "include"));
}

static void test_config_keys__store_and_read_back(void **state)
{
    (void)state;
    struct config_service service = {0};
    struct config_endpoint endpoint = {0};
    config_keys_store(find(&config_keys_service, "workers"), &service, 64);
    config_keys_store(find(&config_keys_service, "log_rotate_size"), &service, UINT64_C(100) << 30);
    config_keys_store(find(&config_keys_service, "start_policy"), &service, 1);
    config_keys_store(find(&config_keys_service, "log_level"), &service, 3);
    config_keys_store(find(&config_keys_service, "log_format"), &service, 1);
    config_keys_store(find(&config_keys_service, "event_log"), &service, 2);
    config_keys_store(find(&config_keys_endpoint, "enabled"), &endpoint, 1);
    assert_int_equal(service.workers, 64);
    assert_true(service.log_rotate_size == UINT64_C(100) << 30);
    assert_int_equal(service.start_policy, CONFIG_START_ALL);
    assert_int_equal(service.log_level, LOG_LEVEL_DEBUG);
    assert_true(service.log_is_json);
    assert_int_equal(service.event_log, CONFIG_EVENT_LOG_LIFECYCLE);
    assert_true(endpoint.is_enabled);
    assert_int_equal(config_keys_number(find(&config_keys_service, "workers"), &service), 64);
    assert_true(config_keys_number(find(&config_keys_service, "log_rotate_size"), &service) == UINT64_C(100)
                                                                                                   << 30);
    assert_int_equal(config_keys_number(find(&config_keys_service, "log_format"), &service), 1);
    config_keys_store(find(&config_keys_service, "log_format"), &service, 0);
    assert_false(service.log_is_json);
}

static struct address_prefix *make_prefixes(size_t count)
{
    struct address_prefix *at = memory_alloc(count * sizeof *at);
    assert_non_null(at);
    for (size_t i = 0; i < count; i++) {
        at[i] = (struct address_prefix){.address = {.family = 4, .ip = {10, (uint8_t)i}}, .length = 16};
    }
    return at;
}

static void test_config_keys__lend_values_and_texts_and_lists(void **state)
{
    (void)state;
    struct config_endpoint lender = {.backlog = 7, .idle_timeout = UINT64_C(1) << 40};
    struct config_endpoint record = {0};
    const struct config_key *handler = find(&config_keys_endpoint, "handler");
    const struct config_key *allow = find(&config_keys_endpoint, "allow");
    failing_memory_arm(1, true); /* it takes none */
    config_keys_lend(find(&config_keys_endpoint, "backlog"), &lender, &record);
    config_keys_lend(find(&config_keys_endpoint, "idle_timeout"), &lender, &record);
    config_keys_lend(handler, &lender, &record);
    config_keys_lend(allow, &lender, &record);
    assert_int_equal(record.backlog, 7);
    assert_true(record.idle_timeout == UINT64_C(1) << 40);
    assert_null(record.handler);
    assert_null(record.allow.at);
    failing_memory_arm(0, false);
    lender.handler = memory_copy_text("echo", 4);
    lender.allow = (struct config_prefixes){make_prefixes(3), 3};
    failing_memory_arm(1, true);
    config_keys_lend(handler, &lender, &record);
    config_keys_lend(allow, &lender, &record);
    assert_int_equal(failing_memory_hits(), 0);
    failing_memory_arm(0, false);
    assert_ptr_equal(record.handler, lender.handler);
    assert_ptr_equal(record.allow.at, lender.allow.at);
    assert_int_equal(record.allow.count, 3);
    config_keys_free(&config_keys_endpoint, &record, &lender);
    assert_int_equal(failing_memory_live(), 2); /* the lender has its own still */
    config_keys_free(&config_keys_endpoint, &lender, NULL);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_keys__free_what_a_record_has_itself(void **state)
{
    (void)state;
    struct config_endpoint lender = {.handler = memory_copy_text("echo", 4),
                                     .deny = {make_prefixes(2), 2},
                                     .trusted_proxies = {make_prefixes(1), 1}};
    struct config_endpoint record = {.listen = memory_alloc(2 * sizeof(struct config_listen)),
                                     .listen_count = 2,
                                     .handler = memory_copy_text("echo", 4), /* equal, but its own */
                                     .allow = {make_prefixes(1), 1},
                                     .deny = {make_prefixes(2), 2}};
    config_keys_lend(find(&config_keys_endpoint, "trusted_proxies"), &lender, &record);
    assert_int_equal(failing_memory_live(), 7);
    config_keys_free(&config_keys_endpoint, &record, &lender);
    assert_int_equal(failing_memory_live(), 3);
    assert_string_equal(lender.handler, "echo");
    assert_int_equal(lender.deny.at[1].address.ip[1], 1);
    assert_int_equal(lender.trusted_proxies.at[0].length, 16);
    config_keys_free(&config_keys_endpoint, &lender, NULL);
    assert_int_equal(failing_memory_live(), 0);
}

static void test_config_keys__write_lists_of_networks(void **state)
{
    (void)state;
    struct config_endpoint endpoint = {.allow = {make_prefixes(3), 3}};
    const struct config_key *allow = find(&config_keys_endpoint, "allow");
    char room[64];
    struct text text;
    text_init(&text, room, sizeof room);
    assert_ptr_equal(config_keys_prefixes(allow, &endpoint), &endpoint.allow);
    config_keys_add_value(&text, allow, &endpoint);
    assert_string_equal(room, "10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16");
    assert_int_equal(config_keys_count_items(allow, &endpoint), 3);
    text_clear(&text);
    config_keys_add_item(&text, allow, &endpoint, 1);
    assert_string_equal(room, "10.1.0.0/16");
    config_keys_free(&config_keys_endpoint, &endpoint, NULL);
}

static void test_config_keys__are_written_as_json_strings(void **state)
{
    (void)state;
    char name[] = "a\"b\\c";
    const struct config_endpoint endpoint = {.handler = name};
    const struct config_key *handler = find(&config_keys_endpoint, "handler");
    char room[64];
    struct text text;
    text_init(&text, room, sizeof room);
    config_keys_add_json(&text, handler, &endpoint);
    assert_string_equal(room, "\"a\\\"b\\\\c\"");
    assert_false(text.is_cut);
    failing_memory_arm(1, true);
    config_keys_add_json(&text, handler, &endpoint);
    failing_memory_arm(0, false);
    assert_true(text.is_cut);
}

static void test_config_keys__tell_which_are_lists(void **state)
{
    (void)state;
    assert_true(config_keys_is_list(find(&config_keys_endpoint, "listen")));
    assert_true(config_keys_is_list(find(&config_keys_endpoint, "allow")));
    assert_false(config_keys_is_list(find(&config_keys_endpoint, "handler")));
    assert_false(config_keys_is_list(find(&config_keys_endpoint, "backlog")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        failing_memory_test(test_config_keys__are_as_promised),
        failing_memory_test(test_config_keys__have_places_of_their_own),
        failing_memory_test(test_config_keys__are_found_without_case),
        failing_memory_test(test_config_keys__store_and_read_back),
        failing_memory_test(test_config_keys__lend_values_and_texts_and_lists),
        failing_memory_test(test_config_keys__free_what_a_record_has_itself),
        failing_memory_test(test_config_keys__write_lists_of_networks),
        failing_memory_test(test_config_keys__are_written_as_json_strings),
        failing_memory_test(test_config_keys__tell_which_are_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
