/* SPDX-License-Identifier: MIT
   Showing configurations and keys, see config_report.h. */
#include "config/config_report.h"

#include <string.h>

#include "base/json.h"
#include "config/config_file.h"
#include "config/config_handlers.h"
#include "config/config_layout.h"
#include "config/config_settings.h"

enum {
    REPORT_VALUE_COLUMN = 30, /* counted from 0 */
    REPORT_ORIGIN_COLUMN = 72,
    REPORT_MEANING_COLUMN = 28,
    REPORT_SECTION_ROOM = 80, /* "endpoint ", and the longest name */
    REPORT_ORIGIN_ROOM = 1024 /* bytes, for the name of a file */
};

/* ---- config show ---- */

/* "line 5", "line 5 of web.ini", "registry". */
static void config_report__line(struct text *text, const struct config *config, uint32_t line)
{
    const struct config_document *document = config_places_find(&config->places, line);
    if (config_places_is_registry(&config->places, line)) {
        text_add_string(text, "registry");
        return;
    }
    text_add_format(text, "line %lu", (unsigned long)(line - document->before));
    if (document->before > 0) {
        text_add_format(text, " of %s", text_file_name(document->name));
    }
}

static void config_report__origin(struct text *text, const struct config *config,
                                  const struct config_origin *origin)
{
    if (origin->line == 0) {
        text_add_string(text, origin->is_handlers ? "default of the handler" : "default");
    } else {
        config_report__line(text, config, origin->line);
        text_add_string(text, origin->is_shared ? ", [defaults]" : "");
    }
}

/* Ends the line with its origin, in a line of its own where it would not fit. */
static void config_report__end_with_origin(struct text *text, const struct config *config, size_t start,
                                           const struct config_origin *origin)
{
    char room[REPORT_ORIGIN_ROOM];
    struct text origin_text;
    text_init(&origin_text, room, sizeof room);
    config_report__origin(&origin_text, config, origin);
    if (config_file_characters(text->at + start, text->length - start) + 2 + origin_text.length >
        CONFIG_LAYOUT_WIDTH) {
        text_add_string(text, "\n");
        start = text->length;
    }
    config_layout_pad(text, start, REPORT_ORIGIN_COLUMN);
    text_add_format(text, "%s\n", room);
}

/* One item a line. */
static void config_report__items(struct text *text, const struct config *config, const struct config_key *key,
                                 const void *record, size_t start, const struct config_origin *origin)
{
    const size_t count = config_keys_count_items(key, record);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            text_add_format(text, "%*s", REPORT_VALUE_COLUMN, "");
        }
        config_keys_add_item(text, key, record, i);
        if (i == 0) {
            config_report__end_with_origin(text, config, start, origin);
        } else {
            text_add_string(text, "\n");
        }
    }
}

static bool config_report__has_items(const struct config_key *key, const void *record)
{
    return config_keys_is_list(key) && config_keys_count_items(key, record) > 0;
}

/* What a 0 means, where it is not just an amount, or a list without items. */
static void config_report__zero(struct text *text, const struct config_key *key, const void *record)
{
    const bool is_list = config_keys_is_list(key);
    const bool has_meaning = key->zero != NULL && key->zero[0] != '\0';
    if (has_meaning && (is_list || config_keys_number(key, record) == 0)) {
        text_add_format(text, "%s(%s)", is_list ? "" : " ", key->zero);
    }
}

static void config_report__record(struct text *text, const struct config *config,
                                  const struct config_table *table, const void *record,
                                  const struct config_origin *origins)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        const size_t start = text->length;
        text_add_format(text, "  %s", key->name);
        config_layout_pad(text, start, REPORT_VALUE_COLUMN);
        if (config_report__has_items(key, record)) {
            config_report__items(text, config, key, record, start, &origins[i]);
        } else {
            config_keys_add_value(text, key, record);
            config_report__zero(text, key, record);
            config_report__end_with_origin(text, config, start, &origins[i]);
        }
    }
}

void config_report_show(struct text *text, const struct config *config)
{
    text_add_format(text, "%s\n\n[service]\n", config->file);
    config_report__record(text, config, &config_keys_service, &config->service, config->service.origins);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        text_add_format(text, "\n[endpoint %s]  ", endpoint->name);
        config_report__line(text, config, endpoint->line);
        text_add_string(text, "\n");
        config_report__record(text, config, &config_keys_endpoint, endpoint, endpoint->origins);
        config_report__record(text, config, &endpoint->options.options->table, endpoint->options.settings,
                              endpoint->options.origins);
    }
}

/* ---- config show --json ---- */

static void config_report__json_items(struct text *text, const struct config_key *key, const void *record)
{
    const size_t count = config_keys_count_items(key, record);
    text_add_string(text, "[");
    for (size_t i = 0; i < count; i++) {
        struct text item;
        text_init_heap(&item);
        config_keys_add_item(&item, key, record, i);
        text_add_string(text, i > 0 ? ", " : "");
        text_add_json(text, item.at, item.length);
        text->is_cut = text->is_cut || item.is_cut;
        text_fini(&item);
    }
    text_add_string(text, "]");
}

static void config_report__json_number(struct text *text, const struct config_key *key, const void *record)
{
    if (!config_keys_has_number(key, record)) {
        text_add_string(text, "null");
    } else if (key->type == CONFIG_TYPE_BOOL) {
        text_add_string(text, config_keys_number(key, record) != 0 ? "true" : "false");
    } else if (key->type == CONFIG_TYPE_CHOICE) {
        config_keys_add_json(text, key, record);
    } else if (key->type == CONFIG_TYPE_RATIO) {
        config_keys_add_value(text, key, record);
    } else {
        text_add_format(text, "%llu", (unsigned long long)config_keys_number(key, record));
    }
}

static void config_report__json_value(struct text *text, const struct config_key *key, const void *record)
{
    switch (key->type) {
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_SIZE:
    case CONFIG_TYPE_DURATION:
    case CONFIG_TYPE_RATIO:
    case CONFIG_TYPE_CHOICE:
        config_report__json_number(text, key, record);
        break;
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_FILE:
    case CONFIG_TYPE_FOLDER:
    case CONFIG_TYPE_LOG_FILE:
    case CONFIG_TYPE_HANDLER:
        config_keys_add_json(text, key, record);
        break;
    case CONFIG_TYPE_LISTEN:
    case CONFIG_TYPE_PREFIXES:
    case CONFIG_TYPE_LIST:
        config_report__json_items(text, key, record);
        break;
    }
}

/* "line": 5, with the file where it is not the main one; or the key of the registry, and its value `name` (NULL: the
   key alone). */
static void config_report__json_place(struct json *object, const struct config *config, uint32_t line,
                                      const char *section, const char *name)
{
    const struct config_document *document = config_places_find(&config->places, line);
    if (config_places_is_registry(&config->places, line)) {
        struct text value;
        text_init_heap(&value);
        text_add_format(&value, "%s\\%s%s%s", document->name, section, name != NULL ? "\\" : "",
                        name != NULL ? name : "");
        json_bytes(object, "registry", value.at, value.length);
        object->text->is_cut = object->text->is_cut || value.is_cut;
        text_fini(&value);
        return;
    }
    if (document->before > 0) {
        json_string(object, "file", document->name);
    }
    json_number(object, "line", line - document->before);
}

/* `section` is the record's, as the registry has it: "endpoint web". */
static void config_report__json_origin(struct json *object, const struct config *config, const char *section,
                                       const char *name, const struct config_origin *origin)
{
    if (origin->line == 0) {
        json_string(object, "origin", origin->is_handlers ? "handler" : "default");
        return;
    }
    section = origin->is_shared ? "defaults" : section;
    json_string(object, "origin",
                config_places_is_registry(&config->places, origin->line) ? "registry" : "ini");
    json_bytes(object, "section", section, strcspn(section, " "));
    config_report__json_place(object, config, origin->line, section, name);
}

static void config_report__json_record(struct text *text, const struct config *config,
                                       const struct config_table *table, const char *section,
                                       const void *record, const struct config_origin *origins,
                                       const char *indent)
{
    for (size_t i = 0; i < table->count; i++) {
        text_add_format(text, "%s\n%s", i > 0 ? "," : "", indent);
        struct json keys = json_begin(text, JSON_SPACED, ""), key = json_begin(text, JSON_SPACED, "{");
        json_name(&keys, table->keys[i].name);
        json_name(&key, "value");
        config_report__json_value(text, &table->keys[i], record);
        json_name(&key, "text");
        config_keys_add_json(text, &table->keys[i], record);
        config_report__json_origin(&key, config, section, table->keys[i].name, &origins[i]);
        json_end(&key);
    }
}

static void config_report__json_endpoint(struct text *text, const struct config *config,
                                         const struct config_endpoint *endpoint)
{
    static const char next[] = ",\n      ";
    const struct pl_config *options = &endpoint->options;
    char section[REPORT_SECTION_ROOM];
    struct text name;
    text_init(&name, section, sizeof section);
    text_add_format(&name, "endpoint %s", endpoint->name);
    struct json object = json_begin(text, JSON_SPACED, "\n    {\n      ");
    json_string(&object, "name", endpoint->name);
    object.before = next;
    config_report__json_place(&object, config, endpoint->line, section, NULL);
    object.before = next;
    json_name(&object, "keys");
    text_add_string(text, "{");
    config_report__json_record(text, config, &config_keys_endpoint, section, endpoint, endpoint->origins,
                               "        ");
    text_add_string(text, "\n      }");
    object.before = next;
    json_name(&object, "options");
    text_add_string(text, "{");
    config_report__json_record(text, config, &options->options->table, section, options->settings,
                               options->origins, "        ");
    text_add_string(text, "\n      }\n    ");
    json_end(&object);
}

void config_report_show_json(struct text *text, const struct config *config)
{
    struct json object = json_begin(text, JSON_SPACED, "{\n  ");
    json_string(&object, "file", config->file);
    text_add_string(text, ",\n  \"service\": {");
    config_report__json_record(text, config, &config_keys_service, "service", &config->service,
                               config->service.origins, "    ");
    text_add_string(text, "\n  },\n  \"endpoints\": [");
    for (size_t i = 0; i < config->endpoint_count; i++) {
        text_add_string(text, i > 0 ? "," : "");
        config_report__json_endpoint(text, config, &config->endpoints[i]);
    }
    text_add_string(text, "\n  ]\n}\n");
}

/* ---- config reference ---- */

static const char *const file_rules[] = {
    "The program reads the file that `--config` names; else the one that the registry value `ConfigFile` "
    "names, under `HKLM\\SYSTEM\\CurrentControlSet\\Services\\NAME\\Parameters` of the service (a relative path "
    "begins in the folder of the program); else `portlistener.ini` beside the program. Unless `--config` names it, there "
    "need not be a file where the registry has an endpoint.",
    "The file is UTF-8, with or without a byte order mark, and at most 4 MB long.",
    "A line is a section `[service]`, `[defaults]` or `[endpoint NAME]`, or `KEY = VALUE`, or empty. It is "
    "a comment when it begins with `;` or `#`; there are no comments behind a value.",
    "`[service]` holds for the whole service, `[endpoint NAME]` for one endpoint, `[defaults]` for every "
    "endpoint that does not say otherwise. A name is 1 to 64 letters, digits, dots, underscores and hyphens.",
    "Sections, keys, names and choices compare without case. Blanks around them do not count. Values have "
    "no quotes.",
    "Times have a unit: `500ms`, `30s`, `5m`, `2h`, `1d`; only `0` has none. Sizes are bytes, or `64K`, "
    "`10M`, `1G` (also `KB`, `MB`, `GB`; powers of 1024). Numbers are decimal. Yes and no may also be "
    "`true` and `false`, `on` and `off`. Lists have commas.",
    "In an option of the type text, `\\r`, `\\n`, `\\t`, `\\\\` and `\\xHH` mean the bytes that they mean in C.",
    "A key whose default is nothing may be written without a value, such as `allow =`: it then has none, "
    "whatever `[defaults]` says.",
    "In a path, `%NAME%` is the variable of the environment; a relative path begins in the folder of the "
    "file.",
    "Before its first section a file may include others: `include = conf.d\\*.ini`, also several such lines. A pattern, "
    "with `*` and `?` in the last name only, means all files of that folder that are named so, in the order of their "
    "names; when there are none, that is a warning. Included files are read behind the first one, as if they stood "
    "there, and include no others. Up to 1000 files, 16 MB together.",
    "The same sections may be in the registry, as keys below `Parameters`: `service`, `defaults` and `endpoint NAME`. "
    "A value there comes before the file's, key by key. Its type is REG_SZ, with what the file would have; or REG_DWORD "
    "(or REG_QWORD) for a number, for a size in bytes, and with 0 or 1 for yes and no; or REG_MULTI_SZ for a list. "
    "REG_EXPAND_SZ is read as REG_SZ is. Messages name the value in place of file and line. `portlistener config "
    "import-registry` writes there what a file says, `portlistener config export-registry` prints it as a file.",
    "What is not known is an error, and so are a key or a name given twice, and two endpoints that need the "
    "same port of the same address. All errors are told at once, each with its line and column, and a "
    "configuration with an error is not used at all.",
};

static const char *const listen_rules[][2] = {
    {"tcp://192.0.2.1:80", "one IPv4 address"},
    {"tcp://[2001:db8::1]:80", "one IPv6 address"},
    {"tcp://[fe80::1%3]:80", "a link-local IPv6 address, with the number of its network interface"},
    {"tcp://0.0.0.0:80", "all IPv4 addresses"},
    {"tcp://[::]:80", "all IPv6 addresses"},
    {"tcp://*:80", "all addresses, IPv4 and IPv6 in one socket; only IPv4 where IPv6 is off"},
    {"tcp://localhost:80", "`127.0.0.1` and `::1`; only `127.0.0.1` where IPv6 is off"},
    {"udp://*:8000-8010", "UDP, and a range of ports"},
};

static const char example[] =
    "; Answers on port 7, to test firewall rules, and takes what scanners send to port 9.\n"
    "[service]\n"
    "log_level = info\n"
    "\n"
    "[defaults]\n"
    "idle_timeout = 1m\n"
    "\n"
    "[endpoint port-test]\n"
    "listen = tcp://*:7, udp://*:7\n"
    "handler = echo\n"
    "\n"
    "[endpoint sink]\n"
    "listen = tcp://127.0.0.1:9, tcp://[::1]:9\n"
    "handler = discard\n"
    "lifetime = 10s\n";

static const char live_rule[] =
    "A reload changes the keys that are marked `live` while the service runs: listening sockets stay bound, and live "
    "connections keep the settings that they began with, but whom `allow` or `deny` denies now is reset. `restart` marks "
    "the keys for which a change counts from the next start on; a reload tells of it.";

enum {
    FILE_RULES = sizeof file_rules / sizeof file_rules[0],
    LISTEN_RULES = sizeof listen_rules / sizeof listen_rules[0]
};

static const char *config_report__change(const struct config_key *key)
{
    return key->needs_restart ? "restart" : "live";
}

static void config_report__keys(struct text *text, const struct config_table *table, const char *heading)
{
    text_add_format(text, "\n%s\n", heading);
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        char room[64];
        struct text rest;
        text_init(&rest, room, sizeof room);
        text_add_format(&rest, "; %s%s", config_report__change(key),
                        key->is_endpoint_only ? "; not in [defaults]" : "");
        config_layout_key(text, key, room);
    }
}

static void config_report__handlers(struct text *text, const struct pl_handler *const *handlers)
{
    text_add_string(text, "\nHandlers\n");
    for (size_t i = 0; handlers[i] != NULL; i++) {
        text_add_format(text, "\n%s\n", handlers[i]->name);
        config_handlers_show(text, handlers[i]);
    }
}

void config_report_reference(struct text *text, const struct pl_handler *const *handlers)
{
    for (size_t i = 0; i < FILE_RULES; i++) {
        config_layout_wrap(text, file_rules[i], 0);
        text_add_string(text, "\n");
    }
    config_layout_wrap(text, live_rule, 0);
    text_add_string(text, "\nAddresses of listen\n\n");
    for (size_t i = 0; i < LISTEN_RULES; i++) {
        const size_t start = text->length;
        text_add_format(text, "%*s%s", CONFIG_LAYOUT_INDENT, "", listen_rules[i][0]);
        config_layout_pad(text, start, REPORT_MEANING_COLUMN);
        config_layout_wrap(text, listen_rules[i][1], 0);
    }
    config_report__keys(text, &config_keys_service, "[service]");
    config_report__keys(text, &config_keys_endpoint, "[defaults] and [endpoint NAME]");
    config_report__handlers(text, handlers);
    text_add_string(text, "\nAn example\n\n");
    text_add_string(text, example);
}

/* ---- config reference --markdown ---- */

static void config_report__markdown_keys(struct text *text, const struct config_table *table)
{
    text_add_string(text, "| key | type | default | range | change | meaning |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        config_layout_cells(text, key);
        text_add_format(text, "%s | %s%s |\n", config_report__change(key), key->help,
                        key->is_endpoint_only ? " Not in `[defaults]`." : "");
    }
}

static void config_report__markdown_rules(struct text *text)
{
    text_add_string(text, "## The file\n\n");
    for (size_t i = 0; i < FILE_RULES; i++) {
        text_add_format(text, "- %s\n", file_rules[i]);
    }
    text_add_string(text, "\nAn example:\n\n```ini\n");
    text_add_string(text, example);
    text_add_string(
        text, "```\n\n## Addresses\n\nAn item of `listen` has one of these forms, with `tcp` or `udp` and a "
              "port from 1 to 65535 or a range of ports:\n\n| item | listens on |\n|---|---|\n");
    for (size_t i = 0; i < LISTEN_RULES; i++) {
        text_add_format(text, "| `%s` | %s |\n", listen_rules[i][0], listen_rules[i][1]);
    }
}

void config_report_reference_markdown(struct text *text, const struct pl_handler *const *handlers)
{
    text_add_string(
        text, "# Configuration\n\n"
              "Every section and key of `portlistener.ini`. This page is what `portlistener config "
              "reference --markdown` prints, from the table that the program itself reads with. "
              "`portlistener check` tells what is wrong with a file, `portlistener config show` what is "
              "in effect and which line it comes from.\n\n");
    config_report__markdown_rules(text);
    text_add_format(text, "\n## Keys\n\n%s\n\n### `[service]`\n\n", live_rule);
    config_report__markdown_keys(text, &config_keys_service);
    text_add_string(text, "\n### `[defaults]` and `[endpoint NAME]`\n\n");
    config_report__markdown_keys(text, &config_keys_endpoint);
    text_add_string(text, "\n");
    config_handlers_markdown(text, handlers);
}
