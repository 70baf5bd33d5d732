/*
 * layout - holds bufpool/inline.h against what the library is made of: a program
 * compiled with it reaches into these structs. Whoever changes one of them
 * changes the header and BUFPOOL_INLINE_LAYOUT.
 */
#include "block.h"
#include "pool.h"

#include <bufpool/inline.h>

#define SAME_PLACE(theirs, field, ours, field_of_ours)                                                       \
    _Static_assert(offsetof(struct theirs, field) == offsetof(struct ours, field_of_ours),                   \
                   "bufpool/inline.h: " #theirs "." #field)
#define SAME_SIZE(theirs, ours)                                                                              \
    _Static_assert(sizeof(struct theirs) == sizeof(struct ours), "bufpool/inline.h: " #theirs)

SAME_SIZE(bufpool_inline_bin, bin);
SAME_PLACE(bufpool_inline_bin, top, bin, top);
SAME_PLACE(bufpool_inline_bin, end, bin, end);
SAME_PLACE(bufpool_inline_bin, hits, bin, hits);
SAME_PLACE(bufpool_inline_block, bin, block, bin);

SAME_PLACE(bufpool_inline_thread, last, thread_table, last);
SAME_PLACE(bufpool_inline_record, key, record, key);
SAME_PLACE(bufpool_inline_record, block, record, block);
/* NOLINTNEXTLINE(misc-redundant-expression): two macros, which must be the same */
_Static_assert(BUFPOOL_INLINE_BUSY == KEY_BUSY, "bufpool/inline.h: BUSY");

SAME_SIZE(bufpool_inline_tier, tier);
SAME_PLACE(bufpool_inline_tier, origin, tier, origin);
SAME_PLACE(bufpool_inline_tier, reciprocal, tier, reciprocal);
SAME_PLACE(bufpool_inline_tier, committed, tier, committed);

SAME_PLACE(bufpool_inline_pool, base, bufpool, tiers.base);
SAME_PLACE(bufpool_inline_pool, line_shift, bufpool, tiers.line_shift);
SAME_PLACE(bufpool_inline_pool, direct, bufpool, tiers.direct);
SAME_PLACE(bufpool_inline_pool, tier, bufpool, tiers.tier);
_Static_assert(BUFPOOL_INLINE_STEPS == TIERS_DIRECT && BUFPOOL_INLINE_LINE == LINE_SIZE &&
                   BUFPOOL_INLINE_TIERS == TIERS_MAX,
               "bufpool/inline.h: tiers");

unsigned bufpool_inline_layout(void)
{
    return BUFPOOL_INLINE_LAYOUT;
}
