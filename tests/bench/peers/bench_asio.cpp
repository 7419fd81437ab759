// SPDX-License-Identifier: MIT
// A peer of the benchmark: an echo server as a user of asio writes it, after asio's own examples; one thread.
//
// bench_asio PORT [BUFFER]: TCP and UDP on 127.0.0.1; prints "ready" when both are bound. A connection's buffer has BUFFER
// bytes (4096): while it waits, all of them are in memory.
#include <asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

namespace {

class session : public std::enable_shared_from_this<session> {
  public:
    session(asio::ip::tcp::socket socket, std::size_t size)
        : socket_(std::move(socket)), size_(size), buffer_(new char[size])
    {
    }

    void receive()
    {
        socket_.async_read_some(asio::buffer(buffer_.get(), size_),
                                [self = shared_from_this()](const asio::error_code &error, std::size_t size) {
                                    if (!error) {
                                        self->send(size);
                                    }
                                });
    }

  private:
    void send(std::size_t size)
    {
        asio::async_write(socket_, asio::buffer(buffer_.get(), size),
                          [self = shared_from_this()](const asio::error_code &error, std::size_t) {
                              if (!error) {
                                  self->receive();
                              }
                          });
    }

    asio::ip::tcp::socket socket_;
    std::size_t size_;
    std::unique_ptr<char[]> buffer_;
};

class tcp_server {
  public:
    tcp_server(asio::io_context &context, const asio::ip::tcp::endpoint &endpoint, std::size_t size)
        : acceptor_(context, endpoint), size_(size)
    {
        accept();
    }

  private:
    void accept()
    {
        acceptor_.async_accept([this](asio::error_code error, asio::ip::tcp::socket socket) {
            if (!error) {
                socket.set_option(asio::ip::tcp::no_delay(true), error);
                std::make_shared<session>(std::move(socket), size_)->receive();
            }
            accept();
        });
    }

    asio::ip::tcp::acceptor acceptor_;
    std::size_t size_;
};

class udp_server {
  public:
    udp_server(asio::io_context &context, const asio::ip::udp::endpoint &endpoint)
        : socket_(context, endpoint)
    {
        socket_.set_option(asio::socket_base::receive_buffer_size(4 << 20));
        receive();
    }

  private:
    void receive()
    {
        socket_.async_receive_from(asio::buffer(buffer_), sender_,
                                   [this](const asio::error_code &error, std::size_t size) {
                                       if (error) {
                                           receive();
                                       } else {
                                           send(size);
                                       }
                                   });
    }

    void send(std::size_t size)
    {
        socket_.async_send_to(asio::buffer(buffer_, size), sender_,
                              [this](const asio::error_code &, std::size_t) { receive(); });
    }

    asio::ip::udp::socket socket_;
    asio::ip::udp::endpoint sender_;
    std::array<char, 65536> buffer_;
};

} // namespace

int main(int argc, char **argv)
{
    const int port = argc > 1 ? std::atoi(argv[1]) : 0, size = argc > 2 ? std::atoi(argv[2]) : 4096;
    if (port < 1 || port > 65535 || size < 1) {
        std::fputs("usage: bench_asio PORT [BUFFER]\n", stderr);
        return 2;
    }
    try {
        const auto number = static_cast<asio::ip::port_type>(port);
        const auto loopback = asio::ip::address_v4::loopback();
        asio::io_context context(1);
        tcp_server tcp(context, {loopback, number}, static_cast<std::size_t>(size));
        udp_server udp(context, {loopback, number});
        std::puts("ready");
        std::fflush(stdout);
        context.run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "bench_asio: %s\n", error.what());
    }
    return 1;
}
