/* SPDX-License-Identifier: MIT
   Whom the program trusts with its configuration. */
#ifndef PORTLISTENER_TRUST_H
#define PORTLISTENER_TRUST_H

#include <stdbool.h>

#include "config/config.h"

/* trust_wanted: a service refuses what others than administrators can change, a console tells of it. In Wine, which has the
   permissions of the system below it, by which nobody is an administrator, neither asks. */
enum config_trust trust_wanted(bool is_service);

#endif
