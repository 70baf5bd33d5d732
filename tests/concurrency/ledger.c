#include "ledger.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "pools.h"
#include "property.h"

/* Open addressing, entries are never removed. All relaxed: see ledger.h. */
struct entry {
    _Atomic uintptr_t buffer;
    _Atomic uint32_t owner;
    _Atomic uint64_t note;
};

struct ledger {
    size_t mask;
    struct entry entries[];
};

struct ledger *ledger_new(size_t buffers_max)
{
    size_t size = 16;

    while (size < buffers_max * 2)
        size *= 2;
    struct ledger *ledger = calloc(1, sizeof *ledger + size * sizeof(struct entry));
    MUST(ledger != NULL);
    ledger->mask = size - 1;
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    free(ledger);
}

static struct entry *entry_of(struct ledger *ledger, const void *buffer)
{
    uintptr_t wanted = (uintptr_t)buffer;
    size_t place = (size_t)((wanted >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 20);

    for (size_t tries = 0; tries <= ledger->mask; tries++, place++) {
        struct entry *entry = &ledger->entries[place & ledger->mask];
        uintptr_t found = atomic_load_explicit(&entry->buffer, memory_order_relaxed);

        if (found == 0 && atomic_compare_exchange_strong_explicit(&entry->buffer, &found, wanted,
                                                                  memory_order_relaxed, memory_order_relaxed))
            return entry;
        if (found == wanted)
            return entry;
    }
    must_failed("the ledger has room", __FILE__, __LINE__);
}

bool ledger_take(struct ledger *ledger, const void *buffer, uint32_t owner)
{
    uint32_t before = atomic_exchange_explicit(&entry_of(ledger, buffer)->owner, owner, memory_order_relaxed);

    if (before != 0)
        return broken("buffer %p was handed to %u while %u had it", buffer, owner, before);
    return true;
}

bool ledger_give(struct ledger *ledger, const void *buffer, uint32_t owner)
{
    uint32_t before = atomic_exchange_explicit(&entry_of(ledger, buffer)->owner, 0, memory_order_relaxed);

    if (before != owner)
        return broken("buffer %p of %u had come into the hands of %u", buffer, owner, before);
    return true;
}

uint64_t ledger_note(struct ledger *ledger, const void *buffer)
{
    return atomic_load_explicit(&entry_of(ledger, buffer)->note, memory_order_relaxed);
}

void ledger_set_note(struct ledger *ledger, const void *buffer, uint64_t note)
{
    atomic_store_explicit(&entry_of(ledger, buffer)->note, note, memory_order_relaxed);
}

size_t ledger_owned(struct ledger *ledger)
{
    size_t owned = 0;

    for (size_t i = 0; i <= ledger->mask; i++)
        owned += atomic_load_explicit(&ledger->entries[i].owner, memory_order_relaxed) != 0;
    return owned;
}
