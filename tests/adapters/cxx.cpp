// The adapters for servers compile as C++17 too, where their libraries are installed.
#if __has_include(<uv.h>)
#include <bufpool/uv.h>

BUFPOOL_UV_ALLOC(lend, static_cast<bufpool_t *>(handle->data), suggested)

int start_reading(uv_stream_t *stream, uv_read_cb read);
int start_reading(uv_stream_t *stream, uv_read_cb read)
{
    return uv_read_start(stream, lend, read);
}
#endif
#if __has_include(<event2/event.h>)
#include <bufpool/event.h>
#endif
#if __has_include(<liburing.h>)
#include <bufpool/uring.h>
#endif
