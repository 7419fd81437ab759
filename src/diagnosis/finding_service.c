/* SPDX-License-Identifier: MIT
   What a registration lacks, see finding_service.h. */
#include "diagnosis/finding_service.h"

#include <stdio.h>
#include <string.h>

enum {
    SERVICE_SUBJECT_ROOM = 300,
    SERVICE_MARGIN = 5000 /* what a stop takes beside the drain */
};

/* One finding about the service, with a command that mends it. */
struct service_view {
    struct findings *findings;
    const struct service_facts *facts;
    const char *subject;
};

static void service__add(const struct service_view *view, enum finding_kind kind, const char *path,
                         const char *format, const char *argument)
{
    char granted[24], needed[24];
    struct text command;
    text_init_heap(&command);
    text_add_format(&command, "sc.exe %s \"%s\"", format, view->facts->name);
    text_add_string(&command, argument);
    snprintf(granted, sizeof granted, "%lu", (unsigned long)view->facts->preshutdown);
    snprintf(needed, sizeof needed, "%llu",
             (unsigned long long)(view->facts->drain_timeout + SERVICE_MARGIN));
    findings_add(
        view->findings, kind, view->subject,
        FINDING_WORDS({"path", path}, {"command", command.at}, {"granted", granted}, {"needed", needed}));
    text_fini(&command);
}

/* What stands behind the program in the line. */
static const char *service__rest(const struct service_facts *facts)
{
    const char *at = strstr(facts->line, facts->path);
    at = at != NULL ? at + strlen(facts->path) : facts->line + strlen(facts->line);
    at += *at == '"';
    return at + strspn(at, " ");
}

static bool service__has_verb(const char *rest)
{
    const char *word = strstr(rest, "service");
    return word != NULL && (word == rest || word[-1] == ' ');
}

/* Inside of quotation marks, as the C runtime of sc.exe reads them: a backslash counts twice before a mark. */
static void service__add_quoted(struct text *text, const char *words)
{
    for (size_t slashes = 0;; words++) {
        if (*words == '"' || *words == '\0') {
            for (; slashes > 0; slashes--) {
                text_add_string(text, "\\");
            }
        }
        if (*words == '\0') {
            return;
        }
        text_add_string(text, *words == '"' ? "\\" : "");
        text_add(text, words, 1);
        slashes = *words == '\\' ? slashes + 1 : 0;
    }
}

/* Behind another command, such as "run", which the verb takes the place of. */
static const char *service__options(const char *rest)
{
    const char *at = *rest != '-' ? rest + strcspn(rest, " ") : rest;
    return at + strspn(at, " ");
}

/* The registered line with its program in quotation marks and the verb: --config and all else stay. */
static void service__add_line(struct text *text, const struct service_facts *facts)
{
    struct text line;
    const char *rest = service__rest(facts);
    text_init_heap(&line);
    text_add_format(&line, "\"%s\"", facts->path);
    if (!service__has_verb(rest)) {
        text_add_string(&line, " service");
        rest = service__options(rest);
    }
    text_add_format(&line, "%s%s", *rest != '\0' ? " " : "", rest);
    text_add_string(text, " binPath= \"");
    service__add_quoted(text, line.at);
    text_add_string(text, "\"");
    text->is_cut = text->is_cut || line.is_cut;
    text_fini(&line);
}

static void service__look_at_line(const struct service_view *view)
{
    const struct service_facts *facts = view->facts;
    struct text line;
    text_init_heap(&line);
    service__add_line(&line, facts);
    if (!facts->is_quoted) {
        service__add(view, FINDING_SERVICE_UNQUOTED, facts->line, "config", line.at);
    }
    if (!service__has_verb(service__rest(facts))) {
        service__add(view, FINDING_SERVICE_NO_VERB, facts->line, "config", line.at);
    }
    if (!text_equal(facts->path, strlen(facts->path), facts->program)) {
        service__add(view, FINDING_SERVICE_OTHER_PROGRAM, facts->path, "qc", "");
    }
    text_fini(&line);
}

static void service__look_at_start(const struct service_view *view)
{
    switch (view->facts->start) {
    case SERVICE_STARTS_DELAYED:
        service__add(view, FINDING_SERVICE_DELAYED, "", "config", " start= auto");
        break;
    case SERVICE_STARTS_BY_HAND:
        service__add(view, FINDING_SERVICE_MANUAL, "", "config", " start= auto");
        break;
    case SERVICE_NEVER_STARTS:
        service__add(view, FINDING_SERVICE_DISABLED, "", "config", " start= auto");
        break;
    case SERVICE_STARTS_AT_BOOT:
        break;
    }
}

static void service__look_at_recovery(const struct service_view *view)
{
    if (!view->facts->restarts_after_crash) {
        service__add(view, FINDING_SERVICE_NO_RECOVERY, "", "failure",
                     " reset= 86400 actions= restart/1000/restart/5000/restart/30000");
    }
    if (view->facts->restarts_after_errors) {
        service__add(view, FINDING_SERVICE_RECOVERY_ALWAYS, "", "failureflag", " 0");
    }
}

static void service__look_at_rights(const struct service_view *view)
{
    const struct service_facts *facts = view->facts;
    struct text account;
    text_init_heap(&account);
    text_add_format(&account, " obj= \"NT SERVICE\\%s\"", facts->name);
    if (text_equal(facts->account, strlen(facts->account), "LocalSystem")) {
        service__add(view, FINDING_SERVICE_LOCAL_SYSTEM, "", "config", account.at);
    }
    text_fini(&account);
    if (!facts->has_sid) {
        service__add(view, FINDING_SERVICE_NO_SID, "", "sidtype", " unrestricted");
    }
    if (!facts->has_privileges) {
        service__add(view, FINDING_SERVICE_PRIVILEGES, "", "privs", " SeChangeNotifyPrivilege");
    }
}

static void service__look_at_shutdown(const struct service_view *view)
{
    const struct service_facts *facts = view->facts;
    char command[512];
    if (facts->preshutdown >= facts->drain_timeout + SERVICE_MARGIN) {
        return;
    }
    char granted[24], needed[24];
    snprintf(granted, sizeof granted, "%lu", (unsigned long)facts->preshutdown);
    snprintf(needed, sizeof needed, "%llu", (unsigned long long)(facts->drain_timeout + SERVICE_MARGIN));
    snprintf(
        command, sizeof command,
        "reg.exe add \"HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s\" /v PreshutdownTimeout /t REG_DWORD "
        "/d %s /f",
        facts->name, needed);
    findings_add(view->findings, FINDING_SERVICE_PRESHUTDOWN, view->subject,
                 FINDING_WORDS({"granted", granted}, {"needed", needed}, {"command", command}));
}

/* The path without its last part, with the mark that ends it. */
static size_t service__folder_length(const char *path)
{
    const char *end = strrchr(path, '\\');
    return end != NULL ? (size_t)(end - path) + 1 : 0;
}

static void service__look_at_events(const struct service_view *view)
{
    const struct service_facts *facts = view->facts;
    struct text command;
    text_init_heap(&command);
    text_add_format(&command,
                    "reg.exe add \"HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\%s\" /v "
                    "EventMessageFile /t REG_EXPAND_SZ /d \"",
                    facts->name);
    text_add(&command, facts->path, service__folder_length(facts->path));
    text_add_string(&command, "portlistener-events.dll\" /f");
    if (!facts->has_event_source) {
        findings_add(view->findings, FINDING_SERVICE_NO_SOURCE, view->subject,
                     FINDING_WORDS({"command", command.at}));
    } else if (facts->event_file != NULL) {
        findings_add(view->findings, FINDING_SERVICE_SOURCE_FILE, view->subject,
                     FINDING_WORDS({"path", facts->event_file}));
    }
    if (!facts->has_description) {
        service__add(view, FINDING_SERVICE_NO_DESCRIPTION, "", "description",
                     " \"Listens on TCP and UDP ports.\"");
    }
    text_fini(&command);
}

void finding_service_add(struct findings *findings, const struct service_facts *facts)
{
    char subject_room[SERVICE_SUBJECT_ROOM];
    struct text subject;
    text_init(&subject, subject_room, sizeof subject_room);
    text_add_format(&subject, "service %s", facts->name);
    const struct service_view view = {findings, facts, subject.at};
    service__look_at_line(&view);
    service__look_at_start(&view);
    service__look_at_recovery(&view);
    service__look_at_rights(&view);
    service__look_at_shutdown(&view);
    service__look_at_events(&view);
}
