/* SPDX-License-Identifier: MIT
   One line of the access log: a TCP connection or UDP session that has ended, or a client that was refused. */
#ifndef PORTLISTENER_STATS_ACCESS_LINE_H
#define PORTLISTENER_STATS_ACCESS_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "portlistener/handler.h"
#include "stats/close_reason.h"

enum { ACCESS_LINE_ROOM = 1536 }; /* of the longest line in either form */

struct access_line {
    const char *endpoint;
    struct pl_address client; /* who it is for us: behind a proxy the one that the proxy names */
    struct pl_address proxy;  /* the peer of the socket where it is not the client; family 0: none */
    struct pl_address local;
    uint64_t connection; /* its id; 0: refused before it had one */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t duration; /* milliseconds */
    enum close_reason reason;
    bool is_udp;
    bool is_outbound; /* the handler has opened it; `client` is the other host */
};

/* access_line_add: with its end, in the form of log_format. As text:

   2026-11-25T02:27:00.123Z endpoint=web protocol=tcp client=192.0.2.7 client_port=51000 proxy=- proxy_port=-
   local=198.51.100.1 local_port=443 connection=00a1b2c3d4e5f607 bytes_in=512 bytes_out=20480 duration_ms=1234
   outcome=closed reason=by-peer

   in one line: always all of them, in this order, with - for what there is not; no value has a blank or an =.
   As JSON an object with the same names, and time before them; what there is not is left out; ports, bytes
   and milliseconds are numbers, an id is a string. `time` is when it ended. New fields would come at the
   end. */
void access_line_add(struct text *text, const struct access_line *line, bool is_json, const char *time);

/* access_line_add_gap: stands where `missing` lines are not; `words` say it, and why. As text a comment,
   "# 2026-11-25T02:27:00.123Z 12 lines are missing here: ...", as JSON an object that has time, missing and
   text, but no endpoint. In LOG_LINE_ROOM bytes it is whole. */
void access_line_add_gap(struct text *text, uint64_t missing, const char *words, bool is_json,
                         const char *time);

#endif
