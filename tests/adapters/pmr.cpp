/*
 * std::pmr on a pool: the memory of a server that reads requests line by line, builds bodies that grow and
 * hands them to another thread. C++17.
 */
#include <bufpool/memory_resource.hpp>

#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "rig.h"

namespace
{

bufpool_t *still_pool()
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_t *pool = nullptr;
    config.collect_interval_ms = 0;
    return bufpool_create(&pool, &config) == 0 ? pool : nullptr;
}

bufpool_stats_t stats_of(bufpool_t *pool)
{
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    bufpool_stats(pool, &stats);
    return stats;
}

/* The upstream of every resource here: counts what it is asked for and what is still out. */
class counted_upstream final : public std::pmr::memory_resource
{
  public:
    std::size_t out = 0, requests = 0;

  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        void *memory = std::pmr::new_delete_resource()->allocate(bytes, alignment);
        out += bytes;
        requests++;
        meter_count_elsewhere(bytes);
        return memory;
    }

    void do_deallocate(void *memory, std::size_t bytes, std::size_t alignment) override
    {
        out -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        return this == &other;
    }
};

struct request {
    std::pmr::map<std::pmr::string, std::pmr::string> headers;
    std::pmr::vector<char> body;

    explicit request(std::pmr::memory_resource *memory) : headers(memory), body(memory)
    {
    }
};

/* What a client sends: some headers and a body of up to 60 KiB. */
std::string message_of(unsigned number)
{
    std::string text;
    for (unsigned i = 0; i < 6; i++)
        text += "x-header-" + std::to_string(i) + ": " + std::string(10 + number % 7 * i * 9, char('a' + i)) +
                "\r\n";
    std::string body(number * 7919 % 61440, ' ');
    if (!body.empty())
        text_make(&body[0], body.size(), number);
    return text + "\r\n" + body;
}

/* As servers do it: bytes arrive, lines are cut off, the body grows as it comes. */
request parse(const std::string &message, std::pmr::memory_resource *memory)
{
    request parsed(memory);
    std::pmr::string input(memory);
    std::size_t at = 0;

    for (std::size_t from = 0; from < message.size(); from += 1460)
        input.append(message, from, 1460);
    for (;;) {
        std::size_t end = input.find("\r\n", at);
        if (end == at)
            break;
        std::size_t colon = input.find(": ", at);
        parsed.headers.emplace(std::pmr::string(input, at, colon - at, memory),
                               std::pmr::string(input, colon + 2, end - colon - 2, memory));
        at = end + 2;
    }
    for (at += 2; at < input.size(); at++)
        parsed.body.push_back(input[at]);
    return parsed;
}

bool is_answered(const request &parsed, const std::string &message, std::pmr::memory_resource *memory)
{
    std::pmr::string again(memory);

    for (const auto &header : parsed.headers)
        again.append(header.first).append(": ").append(header.second).append("\r\n");
    again.append("\r\n").append(parsed.body.data(), parsed.body.size());
    return std::string_view(again) == std::string_view(message);
}

/* Would fail where a size or alignment were sent back to the wrong one: the pool and the upstream both say
 * so. */
bool a_server_s_loop_finds_its_buffers_idle_and_leaves_none()
{
    bufpool_t *pool = still_pool();
    counted_upstream upstream;
    bufpool_stats_t warm = BUFPOOL_STATS_INIT;
    REQUIRE(pool != nullptr);

    meter_begin(pool, 256);
    {
        bufpool_memory_resource resource(pool, &upstream);
        for (unsigned i = 0; i < 2100; i++) {
            if (i == 100)
                warm = stats_of(pool);
            std::string message = message_of(i);
            request parsed = parse(message, &resource);
            REQUIRE(parsed.headers.size() == 6);
            bool is_right = false;
            /* The answer is made on another thread every now and then, and the request dies there. */
            if (i % 50 == 0)
                std::thread([&, moved = std::move(parsed)] {
                    is_right = is_answered(moved, message, &resource);
                }).join();
            else
                is_right = is_answered(parsed, message, &resource);
            REQUIRE(is_right);
        }
    }
    meter_print("pmr");
    struct meter asked = meter_read();
    bufpool_stats_t stats = stats_of(pool);
    REQUIRE(asked.buffers == stats.gets + upstream.requests && asked.pool_buffers == stats.gets);
    REQUIRE(stats.gets > 2000 && upstream.requests > 2000);
    REQUIRE(hit_rate_since("pmr", pool, &warm) > 0.99);
    REQUIRE(stats.in_use_bytes == 0 && upstream.out == 0);
    bufpool_destroy(pool);
    return true;
}

/* The border is half the smallest tier, and 64; both sides of it. */
bool size_and_alignment_alone_say_who_serves()
{
    bufpool_t *pool = still_pool();
    counted_upstream upstream;
    bufpool_memory_resource resource(pool, &upstream);
    const struct {
        std::size_t bytes, alignment;
        bool is_pooled;
    } cases[] = {{0, 1, false},       {1, 1, false},       {256, 1, false},    {257, 1, true},
                 {256, 64, false},    {257, 64, true},     {4096, 64, true},   {257, 128, false},
                 {4096, 4096, false}, {1 << 20, 16, true}, {5 << 20, 8, true}, {5 << 20, 4096, false}};

    meter_begin(pool, 256);
    for (const auto &one : cases) {
        uint64_t gets = stats_of(pool).gets, requests = upstream.requests;
        void *memory = resource.allocate(one.bytes, one.alignment);
        REQUIRE(reinterpret_cast<std::uintptr_t>(memory) % one.alignment == 0);
        std::memset(memory, 0xa5, one.bytes);
        REQUIRE(stats_of(pool).gets == gets + one.is_pooled);
        REQUIRE(upstream.requests == requests + !one.is_pooled);
        REQUIRE(resource.is_pooled(one.bytes, one.alignment) == one.is_pooled);
        resource.deallocate(memory, one.bytes, one.alignment);
        REQUIRE(stats_of(pool).in_use_bytes == 0 && upstream.out == 0);
    }
    bufpool_destroy(pool);
    return true;
}

/* Containers move their memory to one whose resource is equal, and copy it where it is not. */
bool resources_of_one_pool_and_upstream_are_equal()
{
    bufpool_t *pool = still_pool(), *other_pool = still_pool();
    counted_upstream upstream, other_upstream;
    bufpool_memory_resource resource(pool, &upstream), same(pool, &upstream);
    bufpool_memory_resource elsewhere(other_pool, &upstream), above(pool, &other_upstream);

    REQUIRE(resource == resource && resource == same && same == resource);
    REQUIRE(resource != elsewhere && resource != above);
    REQUIRE(resource != *std::pmr::new_delete_resource() && *std::pmr::new_delete_resource() != resource);
    REQUIRE(resource.pool() == pool && resource.upstream_resource() == &upstream);

    meter_begin(pool, 256);
    std::pmr::vector<char> from(10000, 'x', &resource);
    const char *where = from.data();
    std::pmr::vector<char> moved(std::move(from), &same);
    REQUIRE(moved.data() == where && moved.size() == 10000);
    std::pmr::vector<char> copied(std::move(moved), &elsewhere);
    REQUIRE(copied.data() != where && copied.size() == 10000 && copied[9999] == 'x');
    REQUIRE(stats_of(other_pool).in_use_bytes >= 10000);
    moved = std::pmr::vector<char>(&same);
    from = std::pmr::vector<char>(&resource);
    copied = std::pmr::vector<char>(&elsewhere);
    moved.shrink_to_fit();
    copied.shrink_to_fit();
    REQUIRE(stats_of(pool).in_use_bytes == 0 && stats_of(other_pool).in_use_bytes == 0);
    bufpool_destroy(pool);
    bufpool_destroy(other_pool);
    return true;
}

bool a_pool_without_memory_throws_bad_alloc_and_loses_nothing()
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_t *pool = nullptr;
    config.collect_interval_ms = 0;
    config.max_bytes = 64 << 10;
    REQUIRE(bufpool_create(&pool, &config) == 0);
    bufpool_memory_resource resource(pool);
    bool is_thrown = false;

    {
        std::pmr::string text(&resource);
        std::size_t held = 0;
        try {
            for (;;) {
                text.append(1000, 'y');
                held = text.size();
            }
        } catch (const std::bad_alloc &) {
            is_thrown = true;
        }
        REQUIRE(is_thrown && text.size() == held && held >= 10000);
        REQUIRE(text.find_first_not_of('y') == std::string::npos);
    }
    REQUIRE(stats_of(pool).in_use_bytes == 0 && stats_of(pool).failures > 0);
    bufpool_destroy(pool);
    return true;
}

/* Small nodes: libstdc++'s own pool above this one cuts them from large pieces. */
bool a_standard_pool_above_it_takes_large_pieces()
{
    bufpool_t *pool = still_pool();
    counted_upstream upstream;

    meter_begin(pool, 256);
    {
        bufpool_memory_resource resource(pool, &upstream);
        std::pmr::unsynchronized_pool_resource nodes(&resource);
        std::pmr::map<int, int> numbers(&nodes);
        for (int i = 0; i < 20000; i++)
            numbers[i] = i * i % 1009;
        for (const auto &number : numbers)
            REQUIRE(number.second == number.first * number.first % 1009);
    }
    meter_print("pmr, a pool of nodes above it");
    REQUIRE(meter_read().pool_bytes > meter_read().bytes / 2);
    REQUIRE(stats_of(pool).in_use_bytes == 0 && upstream.out == 0);
    bufpool_destroy(pool);
    return true;
}

/* As a program's default resource, on the default pool. */
bool no_pool_is_the_default_pool()
{
    static bufpool_memory_resource resource;
    std::pmr::memory_resource *before = std::pmr::set_default_resource(&resource);
    uint64_t gets = stats_of(nullptr).gets;

    meter_begin(bufpool_default(), 256);
    {
        std::pmr::vector<int> numbers(1000, 7);
        REQUIRE(stats_of(nullptr).gets == gets + 1);
    }
    std::pmr::set_default_resource(before);
    REQUIRE(stats_of(nullptr).in_use_bytes == 0);
    return true;
}

} // namespace

int main()
{
    static const struct property properties[] = {
        PROPERTY(a_server_s_loop_finds_its_buffers_idle_and_leaves_none),
        PROPERTY(size_and_alignment_alone_say_who_serves),
        PROPERTY(resources_of_one_pool_and_upstream_are_equal),
        PROPERTY(a_pool_without_memory_throws_bad_alloc_and_loses_nothing),
        PROPERTY(a_standard_pool_above_it_takes_large_pieces),
        PROPERTY(no_pool_is_the_default_pool),
    };

    return rig_run(properties, std::size(properties));
}
