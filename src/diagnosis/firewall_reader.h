/* SPDX-License-Identifier: MIT
   Reads the rules of Windows Firewall, and where it is off, from the registry: the form is documented ([MS-GPFAS]), any user
   may read it, and it needs neither COM nor the firewall's service. Nothing is changed. */
#ifndef PORTLISTENER_DIAGNOSIS_FIREWALL_READER_H
#define PORTLISTENER_DIAGNOSIS_FIREWALL_READER_H

#include "base/win.h"
#include "diagnosis/firewall.h"

/* firewall_read: into a fresh one; those of the machine and of its group policy. 0, or the system's error. */
DWORD firewall_read(struct firewall *firewall);

#endif
