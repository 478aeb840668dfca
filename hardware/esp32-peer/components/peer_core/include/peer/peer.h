#pragma once

#include "peer/comparison.h"
#include "peer/device_clock.h"
#include "peer/handshake_state.h"
#include "peer/inbox.h"
#include "peer/introduction.h"
#include "peer/outbox.h"
#include "peer/pairing_code.h"
#include "peer/senml.h"
#include "peer/session.h"

/**
 * A whole peer of docs/PROTOCOL.md, polled: bytes in, bytes out; time is an argument, in
 * milliseconds since the start. It meets by pairing code (XXpsk3), meets again by KK, keeps what
 * it has to say until it is acknowledged. Plain XX is refused, as §7 asks over a serial line.
 *
 * Exchanges are two-way. The link asks `peer_poll` for a bundle to carry and gives back what came
 * by `peer_reply`, or `peer_fail`; what others bring it hands to `peer_receive`.
 */
#ifndef PEER_CONTACTS
#define PEER_CONTACTS 2 /**< Each takes 29 KB of RAM, and 33 KB of the store. */
#endif

enum {
    PEER_MAX_FRAME = 1400,
    PEER_BUNDLE_SIZE_MAX = 1792, /**< Fits a serial record with its address. */
    PEER_NEXT_SESSIONS = 2,
    PEER_CONTENT_SIZE_MAX = 4096, /**< Of what comes in parts, PROTOCOL §8.4. */
    PEER_PARTS_MAX = PEER_CONTENT_SIZE_MAX / 256,
    LETTER_ACKS_MAX = 16, /**< A content in parts at once. */
    HANDSHAKE_PACKET_SIZE_MAX = 8 + 3 * KEY_SIZE + INTRODUCTION_SIZE_MAX + 48,
};

typedef struct {
    void *context;
    /** Fills `out` with secret, uniform bytes. */
    void (*random)(void *context, uint8_t *out, size_t size);
    store_t store;
} peer_port_t;

/** What a person at the device should hear of. */
typedef enum {
    NEWS_NONE,
    NEWS_PAIRED,         /**< By pairing code: verified. */
    NEWS_CODE_SPENT,     /**< Too many wrong tries: make another. */
    NEWS_CODE_NOT_TAKEN, /**< The other side does not answer, or holds another code. */
    NEWS_FORGOTTEN,      /**< The contact does not know this device any more: pair anew. */
    NEWS_KEY_CHANGED,    /**< Somebody with another key; refused. */
    NEWS_TEXT,           /**< A text waits to be opened. */
    NEWS_SYNCHRONISED,   /**< The clock was set. */
    NEWS_PICTURE_TAKEN,  /**< The letter in a picture was read. */
    NEWS_PICTURE_LOST,   /**< Nobody acknowledged it. */
} peer_news_t;

/** What survives a restart. */
typedef struct {
    uint8_t is_pinned, is_verified;
    uint16_t max_frame;
    uint32_t capabilities;
    uint8_t public_key[KEY_SIZE];
    char name[NAME_SIZE_MAX + 1];
    char address[ADDRESS_SIZE_MAX + 1];
} contact_record_t;

/** A handshake that I started: its packet is repeated, the same, until something answers. */
typedef struct {
    packet_type_t sending; /**< PSK1, PSK3 or KK1; 0: none. */
    handshake_state_t handshake;
    uint32_t own_index;
    uint8_t nonce[COMPARISON_NONCE_SIZE]; /**< r_A */
    introduction_t remote;
    uint8_t answered[HASH_SIZE]; /**< Of the PSK2 that PSK3 answers. */
    uint8_t packet[HANDSHAKE_PACKET_SIZE_MAX];
    size_t packet_size;
    uint64_t at_ms, interval_ms, give_up_at_ms;
} initiation_t;

/** What I answered, so that the identical packet gets the identical answer. */
typedef struct {
    bool is_alive;
    uint8_t question[HASH_SIZE];
    uint8_t packet[HANDSHAKE_PACKET_SIZE_MAX];
    size_t packet_size;
} answer_t;

/** A letter whose acknowledgement is owed. */
typedef struct {
    uint64_t epoch, sequence;
} letter_ack_t;

typedef struct {
    contact_record_t record;
    uint8_t gate_key[KEY_SIZE];
    uint32_t hint_out, hint_in;
    session_t current, previous, next[PEER_NEXT_SESSIONS];
    introduction_t introduced[PEER_NEXT_SESSIONS]; /**< Of the unconfirmed sessions. */
    uint64_t previous_until_ms;
    initiation_t initiation;
    answer_t kk_answer;
    uint32_t kk_tokens_ms; /**< What is left of the rate of KK1, in milliseconds of waiting. */
    uint64_t kk_tokens_at_ms;
    outbox_t outbox;
    inbox_t inbox;
    bool is_wanted;          /**< Meet even if there is nothing to send. */
    status_code_t refusal;   /**< What was said of KK1, by whoever: unknown or refused. */
    uint64_t refused_interval_ms; /**< Then: between one KK1 and the next. */
    bool confirm_due;        /**< A packet must go out on the new session. */
    bool ack_due, time_due;
    bool time_asked;         /**< A contact that answers may set the clock. */
    bool time_wanted;        /**< The contact has asked. */
    uint64_t time_asked_at_ms;
    bool is_heard;           /**< A fresh packet came in the request that is being judged. */
    uint8_t time_event, time_event_out; /**< To be told; told by what is out. */
    uint64_t ack_epoch;
    letter_ack_t letter_ack[LETTER_ACKS_MAX];
    uint8_t letter_acks, letter_acks_out; /**< Owed; of them, in the exchange that is out. */
    uint64_t letters_paid_ms; /**< The rate of letters, in milliseconds. */
    uint64_t send_at_ms, backoff_ms; /**< Patience after an exchange that failed or was of no use. */
    uint8_t echo[ECHO_SIZE]; /**< Of the packet that is out, to know a STATUS by. */
    packet_type_t out_type;
    uint8_t answers[2 + HANDSHAKE_PACKET_SIZE_MAX]; /**< To what came in a reply: sent at once. */
    size_t answers_size;
} contact_t;

/** A meeting by code that I answered, until PSK3 comes. */
typedef struct {
    bool is_open;
    bool is_failed; /**< By a PSK3 that was wrong; its sender repeats it. */
    handshake_state_t handshake;
    uint32_t own_index;
    uint8_t nonce[COMPARISON_NONCE_SIZE]; /**< r_B */
    uint8_t commit[HASH_SIZE];
    introduction_t remote;
    answer_t answer;
    uint64_t until_ms, again_at_ms;
    uint8_t finished[HASH_SIZE]; /**< Of the last PSK3 that was right. */
} response_t;

/**
 * A content that comes in parts. It is in memory alone until it is whole, and no part of it is
 * acknowledged before: after a restart its sender sends all of them again.
 */
typedef struct {
    const contact_t *contact; /**< NULL: nothing is coming. */
    uint64_t epoch, first;
    uint32_t count;
    uint32_t have;     /**< Bit i: part i is here. */
    size_t slice_size; /**< Of all parts but the last; 0: not known yet. */
    size_t last_size;
    uint8_t bytes[PEER_CONTENT_SIZE_MAX];
} assembly_t;

typedef struct {
    uint8_t is_held;
    uint8_t failures;
    uint8_t secret[PAIRING_SECRET_SIZE];
} held_code_t;

typedef struct {
    const peer_port_t *port;
    char name[NAME_SIZE_MAX + 1];
    char address[ADDRESS_SIZE_MAX + 1]; /**< Where this device can be called; may be empty. */
    key_pair_t static_keys;
    held_code_t code;      /**< One of mine, that somebody may use once. */
    response_t response;
    contact_t contacts[PEER_CONTACTS];
    assembly_t assembly;
    device_clock_t clock;
    health_t health;
    uint32_t refusals[PEER_ERROR_STORE + 1];
    uint32_t time_interval_ms; /**< How often the time is told; 0: never by itself. */
    uint64_t time_at_ms;
    uint64_t measured_at_ms;
    uint64_t letter_epoch, letter_next; /**< The ids of letters; another epoch each start. */
    uint64_t letter_out;     /**< Sequence of the letter that is to be acknowledged. */
    bool is_letter_out;
    uint64_t statuses_since_ms; /**< STATUS packets of this second. */
    uint32_t statuses;
    peer_news_t news;
    const contact_t *met;               /**< In the last meeting by code. */
    char key_check[KEY_CHECK_SIZE + 1]; /**< Of the last meeting. */
    size_t turn;                        /**< Of contacts: whose it is to send. */
    /** Of what is being read or written, or shown: too large for a task's stack. */
    uint8_t plaintext[PEER_MAX_FRAME];
} peer_t;

_Static_assert(HANDSHAKE_PACKET_SIZE_MAX <= PEER_MAX_FRAME, "a handshake's payload stands there too");

/**
 * Loads everything from the store; makes the static key if there is none.
 *
 * @param address  Where this device can be called, or "".
 */
PEER_CHECKED peer_error_t peer_start(peer_t *peer, const peer_port_t *port, const char *name,
                                     const char *address);

/** Forgets key, contacts and everything that waits: what holding the button does. */
PEER_CHECKED peer_error_t peer_factory_reset(peer_t *peer);

/** Forgets one contact, and what waits for it. PEER_ERROR_STATE if nobody has that name. */
PEER_CHECKED peer_error_t peer_forget(peer_t *peer, const char *name);

/** How many contacts are paired. */
size_t peer_paired(const peer_t *peer);

/** Makes a code for somebody else to use; the old one is void. For the device's own console. */
PEER_CHECKED peer_error_t peer_make_code(peer_t *peer, char text[PAIRING_TEXT_SIZE + 1]);

/** Holds a code that was written at flashing. */
PEER_CHECKED peer_error_t peer_hold_code(peer_t *peer, const char *text);

/** Meets whoever holds this code at `address`; starts at once. PEER_ERROR_NO_ROOM: forget one. */
PEER_CHECKED peer_error_t peer_use_code(peer_t *peer, const char *text, const char *address,
                                        uint64_t now_ms);

/** The trigger: renews with every contact. PEER_ERROR_STATE if there is none: a code is needed. */
PEER_CHECKED peer_error_t peer_send_keys(peer_t *peer, uint64_t now_ms);

/**
 * Queues a reading for every contact that is paired; before there is one, for whoever will be first.
 * `at_ms` is when it was taken.
 */
PEER_CHECKED peer_error_t peer_add_reading(peer_t *peer, const measurement_t *measurement,
                                           uint64_t at_ms);

/** Readings that never came this far: counted with those that had to make room. */
void peer_lose_readings(peer_t *peer, uint32_t count);

/** A measurement with its time, as far as the device knows it. */
reading_t peer_date(peer_t *peer, const measurement_t *measurement, uint64_t now_ms);

/** Queues a text for a contact; `to` may be NULL with one contact, else PEER_ERROR_REFUSED. */
PEER_CHECKED peer_error_t peer_send_text(peer_t *peer, const char *to, const char *text);

/** The oldest unopened text of any contact, or NULL. Show it, then call inbox_remove. */
inbox_text_t *peer_oldest_text(peer_t *peer, contact_t **from);

/** Sets the clock: at `at_ms` it was `unix_ms`. Tells it to the contacts. */
bool peer_synchronise(peer_t *peer, uint64_t unix_ms, uint64_t at_ms);

/** Something to tell a person, once. */
peer_news_t peer_take_news(peer_t *peer);

/** Judges a bundle and writes the bundle that goes back. @return PEER_ERROR_MALFORMED: framing. */
PEER_CHECKED peer_error_t peer_receive(peer_t *peer, slice_t bundle, uint64_t now_ms, uint8_t *out,
                                       size_t room, size_t *size);

/** A bundle to carry to `(*to)->record.address`, or 0. One exchange is out at a time. */
size_t peer_poll(peer_t *peer, uint64_t now_ms, uint8_t *out, size_t room, contact_t **to);

/** What came back. */
void peer_reply(peer_t *peer, contact_t *from, slice_t bundle, uint64_t now_ms);

/** Nothing came back. */
void peer_fail(peer_t *peer, contact_t *to, uint64_t now_ms);
