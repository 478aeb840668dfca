/* Contents that come in parts, PROTOCOL §8.4. */
#include "peer/bytes.h"
#include "peer_parts.h"

_Static_assert(PEER_PARTS_MAX <= 32, "a bit for each part");

/** False if the parts of one content do not agree on how many they are. */
static bool begin(assembly_t *assembly, const contact_t *contact, uint64_t epoch, uint64_t first,
                  uint32_t count)
{
    const bool is_same =
        assembly->contact == contact && assembly->epoch == epoch && assembly->first == first;

    if (is_same) return assembly->count == count;
    *assembly = (assembly_t){ .contact = contact, .epoch = epoch, .first = first, .count = count };
    return true;
}

/** All but the last are of one size, and none is larger. */
static bool fits(const assembly_t *assembly, const payload_t *part, bool is_last)
{
    if (!is_last) return assembly->slice_size == 0 || assembly->slice_size == part->bytes.size;
    return assembly->slice_size == 0 || part->bytes.size <= assembly->slice_size;
}

peer_error_t assembly_add(assembly_t *assembly, const contact_t *contact, uint64_t epoch,
                          const payload_t *part, slice_t *whole)
{
    const bool is_last = part->part_index + 1 == part->part_count;

    *whole = (slice_t){ NULL, 0 };
    if (part->part_count > PEER_PARTS_MAX) return PEER_ERROR_NO_ROOM;
    if (!is_last && part->bytes.size * (part->part_count - 1) > PEER_CONTENT_SIZE_MAX) {
        return PEER_ERROR_NO_ROOM;
    }
    const uint64_t first = part->sequence - part->part_index;
    if (!begin(assembly, contact, epoch, first, part->part_count) || !fits(assembly, part, is_last)) {
        return PEER_ERROR_MALFORMED;
    }
    if (!is_last) assembly->slice_size = part->bytes.size;
    else assembly->last_size = part->bytes.size;
    /* Where the last one belongs only the others tell: until then it lies at the end. */
    const size_t at = is_last ? PEER_CONTENT_SIZE_MAX - part->bytes.size
                              : part->part_index * assembly->slice_size;
    const size_t body = (part->part_count - 1) * assembly->slice_size;
    if (part->bytes.size > PEER_CONTENT_SIZE_MAX || body + assembly->last_size > PEER_CONTENT_SIZE_MAX) {
        return PEER_ERROR_NO_ROOM;
    }
    copy_bytes(assembly->bytes + at, part->bytes.bytes, part->bytes.size);
    assembly->have |= 1u << part->part_index;
    if (assembly->have != (uint32_t)((UINT64_C(1) << part->part_count) - 1)) return PEER_OK;
    memmove(assembly->bytes + body, assembly->bytes + PEER_CONTENT_SIZE_MAX - assembly->last_size,
            assembly->last_size);
    *whole = (slice_t){ assembly->bytes, body + assembly->last_size };
    return PEER_OK;
}
