/* SPDX-License-Identifier: MIT
   A peer of the benchmark: an echo server as a user of libuv writes it; one loop. What has come is sent at once from
   the one buffer that all share (uv_try_write); only what did not fit is copied and queued, and until that is gone
   nothing more is read from the connection.

   bench_libuv PORT: TCP and UDP on 127.0.0.1; prints "ready" when both are bound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

enum { BUFFER = 65536, BACKLOG = 1024, DATAGRAMS = 4 << 20 /* bytes of the UDP socket's own buffer */ };

/* What did not fit. */
struct rest {
    uv_write_t request; /* first */
    char bytes[];
};

static char buffer[BUFFER];

static void must(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "bench_libuv: %s: %s\n", what, uv_strerror(result));
        exit(1);
    }
}

static void *allocate(size_t size)
{
    void *block = malloc(size);
    must(block == NULL ? UV_ENOMEM : 0, "memory");
    return block;
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer_out)
{
    (void)handle;
    (void)suggested;
    *buffer_out = uv_buf_init(buffer, BUFFER);
}

/* ---- TCP ---- */

static void received(uv_stream_t *stream, ssize_t size, const uv_buf_t *data);

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void end(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream)) {
        uv_close((uv_handle_t *)stream, closed);
    }
}

static void written(uv_write_t *request, int status)
{
    uv_stream_t *stream = request->handle;
    free(request);
    if (status != 0 || uv_read_start(stream, lend, received) != 0) {
        end(stream);
    }
}

static void queue(uv_stream_t *stream, const char *bytes, unsigned size)
{
    struct rest *rest = allocate(sizeof *rest + size);
    memcpy(rest->bytes, bytes, size);
    uv_buf_t data = uv_buf_init(rest->bytes, size);
    uv_read_stop(stream);
    if (uv_write(&rest->request, stream, &data, 1, written) != 0) {
        free(rest);
        end(stream);
    }
}

static void received(uv_stream_t *stream, ssize_t size, const uv_buf_t *data)
{
    if (size < 0) {
        end(stream);
    } else if (size > 0) {
        uv_buf_t all = uv_buf_init(data->base, (unsigned)size);
        const int sent = uv_try_write(stream, &all, 1);
        if (sent < 0 && sent != UV_EAGAIN) {
            end(stream);
        } else if (sent < size) {
            const int first = sent > 0 ? sent : 0;
            queue(stream, data->base + first, (unsigned)(size - first));
        }
    }
}

static void connected(uv_stream_t *server, int status)
{
    uv_tcp_t *tcp = allocate(sizeof *tcp);
    if (status != 0) {
        free(tcp);
        return;
    }
    must(uv_tcp_init(server->loop, tcp), "uv_tcp_init");
    if (uv_accept(server, (uv_stream_t *)tcp) != 0 || uv_tcp_nodelay(tcp, 1) != 0 ||
        uv_read_start((uv_stream_t *)tcp, lend, received) != 0) {
        end((uv_stream_t *)tcp);
    }
}

/* ---- UDP ---- */

static void answered(uv_udp_send_t *request, int status)
{
    (void)status; /* one that cannot be sent is lost, as datagrams are */
    free(request);
}

struct answer {
    uv_udp_send_t request; /* first */
    char bytes[];
};

static void received_datagram(uv_udp_t *udp, ssize_t size, const uv_buf_t *data, const struct sockaddr *from,
                              unsigned flags)
{
    (void)flags;
    if (size < 0 || from == NULL) {
        return; /* nothing more is there, for now */
    }
    uv_buf_t all = uv_buf_init(data->base, (unsigned)size);
    if (uv_udp_try_send(udp, &all, 1, from) == UV_EAGAIN) {
        struct answer *answer = allocate(sizeof *answer + (size_t)size);
        memcpy(answer->bytes, data->base, (size_t)size);
        all = uv_buf_init(answer->bytes, (unsigned)size);
        if (uv_udp_send(&answer->request, udp, &all, 1, from, answered) != 0) {
            free(answer);
        }
    }
}

int main(int argc, char **argv)
{
    static uv_tcp_t tcp;
    static uv_udp_t udp;
    struct sockaddr_in address;
    uv_loop_t *loop = uv_default_loop();
    int room = DATAGRAMS;
    const int number = argc == 2 ? atoi(argv[1]) : 0;
    if (number < 1 || number > 65535) {
        fputs("usage: bench_libuv PORT\n", stderr);
        return 2;
    }
    must(uv_ip4_addr("127.0.0.1", number, &address), "the address");
    must(uv_tcp_init(loop, &tcp), "uv_tcp_init");
    must(uv_tcp_bind(&tcp, (const struct sockaddr *)&address, 0), "uv_tcp_bind");
    must(uv_listen((uv_stream_t *)&tcp, BACKLOG, connected), "uv_listen");
    must(uv_udp_init(loop, &udp), "uv_udp_init");
    must(uv_udp_bind(&udp, (const struct sockaddr *)&address, 0), "uv_udp_bind");
    must(uv_recv_buffer_size((uv_handle_t *)&udp, &room), "uv_recv_buffer_size");
    must(uv_udp_recv_start(&udp, lend, received_datagram), "uv_udp_recv_start");
    puts("ready");
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
