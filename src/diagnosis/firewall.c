/* SPDX-License-Identifier: MIT
   Reading rules of Windows Firewall, see firewall.h. */
#include "diagnosis/firewall.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/address_prefix.h"
#include "base/memory.h"

enum { FIREWALL_ROOM = 64, FIREWALL_PATH_ROOM = 1024, FIREWALL_PORT_MAX = 65535 };

void firewall_init(struct firewall *firewall)
{
    *firewall = (struct firewall){0};
}

void firewall_fini(struct firewall *firewall)
{
    for (size_t i = 0; i < firewall->count; i++) {
        memory_free(firewall->rules[i].text);
    }
    memory_free(firewall->rules);
    *firewall = (struct firewall){0};
}

/* ---- Fields ---- */

struct field {
    const char *name;
    size_t name_length;
    const char *value;
    size_t length;
};

static bool field__is(const struct field *field, const char *name)
{
    return text_equal(field->name, field->name_length, name);
}

static bool field__has(const struct field *field, const char *value)
{
    return text_equal(field->value, field->length, value);
}

/* The next NAME=VALUE of the rule, and where the one behind it begins; false: there is none. */
static bool field__next(const char **at, struct field *field_out)
{
    while (**at != '\0') {
        const char *begin = *at;
        const size_t length = strcspn(begin, "|");
        const char *sign = memchr(begin, '=', length);
        *at = begin + length + (begin[length] == '|');
        if (sign != NULL) {
            *field_out =
                (struct field){begin, (size_t)(sign - begin), sign + 1, length - (size_t)(sign + 1 - begin)};
            return true;
        }
    }
    return false;
}

static bool firewall__is_inbound(const char *rule)
{
    struct field field;
    while (field__next(&rule, &field)) {
        if (field__is(&field, "Dir")) {
            return field__has(&field, "In");
        }
    }
    return false;
}

bool firewall_add_rule(struct firewall *firewall, const char *text)
{
    if (!firewall__is_inbound(text)) {
        return true;
    }
    if (firewall->count == firewall->room) {
        const size_t room = firewall->room > 0 ? firewall->room * 2 : FIREWALL_ROOM;
        struct firewall_rule *grown = memory_resize(firewall->rules, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        firewall->rules = grown;
        firewall->room = room;
    }
    char *copy = memory_copy_text(text, strlen(text));
    if (copy != NULL) {
        firewall->rules[firewall->count++].text = copy;
    }
    return copy != NULL;
}

/* ---- One rule ---- */

/* What has been read of it. */
struct rule {
    bool is_active, is_allowed, is_blocked;
    unsigned profiles;                /* 0: none is named, so all */
    bool has_protocol, fits_protocol; /* none is named: every one */
    bool has_ports, fits_ports;       /* likewise */
    uint16_t last_port;               /* behind it, `fits_ports` may be another */
    bool has_locals, fits_locals;     /* addresses of this machine */
    bool has_remotes;                 /* it is limited to some clients */
    bool has_peers, fits_peers;       /* to these addresses, of which ours have some */
    bool has_sources;                 /* to these ports of theirs */
    bool covers_peers;                /* a network of ours, whole */
    bool fits_program;                /* or names none */
    bool is_conditional;              /* it has conditions that cannot be judged */
};

static uint32_t firewall__number(const char *at, size_t length, size_t *used_out)
{
    uint32_t value = 0;
    size_t i = 0;
    for (; i < length && at[i] >= '0' && at[i] <= '9' && value <= FIREWALL_PORT_MAX; i++) {
        value = value * 10 + (uint32_t)(at[i] - '0');
    }
    *used_out = i;
    return value;
}

/* "80" or "8000-8010"; words such as RPC are no port of ours. */
static void rule__take_ports(struct rule *rule, const struct field *field, uint16_t port)
{
    size_t used = 0, more = 0;
    const uint32_t first = firewall__number(field->value, field->length, &used);
    uint32_t last = first;
    rule->has_ports = true;
    if (used == 0) {
        return;
    }
    if (used < field->length && field->value[used] == '-') {
        last = firewall__number(field->value + used + 1, field->length - used - 1, &more);
    }
    rule->fits_ports = rule->fits_ports || (first <= port && port <= last);
    const uint32_t end = first > port ? first - 1 : last;
    if (end >= port && end < rule->last_port) {
        rule->last_port = (uint16_t)end;
    }
}

/* "%ProgramFiles%\x.exe" is the program. */
static bool firewall__is_program(const struct field *field, const struct firewall_question *question)
{
    char room[FIREWALL_PATH_ROOM];
    struct text path;
    text_init(&path, room, sizeof room);
    for (size_t i = 0; i < field->length;) {
        const char *at = field->value + i;
        const char *end =
            *at == '%' && i + 1 < field->length ? memchr(at + 1, '%', field->length - i - 1) : NULL;
        char name[128];
        const size_t length = end != NULL ? (size_t)(end - at - 1) : sizeof name;
        if (length < sizeof name) {
            memcpy(name, at + 1, length);
            name[length] = '\0';
            if (question->variable(name, &path)) {
                i += length + 2;
                continue;
            }
        }
        text_add(&path, at, 1);
        i++;
    }
    return !path.is_cut && text_equal(path.at, path.length, question->program);
}

static unsigned firewall__profile(const struct field *field)
{
    return field__has(field, "Domain")    ? FIREWALL_DOMAIN
           : field__has(field, "Private") ? FIREWALL_PRIVATE
           : field__has(field, "Public")  ? FIREWALL_PUBLIC
                                          : 0;
}

/* A single address; a list of networks only where ours is written so. */
static bool firewall__is_local(const struct field *field, const struct firewall_question *question)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    address_add(&text, question->address);
    return text_equal(field->value, field->length, room);
}

/* From one address to another one, both included. */
struct span {
    struct pl_address first, last;
};

/* The length of 255.255.0.0; false: it is no such mask. */
static bool firewall__mask(const char *at, size_t length, uint8_t *length_out)
{
    struct pl_address mask;
    if (!address_parse(at, length, &mask) || mask.family != 4) {
        return false;
    }
    const uint32_t bits = (uint32_t)mask.ip[0] << 24 | (uint32_t)mask.ip[1] << 16 |
                          (uint32_t)mask.ip[2] << 8 | (uint32_t)mask.ip[3];
    uint8_t count = 0;
    while (count < 32 && (bits << count & 0x80000000U) != 0) {
        count++;
    }
    *length_out = count;
    return count == 32 || bits << count == 0;
}

/* "10.0.0.0/8" or "10.0.0.0/255.0.0.0", where `slash` is its mark. */
static bool firewall__network(const struct field *field, const char *slash, struct span *span_out)
{
    struct address_prefix prefix = {.length = 0};
    const size_t head = (size_t)(slash - field->value), tail = field->length - head - 1;
    size_t used = 0;
    if (!address_parse(field->value, head, &prefix.address)) {
        return false;
    }
    const uint32_t bits = firewall__number(slash + 1, tail, &used);
    if (used == tail && tail > 0 && bits <= address_prefix_width(prefix.address.family)) {
        prefix.length = (uint8_t)bits;
    } else if (!firewall__mask(slash + 1, tail, &prefix.length)) {
        return false;
    }
    address_prefix_clear(&prefix);
    span_out->first = prefix.address;
    address_prefix_fill(&prefix);
    span_out->last = prefix.address;
    return true;
}

/* False: words such as LocalSubnet, which cannot be judged. */
static bool firewall__span(const struct field *field, struct span *span_out)
{
    const char *slash = memchr(field->value, '/', field->length);
    const char *dash = memchr(field->value, '-', field->length);
    if (slash != NULL) {
        return firewall__network(field, slash, span_out);
    }
    if (dash != NULL) {
        const size_t head = (size_t)(dash - field->value);
        return address_parse(field->value, head, &span_out->first) &&
               address_parse(dash + 1, field->length - head - 1, &span_out->last);
    }
    const bool is_address = address_parse(field->value, field->length, &span_out->first);
    span_out->last = span_out->first;
    return is_address;
}

static bool firewall__is_upto(const struct pl_address *a, const struct pl_address *b)
{
    return memcmp(a->ip, b->ip, address_prefix_width(a->family) / 8U) <= 0;
}

static void rule__take_peers(struct rule *rule, const struct field *field,
                             const struct firewall_question *question)
{
    struct span span;
    const size_t count = question->clients != NULL ? question->clients->count : 0;
    rule->has_remotes = rule->has_peers = true;
    if (count == 0 || !firewall__span(field, &span)) {
        rule->fits_peers = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct address_prefix first = question->clients->at[i], last = first;
        address_prefix_fill(&last);
        if (first.address.family != span.first.family || first.address.family != span.last.family) {
            continue;
        }
        rule->fits_peers = rule->fits_peers || (firewall__is_upto(&first.address, &span.last) &&
                                                firewall__is_upto(&span.first, &last.address));
        rule->covers_peers = rule->covers_peers || (firewall__is_upto(&span.first, &first.address) &&
                                                    firewall__is_upto(&last.address, &span.last));
    }
}

static void rule__take_place(struct rule *rule, const struct field *field,
                             const struct firewall_question *question)
{
    size_t used = 0;
    if (field__is(field, "Protocol")) {
        const uint32_t protocol = firewall__number(field->value, field->length, &used);
        rule->has_protocol = true;
        rule->fits_protocol = protocol == (question->protocol == CONFIG_TCP ? 6U : 17U) || protocol == 256;
    } else if (field__is(field, "LPort") || field__is(field, "LPort2_10")) {
        rule__take_ports(rule, field, question->port);
    } else if (field__is(field, "LA4") || field__is(field, "LA6")) {
        rule->has_locals = true;
        rule->fits_locals = rule->fits_locals || firewall__is_local(field, question);
    } else if (field__is(field, "RA4") || field__is(field, "RA6") || field__is(field, "RA42") ||
               field__is(field, "RA62")) {
        rule__take_peers(rule, field, question);
    } else if (field__is(field, "RPort") || field__is(field, "RPort2_10")) {
        rule->has_remotes = rule->has_sources = true;
    }
}

static bool firewall__is_condition(const struct field *field)
{
    static const char *const names[] = {"IF",      "IFType",  "Security",  "Security2_9", "Security2",
                                        "RMauth",  "RUAuth",  "LUAuth",    "AppPkgId",    "LUOwn",
                                        "ICMP4",   "ICMP6",   "Platform2", "TTK",         "TTK2_22",
                                        "TTK2_27", "TTK2_28", "NNm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (field__is(field, names[i])) {
            return true;
        }
    }
    return false;
}

static void rule__take(struct rule *rule, const struct field *field, const struct firewall_question *question)
{
    if (field__is(field, "Action")) {
        rule->is_allowed = field__has(field, "Allow");
        rule->is_blocked = field__has(field, "Block");
    } else if (field__is(field, "Active")) {
        rule->is_active = field__has(field, "TRUE");
    } else if (field__is(field, "Profile")) {
        rule->profiles |= firewall__profile(field);
    } else if (field__is(field, "App")) {
        rule->fits_program = rule->fits_program && firewall__is_program(field, question);
    } else if (field__is(field, "Svc")) {
        const bool is_any = field__has(field, "*") && question->service != NULL;
        const bool is_ours = question->service != NULL && field__has(field, question->service);
        rule->fits_program = rule->fits_program && (is_any || is_ours);
    } else if (firewall__is_condition(field)) {
        rule->is_conditional = true;
    } else {
        rule__take_place(rule, field, question);
    }
}

/* Whether it is about this address, whatever its port; `rule_out` has the rest. */
static bool rule__read(const char *text, const struct firewall_question *question, struct rule *rule_out)
{
    struct field field;
    *rule_out = (struct rule){.last_port = question->last_port, .fits_program = true};
    while (field__next(&text, &field)) {
        rule__take(rule_out, &field, question);
    }
    rule_out->profiles = rule_out->profiles != 0 ? rule_out->profiles : FIREWALL_ALL;
    return rule_out->is_active && !rule_out->is_conditional && rule_out->fits_program &&
           (rule_out->fits_protocol || !rule_out->has_protocol) &&
           (rule_out->fits_locals || !rule_out->has_locals) && (rule_out->fits_peers || !rule_out->has_peers);
}

/* Everybody, or at least a whole network of the clients. */
static bool rule__blocks_all(const struct rule *rule)
{
    return !rule->has_sources && (!rule->has_peers || rule->covers_peers);
}

void firewall_ask(const struct firewall *firewall, const struct firewall_question *question,
                  struct firewall_answer *answer_out)
{
    *answer_out =
        (struct firewall_answer){.last_port = question->last_port, .allowed = firewall->off | firewall->open};
    for (size_t i = 0; i < firewall->count; i++) {
        struct rule rule;
        const char *text = firewall->rules[i].text;
        if (!rule__read(text, question, &rule)) {
            continue;
        }
        if (rule.last_port < answer_out->last_port) {
            answer_out->last_port = rule.last_port;
        }
        if (rule.has_ports && !rule.fits_ports) {
            continue;
        }
        if (rule.is_allowed) {
            answer_out->allowed |= rule.profiles;
            answer_out->rule = answer_out->rule == NULL || !rule.has_remotes ? text : answer_out->rule;
            answer_out->is_wide = answer_out->is_wide || !rule.has_remotes;
        } else if (rule.is_blocked && rule__blocks_all(&rule) && (rule.profiles & ~firewall->off) != 0) {
            answer_out->block = text;
            answer_out->blocked |= rule.profiles & ~firewall->off;
        }
    }
}

/* ---- Words ---- */

/* Names of rules of Windows itself are places in DLLs, "@FirewallAPI.dll,-28502". */
void firewall_add_name(struct text *text, const char *rule)
{
    struct field field;
    while (field__next(&rule, &field)) {
        if (field__is(&field, "Name") && field.length > 0) {
            text_add_string(text, "\"");
            text_add_escaped(text, field.value, field.length);
            text_add_string(text, "\"");
            return;
        }
    }
    text_add_string(text, "without a name");
}

void firewall_add_profiles(struct text *text, unsigned profiles, const char *between)
{
    static const char *const names[] = {"domain", "private", "public"};
    const char *separator = "";
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((profiles >> i & 1) != 0) {
            text_add_string(text, separator);
            text_add_string(text, names[i]);
            separator = between;
        }
    }
}
