/* SPDX-License-Identifier: MIT
   A DLL that is no plugin: it exports something else. */
__declspec(dllexport) int something_else(void);

int something_else(void)
{
    return 1;
}
