/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/callers.h"
#include "support/client.h"

static struct {
    volatile LONG are_over;
    struct pl_address to;
    struct caller {
        HANDLE thread; /* NULL: none */
        unsigned long served;
        unsigned long failed;
    } at[CALLERS_MOST];
} callers;

static bool caller__is_served(struct client *client)
{
    char answer[5] = "";
    return client_send(client, "Hallo", 5, CLIENT_PATIENCE) == CLIENT_OK &&
           client_receive(client, answer, 5, CLIENT_PATIENCE) == CLIENT_OK && memcmp(answer, "Hallo", 5) == 0;
}

static DWORD WINAPI caller__run(void *argument)
{
    struct caller *caller = argument;
    while (callers.are_over == 0) {
        struct client *client = NULL;
        const bool is_served = client_connect(&callers.to, NULL, 0, CLIENT_PATIENCE, &client) == CLIENT_OK &&
                               caller__is_served(client);
        caller->served += is_served;
        caller->failed += !is_served;
        if (client != NULL) {
            client_finish(client);
            client_drain(client, NULL, CLIENT_PATIENCE);
            client_close(client);
        }
    }
    return 0;
}

void callers_start(int count, const struct pl_address *to)
{
    memset(&callers, 0, sizeof callers);
    callers.to = *to;
    for (int i = 0; i < count; i++) {
        callers.at[i].thread = CreateThread(NULL, 0, caller__run, &callers.at[i], 0, NULL);
        assert_non_null(callers.at[i].thread);
    }
}

void callers_stop(unsigned long *served_out, unsigned long *failed_out)
{
    unsigned long served = 0, failed = 0;
    InterlockedExchange(&callers.are_over, 1);
    for (int i = 0; i < CALLERS_MOST; i++) {
        if (callers.at[i].thread != NULL) {
            WaitForSingleObject(callers.at[i].thread, INFINITE);
            CloseHandle(callers.at[i].thread);
            callers.at[i].thread = NULL;
        }
        served += callers.at[i].served;
        failed += callers.at[i].failed;
    }
    if (served_out != NULL && failed_out != NULL) {
        *served_out = served;
        *failed_out = failed;
    }
}
