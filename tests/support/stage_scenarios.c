/* SPDX-License-Identifier: MIT
   Scenarios of the engine. A new one is a function and a row in the table at the end. */
#include "support/client.h"
#include "support/fault.h"
#include "support/loopback.h"
#include "support/stage.h"
#include "support/timing.h"

#define TCP "tcp://127.0.0.1:0"
#define UDP "udp://127.0.0.1:0"

/* ---- TCP ---- */

static bool reloads(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, 10) && stage_reload(true) &&
           stage_connect(0) && stage_echo(1, 10) && stage_ask(1, 10, 10) && stage_reload(false) &&
           stage_connect(0) && stage_echo_all(10) && stage_close(0) && stage_reload(true);
}

static bool starts_and_stops(void)
{
    return stage_serve("echo", TCP) && stage_stop(0);
}

static bool echoes(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, 100);
}

static bool echoes_over_ipv6(void)
{
    return stage_serve("probe", "tcp://[::1]:0") && stage_connect(0) && stage_echo(0, 100);
}

static bool serves_both_families(void)
{
    return stage_serve("probe", "tcp://*:0") && stage_connect(0) && stage_echo(0, 100);
}

static bool serves_a_range_of_ports(void)
{
    return stage_serve("echo", loopback_listen("tcp", 9, "20000-20002")) && stage_connect(0) &&
           stage_connect(2) && stage_echo_all(10);
}

static bool echoes_what_comes_before_the_answer(void)
{
    bool is_done = stage_serve("echo", TCP) && stage_connect(0);
    for (int i = 0; is_done && i < 8; i++) {
        is_done = stage_send(0, 100);
    }
    for (int i = 0; is_done && i < 8; i++) {
        is_done = stage_receive(0, 100);
    }
    return is_done;
}

static bool receives_byte_by_byte(void)
{
    fault_cut_receives(1);
    return stage_serve("probe", TCP) && stage_connect(0) && stage_echo(0, 20);
}

static bool keeps_alive(void)
{
    stage_endpoint("echo", TCP)->keepalive = true;
    return stage_start() && stage_connect(0) && stage_echo(0, 10);
}

static bool discards(void)
{
    return stage_serve("discard", TCP) && stage_connect(0) && stage_send(0, 10000) &&
           stage_wait_for_counter(COUNTER_BYTES_RECEIVED, 10000);
}

static bool ends_with_the_clients_fin(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, 100) && stage_finish(0) &&
           stage_expect_end(0) && stage_wait_for_counter(COUNTER_CLOSED_BY_PEER, 1);
}

static bool answers_behind_the_clients_fin(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_send(0, 50000) && stage_finish(0) &&
           stage_receive(0, 50000) && stage_expect_end(0);
}

/* In Wine 8 a reset that finds no receive posted may look like an orderly end. */
static bool survives_a_client_that_resets(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, 100) && stage_reset(0) &&
           stage_wait_for_ends(1);
}

static bool survives_a_client_that_leaves_at_once(void)
{
    return stage_serve("probe", TCP) && stage_connect(0) && stage_reset(0) && stage_connect(0) &&
           stage_echo(1, 10);
}

static bool resets_a_slow_reader(void)
{
    stage_endpoint("flood", TCP)->send_buffer = 8192;
    return stage_start() && stage_connect_slowly(0, 4096) && stage_send(0, 4) &&
           stage_wait_for_counter(COUNTER_CLOSED_SLOW_READER, 1);
}

static bool pauses_reading_and_reads_on(void)
{
    stage_endpoint("echo", TCP)->send_buffer = 8192;
    return stage_start() && stage_connect_slowly(0, 4096) && stage_send(0, 300000) &&
           stage_receive(0, 300000);
}

static bool echoes_a_large_stream(void)
{
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, STAGE_LARGEST);
}

static bool serves_many_at_once(void)
{
    return stage_serve("probe", TCP) && stage_crowd(0, 8) && stage_echo_all(10);
}

static bool accepts_more_and_fewer(void)
{
    return stage_serve("probe", TCP) && stage_crowd(0, 12) && stage_echo_all(10) && stage_pass(60000) &&
           stage_connect(0) && stage_echo(12, 10) && stage_pass(60000) && stage_connect(0) &&
           stage_echo(13, 10);
}

/* ---- Deadlines ---- */

static bool ends_without_a_first_byte(void)
{
    stage_endpoint("probe", TCP)->first_byte_timeout = 20000;
    return stage_start() && stage_connect(0) && stage_wait_for_counter(COUNTER_ACCEPTED, 1) &&
           stage_pass(21000) && stage_expect_end(0) && stage_pass(6000) &&
           stage_wait_for_counter(COUNTER_CLOSED_FIRST_BYTE_TIMEOUT, 1);
}

static bool ends_when_idle(void)
{
    return stage_serve("probe", TCP) && stage_connect(0) && stage_echo(0, 10) && stage_pass(301000) &&
           stage_expect_end(0) && stage_pass(6000) && stage_wait_for_counter(COUNTER_CLOSED_IDLE, 1);
}

static bool ends_after_its_lifetime(void)
{
    stage_endpoint("probe", TCP)->lifetime = 100000;
    return stage_start() && stage_connect(0) && stage_echo(0, 10) && stage_pass(101000) &&
           stage_expect_end(0) && stage_pass(6000) && stage_wait_for_counter(COUNTER_CLOSED_LIFETIME, 1);
}

static bool ends_when_nothing_can_be_sent(void)
{
    struct config_endpoint *endpoint = stage_endpoint("flood", TCP);
    endpoint->send_buffer = 8192;
    return stage_start() && stage_connect_slowly(0, 4096) && stage_send(0, 1) &&
           stage_wait_for_counter(COUNTER_BYTES_SENT, 1) && stage_pass(31000) &&
           stage_wait_for_counter(COUNTER_CLOSED_SEND_TIMEOUT, 1);
}

/* Idle, the service has sent its FIN; the client never sends its own. */
static bool ends_without_the_clients_fin(void)
{
    struct config_endpoint *endpoint = stage_endpoint("probe", TCP);
    endpoint->close_timeout = 20000;
    return stage_start() && stage_connect(0) && stage_echo(0, 10) && stage_pass(301000) &&
           stage_expect_end(0) && stage_pass(10000) && stage_pass(11000) &&
           stage_wait_for_counter(COUNTER_CLOSED_IDLE, 1);
}

/* ---- Who may come in ---- */

static bool refuses_whom_its_lists_deny(void)
{
    stage_endpoint("probe", TCP)->deny = stage_prefix("127.0.0.9/32");
    return stage_start() && stage_connect_from(0, "127.0.0.9") && stage_expect_end(0) &&
           stage_wait_for_counter(COUNTER_REFUSED_ACL, 1) && stage_connect(0) && stage_echo(1, 10);
}

/* From a second address one more fits; the third is one too many. Who leaves makes room. */
static bool refuses_who_is_over_a_limit(void)
{
    struct config_endpoint *endpoint = stage_endpoint("probe", TCP);
    endpoint->max_connections = 2;
    endpoint->max_connections_per_source = 1;
    return stage_start() && stage_connect_from(0, "127.0.0.1") && stage_echo(0, 10) &&
           stage_connect_from(0, "127.0.0.1") && stage_expect_end(1) &&
           stage_wait_for_counter(COUNTER_REFUSED_PER_SOURCE, 1) && stage_connect_from(0, "127.0.0.2") &&
           stage_echo(2, 10) && stage_connect_from(0, "127.0.0.3") && stage_expect_end(3) &&
           stage_wait_for_counter(COUNTER_REFUSED_LIMIT, 1) && stage_close(0) && stage_wait_for_ends(1) &&
           stage_connect_from(0, "127.0.0.1") && stage_echo(4, 10);
}

static bool lets_in_by_its_rate(void)
{
    struct config_endpoint *endpoint = stage_endpoint("probe", TCP);
    endpoint->accept_rate = 10;
    endpoint->accept_burst = 2;
    return stage_stop_clock() && stage_start() && stage_crowd(0, 4) && stage_echo(1, 10) &&
           stage_wait_for_counter(COUNTER_ACCEPT_PAUSES_RATE, 1) && stage_pass(200) && stage_echo(2, 10) &&
           stage_pass(200) && stage_echo(3, 10);
}

/* ---- Behind a proxy ---- */

static struct config_endpoint *proxied(const char *listen)
{
    struct config_endpoint *endpoint = stage_endpoint("probe", listen);
    endpoint->proxy_protocol = CONFIG_PROXY_BOTH;
    endpoint->trusted_proxies = stage_prefix("127.0.0.1/32");
    return endpoint;
}

static bool takes_clients_from_a_proxy(void)
{
    proxied(TCP)->max_connections_per_source = 2;
    return stage_start() && stage_connect(0) && stage_send_text(0, "PROXY TCP4 192.0.2.7 198.51.100.9 50") &&
           stage_send_text(0, "00 443\r\n") && stage_echo(0, 10) && stage_connect(0) && stage_send_v2(1) &&
           stage_echo(1, 10);
}

/* A bad header, a stranger, and one that says nothing. */
static bool refuses_proxies_that_misbehave(void)
{
    proxied(TCP)->accepts_max = 1; /* so that the operations in flight can be told */
    return stage_start() && stage_connect(0) && stage_send_text(0, "GET / HTTP/1.1\r\n") &&
           stage_expect_end(0) && stage_wait_for_counter(COUNTER_REFUSED_PROXY, 1) &&
           stage_connect_from(0, "127.0.0.2") && stage_expect_end(1) && stage_connect(0) &&
           stage_wait_for_operations(2) && stage_pass(3200) && stage_expect_end(2) &&
           stage_wait_for_counter(COUNTER_REFUSED_PROXY, 3);
}

static bool takes_datagrams_from_a_proxy(void)
{
    proxied(UDP);
    return stage_start() && stage_ask(0, 10, 10) && stage_shower(0, 1) &&
           stage_wait_for_counter(COUNTER_DATAGRAMS_REFUSED_PROXY, 1);
}

/* ---- Pause and stop ---- */

static bool refuses_while_it_is_paused(void)
{
    return stage_serve("probe", TCP) && stage_connect(0) && stage_echo(0, 10) && stage_pause() &&
           stage_connect(0) && stage_expect_end(1) && stage_echo(0, 10) && stage_continue() &&
           stage_connect(0) && stage_echo(2, 10);
}

static bool drops_datagrams_while_it_is_paused(void)
{
    return stage_serve("probe", UDP) && stage_pause() && stage_shower(0, 1) &&
           stage_wait_for_counter(COUNTER_DATAGRAMS_REFUSED_PAUSED, 1) && stage_continue() &&
           stage_ask(0, 10, 10);
}

static bool resets_what_lives_at_the_stop(void)
{
    return stage_serve("probe", TCP) && stage_crowd(0, 5) && stage_echo_all(10) && stage_stop(0) &&
           stage_expect_end(0) && stage_expect_end(4);
}

static bool stops_when_the_last_has_left(void)
{
    return stage_serve("probe", TCP) && stage_crowd(0, 2) && stage_echo_all(10) && stage_stop_slowly(60000) &&
           stage_close(0) && stage_close(1) && stage_stopped();
}

static bool resets_the_rest_behind_the_drain(void)
{
    return stage_serve("probe", TCP) && stage_crowd(0, 2) && stage_echo_all(10) && stage_stop_slowly(5000) &&
           stage_wait_for_state(0, LISTENER_STOPPED) && stage_close(0) &&
           stage_wait_for_counter(COUNTER_CLOSED_BY_PEER, 1) && stage_pass(6000) && stage_stopped() &&
           stage_expect_end(1);
}

static bool stops_with_data_on_its_way(void)
{
    stage_endpoint("flood", TCP)->send_buffer = 8192;
    return stage_start() && stage_connect_slowly(0, 4096) && stage_send(0, 1) &&
           stage_wait_for_counter(COUNTER_BYTES_SENT, 1) && stage_stop(0);
}

/* ---- UDP ---- */

static bool relays_a_connection(void)
{
    return stage_endpoint("echo", TCP) != NULL && stage_endpoint("relay", TCP) != NULL && stage_start() &&
           stage_aim(0, "127.0.0.1") && stage_connect(1) && stage_echo(0, 1000) && stage_finish(0) &&
           stage_expect_end(0);
}

static bool relays_to_a_name(void)
{
    return stage_endpoint("echo", TCP) != NULL && stage_endpoint("relay", TCP) != NULL && stage_start() &&
           stage_aim(0, "upstream.test") && stage_connect(1) && stage_echo(0, 10) && stage_stop(0);
}

static bool stops_while_a_name_is_asked_for(void)
{
    return stage_endpoint("echo", TCP) != NULL && stage_endpoint("relay", TCP) != NULL && stage_start() &&
           stage_aim(0, "slow.test") && stage_connect(1) && stage_wait_for_question() && stage_stop(1000);
}

static bool relays_datagrams(void)
{
    return stage_endpoint("echo", UDP) != NULL && stage_endpoint("relay", UDP) != NULL && stage_start() &&
           stage_aim(0, "upstream.test") && stage_ask(1, 10, 10) && stage_ask(1, 1000, 1000) && stage_stop(0);
}

static bool resets_whom_it_cannot_connect(void)
{
    return stage_endpoint("echo", TCP) != NULL && stage_endpoint("relay", TCP) != NULL && stage_start() &&
           stage_aim_at_nobody() && stage_connect(1) && stage_expect_end(0);
}

static bool echoes_datagrams(void)
{
    return stage_serve("echo", UDP) && stage_ask(0, 1, 1) && stage_ask(0, 1472, 1472);
}

static bool echoes_empty_datagrams(void)
{
    return stage_serve("probe", UDP) && stage_ask(0, 0, 0) && stage_ask(0, 0, 0);
}

static bool echoes_the_largest_datagram(void)
{
    return stage_serve("probe", UDP) && stage_ask(0, 65507, 65507);
}

static bool cuts_a_long_datagram(void)
{
    stage_endpoint("probe", UDP)->max_datagram = 100;
    return stage_start() && stage_ask(0, 101, 100) && stage_ask(0, 100, 100) &&
           stage_wait_for_counter(COUNTER_DATAGRAMS_TRUNCATED, 1);
}

static bool echoes_datagrams_over_ipv6(void)
{
    return stage_serve("probe", "udp://[::1]:0") && stage_ask(0, 10, 10);
}

static bool answers_from_the_address_that_was_asked(void)
{
    return stage_serve("probe", "udp://0.0.0.0:0") && stage_ask(0, 10, 10);
}

static bool serves_datagrams_of_both_families(void)
{
    return stage_serve("probe", "udp://*:0") && stage_ask(0, 10, 10);
}

/* More datagrams than two batches are there when the worker looks again: the endpoint is busy until it has been
   quiet for a while. */
static bool get_busy(void)
{
    stage_endpoint("probe", UDP)->receives_max = 4;
    stage_endpoint("probe", TCP);
    return stage_start() && stage_connect(1) && stage_echo(0, 1) && stage_hold() && stage_send(0, 1) &&
           stage_shower(0, 100) && stage_let_go() && stage_wait_for_counter(COUNTER_DATAGRAMS_RECEIVED, 100);
}

static bool is_busy_with_datagrams_for_a_while(void)
{
    return get_busy() && stage_ask(0, 10, 10) && stage_pass(3000) && stage_ask(0, 10, 10) &&
           stage_pass(3000) && stage_ask(0, 10, 10);
}

/* The first one makes room for the second, which is forgotten when it has been quiet. */
static bool knows_its_udp_clients(void)
{
    stage_endpoint("guest", UDP)->udp_sessions_max = 1;
    return stage_start() && stage_ask(0, 10, 10) && stage_ask(0, 10, 10) && stage_change_asker() &&
           stage_ask(0, 10, 10) && stage_wait_for_counter(COUNTER_SESSIONS_CLOSED_DISPLACED, 1) &&
           stage_pass(31000) && stage_wait_for_counter(COUNTER_SESSIONS_CLOSED_IDLE, 1);
}

/* Whether an address is this machine's only the system knows, and says so by binding a socket to it. */
static bool does_not_answer_itself(void)
{
    stage_endpoint("probe", "udp://0.0.0.0:0");
    return stage_own("192.0.2.200") && stage_start() && stage_forge(0, "192.0.2.1") &&
           stage_wait_for_counter(COUNTER_DATAGRAMS_SENT, 1) && stage_wait_for_operations(1) &&
           stage_forge(0, "192.0.2.200") && stage_wait_for_counter(COUNTER_ANSWERS_DROPPED_OWN_ENDPOINT, 1);
}

/* ---- Several of everything ---- */

static bool serves_two_endpoints(void)
{
    stage_endpoint("echo", TCP);
    stage_endpoint("probe", UDP);
    return stage_start() && stage_connect(0) && stage_echo(0, 10) && stage_ask(1, 10, 10);
}

static bool hands_over_between_workers(void)
{
    stage_rig()->config.service.workers = 2;
    return stage_serve("probe", TCP) && stage_crowd(0, 4) && stage_echo_all(10);
}

static bool stops_two_workers(void)
{
    stage_rig()->config.service.workers = 2;
    stage_endpoint("probe", UDP);
    return stage_serve("probe", TCP) && stage_crowd(1, 4) && stage_echo_all(10) && stage_ask(0, 10, 10) &&
           stage_stop(0);
}

static bool asks_the_machine_for_its_processors(void)
{
    stage_rig()->config.service.workers = 0;
    return stage_serve("echo", TCP) && stage_connect(0) && stage_echo(0, 10);
}

/* ---- Sockets that are lost or not to be had ---- */

static bool binds_again_when_a_listener_dies(void)
{
    return stage_serve("probe", TCP) && stage_wait_for_operations(1) && stage_kill() && stage_connect(0) &&
           stage_wait_for_state(0, LISTENER_WAITING) && stage_pass(1000) &&
           stage_wait_for_state(0, LISTENER_LISTENING) && stage_connect(0) && stage_echo(1, 10);
}

static bool binds_again_when_a_udp_socket_dies(void)
{
    return stage_serve("probe", UDP) && stage_wait_for_operations(1) && stage_kill() && stage_shower(0, 1) &&
           stage_wait_for_state(0, LISTENER_WAITING) && stage_pass(1000) &&
           stage_wait_for_state(0, LISTENER_LISTENING) && stage_ask(0, 10, 10);
}

static bool waits_for_a_port_that_is_taken(void)
{
    if (!stage_block()) {
        return false;
    }
    stage_rig()->options.is_automatic_start = true;
    stage_endpoint("probe", stage_blocked());
    stage_endpoint("probe", TCP);
    return stage_start() && stage_wait_for_state(0, LISTENER_WAITING) && stage_unblock() &&
           stage_pass(1000) && stage_wait_for_state(0, LISTENER_LISTENING) && stage_connect(0) &&
           stage_echo(0, 10);
}

static bool fails_when_all_must_be_bound(void)
{
    stage_rig()->config.service.start_policy = CONFIG_START_ALL;
    stage_endpoint("probe", TCP);
    stage_endpoint("probe", STAGE_NOBODY);
    return stage_fail();
}

static bool waits_for_an_address(void)
{
    stage_endpoint("probe", STAGE_NOBODY);
    stage_endpoint("probe", TCP);
    stage_rig()->options.is_automatic_start = true;
    return stage_start() && stage_wait_for_state(0, LISTENER_WAITING) && stage_connect(1) &&
           stage_echo(0, 10);
}

static bool binds_when_an_address_appears(void)
{
    stage_endpoint("probe", STAGE_NOBODY);
    stage_endpoint("probe", TCP);
    stage_rig()->options.is_automatic_start = true;
    return stage_watch_addresses() && stage_start() && stage_change_addresses() && stage_change_addresses() &&
           stage_connect(1) && stage_echo(0, 10);
}

/* ---- The log of an engine ---- */

static bool logs_what_it_does(void)
{
    return stage_log() && stage_serve("probe", TCP) && stage_connect(0) && stage_echo(0, 10) && stage_stop(0);
}

static bool writes_its_access_log(void)
{
    stage_endpoint("probe", TCP)->deny = stage_prefix("127.0.0.9/32");
    stage_endpoint("guest", UDP);
    return stage_access_log() && stage_start() && stage_connect(0) && stage_echo(0, 10) && stage_close(0) &&
           stage_wait_for_ends(1) && stage_connect_from(0, "127.0.0.9") && stage_expect_end(1) &&
           stage_ask(1, 10, 10) && stage_stop(0);
}

/* ---- Completions that come otherwise ---- */

/* Where datagrams are there already, receives end at once. */
static bool takes_completions_that_come_late(void)
{
    timing_watch(1, (struct timing){.late = 100});
    return get_busy() && stage_ask(0, 10, 10) && timing_changed().late > 0;
}

static bool takes_completions_inside_the_call(void)
{
    timing_watch(1, (struct timing){.early = 100});
    stage_endpoint("probe", UDP);
    return stage_serve("echo", TCP) && stage_crowd(1, 3) && stage_echo_all(3000) && stage_ask(0, 10, 10);
}

static bool takes_completions_out_of_order(void)
{
    timing_watch(1, (struct timing){.held = 70});
    stage_endpoint("probe", UDP);
    return stage_serve("echo", TCP) && stage_crowd(1, 3) && stage_echo_all(3000) && stage_ask(0, 10, 10) &&
           timing_changed().held > 0;
}

static bool takes_completions_as_they_come(void)
{
    timing_watch(2, (struct timing){.late = 30, .early = 30, .held = 30});
    stage_endpoint("probe", UDP);
    return stage_serve("echo", TCP) && stage_crowd(1, 3) && stage_echo_all(20000) && stage_ask(0, 10, 10) &&
           stage_reset(0) && stage_finish(1) && stage_expect_end(1);
}

#define ROW(name)   \
    {               \
#name, name \
    }

const struct scenario stage_scenarios[] = {
    ROW(starts_and_stops),
    ROW(reloads),
    ROW(echoes),
    ROW(echoes_over_ipv6),
    ROW(serves_both_families),
    ROW(serves_a_range_of_ports),
    ROW(echoes_what_comes_before_the_answer),
    ROW(receives_byte_by_byte),
    ROW(keeps_alive),
    ROW(discards),
    ROW(ends_with_the_clients_fin),
    ROW(answers_behind_the_clients_fin),
    ROW(survives_a_client_that_resets),
    ROW(survives_a_client_that_leaves_at_once),
    ROW(resets_a_slow_reader),
    ROW(pauses_reading_and_reads_on),
    ROW(echoes_a_large_stream),
    ROW(serves_many_at_once),
    ROW(accepts_more_and_fewer),
    ROW(ends_without_a_first_byte),
    ROW(ends_when_idle),
    ROW(ends_after_its_lifetime),
    ROW(ends_when_nothing_can_be_sent),
    ROW(ends_without_the_clients_fin),
    ROW(refuses_whom_its_lists_deny),
    ROW(refuses_who_is_over_a_limit),
    ROW(lets_in_by_its_rate),
    ROW(takes_clients_from_a_proxy),
    ROW(refuses_proxies_that_misbehave),
    ROW(takes_datagrams_from_a_proxy),
    ROW(refuses_while_it_is_paused),
    ROW(drops_datagrams_while_it_is_paused),
    ROW(resets_what_lives_at_the_stop),
    ROW(stops_when_the_last_has_left),
    ROW(resets_the_rest_behind_the_drain),
    ROW(stops_with_data_on_its_way),
    ROW(echoes_datagrams),
    ROW(echoes_empty_datagrams),
    ROW(echoes_the_largest_datagram),
    ROW(cuts_a_long_datagram),
    ROW(echoes_datagrams_over_ipv6),
    ROW(answers_from_the_address_that_was_asked),
    ROW(serves_datagrams_of_both_families),
    ROW(is_busy_with_datagrams_for_a_while),
    ROW(knows_its_udp_clients),
    ROW(does_not_answer_itself),
    ROW(relays_a_connection),
    ROW(relays_to_a_name),
    ROW(relays_datagrams),
    ROW(stops_while_a_name_is_asked_for),
    ROW(resets_whom_it_cannot_connect),
    ROW(serves_two_endpoints),
    ROW(hands_over_between_workers),
    ROW(stops_two_workers),
    ROW(asks_the_machine_for_its_processors),
    ROW(binds_again_when_a_listener_dies),
    ROW(binds_again_when_a_udp_socket_dies),
    ROW(waits_for_a_port_that_is_taken),
    ROW(fails_when_all_must_be_bound),
    ROW(waits_for_an_address),
    ROW(binds_when_an_address_appears),
    ROW(logs_what_it_does),
    ROW(writes_its_access_log),
    ROW(takes_completions_that_come_late),
    ROW(takes_completions_inside_the_call),
    ROW(takes_completions_out_of_order),
    ROW(takes_completions_as_they_come),
    {NULL, NULL},
};
