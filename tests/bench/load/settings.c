/* SPDX-License-Identifier: MIT
   The command line of the load program, see settings.h. */
#include "bench/load/settings.h"

#include <stdio.h>
#include <string.h>

const char settings_usage[] =
    "usage: bench_load KIND --port N [--option N ...] [--json] [--progress]\n"
    "  echo    each of --clients connections keeps --depth messages of --size bytes in flight\n"
    "  churn   connect, a message, its echo, close: --connections in all, --clients at a time\n"
    "  idle    --clients connections say nothing for --seconds, then a message each\n"
    "  stream  each client sends, in writes of --size bytes, and receives as fast as it goes\n"
    "  udp     each of --clients sockets keeps --depth datagrams of --size bytes in flight; lost\n"
    "          ones (no answer for a fifth of --patience) are counted and are no error, but if all are\n"
    "  --host A.B.C.D     the server, on loopback (127.0.0.1)\n"
    "  --clients N        1 to 20000 (1); their addresses are 127.0.0.1 to 127.0.0.16\n"
    "  --depth N          1 to 65536 (1), for echo and udp\n"
    "  --size N           bytes, 1 to 1048576 (64; stream: 65536), udp 8 to 65507\n"
    "  --messages N       of all clients together (100000), or --connections N; or\n"
    "  --seconds N        1 to 600; of idle: how long (10)\n"
    "  --warm-up N        messages, or connections, before those that count (0)\n"
    "  --patience MS      an answer, connection or end that takes longer is an error (10000)\n"
    "  --json             the result is a line of JSON, not a table\n"
    "  --progress         a line each second, also when the standard error is no terminal\n"
    "Every byte is compared. Exit code 0 when all were right; 1 when anything differs, is missing or\n"
    "late, or the server ends a connection; 2 for a wrong command line.\n";

enum { MEMORY = 1 << 30, IN_FLIGHT = 1 << 22 };

static const char *const settings__kinds[] = {"echo", "churn", "idle", "stream", "udp"};

const char *settings_kind_name(enum kind kind)
{
    return settings__kinds[kind];
}

/* Digits only: strtoul would take a sign and spaces. */
static bool settings__number(const char *text, uint32_t least, uint32_t most, uint32_t *number_out)
{
    uint64_t number = 0;
    const size_t length = strlen(text);
    if (length == 0 || length > 10 || strspn(text, "0123456789") != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *number_out = (uint32_t)number;
    return number >= least && number <= most;
}

/* An address on loopback: 127 and three more numbers. */
static bool settings__host(const char *text, uint32_t *host_out)
{
    uint32_t host = 0;
    for (int i = 0; i < 4; i++) {
        char part[4] = "";
        const size_t length = strcspn(text, ".");
        uint32_t number = 0;
        if (length >= sizeof part || text[length] != (i < 3 ? '.' : '\0')) {
            return false;
        }
        memcpy(part, text, length);
        if (!settings__number(part, 0, 255, &number)) {
            return false;
        }
        host = host << 8 | number;
        text += length + (i < 3);
    }
    *host_out = host;
    return host >> 24 == 127;
}

/* One option and its value; NULL is no value. */
static bool settings__option(struct settings *settings, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint32_t *number;
        uint32_t least, most;
    } numbers[] = {
        {"--port", &settings->port, 1, 65535},
        {"--clients", &settings->clients, 1, SETTINGS_CLIENTS},
        {"--depth", &settings->depth, 1, 65536},
        {"--size", &settings->size, 1, 1 << 20},
        {"--messages", &settings->messages, 1, 1000000000},
        {"--connections", &settings->messages, 1, 1000000000},
        {"--seconds", &settings->seconds, 1, SETTINGS_SECONDS},
        {"--warm-up", &settings->warm_up, 0, 1000000000},
        {"--patience", &settings->patience, 10, SETTINGS_SECONDS * 1000},
    };
    if (value == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return settings__number(value, numbers[i].least, numbers[i].most, numbers[i].number);
        }
    }
    return strcmp(name, "--host") == 0 && settings__host(value, &settings->host);
}

static void settings__default(struct settings *settings)
{
    if (settings->size == 0) {
        settings->size = settings->kind == KIND_STREAM ? SETTINGS_BUFFER : 64;
    }
    if (settings->kind == KIND_IDLE) {
        settings->seconds = settings->seconds == 0 ? 10 : settings->seconds;
        settings->messages = settings->clients;
    } else if (settings->messages == 0 && settings->seconds == 0) {
        settings->messages = 100000;
    }
}

static size_t settings__whole(const struct settings *settings)
{
    return (size_t)settings->size * settings->depth;
}

size_t settings_send_buffer(const struct settings *settings)
{
    if (settings->kind == KIND_STREAM || settings->kind == KIND_UDP) {
        return settings->size;
    }
    return settings__whole(settings) < SETTINGS_BUFFER ? settings__whole(settings) : SETTINGS_BUFFER;
}

size_t settings_receive_buffer(const struct settings *settings)
{
    if (settings->kind == KIND_UDP) {
        return (size_t)settings->size + 1; /* so that one that is too long shows */
    }
    if (settings->kind == KIND_STREAM || settings__whole(settings) > SETTINGS_BUFFER) {
        return SETTINGS_BUFFER;
    }
    return settings__whole(settings);
}

/* What is wrong with them together. */
static const char *settings__conflict(const struct settings *settings)
{
    const bool has_depth = settings->kind == KIND_ECHO || settings->kind == KIND_UDP;
    const bool is_datagram = settings->kind == KIND_UDP;
    if (settings->port == 0) {
        return "there must be a --port";
    }
    if (settings->depth > 1 && !has_depth) {
        return "only echo and udp have a --depth";
    }
    if (is_datagram && (settings->size < SETTINGS_DATAGRAM_LEAST || settings->size > SETTINGS_DATAGRAM)) {
        return "datagrams have a --size of 8 to 65507";
    }
    if (settings->kind != KIND_IDLE && settings->messages != 0 && settings->seconds != 0) {
        return "either --messages or --seconds";
    }
    if (settings->kind == KIND_IDLE && settings->warm_up != 0) {
        return "idle has no --warm-up";
    }
    if ((uint64_t)settings->clients * settings->depth > IN_FLIGHT) {
        return "--clients times --depth is at most 4194304";
    }
    if ((settings_send_buffer(settings) + settings_receive_buffer(settings)) * settings->clients > MEMORY) {
        return "so many clients with such a --size need more than a gigabyte";
    }
    return NULL;
}

bool settings_parse(struct settings *settings, int argc, char *const *argv, char *problem, size_t room)
{
    const size_t kinds = sizeof settings__kinds / sizeof settings__kinds[0];
    size_t kind = 0;
    *settings = (struct settings){.host = 0x7F000001, .clients = 1, .depth = 1, .patience = 10000};
    while (argc >= 2 && kind < kinds && strcmp(argv[1], settings__kinds[kind]) != 0) {
        kind++;
    }
    if (argc < 2 || kind == kinds) {
        snprintf(problem, room, "no KIND: %s", argc < 2 ? "" : argv[1]);
        return false;
    }
    settings->kind = (enum kind)kind;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            settings->as_json = true;
        } else if (strcmp(argv[i], "--progress") == 0) {
            settings->shows_progress = true;
        } else if (settings__option(settings, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            i++;
        } else {
            snprintf(problem, room, "not an option, or not a value for it: %s %s", argv[i],
                     i + 1 < argc ? argv[i + 1] : "");
            return false;
        }
    }
    settings__default(settings);
    const char *const conflict = settings__conflict(settings);
    if (conflict != NULL) {
        snprintf(problem, room, "%s", conflict);
    }
    return conflict == NULL;
}
