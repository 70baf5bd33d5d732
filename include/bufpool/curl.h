/*
 * bufpool/curl.h - libcurl on the default pool.
 *
 *     bufpool_curl_global_init(CURL_GLOBAL_DEFAULT);   // for curl_global_init
 *
 * When: once, in main, before any other function of libcurl.
 *
 * Catches: all that libcurl itself asks for: handles (5 KiB), receive and upload
 * buffers (16 and 64 KiB), connections, headers, cookies, what it keeps of URLs
 * and options. Up to half the smallest tier, 256 bytes by default, the C library
 * serves, as bufpool/malloc.h says.
 *
 * Share in the pool (libcurl 7.88, a handle for each transfer of up to 256 KiB;
 * the test measures it): 15 % of buffers, 96 % of bytes; they take 1.15 times what
 * was asked for. The rest are strings and list nodes, of 36 bytes on average.
 *
 * Not for: the memory of the libraries below, OpenSSL (bufpool/openssl.h), zlib
 * and nghttp2, which libcurl does not pass its functions on to.
 */
#ifndef BUFPOOL_CURL_H
#define BUFPOOL_CURL_H

#include <string.h>

#include <bufpool/malloc.h>
#include <curl/curl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* strdup by the drop-in face. */
static inline char *bufpool_curl_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = (char *)bufpool_malloc(bytes);

    return copy != NULL ? (char *)memcpy(copy, text, bytes) : NULL;
}

/*
 * bufpool_curl_global_init - curl_global_init, with libcurl's memory from the
 * default pool. Its flags and its result are curl_global_init's.
 *
 * Must be the first of the program's calls of libcurl: where libcurl is
 * initialised already, it only counts one more and changes nothing, and there is
 * no way to tell. As curl_global_init, not before main and not on several threads
 * at once. Each call wants a curl_global_cleanup.
 */
static inline CURLcode bufpool_curl_global_init(long flags)
{
    return curl_global_init_mem(flags, bufpool_malloc, bufpool_free, bufpool_realloc, bufpool_curl_strdup,
                                bufpool_calloc);
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_CURL_H */
