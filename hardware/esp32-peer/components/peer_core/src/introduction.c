#include "peer/introduction.h"

#include "peer/bytes.h"

enum { FIXED_SIZE = 10, PORT_DIGITS_MAX = 5 };

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/** The size of the code point at the front, RFC 3629 §4, or 0 if it is none; sets its value. */
static size_t code_point(slice_t text, uint32_t *value)
{
    const uint8_t *at = text.bytes;
    const size_t size = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    static const uint32_t LEAST[5] = { 0, 0, 0x80, 0x800, 0x10000 };

    if (at[0] >= 0x80 && at[0] < 0xC2) return 0;
    if (at[0] > 0xF4 || text.size < size) return 0;
    *value = size == 1 ? at[0] : at[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(at[i])) return 0;
        *value = *value << 6 | (at[i] & 0x3Fu);
    }
    const bool is_surrogate = *value >= 0xD800 && *value <= 0xDFFF;
    return *value < LEAST[size] || *value > 0x10FFFF || is_surrogate ? 0 : size;
}

/** Whether it is UTF-8, and, if asked, free of control characters (Unicode Cc). */
static bool is_text(slice_t text, bool allow_control)
{
    while (text.size > 0) {
        uint32_t value = 0;
        const size_t size = code_point(text, &value);

        if (size == 0) return false;
        if (!allow_control && (value < 0x20 || (value >= 0x7F && value < 0xA0))) return false;
        text.bytes += size;
        text.size -= size;
    }
    return true;
}

bool is_utf8(slice_t text)
{
    return is_text(text, true);
}

static bool is_alphanumeric(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

static bool is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/** A name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host(slice_t host)
{
    const bool is_bracketed = host.size > 2 && host.bytes[0] == '[';
    const size_t first = is_bracketed ? 1 : 0, end = host.size - first;

    if (host.size == 0 || (is_bracketed && host.bytes[end] != ']')) return false;
    for (size_t i = first; i < end; i++) {
        const uint8_t byte = host.bytes[i];
        const bool is_dot = byte == '.';

        if (is_bracketed && !is_hex(byte) && byte != ':' && !is_dot) return false;
        if (!is_bracketed && !is_alphanumeric(byte) && byte != '-' && !is_dot) return false;
    }
    return true;
}

bool is_address(slice_t text)
{
    static const char SCHEME[] = "http://";
    const size_t scheme_size = sizeof SCHEME - 1;
    size_t colon = text.size;
    uint32_t port = 0;

    if (text.size <= scheme_size || memcmp(text.bytes, SCHEME, scheme_size) != 0) return false;
    while (colon > scheme_size && text.bytes[colon - 1] != ':') colon--;
    const size_t digits = text.size - colon;
    if (colon == scheme_size || digits == 0 || digits > PORT_DIGITS_MAX) return false;
    for (size_t i = colon; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') return false;
        port = port * 10 + (text.bytes[i] - (uint32_t)'0');
    }
    return text.bytes[colon] != '0' && port < 65536
           && is_host((slice_t){ text.bytes + scheme_size, colon - 1 - scheme_size });
}

static size_t put_str8(uint8_t *out, const char *text, size_t size_max)
{
    size_t size = strlen(text);

    if (size > size_max) size = size_max;
    out[0] = (uint8_t)size;
    memcpy(out + 1, text, size);
    return 1 + size;
}

size_t introduction_encode(const introduction_t *introduction, uint8_t *out)
{
    put_u32(out, introduction->index);
    put_u32(out + 4, introduction->capabilities);
    put_u16(out + 8, introduction->max_frame);
    size_t size = FIXED_SIZE + put_str8(out + FIXED_SIZE, introduction->name, NAME_SIZE_MAX);
    size += put_str8(out + size, introduction->address, ADDRESS_SIZE_MAX);
    return size;
}

static peer_error_t get_str8(slice_t *rest, slice_t *text)
{
    if (rest->size < 1 || rest->size - 1 < rest->bytes[0]) return PEER_ERROR_MALFORMED;
    *text = (slice_t){ rest->bytes + 1, rest->bytes[0] };
    rest->bytes += 1 + text->size;
    rest->size -= 1 + text->size;
    return PEER_OK;
}

peer_error_t introduction_decode(slice_t payload, introduction_t *introduction, slice_t *rest)
{
    slice_t name, address;

    if (payload.size < FIXED_SIZE) return PEER_ERROR_MALFORMED;
    *rest = (slice_t){ payload.bytes + FIXED_SIZE, payload.size - FIXED_SIZE };
    PEER_TRY(get_str8(rest, &name));
    PEER_TRY(get_str8(rest, &address));
    *introduction = (introduction_t){
        .index = get_u32(payload.bytes),
        .capabilities = get_u32(payload.bytes + 4),
        .max_frame = get_u16(payload.bytes + 8),
    };
    if (introduction->index == 0 || introduction->max_frame < MAX_FRAME_MIN
        || name.size > NAME_SIZE_MAX || !is_text(name, false)
        || (address.size > 0 && !is_address(address))) {
        return PEER_ERROR_MALFORMED;
    }
    memcpy(introduction->name, name.bytes, name.size);
    memcpy(introduction->address, address.bytes, address.size);
    return PEER_OK;
}
