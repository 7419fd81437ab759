/* SPDX-License-Identifier: MIT
   How an engine stands, told while it runs.

   Whoever asks waits for nothing that may last: what is shown of endpoints and their addresses has a lock of its own, that
   of the tallies, which the control thread takes for moments only; the engine's own lock, which it holds while it binds,
   loads and starts handlers, is not taken here. So a report may be asked for on any thread: in a worker's callback, in a
   handler's start, while the engine stops. It is copied within that lock, and made and handed on outside of it: a sink may
   be slow, and may ask for a report itself. Workers are not stopped: numbers of different things may be some microseconds
   apart, but of connections and sessions whatever has ended had begun, and nothing that was told goes back. */
#ifndef PORTLISTENER_ENGINE_REPORT_H
#define PORTLISTENER_ENGINE_REPORT_H

#include <stdbool.h>

#include "base/text.h"
#include "engine.h"
#include "io/worker.h"
#include "stats/report.h"

/* engine_report: hands the report to `sink`, piece by piece, on this thread. False: no memory; the sink has got nothing.
   From the return of engine_start, and in callbacks before, until engine_destroy. Any thread. */
bool engine_report(const struct engine *engine, enum report_format format, report_sink sink, void *context);

/* engine_report_access: of each endpoint what decides whom it serves and how, for who tries it from outside: lines "endpoint NAME",
   "handler NAME", "proxied yes" where clients come through proxies, and "allow NETWORK", "deny NETWORK" for each of its lists.
   False: no memory. When and on which thread: as engine_report. */
bool engine_report_access(const struct engine *engine, struct text *lines);

/* engine_view: what a report needs of an engine; all of it may be read by any thread. For engine_report alone. */
struct engine_view {
    struct tallies *tallies;
    struct worker *const *workers;
    unsigned worker_count;
    struct log *log;               /* NULL: none */
    struct access_log *access_log; /* likewise */
    enum report_state state;
    uint64_t started_at; /* of GetTickCount64 */
    int64_t loaded;      /* the configuration, in seconds since 1970 */
    uint32_t generation;
};
void engine_view(const struct engine *engine, struct engine_view *view_out);

#endif
