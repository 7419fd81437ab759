/* SPDX-License-Identifier: MIT
   The command line of the load client, see options.h. */
#define _GNU_SOURCE
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: load MODE --port N [--option N ...]\n"
    "  echo   --clients connections each send --messages messages of --size bytes, --depth of them\n"
    "         in flight, then FIN, and expect as many bytes and then the server's FIN\n"
    "  hold   --clients connections say nothing for --seconds; none may be lost; then as echo\n"
    "  churn  --connections in all, --clients at a time: connect, echo, and --end fin, rst, half\n"
    "         (FIN, and the server's is awaited), idle (the server must end it with FIN), silent (the\n"
    "         same without an echo before) or refused (the server must reset it at once)\n"
    "  udp    --clients sockets each send --messages datagrams of each of --sizes\n"
    "         (0,1,1472,65507), each after the answer to the last: few clients for large ones, or\n"
    "         the system drops what does not fit into the server's socket buffer\n"
    "  flood  as echo, but as much as goes for --seconds\n"
    "  storm  --clients sockets send datagrams of --size bytes for --seconds, --rate a second in all,\n"
    "         whatever comes back; no more may come back than was sent, and none changed\n"
    "  latency --clients connections, --size bytes to and fro for --seconds: how long each takes\n"
    "  abuse  --clients of --kind silent, slow (a byte each --every ms), header (as slow, with what\n"
    "         looks like HTTP) or deaf (send all they can and read nothing), --rate a second: the\n"
    "         server must close each, at the earliest --least ms after it began to connect, at the\n"
    "         latest --most ms after its first echo, or else after it was connected or (deaf) has last\n"
    "         sent, and what this program itself has once been held up\n"
    "  limit  --clients connections must be served, --excess more reset; --rounds times one ends, the\n"
    "         next must be served, and one more reset\n"
    "  rate   --clients connect at once: behind the first two seconds' worth of them, --rate a second\n"
    "         are served for --seconds, within 2 %, and all in the end\n"
    "  --host A.B.C.D      the server, on loopback (127.0.0.1)\n"
    "  --sources N         from 127.0.0.1 to 127.0.0.N (8)\n"
    "  --ramp N            connects under way at a time (64)\n"
    "  --deadline SECONDS  for everything (120)\n"
    "Result: one line of JSON; exit code 1 when anything differs, is lost or late.\n";

struct options options = {.end = END_HALF, .sizes = {0, 1, 1472, OPTIONS_DATAGRAM}, .size_count = 4};

static const struct {
    const char *name;
    long *value;
    long normal, least, most;
} numbers[] = {
    {"--port", &options.port, 0, 1, 65535},
    {"--clients", &options.clients, 1, 1, OPTIONS_CLIENTS},
    {"--size", &options.size, OPTIONS_SMALL, 1, 1 << 30},
    {"--messages", &options.messages, 1, 1, 1 << 30},
    {"--depth", &options.depth, 1, 1, 1 << 20},
    {"--seconds", &options.seconds, 10, 0, 3600},
    {"--connections", &options.connections, 1000, 1, 10000000},
    {"--sources", &options.sources, 8, 1, 250},
    {"--ramp", &options.ramp, 64, 1, OPTIONS_CLIENTS},
    {"--rate", &options.rate, 1000, 1, 1000000},
    {"--every", &options.every, 1000, 1, 3600000},
    {"--least", &options.least, 0, 0, 3600000},
    {"--most", &options.most, 1000, 0, 3600000},
    {"--excess", &options.excess, 1, 0, OPTIONS_CLIENTS},
    {"--rounds", &options.rounds, 1, 0, 1000000},
    {"--deadline", &options.deadline, 120, 1, 86400},
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

void options_refuse(const char *what, const char *which)
{
    fprintf(stderr, "load: %s %s\n%s", what, which, usage);
    exit(2);
}

static long options__number(const char *text, long least, long most)
{
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        options_refuse("out of range:", text);
    }
    return value;
}

static int options__choice(const char *text, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    options_refuse("not known:", text);
    return -1;
}

static void options__sizes(char *text)
{
    options.size_count = 0;
    for (char *one = strtok(text, ","); one != NULL; one = strtok(NULL, ",")) {
        if (options.size_count == sizeof options.sizes / sizeof options.sizes[0]) {
            options_refuse("too many sizes at", one);
        }
        options.sizes[options.size_count++] = options__number(one, 0, OPTIONS_DATAGRAM);
    }
}

static void options__option(const char *name, char *value)
{
    static const char *const ends[] = {"fin", "rst", "half", "idle", "silent", "refused", NULL};
    static const char *const kinds[] = {"silent", "slow", "header", "deaf", NULL};
    for (size_t i = 0; i < NUMBERS; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].value = options__number(value, numbers[i].least, numbers[i].most);
            return;
        }
    }
    if (strcmp(name, "--end") == 0) {
        options.end = (enum end)options__choice(value, ends);
    } else if (strcmp(name, "--kind") == 0) {
        options.kind = (enum kind)options__choice(value, kinds);
    } else if (strcmp(name, "--sizes") == 0) {
        options__sizes(value);
    } else if (strcmp(name, "--host") != 0 || inet_pton(AF_INET, value, &options.server.sin_addr) != 1 ||
               ntohl(options.server.sin_addr.s_addr) >> 24 != 127) {
        options_refuse("not an option, or not a loopback address:", name);
    }
}

void options_parse(int argc, char **argv)
{
    static const char *const modes[] = {"echo",    "hold",  "churn", "udp",  "flood", "storm",
                                        "latency", "abuse", "limit", "rate", NULL};
    if (argc < 2 || argc % 2 != 0) {
        options_refuse("each option needs", "a value");
    }
    options.mode = (enum mode)options__choice(argv[1], modes);
    for (size_t i = 0; i < NUMBERS; i++) {
        *numbers[i].value = numbers[i].normal;
    }
    options.server.sin_family = AF_INET;
    options.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 2; i + 1 < argc; i += 2) {
        options__option(argv[i], argv[i + 1]);
    }
    if (options.port == 0) {
        options_refuse("there must be", "a --port");
    }
    options.server.sin_port = htons((uint16_t)options.port);
}
