/*
 * text - strict readers for what bufpool_dump writes.
 */
#ifndef TEST_TEXT_H
#define TEST_TEXT_H

#include <bufpool.h>

/* The whole dump as a string to be freed; aborts where the dump fails. */
char *dump_text(bufpool_t *pool, enum bufpool_format format);

/* One JSON value of RFC 8259 and nothing behind it but white space? */
bool json_is_valid(const char *text);

/* The number behind the first "key": of the text; UINT64_MAX where there is none. */
uint64_t json_number(const char *text, const char *key);

/* Prometheus' text format 0.0.4: NULL, or the first rule broken. */
const char *prometheus_fault(const char *text);

#endif /* TEST_TEXT_H */
