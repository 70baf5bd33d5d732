/* What a program that defines BUFPOOL_INLINE has compiled in: the types, and the number that stands for them.
 */
#define BUFPOOL_INLINE
#include <bufpool.h>

enum inlined_layout { INLINED_LAYOUT = BUFPOOL_INLINE_LAYOUT };

struct inlined {
    enum inlined_layout layout;
    struct bufpool_inline_pool *pool;
    struct bufpool_inline_record *record;
    struct bufpool_inline_block *block;
    struct bufpool_inline_bin *bin;
    struct bufpool_inline_thread *thread;
};

struct inlined inlined_types(void);
struct inlined inlined_types(void)
{
    struct inlined nothing = {INLINED_LAYOUT, NULL, NULL, NULL, NULL, NULL};
    return nothing;
}
