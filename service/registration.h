/* SPDX-License-Identifier: MIT
   The registration of a service, part by part: what a hardened one is, and what the one at hand is. One table for the
   installation, for the check of it and for the tests. */
#ifndef PORTLISTENER_SERVICE_REGISTRATION_H
#define PORTLISTENER_SERVICE_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/text.h"
#include "base/win.h"

enum registration_part {
    REGISTRATION_IMAGE,   /* the program in quotation marks, the verb "service", the configuration file */
    REGISTRATION_ACCOUNT, /* one that no other service has */
    REGISTRATION_START,   /* with the machine */
    REGISTRATION_DISPLAY_NAME,  /* the name */
    REGISTRATION_SID,           /* the service has a SID of its own */
    REGISTRATION_PRIVILEGES,    /* the only ones that it needs */
    REGISTRATION_DESCRIPTION,   /* one line */
    REGISTRATION_RESTARTS,      /* after a crash */
    REGISTRATION_RESTART_SCOPE, /* after nothing but a crash: a broken configuration is not tried for ever */
    REGISTRATION_PRESHUTDOWN,   /* milliseconds that a shutdown of the machine grants */
    REGISTRATION_EVENT_SOURCE,  /* the DLL with the texts of the event log */
    REGISTRATION_CONFIG_FILE,   /* the registry value with which the commands find the configuration */
    REGISTRATION_PART_COUNT
};

enum {
    REGISTRATION_RESTARTS_MAX = 8, /* that are kept; the system has room for more */
    REGISTRATION_RESET_PERIOD = 24 * 60 * 60,
    REGISTRATION_STOP_MARGIN = 5000, /* milliseconds of the PRESHUTDOWN timeout beyond the drain */
    REGISTRATION_EVENT_TYPES = 7     /* errors, warnings, information */
};

/* winsvc.h: SERVICE_SID_TYPE_..., which not every header knows. */
enum registration_sid {
    REGISTRATION_SID_NONE = 0,
    REGISTRATION_SID_UNRESTRICTED = 1,
    REGISTRATION_SID_RESTRICTED = 3
};

/* A text is NULL where it is not known or not there. */
struct registration {
    char *image;
    char *account;
    char *display_name;
    char *description;
    char *
        privileges; /* their names, a comma between them; "": the list is empty or none: all that the account has */
    char *event_file;
    char *config_file;
    uint32_t start;                                     /* SERVICE_AUTO_START and so on */
    uint32_t sid;                                       /* an enum registration_sid, or another */
    uint32_t restart_delays[REGISTRATION_RESTARTS_MAX]; /* milliseconds */
    uint32_t restart_count;                             /* of the first actions that are restarts */
    uint32_t reset_period;      /* seconds after which the first restart comes again */
    bool restarts_after_errors; /* also when it has stopped with an error of its own */
    uint32_t preshutdown;
    uint32_t errors
        [REGISTRATION_PART_COUNT]; /* of the system, for a part that could not be read; 0: it is known */
};

/* What differs from one service to the next. */
struct registration_request {
    const char *service;
    const char *program; /* full paths */
    const char *event_file;
    const char *config_file;
    const char *account;    /* NULL: NT SERVICE\ and the service's name */
    uint64_t drain_timeout; /* milliseconds, of the configuration */
};

/* registration_make: the hardened registration. False: no memory. End with registration_fini in either case. */
bool registration_make(const struct registration_request *request, struct registration *made_out);

/* registration_read: the registration that the service manager and the registry have; the rights of any user are enough.
   False: see `failure_out`, where `win32_error` is ERROR_SERVICE_DOES_NOT_EXIST when there is no such service. Parts that
   cannot be read have an error instead. End with registration_fini in either case. */
bool registration_read(const char *service, struct registration *read_out, struct failure *failure_out);
void registration_fini(struct registration *registration);

enum registration_verdict {
    REGISTRATION_SAME,
    REGISTRATION_DIFFERENT, /* and no worse: somebody has chosen so */
    REGISTRATION_WEAKER,    /* less safe, or less well told of */
    REGISTRATION_UNKNOWN    /* it could not be read: `errors` says why */
};

/* registration_judge: how a part of the actual registration stands to the hardened one. */
enum registration_verdict registration_judge(enum registration_part part, const struct registration *actual,
                                             const struct registration *hardened);

/* registration_name: what messages call a part. registration_add_value: what it is, for people. */
const char *registration_name(enum registration_part part);
void registration_add_value(struct text *text, enum registration_part part,
                            const struct registration *registration);

/* registration_is_equal: of paths, accounts and other names that Windows takes in any case; NULL is like nothing, also not
   like NULL. */
bool registration_is_equal(const char *left, const char *right);

/* registration_program: the program of an ImagePath, without its quotation marks; a heap copy, NULL without memory. Where
   there are none, it ends behind ".exe", or at the first blank. registration_is_quoted: false when its path has blanks
   and no quotation marks: Windows then tries "C:\Program.exe" first. registration_runs: whether it is this program; needs no
   memory. */
char *registration_program(const char *image);
bool registration_runs(const char *image, const char *program);
bool registration_is_quoted(const char *image);

/* registration_has_own_account: whether `account` means the virtual account of the service, NT SERVICE\NAME, in any spelling. */
bool registration_has_own_account(const char *service, const char *account);

/* registration_source_key: of the event source, under HKEY_LOCAL_MACHINE; a heap copy, NULL without memory. */
WCHAR *registration_source_key(const char *service);

#endif
