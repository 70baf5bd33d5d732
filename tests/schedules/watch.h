/*
 * watch - for bufpool_scheduled every atomic operation is a schedule point: another
 * thread may go on before it happens.
 */
#ifndef WATCH_H
#define WATCH_H

#include "point.h"

#define WATCH_TEXT_OF(line) #line
#define WATCH_TEXT(line) WATCH_TEXT_OF(line)
#define WATCH_POINT(object, writes) schedule_point(object, __FILE__ ":" WATCH_TEXT(__LINE__), writes)

#define WATCH_LOAD(object) WATCH_POINT(object, false)
#define WATCH_STORE(object, order) WATCH_POINT(object, true)
#define WATCH_CHANGE(object) WATCH_POINT(object, true)

#endif /* WATCH_H */
