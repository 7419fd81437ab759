/* SPDX-License-Identifier: MIT
   Whom the program trusts, see trust.h. */
#include "trust.h"

#include "base/file_trust.h"

enum config_trust trust_wanted(bool is_service)
{
    if (!file_trust_can_tell()) {
        return CONFIG_TRUST_ANYBODY;
    }
    return is_service ? CONFIG_TRUST_ADMINISTRATORS : CONFIG_TRUST_WARN;
}
