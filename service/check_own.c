/* SPDX-License-Identifier: MIT
   What the running service says it listens on, where the system does not tell whose a socket is; see check.h. */
#include "check.h"
#include "control_client.h"
#include "diagnosis/finding_binds.h"

enum { CHECK_OWN_PATIENCE = 5000 /* milliseconds */ };

static void check__take(void *context, const struct control_piece *piece)
{
    if (piece->stream == CONTROL_OUT) {
        text_add(context, piece->at, piece->length);
    }
}

/* False: nobody answers in time, or not the process that the service is. */
static bool check__ask(const struct check *check, struct text *status)
{
    static const char *const words[] = {"status", "--json"};
    struct control_client client;
    struct failure failure;
    struct text request;
    enum exit_code code = EXIT_CODE_FAILED;
    bool is_told = false;
    text_init_heap(&request);
    if (control_request_add(&request, words, sizeof words / sizeof words[0]) &&
        control_client_open_within(&client, check->service, CHECK_OWN_PATIENCE, &failure)) {
        is_told = client.process == check->pid &&
                  control_client_ask(&client, &request, check__take, status, &code, &failure) &&
                  code == EXIT_CODE_DONE && !status->is_cut;
        control_client_close(&client);
    }
    text_fini(&request);
    return is_told;
}

static void check__read_own(struct check *check)
{
    struct text status;
    text_init_heap(&status);
    if (check__ask(check, &status)) {
        live_sockets_read(status.at, status.length, &check->own); /* without memory there are none */
    }
    text_fini(&status);
}

bool check_own_has(struct check *check, const struct bind_question *question)
{
    const bool may_be_held = question->error == BIND_IN_USE || question->error == BIND_ACCESS;
    if (check->pid == 0 || !may_be_held ||
        finding_binds_is_held_by_another(&check->machine, question, check->pid)) {
        return false;
    }
    if (!check->has_asked) {
        check->has_asked = true;
        check__read_own(check);
    }
    return live_sockets_has(&check->own, question);
}

void check_own_end(struct check *check)
{
    live_sockets_fini(&check->own);
}
