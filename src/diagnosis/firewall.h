/* SPDX-License-Identifier: MIT
   Inbound rules of Windows Firewall, in the form in which the registry holds them ([MS-GPFAS], 2.2.2.19), and what they
   mean for one address; no Windows header. Conditions that cannot be judged here (interfaces, packages, IPsec, users) make
   a rule that allows count for nothing, and one that blocks as well. */
#ifndef PORTLISTENER_DIAGNOSIS_FIREWALL_H
#define PORTLISTENER_DIAGNOSIS_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "config/config.h"

/* The kinds of networks; bits. */
enum firewall_profile {
    FIREWALL_DOMAIN = 1,
    FIREWALL_PRIVATE = 2,
    FIREWALL_PUBLIC = 4,
    FIREWALL_USUAL = FIREWALL_DOMAIN | FIREWALL_PRIVATE, /* where rules are for, unless they are asked for */
    FIREWALL_ALL = FIREWALL_DOMAIN | FIREWALL_PRIVATE | FIREWALL_PUBLIC
};

/* One value of the registry: "v2.30|Action=Allow|Active=TRUE|Dir=In|...". */
struct firewall_rule {
    char *text;
};

struct firewall {
    struct firewall_rule *rules;
    size_t count, room;
    unsigned off;  /* profiles where it is switched off */
    unsigned open; /* where it lets in what no rule names */
};

void firewall_init(struct firewall *firewall);
void firewall_fini(struct firewall *firewall);

/* firewall_add_rule: false: no memory. Those for what goes out are left out. */
bool firewall_add_rule(struct firewall *firewall, const char *text);

/* What listens. */
struct firewall_question {
    const char *program; /* full path, variables expanded */
    const char *service; /* NULL: it runs as none */
    enum config_protocol protocol;
    const struct pl_address *address;
    uint16_t port, last_port;              /* what is asked is about the first one */
    const struct config_prefixes *clients; /* whom the endpoint allows; none in it: everybody */
    bool (*variable)(const char *name, struct text *value); /* as in struct config_source */
};

struct firewall_answer {
    uint16_t last_port; /* up to it, or to that of the question, the answer is the same */
    unsigned allowed;   /* profiles in which a rule lets some of the clients in, or no rule is needed */
    bool is_wide;       /* one of these rules lets everybody in */
    const char *rule;   /* one of them; NULL: none. For firewall_add_name */
    const char *block;  /* a rule that blocks everybody; NULL: none */
    unsigned blocked;   /* its profiles */
};

void firewall_ask(const struct firewall *firewall, const struct firewall_question *question,
                  struct firewall_answer *answer_out);

/* firewall_add_name: the name of a rule, "rule" and its place where it has none that can be read. */
void firewall_add_name(struct text *text, const char *rule);

/* firewall_add_profiles: "domain, private", with this between them. */
void firewall_add_profiles(struct text *text, unsigned profiles, const char *between);

#endif
