/* SPDX-License-Identifier: MIT
   The command line of the load client. */
#ifndef PORTLISTENER_TESTS_LOAD_OPTIONS_H
#define PORTLISTENER_TESTS_LOAD_OPTIONS_H

#include <netinet/in.h>

enum { OPTIONS_CLIENTS = 12000, OPTIONS_DATAGRAM = 65507, OPTIONS_SMALL = 1460 };

enum mode {
    MODE_ECHO,
    MODE_HOLD,
    MODE_CHURN,
    MODE_UDP,
    MODE_FLOOD,
    MODE_STORM,
    MODE_LATENCY,
    MODE_ABUSE,
    MODE_LIMIT,
    MODE_RATE
};
enum end { END_FIN, END_RST, END_HALF, END_IDLE, END_SILENT, END_REFUSED };
enum kind { KIND_SILENT, KIND_SLOW, KIND_HEADER, KIND_DEAF };

struct options {
    enum mode mode;
    enum end end;
    enum kind kind;
    struct sockaddr_in server;
    long port, clients, size, messages, depth, seconds, connections, sources, ramp, deadline;
    long rate, every, least, most, excess, rounds;
    long sizes[16];
    int size_count;
};

extern struct options options;

/* options_parse: fills `options`; ends the program with the usage and exit code 2 when something is wrong. */
void options_parse(int argc, char **argv);

/* options_refuse: the usage, and exit code 2. */
void options_refuse(const char *what, const char *which);

#endif
