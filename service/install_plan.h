/* SPDX-License-Identifier: MIT
   What an installation will make: what is there is looked at, and whether it may be touched; nothing is changed. */
#ifndef PORTLISTENER_SERVICE_INSTALL_PLAN_H
#define PORTLISTENER_SERVICE_INSTALL_PLAN_H

#include <stdbool.h>

#include "base/failure.h"
#include "installer.h"
#include "registration.h"

enum { INSTALL_PLAN_SID_ROOM = 128 };

struct install_plan {
    const struct installer_request *request;
    bool is_upgrade;            /* the service is there */
    bool keeps_account;         /* what it has stays */
    struct registration before; /* of an upgrade */
    struct registration hardened;
    char *events; /* full paths of files */
    char *own_ini;
    const char *ini; /* what the service is to read */
    char sid[INSTALL_PLAN_SID_ROOM];
};

/* install_plan_make: false: nothing may be made, see `failure_out`. End with install_plan_free in either case. */
bool install_plan_make(struct install_plan *plan, const struct installer_request *request,
                       struct failure *failure_out);
void install_plan_free(struct install_plan *plan);

/* install_plan_refuse: a failure of no call of the system, about `subject`, which may be anything. Returns false. */
bool install_plan_refuse(struct failure *failure_out, const char *lead, const char *subject,
                         const char *rest);

#endif
