#pragma once

#include "peer/payload.h"
#include "peer/peer.h"

/** What the parts of a peer need of each other: contacts, meetings, deliveries. */

/* contact.c */
contact_t *contact_of_key(peer_t *peer, const uint8_t key[KEY_SIZE]);
contact_t *contact_free(peer_t *peer);

/** Whom a code for this address may be for: who is there, else a free place, else NULL. */
contact_t *contact_at(peer_t *peer, const char *address);
PEER_CHECKED peer_error_t contact_load(peer_t *peer, contact_t *contact);
PEER_CHECKED peer_error_t contact_save(const peer_t *peer, const contact_t *contact);

/** Derives what KK needs once the key is pinned. */
PEER_CHECKED peer_error_t contact_derive(const peer_t *peer, contact_t *contact);

/** Takes over what the other side said of itself in a confirmed handshake. */
PEER_CHECKED peer_error_t contact_update(const peer_t *peer, contact_t *contact,
                                         const introduction_t *said);

/** A random index that nothing alive uses. */
uint32_t fresh_index(const peer_t *peer);

/** The session an index names, if it may still receive; and whose it is. */
session_t *session_of(peer_t *peer, uint32_t index, uint64_t now_ms, contact_t **contact);

/** Makes `session` the current one; the one before can still receive for a minute. */
void contact_promote(contact_t *contact, session_t *session, uint64_t now_ms);

/** The session of a finished handshake; not alive if the keys could not be computed. */
session_t open_session(const handshake_state_t *state, uint32_t own_index, uint32_t remote_index);

/** Room for an unconfirmed session: the oldest makes way. */
session_t *contact_next(contact_t *contact, const introduction_t *said);

void contact_wait(const peer_t *peer, contact_t *contact, uint64_t now_ms);
introduction_t own_introduction(const peer_t *peer, uint32_t index);

/* meeting.c */
PEER_CHECKED peer_error_t meeting_start_code(peer_t *peer, contact_t *contact,
                                             const uint8_t secret[PAIRING_SECRET_SIZE],
                                             uint64_t now_ms);
PEER_CHECKED peer_error_t meeting_receive_psk1(peer_t *peer, const packet_t *packet,
                                               uint64_t now_ms, bundle_writer_t *reply);
PEER_CHECKED peer_error_t meeting_receive_psk2(peer_t *peer, contact_t *from,
                                               const packet_t *packet, uint64_t now_ms);
PEER_CHECKED peer_error_t meeting_receive_psk3(peer_t *peer, const packet_t *packet,
                                               uint64_t now_ms);

/** Called when a session was confirmed that PSK3 opened. */
PEER_CHECKED peer_error_t meeting_finish(peer_t *peer, contact_t *contact);
void meeting_end(initiation_t *initiation);

/* renewal.c */
PEER_CHECKED peer_error_t renewal_start(peer_t *peer, contact_t *contact, uint64_t now_ms);
PEER_CHECKED peer_error_t renewal_receive_kk1(peer_t *peer, const packet_t *packet, uint64_t now_ms,
                                              bundle_writer_t *reply);
PEER_CHECKED peer_error_t renewal_receive_kk2(peer_t *peer, contact_t *from, const packet_t *packet,
                                              uint64_t now_ms);

/* parts.c */

/**
 * Takes one part. `whole->bytes` is NULL until all are here; nothing may be acknowledged before.
 *
 * @return PEER_ERROR_NO_ROOM if the content is too large, PEER_ERROR_MALFORMED if the parts
 *         contradict each other.
 */
PEER_CHECKED peer_error_t assembly_add(assembly_t *assembly, const contact_t *contact,
                                       uint64_t epoch, const payload_t *part, slice_t *whole);

/* delivery.c */
PEER_CHECKED peer_error_t delivery_receive(peer_t *peer, const packet_t *packet, uint64_t now_ms,
                                           contact_t **from);

/** Adds one TRANSPORT packet with what is due. Returns whether it did. */
bool delivery_add(peer_t *peer, contact_t *contact, uint64_t now_ms, bool with_queue,
                  bundle_writer_t *bundle);

/** The packet as it stands in the bundle, header first. */
void packet_begin(packet_type_t type, uint32_t index, uint8_t *packet, size_t *size);
PEER_CHECKED peer_error_t packet_hash(slice_t packet, uint8_t hash[HASH_SIZE]);
void bundle_add_copy(bundle_writer_t *bundle, const uint8_t *packet, size_t size);
