/* SPDX-License-Identifier: MIT
   No plugin, but a DLL that a plugin needs: it lies beside the plugin and beside the program, and is not to be found. */
__declspec(dllexport) int beside_answer(void);

int beside_answer(void)
{
    return 42;
}
