/*
 * bufpool/conf.h - the contract of BUFPOOL_CONF, the environment variable that
 * configures the default pool (NULL pools, bufpool/malloc.h) without a rebuild.
 * It declares nothing. It is read when that pool is made; pools that a program
 * makes are as the program says.
 *
 *     BUFPOOL_CONF=max_size:256k,collect_interval_ms:500,huge_pages:1
 *
 * Words, each with its value behind a colon, separated by commas; of two with the
 * same word the later one holds. They are the fields of bufpool_config_t, whose
 * defaults they leave where they are not named:
 *
 *   help                   print this table on stderr; configures nothing itself
 *   name:TEXT              the pool's name in dumps and reports
 *   min_size:SIZE          smallest tier; half of it is the C library's share of bufpool_malloc
 *   max_size:SIZE          largest tier; what is above is oversized: two system calls each
 *   tier_steps:1|2|4       tiers a doubling
 *   tiers:SIZE/...         explicit sizes instead of the three above
 *   tier_span:SIZE         address space a tier
 *   max_bytes:SIZE         in use and idle at most; a get beyond fails
 *   max_cached_bytes:SIZE  idle at most; 0 caches nothing
 *   min_cached_bytes:SIZE  idle bytes that no collection releases
 *   max_thread_bytes:SIZE  private cache of one thread
 *   collect_interval_ms:N  0: only when bufpool_collect is called
 *   cooperative:0|1        collections reach into no other thread's cache
 *   scrub_on_put:0|1       overwrite every buffer with zeros when it is put
 *   huge_pages:0|1         ask for transparent huge pages
 *   page_aligned:0|1       tiers from 4096 on aligned to 4096, without headroom
 *   debug:WORD/...         debug words, instead of those of BUFPOOL_DEBUG
 *
 * A SIZE is in bytes, or with k, m or g behind it in KiB, MiB or GiB. Debug words
 * are those of bufpool/debug.h with a / where that has a comma.
 *
 * A word that is none, or a value that it does not take, is one line on stderr
 * that names it and lists the words; that pair is ignored and the others hold: a
 * typing error must not keep a server from starting. Values that do not go
 * together, as bufpool_create says of -EINVAL, are one line too, and the pool is
 * made with all defaults.
 *
 * Ignored, as BUFPOOL_DEBUG and BUFPOOL_TRACE are, in programs that run with more
 * rights than who started them (set-uid, capabilities: secure_getenv(3)).
 */
#ifndef BUFPOOL_CONF_H
#define BUFPOOL_CONF_H

#endif /* BUFPOOL_CONF_H */
