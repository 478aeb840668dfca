/* What people type at the device, and the verbs that the other end of the line may trigger. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "peer/device.h"
#include "peer/wifi_settings.h"

__attribute__((format(printf, 2, 3)))
static void say(device_t *device, const char *format, ...)
{
    char text[DEVICE_LINE_SIZE_MAX];
    va_list arguments;

    if (device->console.print == NULL) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->console.print(device->console.context, text);
}

static const char *describe(peer_error_t error)
{
    switch (error) {
    case PEER_OK: return "done";
    case PEER_ERROR_MALFORMED: return "cannot be read: mistyped?";
    case PEER_ERROR_NO_ROOM: return "too long, or no room for one more";
    case PEER_ERROR_STATE: return "nobody is paired: make a code with `pair`, or use one with `use`";
    case PEER_ERROR_REFUSED: return "to whom? send_msg @NAME TEXT";
    case PEER_ERROR_STORE: return "could not be stored";
    default: return "failed";
    }
}

void device_tell_news(device_t *device)
{
    switch (peer_take_news(&device->peer)) {
    case NEWS_NONE: break;
    case NEWS_PAIRED:
        say(device, "paired with %s, verified. Key check: %s", device->peer.met->record.name,
            device->peer.key_check);
        break;
    case NEWS_CODE_SPENT: say(device, "too many wrong tries: the code is void. `pair` makes another");
        break;
    case NEWS_CODE_NOT_TAKEN: say(device, "the code was not taken: wrong, used up, or out of reach");
        break;
    case NEWS_FORGOTTEN: say(device, "the contact has forgotten this device: pair again"); break;
    case NEWS_KEY_CHANGED:
        say(device, "refused: not the key that was pinned, or another contact's. `forget NAME` first?");
        break;
    case NEWS_TEXT: say(device, "a message waits: decrypt_msg"); break;
    case NEWS_SYNCHRONISED: say(device, "the clock was set"); break;
    case NEWS_PICTURE_TAKEN: say(device, "the picture arrived, and its letter was read"); break;
    case NEWS_PICTURE_LOST: say(device, "nobody has read the picture: given up"); break;
    }
}

/** One piece, a line. Terminals obey control characters; a message must not. */
static void show_piece(device_t *device, const inbox_text_t *piece)
{
    char *line = (char *)device->peer.plaintext;

    for (size_t i = 0; i < piece->size; i++) {
        const uint8_t byte = piece->text[i];
        /* U+0080 to U+009F, in UTF-8: U+009B begins what ESC [ begins. */
        const bool is_c1 = byte == 0xC2 && i + 1 < piece->size && piece->text[i + 1] < 0xA0;
        line[i] = (char)(byte < 0x20 || byte == 0x7F || is_c1 ? ' ' : byte);
        if (is_c1) line[++i] = ' ';
    }
    line[piece->size] = '\0';
    device->console.print(device->console.context, line);
    crypto_wipe(line, piece->size);
}

_Static_assert((int)INBOX_TEXT_SIZE_MAX < (int)PEER_MAX_FRAME, "it is shown from there");

/** Shows and forgets every text that waits. Returns how many. */
static unsigned open_texts(device_t *device)
{
    unsigned count = 0;
    contact_t *from;
    inbox_text_t *text;

    /* What nobody can see is kept until somebody can. */
    if (device->console.print == NULL) return 0;
    while ((text = peer_oldest_text(&device->peer, &from)) != NULL) {
        device->console.print(device->console.context, from->record.name);
        const inbox_text_t *piece = text;
        while (piece != NULL) {
            show_piece(device, piece);
            piece = inbox_rest(&from->inbox, piece);
        }
        count++;
        if (inbox_remove(&from->inbox, text) != PEER_OK) break;
    }
    return count;
}

static void hex(const uint8_t *bytes, size_t size, char *text)
{
    static const char DIGITS[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = DIGITS[bytes[i] >> 4];
        text[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

/** A name as JSON text; what would need escaping is left out. */
static void plain(const char *name, char *out)
{
    for (; *name != '\0'; name++) {
        if (*name != '"' && *name != '\\') *out++ = *name;
    }
    *out = '\0';
}

/** Text that grows; `size` is `room` when it was too much. */
typedef struct {
    char *text;
    size_t size, room;
} text_t;

__attribute__((format(printf, 2, 3)))
static void add(text_t *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int size = vsnprintf(text->text + text->size, text->room - text->size, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= text->room - text->size) text->size = text->room;
    else text->size += (size_t)size;
}

static const char *json_of(bool value)
{
    return value ? "true" : "false";
}

/** Whoever is paired; and what waits, of all. */
static void add_contacts(const peer_t *peer, text_t *json)
{
    unsigned queued = 0, dropped = 0, unopened = 0;
    const char *between = "";

    add(json, ",\"contacts\":[");
    for (size_t i = 0; i < PEER_CONTACTS; i++) {
        const contact_t *contact = &peer->contacts[i];
        char name[NAME_SIZE_MAX + 1];

        queued += (unsigned)outbox_count(&contact->outbox);
        dropped += (unsigned)contact->outbox.dropped;
        unopened += (unsigned)inbox_count(&contact->inbox);
        if (!contact->record.is_pinned) continue;
        plain(contact->record.name, name);
        add(json, "%s{\"name\":\"%s\",\"state\":\"%s\",\"verified\":%s,\"session\":%s}", between, name,
            contact->refusal == STATUS_UNKNOWN ? "forgotten_by_contact" : "paired",
            json_of(contact->record.is_verified), json_of(contact->current.is_alive));
        between = ",";
    }
    add(json, "],\"queued\":%u,\"dropped\":%u,\"unopened\":%u", queued, dropped, unopened);
}

static void add_refusals(const uint32_t *refusals, text_t *json)
{
    add(json, ",\"refused\":{\"malformed\":%u,\"unauthenticated\":%u,\"replayed\":%u,"
        "\"unknown_session\":%u,\"stale\":%u,\"busy\":%u,\"refused\":%u}",
        (unsigned)refusals[PEER_ERROR_MALFORMED], (unsigned)refusals[PEER_ERROR_UNAUTHENTICATED],
        (unsigned)refusals[PEER_ERROR_REPLAYED], (unsigned)refusals[PEER_ERROR_UNKNOWN],
        (unsigned)refusals[PEER_ERROR_STALE], (unsigned)refusals[PEER_ERROR_BUSY],
        (unsigned)refusals[PEER_ERROR_REFUSED]);
}

/** Public facts as JSON. Returns its size, 0 if it does not fit. */
static size_t show(const device_t *device, char *out, size_t room)
{
    const peer_t *peer = &device->peer;
    const line_counters_t *line = &device->line.counters;
    char key[2 * KEY_SIZE + 1], digits[FINGERPRINT_SIZE + 1] = "", own[NAME_SIZE_MAX + 1];
    text_t json = { .text = out, .room = room };

    hex(peer->static_keys.public_key, KEY_SIZE, key);
    if (fingerprint(peer->static_keys.public_key, digits) != PEER_OK) digits[0] = '\0';
    plain(peer->name, own);
    add(&json, "{\"name\":\"%s\",\"public_key\":\"%s\",\"fingerprint\":\"%s\"", own, key, digits);
    add_contacts(peer, &json);
    add(&json, ",\"synchronised\":%s", json_of(peer->clock.is_synchronised));
    add_refusals(peer->refusals, &json);
    add(&json, ",\"line\":{\"crc\":%u,\"cobs\":%u,\"size\":%u,\"foreign\":%u,\"retries\":%u,\"downs\":%u}}",
        (unsigned)line->noise[NOISE_CRC], (unsigned)line->noise[NOISE_COBS],
        (unsigned)line->noise[NOISE_SIZE], (unsigned)line->noise[NOISE_FOREIGN],
        (unsigned)line->retries, (unsigned)line->downs);
    return json.size < room ? json.size : 0;
}

static void show_here(device_t *device)
{
    char *json = (char *)device->peer.plaintext;

    json[show(device, json, sizeof device->peer.plaintext)] = '\0';
    if (device->console.print != NULL) device->console.print(device->console.context, json);
}

static bool is_verb(slice_t verb, const char *name)
{
    return verb.size == strlen(name) && memcmp(verb.bytes, name, verb.size) == 0;
}

size_t device_verb(device_t *device, slice_t verb, uint64_t now_ms, char *json, size_t room)
{
    int size;

    if (is_verb(verb, "show")) return show(device, json, room);
    if (is_verb(verb, "send_keys")) {
        const peer_error_t error = peer_send_keys(&device->peer, now_ms);
        size = snprintf(json, room, "{\"state\":\"%s\"}", error == PEER_OK ? "waiting" : "not_paired");
    } else if (is_verb(verb, "send_msg")) {
        device_ask_reading(device);
        size = snprintf(json, room, "{\"queued\":\"reading\"}");
    } else if (is_verb(verb, "decrypt_msg")) {
        size = snprintf(json, room, "{\"count\":%u}", open_texts(device));
    } else {
        size = snprintf(json, room, "{\"error\":\"unknown_verb\"}");
    }
    return size < 0 || (size_t)size >= room ? 0 : (size_t)size;
}

static void make_code(device_t *device)
{
    char code[PAIRING_TEXT_SIZE + 1];
    const peer_error_t error = peer_make_code(&device->peer, code);

    if (error == PEER_OK) say(device, "pairing code: %s (once, until used)", code);
    else say(device, "pair: %s", describe(error));
    crypto_wipe(code, sizeof code);
}

static void use_code(device_t *device, char *rest, uint64_t now_ms)
{
    char *at = strchr(rest, '@');

    if (at == NULL) {
        say(device, "use CODE@http://HOST:PORT");
        return;
    }
    *at = '\0';
    say(device, "use: %s", describe(peer_use_code(&device->peer, rest, at + 1, now_ms)));
    crypto_wipe(rest, strlen(rest));
}

/** Keeps the access point; the port restarts, and uses it. */
static void keep_wifi(device_t *device, char *rest)
{
    wifi_settings_t settings;
    const store_t *store = &device->peer.port->store;
    peer_error_t error = PEER_ERROR_MALFORMED;

    if (!device->has_wifi) {
        say(device, "wifi: this build has none");
        return;
    }
    error = wifi_settings_parse(rest, &settings);
    if (error == PEER_OK) error = wifi_settings_save(store, &settings);
    crypto_wipe(&settings, sizeof settings);
    crypto_wipe(rest, strlen(rest));
    device->restart_now = error == PEER_OK;
    if (error == PEER_OK) say(device, "wifi: kept; starting anew with it");
    else if (error == PEER_ERROR_STORE) say(device, "wifi: %s", describe(error));
    else say(device, "wifi NAME PASSWORD; 8 to 64 characters; \"in quotes\" what has spaces");
}

/** `@NAME TEXT`, where that is a contact's name; else all of it is the text. */
static peer_error_t send_text(device_t *device, char *text)
{
    char *end = text[0] == '@' ? strchr(text, ' ') : NULL;

    if (end == NULL) return peer_send_text(&device->peer, NULL, text);
    *end = '\0';
    const peer_error_t error = peer_send_text(&device->peer, text + 1, end + 1);
    *end = ' ';
    return error == PEER_ERROR_STATE ? peer_send_text(&device->peer, NULL, text) : error;
}

static void forget(device_t *device, const char *whom)
{
    const bool is_all = strcmp(whom, "everything") == 0;
    const peer_error_t error =
        is_all ? peer_factory_reset(&device->peer) : peer_forget(&device->peer, whom);

    if (error == PEER_ERROR_STATE) say(device, "forget everything, or the NAME of a contact");
    else say(device, "forget: %s", describe(error));
}

void device_command(device_t *device, char *line, uint64_t now_ms)
{
    char *rest = strchr(line, ' ');

    if (rest != NULL) *rest++ = '\0';
    else rest = line + strlen(line);
    if (strcmp(line, "pair") == 0) {
        make_code(device);
    } else if (strcmp(line, "use") == 0) {
        use_code(device, rest, now_ms);
    } else if (strcmp(line, "send_keys") == 0) {
        say(device, "send_keys: %s", describe(peer_send_keys(&device->peer, now_ms)));
    } else if (strcmp(line, "send_msg") == 0) {
        say(device, "send_msg: %s", describe(send_text(device, rest)));
    } else if (strcmp(line, "send_picture") == 0) {
        device->picture_now = device->post != NULL;
        if (device->post == NULL) say(device, "send_picture: this build sends none");
    } else if (strcmp(line, "decrypt_msg") == 0) {
        say(device, "%u opened", open_texts(device));
    } else if (strcmp(line, "show") == 0) {
        show_here(device);
    } else if (strcmp(line, "wifi") == 0) {
        keep_wifi(device, rest);
    } else if (strcmp(line, "forget") == 0) {
        forget(device, rest);
    } else if (line[0] != '\0') {
        say(device, "pair | use CODE@ADDRESS | send_keys | send_msg TEXT | send_msg @NAME TEXT | "
                    "send_picture | decrypt_msg | show | wifi NAME PASSWORD | forget NAME | "
                    "forget everything");
    }
}
