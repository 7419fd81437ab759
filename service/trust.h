/* SPDX-License-Identifier: MIT
   Whom the program trusts with its configuration, and with the plugins that it names. */
#ifndef PORTLISTENER_TRUST_H
#define PORTLISTENER_TRUST_H

#include <stdbool.h>

#include "config/config.h"

/* trust_wanted: a service refuses what others than administrators can change, a console tells of it. Where
   nobody can tell, see file_trust_can_tell, neither asks. */
enum config_trust trust_wanted(bool is_service);

#endif
