/* SPDX-License-Identifier: MIT
   The engine's scenarios, in peace and while each of their calls fails; see support/ordeal.h. */
#include "support/ordeal.h"
#include "support/stage.h"

int main(int count, char **arguments)
{
    return ordeal_main(count, arguments, &stage_kind);
}
