/* SPDX-License-Identifier: MIT
   A handler in C++: a store of values, shared by all connections of its endpoint. "set KEY VALUE" and "get KEY", a line
   each. What C++ needs to heed at the border:
   - no exception passes it: each callback is noexcept and catches, and the connection is reset;
   - an object is made in on_open (or start) and destroyed in on_close (or stop), by the same run time;
   - nothing global that needs a constructor: portlistener_handler is called also where nothing starts.
   The file must be store.dll. Build: see README.md, "In C++". */
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <string>

#include "portlistener/handler.h"

namespace {

constexpr std::size_t line_max = 4096;
constexpr std::size_t values_max = 10000;

/* One endpoint. Workers call in parallel: hence the lock, held for moments only. */
class Store {
  public:
    Store(const pl_host *host, pl_id endpoint) : host_(host), endpoint_(endpoint)
    {
    }

    std::string answer(const std::string &line)
    {
        const std::size_t first = line.find(' ');
        const std::string verb = line.substr(0, first);
        const std::string rest = first == std::string::npos ? std::string() : line.substr(first + 1);
        if (verb == "get") {
            return get(rest);
        }
        if (verb == "set") {
            return set(rest);
        }
        return "? set KEY VALUE, get KEY\r\n";
    }

    const pl_host *host() const
    {
        return host_;
    }
    pl_id endpoint() const
    {
        return endpoint_;
    }

  private:
    std::string get(const std::string &key)
    {
        const std::lock_guard<std::mutex> guard(lock_);
        const auto found = values_.find(key);
        return found == values_.end() ? "none\r\n" : "= " + found->second + "\r\n";
    }

    std::string set(const std::string &rest)
    {
        const std::size_t space = rest.find(' ');
        if (space == std::string::npos || space == 0) {
            return "? set KEY VALUE\r\n";
        }
        const std::lock_guard<std::mutex> guard(lock_);
        const std::string key = rest.substr(0, space);
        if (values_.size() >= values_max && values_.count(key) == 0) {
            return "full\r\n"; /* what strangers fill has an end */
        }
        values_[key] = rest.substr(space + 1);
        return "ok\r\n";
    }

    const pl_host *host_;
    pl_id endpoint_;
    std::mutex lock_;
    std::map<std::string, std::string> values_;
};

/* One connection. */
struct Client {
    unsigned long long lines = 0;
};

/* Whatever is thrown ends the connection, and nobody else's. */
template <typename Action> bool guarded(Store &store, pl_id id, Action action) noexcept
{
    try {
        action();
        return true;
    } catch (const std::exception &error) {
        store.host()->log(store.host(), store.endpoint(), id, PL_LOG_ERROR, error.what(),
                          std::strlen(error.what()));
    } catch (...) {
    }
    store.host()->close(store.host(), id, PL_RESET);
    return false;
}

int32_t start(pl_start *start) noexcept
{
    try {
        start->state = new Store(start->host, start->endpoint);
        return 0;
    } catch (const std::exception &error) {
        std::strncpy(start->error, error.what(), start->error_room - 1);
        start->error[start->error_room - 1] = '\0';
        return -1;
    }
}

void stop(void *state) noexcept
{
    delete static_cast<Store *>(state);
}

int32_t on_open(void *state, pl_id id, void **user, const pl_info *) noexcept
{
    guarded(*static_cast<Store *>(state), id, [&] { *user = new Client; });
    return 0;
}

std::size_t consume(Store &store, Client &client, pl_id id, const char *at, std::size_t length)
{
    std::size_t done = 0;
    while (const void *found = std::memchr(at + done, '\n', length - done)) {
        const std::size_t end = static_cast<std::size_t>(static_cast<const char *>(found) - at);
        std::string line(at + done, end - done);
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        const std::string answer = store.answer(line);
        if (store.host()->send(store.host(), id, answer.data(), answer.size()) < 0) {
            break; /* PL_FULL: this line comes again, and to set twice is to set */
        }
        client.lines++;
        done = end + 1;
    }
    return done;
}

std::size_t on_data(void *state, pl_id id, void **user, const uint8_t *at, std::size_t length) noexcept
{
    Store &store = *static_cast<Store *>(state);
    std::size_t done = length;
    guarded(store, id, [&] {
        done = consume(store, *static_cast<Client *>(*user), id, reinterpret_cast<const char *>(at), length);
    });
    return done;
}

void on_writable(void *, pl_id, void **) noexcept
{
}

void on_close(void *, pl_id, void **user, int32_t, uint32_t) noexcept
{
    delete static_cast<Client *>(*user); /* NULL where on_open failed */
}

pl_handler describe() noexcept
{
    pl_handler handler = {};
    handler.size = sizeof handler;
    handler.abi_major = PL_ABI_MAJOR;
    handler.abi_minor = PL_ABI_MINOR;
    handler.needs_minor = PL_ABI_MINOR;
    handler.flags = PL_TCP;
    handler.max_input = line_max;
    handler.name = "store";
    handler.version = "1.0";
    handler.summary = "Keeps values under keys.";
    handler.start = start;
    handler.stop = stop;
    handler.on_open = on_open;
    handler.on_data = on_data;
    handler.on_writable = on_writable;
    handler.on_close = on_close;
    return handler;
}

} // namespace

extern "C" __declspec(dllexport) const pl_handler *portlistener_handler()
{
    static const pl_handler handler = describe();
    return &handler;
}
