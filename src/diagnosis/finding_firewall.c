/* SPDX-License-Identifier: MIT
   From rules of the firewall to findings, see finding_firewall.h. */
#include "diagnosis/finding_firewall.h"

#include <string.h>

#include "base/address.h"
#include "diagnosis/firewall_command.h"
#include "diagnosis/listen_walk.h"

enum { FIREWALL_NAME_ROOM = 512, FIREWALL_PROFILES_ROOM = 64, FIREWALL_PORTS_ROOM = 16 };

struct firewall_view {
    struct findings *findings;
    const struct firewall_facts *facts;
    const struct listen_walk *item;
    struct config_listen part; /* of the item's ports, for which the same is to be said */
    char address[CONFIG_LISTEN_TEXT_ROOM];
};

static void firewall__add_command(struct text *text, const struct firewall_view *view, unsigned profiles)
{
    const struct config_listen *listen = &view->part;
    char room[FIREWALL_PORTS_ROOM];
    struct text ports;
    text_init(&ports, room, sizeof room);
    firewall_command_add_ports(&ports, listen);
    text_add_string(text, "netsh ");
    firewall_command_add(text, &(const struct firewall_command){
                                   .name = view->facts->name,
                                   .program = view->facts->program,
                                   .service = view->facts->service,
                                   .protocol = listen->protocol,
                                   .profiles = profiles,
                                   .ports = ports.at,
                                   .local = address_is_any(&listen->address) ? NULL : &listen->address,
                                   .remote = &view->item->endpoint->allow});
}

static void firewall__add(const struct firewall_view *view, enum finding_kind kind, const char *rule,
                          unsigned profiles, unsigned wanted)
{
    char name_room[FIREWALL_NAME_ROOM], profiles_room[FIREWALL_PROFILES_ROOM];
    struct text name, names, command;
    text_init(&name, name_room, sizeof name_room);
    text_init(&names, profiles_room, sizeof profiles_room);
    text_init_heap(&command);
    if (rule != NULL) {
        firewall_add_name(&name, rule);
    }
    firewall_add_profiles(&names, profiles, ", ");
    firewall__add_command(&command, view, wanted);
    findings_add(view->findings, kind, view->item->subject,
                 FINDING_WORDS({"address", view->address}, {"rule", name.at}, {"profiles", names.at},
                               {"command", command.at}));
    text_fini(&command);
}

static void firewall__ask(const struct firewall_view *view, uint16_t port, struct firewall_answer *answer_out)
{
    const struct config_listen *listen = view->item->listen;
    firewall_ask(view->facts->firewall,
                 &(const struct firewall_question){.program = view->facts->program,
                                                   .service = view->facts->service,
                                                   .protocol = listen->protocol,
                                                   .address = &listen->address,
                                                   .port = port,
                                                   .last_port = listen->last_port,
                                                   .clients = &view->item->endpoint->allow,
                                                   .variable = view->facts->variable},
                 answer_out);
}

static bool firewall__is_same(const struct firewall_answer *a, const struct firewall_answer *b)
{
    return a->allowed == b->allowed && a->is_wide == b->is_wide && a->rule == b->rule &&
           a->block == b->block && a->blocked == b->blocked;
}

static void firewall__tell(const struct firewall_view *view, const struct firewall_answer *answer)
{
    if (answer->block != NULL) {
        firewall__add(view, FINDING_FIREWALL_BLOCKED, answer->block, answer->blocked, FIREWALL_USUAL);
    }
    if (answer->allowed == 0) {
        firewall__add(view, FINDING_FIREWALL_NO_RULE, NULL, 0, FIREWALL_USUAL);
    } else if (answer->rule != NULL) {
        if (answer->allowed != FIREWALL_ALL) {
            firewall__add(view, FINDING_FIREWALL_PROFILES, answer->rule, answer->allowed,
                          FIREWALL_ALL & ~answer->allowed);
        }
        if (answer->is_wide && view->item->endpoint->allow.count > 0) {
            firewall__add(view, FINDING_FIREWALL_WIDE, answer->rule, answer->allowed, FIREWALL_USUAL);
        }
    }
}

/* Tells of the ports from `first` on that have the same answer; the last one of them. */
static uint16_t firewall__look_at_part(struct firewall_view *view, uint16_t first)
{
    const uint16_t last = view->item->listen->last_port;
    struct firewall_answer answer, next;
    struct text address;
    firewall__ask(view, first, &answer);
    uint16_t end = answer.last_port;
    while (end < last) {
        firewall__ask(view, (uint16_t)(end + 1), &next);
        if (!firewall__is_same(&answer, &next)) {
            break;
        }
        end = next.last_port;
    }
    view->part = *view->item->listen;
    view->part.address.port = first;
    view->part.last_port = end;
    text_init(&address, view->address, sizeof view->address);
    config_listen_add(&address, &view->part);
    firewall__tell(view, &answer);
    return end;
}

static void firewall__look(struct firewall_view *view)
{
    const uint32_t last = view->item->listen->last_port;
    for (uint32_t port = view->item->listen->address.port; port <= last; port++) {
        port = firewall__look_at_part(view, (uint16_t)port);
    }
}

void finding_firewall_add(struct findings *findings, const struct config *config,
                          const struct firewall_facts *facts)
{
    struct listen_walk walk;
    if (facts->firewall->off != 0) {
        char room[FIREWALL_PROFILES_ROOM];
        struct text profiles;
        text_init(&profiles, room, sizeof room);
        firewall_add_profiles(&profiles, facts->firewall->off, ", ");
        findings_add(findings, FINDING_FIREWALL_OFF, "firewall", FINDING_WORDS({"profiles", profiles.at}));
    }
    for (listen_walk_begin(&walk, config); listen_walk_next(&walk);) {
        struct firewall_view view = {.findings = findings, .facts = facts, .item = &walk};
        if (!address_is_loopback(&walk.listen->address)) {
            firewall__look(&view);
        }
    }
}
