#include "peer/session.h"

enum {
    RENEW_AFTER_MS = 10 * 60 * 1000,
    OVER_AFTER_MS = 20 * 60 * 1000,
    RENEW_AFTER_PACKETS = 1 << 16,
};

size_t session_room(size_t packet_size)
{
    return packet_size < TRANSPORT_OVERHEAD ? 0 : (packet_size - TRANSPORT_OVERHEAD) / 16 * 16;
}

peer_error_t session_seal(session_t *session, slice_t plaintext, uint8_t *out)
{
    const uint64_t counter = session->sent;
    const size_t size = header_encode(PACKET_TRANSPORT, session->remote_index, counter, out);

    /* Counted before it is used: whatever fails below, no counter seals two plaintexts. */
    session->sent++;
    return crypto_seal(session->sending, counter, (slice_t){ out, size }, plaintext, out + size);
}

peer_error_t session_open(session_t *session, const packet_t *packet, uint8_t *out)
{
    PEER_TRY(crypto_open(session->receiving, packet->counter, packet->header, packet->body, out));
    if (!replay_window_accept(&session->window, packet->counter)) return PEER_ERROR_REPLAYED;
    session->received++;
    return PEER_OK;
}

static bool has_reached(const session_t *session, uint64_t now_ms, uint64_t age_ms,
                        uint64_t packets)
{
    return now_ms - session->promoted_at_ms >= age_ms || session->sent >= packets
           || session->received >= packets;
}

bool session_is_old(const session_t *session, uint64_t now_ms)
{
    /* Up to a tenth earlier, told by the index, which is random: no two devices keep step. */
    const uint64_t jitter_ms = (uint64_t)RENEW_AFTER_MS / 1000 * (session->own_index % 100);
    const uint64_t own_ms = RENEW_AFTER_MS - jitter_ms;

    if (session->is_initiator) return has_reached(session, now_ms, own_ms, RENEW_AFTER_PACKETS);
    return has_reached(session, now_ms, (uint64_t)RENEW_AFTER_MS * 3 / 2,
                       (uint64_t)RENEW_AFTER_PACKETS * 3 / 2);
}

bool session_is_over(const session_t *session, uint64_t now_ms)
{
    return has_reached(session, now_ms, OVER_AFTER_MS, (uint64_t)RENEW_AFTER_PACKETS * 2);
}

void session_wipe(session_t *session)
{
    crypto_wipe(session, sizeof *session);
}
