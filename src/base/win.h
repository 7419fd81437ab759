/* SPDX-License-Identifier: MIT
   The only include of the Windows headers, in the order they need, with what MinGW-w64 10 does not know
   yet. */
#ifndef PORTLISTENER_BASE_WIN_H
#define PORTLISTENER_BASE_WIN_H

#include <winsock2.h>

#include <ws2tcpip.h>

#include <mstcpip.h>
#include <mswsock.h>

#include <windows.h>

#include <aclapi.h>
#include <bcrypt.h>
#include <iphlpapi.h>
#include <restartmanager.h>
#include <sddl.h>
#include <tlhelp32.h>
#include <wintrust.h>

#include <mscat.h>
#include <softpub.h>

#ifndef WSAAPI
#define WSAAPI __stdcall
#endif

#ifndef SO_PAUSE_ACCEPT /* ws2def.h: refuse new connections of a listening socket without closing it */
#define SO_PAUSE_ACCEPT 0x3003
#endif

#ifndef SOMAXCONN_HINT /* winsock2.h: a backlog of its own size, 200 to 65535 */
#define SOMAXCONN_HINT(backlog) (-(backlog))
#endif

#ifndef SO_REUSE_UNICASTPORT /* ws2def.h: ConnectEx chooses the port, not bind: one port for many peers */
#define SO_REUSE_UNICASTPORT 0x3007
#endif

#ifndef SO_UPDATE_CONNECT_CONTEXT /* mswsock.h */
#define SO_UPDATE_CONNECT_CONTEXT 0x7010
#endif

#ifdef __MINGW64_VERSION_MAJOR /* ws2tcpip.h: since Windows 8 */
WINSOCK_API_LINKAGE int WSAAPI GetAddrInfoExCancel(LPHANDLE handle);
#endif

#ifndef SIO_UDP_CONNRESET /* mswsock.h */
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif

#ifndef SIO_UDP_NETRESET /* mswsock.h */
#define SIO_UDP_NETRESET _WSAIOW(IOC_VENDOR, 15)
#endif

#ifndef ERROR_INVALID_IMAGE_HASH /* winerror.h: a file is not signed as a policy wants it */
#define ERROR_INVALID_IMAGE_HASH 577L
#endif

#ifndef ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION /* winerror.h: application control */
#define ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION 4551L
#endif

#ifndef ERROR_HANDLES_CLOSED /* winerror.h */
#define ERROR_HANDLES_CLOSED 676L
#endif

#endif
