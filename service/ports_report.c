/* SPDX-License-Identifier: MIT
   Rows of "ports", see ports_report.h. */
#include "ports_report.h"

#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"
#include "config/config_listen.h"

enum {
    REPORT_COLUMNS = 100,
    REPORT_INDENT = 5,
    REPORT_ADDRESS = 25,
    REPORT_PROCESS = 17,
    REPORT_TAIL = 40 /* services and company */
};

/* ---- Files ---- */

static struct ports_image *ports_images__add(struct ports_images *images, const char *path)
{
    struct ports_image *image = memory_alloc(sizeof *image);
    char room[512];
    struct text company;
    if (image == NULL) {
        return NULL;
    }
    image->path = memory_copy_text(path, strlen(path));
    if (image->path == NULL) {
        memory_free(image);
        return NULL;
    }
    text_init(&company, room, sizeof room);
    image->signature = image_info_signature(path);
    image_info_add_company(&company, path);
    image->company = company.length > 0 ? memory_copy_text(company.at, company.length) : NULL;
    image->next = images->first;
    images->first = image;
    return image;
}

const struct ports_image *ports_images_find(struct ports_images *images, const char *path)
{
    if (path == NULL) {
        return NULL;
    }
    for (const struct ports_image *image = images->first; image != NULL; image = image->next) {
        if (strcmp(image->path, path) == 0) {
            return image;
        }
    }
    return ports_images__add(images, path);
}

void ports_images_fini(struct ports_images *images)
{
    while (images->first != NULL) {
        struct ports_image *image = images->first;
        images->first = image->next;
        memory_free(image->path);
        memory_free(image->company);
        memory_free(image);
    }
}

/* ---- Text ---- */

static const char *ports_report__protocol(const struct machine_port *port)
{
    return port->protocol == CONFIG_TCP ? "tcp" : "udp";
}

static enum image_signature ports_report__signature(const struct ports_row *row)
{
    return row->image != NULL ? row->image->signature : IMAGE_NOT_KNOWN;
}

static const char *ports_report__name(const struct ports_row *row)
{
    return row->process != NULL && row->process->name != NULL ? row->process->name : "?";
}

/* `string`, cut or filled up with blanks to `room` columns. */
static void ports_report__column(struct text *text, const char *string, size_t room)
{
    const size_t begin = text->length;
    port_audit_add_cut(text, string, room);
    size_t columns = 0;
    for (size_t i = begin; i < text->length; i++) {
        columns += ((unsigned char)text->at[i] & 0xC0) != 0x80;
    }
    for (; columns < room + 1; columns++) {
        text_add_string(text, " ");
    }
}

void ports_report_heading(struct text *text)
{
    text_add_format(text, "%-4s %-*s %6s %-*s %-12s %-8s %-10s %s\n", "", REPORT_ADDRESS, "address", "pid",
                    REPORT_PROCESS, "process", "state", "exposure", "whose", "signature");
}

/* "     C:\...\nginx.exe (nginx; Example Ltd)". */
static void ports_report__file(struct text *text, const struct ports_row *row)
{
    char room[512];
    struct text tail;
    text_init(&tail, room, sizeof room);
    const bool has_services = machine_list_services(&tail, row->machine, row->port->pid) > 0;
    if (row->image != NULL && row->image->company != NULL) {
        text_add_string(&tail, has_services ? "; " : "");
        text_add_string(&tail, row->image->company);
    }
    const char *path = row->process != NULL && row->process->path != NULL ? row->process->path : "";
    const bool has_tail = tail.length > 0;
    if (path[0] == '\0' && !has_tail) {
        return;
    }
    const size_t most = REPORT_COLUMNS - REPORT_INDENT - (has_tail ? REPORT_TAIL + 3 : 0);
    text_add_format(text, "%*s", REPORT_INDENT, "");
    port_audit_add_cut(text, path[0] != '\0' ? path : "(path not known)", most);
    if (has_tail) {
        text_add_string(text, " (");
        port_audit_add_cut(text, tail.at, REPORT_TAIL);
        text_add_string(text, ")");
    }
    text_add_string(text, "\n");
}

void ports_report_text(struct text *text, const struct ports_row *row)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text address;
    text_init(&address, room, sizeof room);
    address_add_with_port(&address, &row->port->local);
    text_add_format(text, "%-4s ", ports_report__protocol(row->port));
    ports_report__column(text, address.at, REPORT_ADDRESS);
    text_add_format(text, "%6u ", row->port->pid);
    ports_report__column(text, ports_report__name(row), REPORT_PROCESS);
    text_add_format(text, "%-12s %-8s %-10s %s\n", machine_state_name(row->port->state),
                    port_audit_exposure(row->port), port_audit_whose(row->verdict.whose),
                    image_info_signature_name(ports_report__signature(row)));
    ports_report__file(text, row);
    for (unsigned i = 0; i < AUDIT_NOTE_COUNT; i++) {
        if ((row->verdict.notes >> i & 1U) != 0) {
            text_add_format(text, "%*s! %s\n", REPORT_INDENT, "", port_audit_note(i));
        }
    }
}

void ports_report_missing(struct text *text, const struct ports_missing *missing)
{
    text_add_string(text, "! ");
    config_listen_add(text, &missing->listen);
    text_add_format(text, " of the endpoint %s is configured, and nobody holds it%s\n", missing->endpoint,
                    missing->is_doubtful ? ", unless [::] takes IPv4 as well" : "");
}

/* ---- JSON ---- */

static void ports_report__missing(struct json *object, const struct ports_missing *missing)
{
    char room[CONFIG_LISTEN_TEXT_ROOM];
    struct text listen;
    text_init(&listen, room, sizeof room);
    config_listen_add(&listen, &missing->listen);
    json_string(object, "endpoint", missing->endpoint);
    json_string(object, "listen", listen.at);
}

static void ports_report__services(struct json *object, const struct ports_row *row)
{
    struct text *text = object->text;
    const char *separator = "";
    json_name(object, "services");
    text_add_string(text, "[");
    for (size_t i = 0; i < row->machine->services.count; i++) {
        const struct machine_service *service = machine_service_at(row->machine, i);
        if (service->pid == row->port->pid && row->port->pid != 0) {
            text_add_string(text, separator);
            json_add_string(text, service->name);
            separator = ", ";
        }
    }
    text_add_string(text, "]");
}

static void ports_report__notes(struct json *object, const struct ports_row *row)
{
    struct text *text = object->text;
    const char *separator = "";
    json_name(object, "notes");
    text_add_string(text, "[");
    for (unsigned i = 0; i < AUDIT_NOTE_COUNT; i++) {
        if ((row->verdict.notes >> i & 1U) != 0) {
            text_add_string(text, separator);
            json_add_string(text, port_audit_note(i));
            separator = ", ";
        }
    }
    text_add_string(text, "]");
}

void ports_report_json(struct text *text, const struct ports_row *row)
{
    const struct machine_process *process = row->process;
    struct json object = json_begin(text, JSON_SPACED, "{");
    json_string(&object, "protocol", ports_report__protocol(row->port));
    json_address(&object, "address", "port", &row->port->local);
    json_number(&object, "pid", row->port->pid);
    if (row->port->peer.family != 0) {
        json_address(&object, "peer", "peer_port", &row->port->peer);
    }
    if (row->missing != NULL) {
        ports_report__missing(&object, row->missing);
    }
    json_string(&object, "process", process != NULL ? process->name : NULL);
    json_string(&object, "path", process != NULL ? process->path : NULL);
    json_string(&object, "state", row->missing != NULL ? "missing" : machine_state_name(row->port->state));
    json_string(&object, "exposure", port_audit_exposure(row->port));
    json_string(&object, "whose", port_audit_whose(row->verdict.whose));
    json_string(&object, "signature", image_info_signature_name(ports_report__signature(row)));
    json_string(&object, "company", row->image != NULL ? row->image->company : NULL);
    ports_report__services(&object, row);
    ports_report__notes(&object, row);
    json_end(&object);
}
