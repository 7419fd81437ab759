/* SPDX-License-Identifier: MIT
   A plugin of another major version of the contract. */
#include "plugins/plugin.h"

PLUGIN_SPOILT("wrong-major", handler.abi_major = 77)
