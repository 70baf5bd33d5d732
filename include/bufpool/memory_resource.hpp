/*
 * bufpool/memory_resource.hpp - a pool as a C++17 std::pmr::memory_resource.
 *
 *     bufpool_memory_resource resource(pool);
 *     std::pmr::vector<std::byte> body(64 << 10, &resource);
 *
 * When: wherever a std::pmr container, or anything that takes a
 * std::pmr::polymorphic_allocator, holds what a server reads and writes: bodies,
 * strings of some length, vectors that grow. As the default of the program:
 * std::pmr::set_default_resource(&resource), in main.
 *
 * Catches: requests above half the pool's smallest tier with an alignment of at
 * most 64. All others go to the upstream resource: nodes of maps and lists, short
 * strings, over-aligned types. Which of the two has a piece of memory follows from
 * its size and alignment alone, and C++ says both again when it is given back
 * (sized return): no look-up, no header.
 *
 * Share in the pool (libstdc++ 12; the test's loop reads headers into a map of
 * strings and bodies of up to 60 KiB into a vector by push_back): 39 % of buffers,
 * 99 % of bytes; they take 1.24 times what was asked for.
 *
 * Not for: containers of small nodes by themselves (put a
 * std::pmr::monotonic_buffer_resource or unsynchronized_pool_resource above this
 * one: it asks for large pieces and cuts them).
 */
#ifndef BUFPOOL_MEMORY_RESOURCE_HPP
#define BUFPOOL_MEMORY_RESOURCE_HPP

#include <cstddef>
#include <memory_resource>
#include <new>

#include <bufpool.h>

/*
 * bufpool_memory_resource - neither owns nor creates the pool; a null pool is
 * the default pool. Pool and upstream must outlive the resource, and the resource
 * what was allocated from it.
 *
 * Threads: as the pool and the upstream: any thread may give back what another
 * allocated.
 */
class bufpool_memory_resource final : public std::pmr::memory_resource
{
  public:
    explicit bufpool_memory_resource(bufpool_t *pool = nullptr, std::pmr::memory_resource *upstream =
                                                                    std::pmr::new_delete_resource()) noexcept
        : pool_(pool), upstream_(upstream), largest_upstream_(half_the_smallest_tier(pool))
    {
    }

    bufpool_memory_resource(const bufpool_memory_resource &) = delete;
    bufpool_memory_resource &operator=(const bufpool_memory_resource &) = delete;

    bufpool_t *pool() const noexcept
    {
        return pool_;
    }

    std::pmr::memory_resource *upstream_resource() const noexcept
    {
        return upstream_;
    }

    /* Does memory of this size and alignment come from the pool? The same answer for as long as the resource
     * lives. */
    bool is_pooled(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept
    {
        return bytes > largest_upstream_ && alignment <= alignment_max;
    }

  private:
    static constexpr std::size_t alignment_max = 64; /* what bufpool_get promises */

    static std::size_t half_the_smallest_tier(bufpool_t *pool) noexcept
    {
        std::size_t smallest = 0;

        bufpool_tiers(pool, &smallest, 1);
        return smallest / 2;
    }

    /* Throws std::bad_alloc where the pool is out of memory, or what the upstream throws. */
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        if (!is_pooled(bytes, alignment))
            return upstream_->allocate(bytes, alignment);
        void *buffer = bufpool_get(pool_, bytes);
        if (buffer == nullptr)
            throw std::bad_alloc();
        return buffer;
    }

    void do_deallocate(void *buffer, std::size_t bytes, std::size_t alignment) override
    {
        if (is_pooled(bytes, alignment))
            bufpool_put(pool_, buffer);
        else
            upstream_->deallocate(buffer, bytes, alignment);
    }

    /* What one allocates the other may give back: the same pool, and upstreams of which that is true. */
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        if (this == &other)
            return true;
        const auto *that = dynamic_cast<const bufpool_memory_resource *>(&other);
        return that != nullptr && that->pool_ == pool_ && *that->upstream_ == *upstream_;
    }

    bufpool_t *const pool_;
    std::pmr::memory_resource *const upstream_;
    const std::size_t largest_upstream_;
};

#endif /* BUFPOOL_MEMORY_RESOURCE_HPP */
