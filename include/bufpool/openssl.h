/*
 * bufpool/openssl.h - OpenSSL on the default pool.
 *
 *     if (bufpool_openssl_install() != 0)   // first thing in main
 *
 * When: once, before OpenSSL allocates anything: see below.
 *
 * Catches: all of OPENSSL_malloc: connections (7.5 KiB), record buffers,
 * handshakes (21848 bytes), BIOs, certificates, keys, sessions. Up to half the
 * smallest tier, 256 bytes by default, the C library serves, as bufpool/malloc.h
 * says; secure memory (OPENSSL_secure_malloc) is OpenSSL's own.
 *
 * Share in the pool (OpenSSL 3.0, connections of TLS 1.3 and 1.2 with up to 200 KiB
 * each; the test measures it): 3 % of buffers, 68 to 70 % of bytes. A handshake makes
 * some 3000 small requests, of 47 bytes on average.
 *
 * Mind the record buffers. An end of a connection asks for 16584 bytes to write
 * and 16712 to read, 16 KiB and what protects it, and a tier of 16 KiB with its
 * headroom holds 16576: each takes a buffer of 32 KiB by default. What an end of an
 * idle connection of TLS 1.3 holds of the pool, in bytes (the test measures it):
 *
 *     tiers of the default pool    SSL_MODE_RELEASE_BUFFERS off       on
 *     as they are                                         78464    12873
 *     tier_steps 2                                        61824    12535
 *     tier_steps 4                                        53504    12366
 *     a tier of 16640 added                               46208    12712
 *
 * So where connections keep their record buffers add that tier, which holds both
 * in 16832 bytes:
 *
 *     BUFPOOL_CONF=tiers:512/1k/2k/4k/8k/16k/16640/32k/64k/128k/256k/512k/1m
 *
 * With SSL_MODE_RELEASE_BUFFERS an idle connection has none, at a
 * get and a put, both hits, for each time it reads or writes.
 *
 * OpenSSL keeps tables until its cleanup at exit, some 18 KiB of the pool: who looks
 * at in_use_bytes before that will see them. OPENSSL_cleanup() frees them.
 *
 * Not for: a library that is loaded after another has used OpenSSL.
 */
#ifndef BUFPOOL_OPENSSL_H
#define BUFPOOL_OPENSSL_H

#include <errno.h>

#include <bufpool/malloc.h>
#include <openssl/crypto.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What OpenSSL calls. Of no bytes it wants what its own gives: NULL. */
static inline void *bufpool_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size != 0 ? bufpool_malloc(size) : NULL;
}

static inline void *bufpool_openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return memory != NULL || size != 0 ? bufpool_realloc(memory, size) : NULL;
}

static inline void bufpool_openssl_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    bufpool_free(memory);
}

/*
 * bufpool_openssl_install - have OpenSSL take its memory from the default pool.
 *
 * 0; -EBUSY where OpenSSL has allocated already, and stays as it was: call it
 * before any other function of libcrypto or libssl, and of libraries above them
 * (libcurl, libpq). There is no way back.
 */
static inline int bufpool_openssl_install(void)
{
    return CRYPTO_set_mem_functions(bufpool_openssl_malloc, bufpool_openssl_realloc, bufpool_openssl_free) ==
                   1
               ? 0
               : -EBUSY;
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_OPENSSL_H */
