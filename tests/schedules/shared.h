/*
 * shared - which words of the library more than one thread touches.
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A thread is about to touch a word. May another see the difference of who comes
 * first? So it is when two threads touch it and one writes; with `copied`, when
 * anybody writes.
 */
bool shared_touch(const volatile void *address, unsigned thread, bool writes, bool copied);

/* How many words are shared, so far. It only grows. */
uint32_t shared_words(void);

#endif /* SHARED_H */
