/* SPDX-License-Identifier: MIT
   What the Windows SDK has and Wine's headers lack; included first, in the Visual C++ stand-in check only. */
#ifndef PORTLISTENER_TESTS_MSVC_GAPS_H
#define PORTLISTENER_TESTS_MSVC_GAPS_H

#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 0x1
#define FILE_SKIP_SET_EVENT_ON_HANDLE        0x2
#define PIPE_REJECT_REMOTE_CLIENTS           0x8
#define HeapEnableTerminationOnCorruption    1 /* HEAP_INFORMATION_CLASS */

#define InterlockedExchange64 _InterlockedExchange64
__int64 _InterlockedExchange64(__int64 volatile *target, __int64 value);

unsigned short __stdcall GetActiveProcessorGroupCount(void);
unsigned short __stdcall RtlCaptureStackBackTrace(unsigned long skip, unsigned long count, void **frames,
                                                  unsigned long *hash);
void __stdcall RaiseFailFastException(void *record, void *context, unsigned long flags);
int __stdcall GetProcessHandleCount(void *process, unsigned long *count);
void __stdcall GetCurrentThreadStackLimits(unsigned __int64 *low, unsigned __int64 *high);

#define SEAM_EXIT_CODE unsigned long /* of TerminateProcess, which the SDK declares with UINT */

#endif
