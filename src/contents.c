#include "contents.h"

#include "armour.h"
#include "tool.h"

void contents_end(struct bufpool *pool, void *buffer, size_t capacity)
{
    bool watched = armour_has(pool, DEBUG_TOOL);

    if (pool->contents.release == NULL)
        return;
    if (watched)
        tool_open(buffer, capacity);
    pool->contents.release(buffer, pool->contents.arg);
    if (watched)
        tool_close(buffer, capacity);
}
