/* SPDX-License-Identifier: MIT
   What "ports" prints of each socket: text within 100 columns, JSON, or lines for --expect. */
#ifndef PORTLISTENER_SERVICE_PORTS_REPORT_H
#define PORTLISTENER_SERVICE_PORTS_REPORT_H

#include "base/text.h"
#include "diagnosis/image_info.h"
#include "diagnosis/port_audit.h"

/* What was found out of a program's file; kept, for it takes its time. */
struct ports_image {
    struct ports_image *next;
    char *path;
    enum image_signature signature;
    char *company; /* NULL: it says nothing */
};

struct ports_images {
    struct ports_image *first;
};

/* ports_images_find: NULL: no path, or no memory. */
const struct ports_image *ports_images_find(struct ports_images *images, const char *path);
void ports_images_fini(struct ports_images *images);

/* A port that is configured, and that nobody holds, as far as is seen. */
struct ports_missing {
    const char *endpoint;
    bool is_doubtful;            /* AUDIT_PERHAPS_SOMEBODY */
    struct config_listen listen; /* of this port alone */
};

struct ports_row {
    const struct machine *machine;
    const struct machine_port *port;
    const struct machine_process *process; /* NULL: not known */
    const struct ports_image *image;       /* likewise */
    struct audit_verdict verdict;
    const struct ports_missing
        *missing; /* NULL: it is a socket; else `port` has what is wanted, for JSON alone */
};

/* ports_report_heading: above the rows of ports_report_text. */
void ports_report_heading(struct text *text);
void ports_report_text(struct text *text, const struct ports_row *row);

/* ports_report_missing: a line below them. */
void ports_report_missing(struct text *text, const struct ports_missing *missing);

/* ports_report_json: one object, on one line, without its end; of a socket or of what is missing. */
void ports_report_json(struct text *text, const struct ports_row *row);

#endif
