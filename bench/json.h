/*
 * json - as much of JSON as it takes to read what bufpool_dump writes, also
 * several of them, in arrays or objects or one after another.
 *
 * A value is named by where it begins. What is no JSON is no value: NULL, which
 * every function takes and makes NULL or 0 of.
 */
#ifndef JSON_H
#define JSON_H

#include <stdint.h>

/* The member of an object. */
const char *json_member(const char *object, const char *key);

/* An array's first value, and the next one. */
const char *json_first(const char *array);
const char *json_next(const char *value);

/* 0 for what is no whole number of 64 bits. */
uint64_t json_number(const char *value);

/* The pool of that name, NULL: the first; at any depth. */
const char *json_find_pool(const char *text, const char *name);

#endif /* JSON_H */
