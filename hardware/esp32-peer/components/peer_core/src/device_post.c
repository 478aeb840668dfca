#include "peer/device_post.h"

#include "peer/bytes.h"

static void read_bundle(void *context, uint8_t *out, size_t size)
{
    device_post_t *post = context;

    copy_bytes(out, post->bytes, size);
    post->bytes += size;
}

static void read_picture(void *context, uint8_t *out, size_t size)
{
    png_stream_read(context, out, size);
}

bool device_post_next(device_t *device, uint64_t now_ms, device_post_t *post)
{
    device_record_t *request = &device->request;

    if (device->line.is_up || device->asked != NULL) return false;
    *post = (device_post_t){ .media_type = "application/octet-stream", .read = read_bundle };
    post->size = peer_poll(&device->peer, now_ms, request->bytes, PEER_BUNDLE_SIZE_MAX, &post->to);
    post->bytes = request->bytes;
    post->context = post;
    if (post->size > 0) return true;
    post->to = device->post == NULL ? NULL : picture_post_due(&device->peer, device->post, now_ms);
    if (post->to == NULL) return false;
    post->to->out_type = PACKET_LETTER;
    picture_post_begin(device->post, now_ms);
    post->media_type = "image/png";
    post->size = png_size(&device->post->picture);
    post->read = read_picture;
    post->context = &device->post->stream;
    return true;
}

void device_post_done(device_t *device, const device_post_t *post, const uint8_t *back, size_t size,
                      uint64_t now_ms)
{
    if (back == NULL) peer_fail(&device->peer, post->to, now_ms);
    else peer_reply(&device->peer, post->to, (slice_t){ back, size }, now_ms);
}
