/*
 * Goal: a device with its line, its console and its pictures does what a person and the other end
 * of the cable ask, and nothing that only the person may see goes onto the line.
 * Method: the device, a serial line as the bridge has it, and a whole peer behind that; whatever
 * the device prints and sends is kept and looked at.
 */
#define _GNU_SOURCE
#include "two_peers.h"

#include "peer/bytes.h"
#include "peer/device_post.h"
#include "peer/wifi_settings.h"

static device_t device;
static serial_line_t far_end;
static picture_post_t post;
static contact_t *asked; /* By the peer behind the bridge. */
static char printed[16384], on_line[1 << 20];
static size_t printed_size, on_line_size;
static uint8_t answer[LINE_MTU];
static size_t answer_size;

static void print(void *context, const char *text)
{
    const size_t size = strlen(text);

    (void)context;
    CHECK(printed_size + size + 2 < sizeof printed, "room");
    memcpy(printed + printed_size, text, size);
    printed[printed_size + size] = '\n';
    printed[printed_size += size + 1] = '\0';
}

/** Whether it was printed since the last time; forgets what was printed. */
static bool says(const char *text)
{
    const bool is_there = strstr(printed, text) != NULL;

    if (!is_there) fprintf(stderr, "it said: %s", printed);
    printed_size = 0;
    printed[0] = '\0';
    return is_there;
}

static void type(const char *text)
{
    char line[DEVICE_LINE_SIZE_MAX];

    snprintf(line, sizeof line, "%s", text);
    device_command(&device, line, now_ms);
}

/** What the bridge does with a record of the device. */
static void take_record(const line_event_t *event)
{
    uint8_t reply[LINE_MTU];
    size_t size = 0;

    if (event->bytes[0] >= 0x80) {
        answer_size = event->size - 1;
        memcpy(answer, event->bytes + 1, answer_size);
        if (event->channel == CHANNEL_PACKETS && asked != NULL) {
            peer_reply(&b.peer, asked, (slice_t){ answer, answer_size }, now_ms);
            asked = NULL;
        }
        return;
    }
    const size_t skip = 2 + (size_t)event->bytes[1];
    CHECK(peer_receive(&b.peer, (slice_t){ event->bytes + skip, event->size - skip }, now_ms, reply + 1,
                       PEER_BUNDLE_SIZE_MAX, &size) == PEER_OK, "a bundle");
    reply[0] = event->bytes[0] | 0x80;
    CHECK(serial_line_send(&far_end, CHANNEL_PACKETS, reply, 1 + size), "reply");
}

static void carry_over(void)
{
    uint8_t frame[FRAME_SIZE_MAX], record[2 + PEER_BUNDLE_SIZE_MAX] = { 3, 0 };
    line_event_t event;
    size_t size;

    while ((size = device_poll(&device, now_ms, frame)) > 0) {
        CHECK(on_line_size + size < sizeof on_line, "room");
        memcpy(on_line + on_line_size, frame, size);
        on_line_size += size;
        for (size_t at = 0; at < size;) {
            at += serial_line_receive(&far_end, frame + at, size - at, now_ms, &event);
            if (event.kind == LINE_RECORD) take_record(&event);
        }
    }
    if (asked == NULL && serial_line_is_idle(&far_end)) {
        size = peer_poll(&b.peer, now_ms, record + 2, PEER_BUNDLE_SIZE_MAX, &asked);
        if (size == 0) asked = NULL;
        else CHECK(serial_line_send(&far_end, CHANNEL_PACKETS, record, 2 + size), "request");
    }
    while ((size = serial_line_poll(&far_end, now_ms, frame, &event)) > 0) {
        device_receive(&device, frame, size, now_ms);
    }
    device_tell_news(&device);
}

static void pass(uint64_t duration_ms)
{
    for (const uint64_t end_ms = now_ms + duration_ms; now_ms < end_ms; now_ms += 20) carry_over();
}

static void ask(const char *verb)
{
    uint8_t record[32] = { 5 };

    answer_size = 0;
    memcpy(record + 1, verb, strlen(verb));
    CHECK(serial_line_send(&far_end, CHANNEL_VERBS, record, 1 + strlen(verb)), verb);
    pass(500);
    answer[answer_size] = '\0';
}

static void start_device(void)
{
    begin();
    CHECK(peer_start(&device.peer, &a.port, a.name, "http://bridge:5001") == PEER_OK, "start");
    device.peer.time_interval_ms = b.peer.time_interval_ms = 0;
    device_start(&device, (device_console_t){ .print = print }, 11, 115200, now_ms);
    serial_line_init(&far_end, 22, "bridge", 115200, now_ms);
    pass(3000);
    CHECK(device.line.is_up && far_end.is_up, "the line is up");
}

static void test_console(void)
{
    type("send_keys");
    CHECK(says("nobody is paired"), "send_keys");
    type("send_msg too early");
    CHECK(says("nobody is paired"), "send_msg");
    type("what");
    CHECK(says("pair | use"), "help");
    type("use 0000");
    CHECK(says("use CODE@"), "use");
    type("use 0000@http://a:1");
    CHECK(says("mistyped"), "no code");
    type("send_picture");
    CHECK(says("sends none"), "no pictures in this build");
    type("");
    type("decrypt_msg");
    CHECK(says("0 opened"), "nothing");
    ask("show");
    CHECK(strstr((char *)answer, "\"contacts\":[]") != NULL, (char *)answer);
    type("forget mee");
    CHECK(says("NAME of a contact"), "forget");
    ask("send_keys");
    CHECK(strstr((char *)answer, "not_paired") != NULL, "verb");
    ask("dance");
    CHECK(strstr((char *)answer, "unknown_verb") != NULL, "verb");
}

/** Whoever holds the line asks for readings without end: what waits is not pushed out by them. */
static void test_asked_too_often(void)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };
    unsigned taken = 0;

    for (const uint64_t start_ms = now_ms; now_ms < start_ms + 4000; now_ms += 50) {
        ask("send_msg");
        CHECK(strstr((char *)answer, "\"queued\":\"reading\"") != NULL, (char *)answer);
        if (device.measure_now) taken++;
        device.measure_now = false;
    }
    CHECK(taken >= 3 && taken <= 5, "one a second");
    for (unsigned i = 0; i < 30; i++) {
        CHECK(peer_add_reading(&device.peer, &measurement, now_ms) == PEER_OK, "taken");
    }
    for (const uint64_t start_ms = now_ms; now_ms < start_ms + 3000; now_ms += 50) ask("send_msg");
    CHECK(!device.measure_now, "and none while several wait");
}

static void test_pairing(void)
{
    char code[PAIRING_TEXT_SIZE + 1] = "";

    type("pair");
    CHECK(sscanf(printed, "pairing code: %35s", code) == 1, printed);
    CHECK(says("pairing code"), "shown");
    CHECK(peer_use_code(&b.peer, code, "http://bridge:5001", now_ms) == PEER_OK, "use");
    pass(3000);
    CHECK(says("paired with beta, verified"), "paired");
    CHECK(memmem(on_line, on_line_size, code, 5) == NULL, "the code was never on the line");
}

static void test_messages(void)
{
    type("send_msg from the device");
    CHECK(says("send_msg: done"), "queued");
    pass(1000);
    check_text(&b, "from the device");
    CHECK(peer_send_text(&b.peer, NULL, "for the \x1B[2J \xC2\x9B" "2J console") == PEER_OK, "queued");
    pass(2000);
    CHECK(says("a message waits"), "told of");
    ask("decrypt_msg");
    CHECK(strcmp((char *)answer, "{\"count\":1}") == 0, (char *)answer);
    CHECK(says("for the  [2J   2J console"), "shown, and no terminal obeys it");
    CHECK(memmem(on_line, on_line_size, "console", 7) == NULL, "not on the line");
    type("send_keys");
    CHECK(says("send_keys: done"), "renews");
    pass(2000);
    type("show");
    CHECK(says("\"state\":\"paired\""), "show");
    for (const char *const *text = (const char *[]){ "@beta to beta", "@you are a text", "@too", NULL };
         *text != NULL; text++) {
        char line[DEVICE_LINE_SIZE_MAX];

        snprintf(line, sizeof line, "send_msg %s", *text);
        type(line);
        CHECK(says("send_msg: done"), *text);
        pass(1000);
        check_text(&b, strcmp(*text, "@beta to beta") == 0 ? "to beta" : *text);
    }
}

/** One of several: only he is forgotten. */
static void test_forget(void)
{
    contact_t *other = &device.peer.contacts[1];

    other->record = (contact_record_t){ .is_pinned = 1, .name = "other" };
    type("send_msg to whom");
    CHECK(says("@NAME TEXT"), "several");
    type("forget other");
    CHECK(says("forget: done") && !other->record.is_pinned, "that one");
    CHECK(peer_paired(&device.peer) == 1, "and no other");
}

static void check_no_picture(const char *reason)
{
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };

    device_send_picture(&device, &measurement, now_ms);
    CHECK(says(reason), reason);
}

/** Too large for this line's other end; over the network it goes, whole, until it is given up. */
static void test_pictures(void)
{
    static uint8_t file[24000];
    device_post_t next;
    const measurement_t measurement = { 1u << VALUE_TEMP_BMP, { 2508 } };

    device.post = &post;
    type("send_picture");
    CHECK(device.picture_now, "asked for");
    check_no_picture("nobody is paired who takes pictures");
    device.peer.contacts[0].record.capabilities |= CAPABILITY_PICTURES | CAPABILITY_LETTERS;
    check_no_picture("on its way");
    pass(1000);
    CHECK(post.tries == 1 && device.line.is_up, "the line cannot take it");
    CHECK(!device_post_next(&device, now_ms, &next), "the line goes first");
    device.line.is_up = false;
    now_ms += 60000;
    for (unsigned tries = 1; tries < PICTURE_TRIES_MAX; tries++) {
        while (device_post_next(&device, now_ms, &next) && strcmp(next.media_type, "image/png") != 0) {
            next.read(next.context, file, next.size);
            device_post_done(&device, &next, NULL, 0, now_ms);
            now_ms += 1000;
        }
        CHECK(next.to != NULL && next.size == png_size(&post.picture), "the picture");
        next.read(next.context, file, next.size);
        CHECK(memcmp(file, "\x89PNG", 4) == 0 && memcmp(file + next.size - 8, "IEND", 4) == 0, "whole");
        device_post_done(&device, &next, file, 0, now_ms);
        now_ms += UINT64_C(4000000);
    }
    (void)device_post_next(&device, now_ms, &next);
    device_tell_news(&device);
    CHECK(says("given up"), "after so many");
    CHECK(picture_post_reading(&device.peer, &post, &measurement, now_ms) == PEER_OK, "another");
    device.peer.is_letter_out = false; /* As LETTER_ACK does. */
    CHECK(picture_post_due(&device.peer, &post, now_ms) == NULL && !post.is_waiting, "it came");
}

static void test_cut_cable(void)
{
    start_device();
    test_pairing();
    CHECK(peer_send_text(&device.peer, NULL, "meanwhile") == PEER_OK, "queued");
    for (int i = 0; i < 400; i++, now_ms += 50) { /* Nobody at the other end. */
        uint8_t frame[FRAME_SIZE_MAX];
        while (device_poll(&device, now_ms, frame) > 0) continue;
    }
    CHECK(!device.line.is_up, "it notices");
    serial_line_init(&far_end, 33, "bridge", 115200, now_ms);
    asked = NULL;
    pass(70000);
    check_text(&b, "meanwhile");
    type("forget everything");
    CHECK(says("forget: done"), "forgets");
    CHECK(!device.peer.contacts[0].record.is_pinned, "whom it knew");
}

/** Whether the line is taken, and then what is kept. */
static bool keeps_wifi(const char *line, const char *name, const char *password)
{
    wifi_settings_t kept;

    device.restart_now = false;
    type(line);
    printed_size = 0;
    if (!device.restart_now) return false;
    CHECK(wifi_settings_load(&a.port.store, &kept), line);
    return strcmp(kept.name, name) == 0 && strcmp(kept.password, password) == 0;
}

static void test_wifi(void)
{
    wifi_settings_t kept;
    const char *const wrong[] = { "wifi", "wifi \"\" 12345678", "wifi home 1234567", "wifi \"home 12345678",
                                  "wifi home 12345678 more", "wifi 123456789012345678901234567890123 12345678",
                                  "wifi h 12345678901234567890123456789012345678901234567890123456789012345" };

    start_device();
    type("wifi home 12345678");
    CHECK(says("this build has none"), "without Wi-Fi");
    CHECK(!wifi_settings_load(&a.port.store, &kept), "nothing is kept");
    device.has_wifi = true;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CHECK(!keeps_wifi(wrong[i], "", ""), wrong[i]);
        CHECK(!wifi_settings_load(&a.port.store, &kept), wrong[i]);
    }
    CHECK(keeps_wifi("wifi home 12345678", "home", "12345678"), "two words");
    CHECK(keeps_wifi("wifi open", "open", ""), "an open one");
    CHECK(keeps_wifi("wifi \"my home\"  \"a \303\274 pass\"", "my home", "a \303\274 pass"), "quotes");
    char json[LINE_MTU];
    const size_t size = device_verb(&device, (slice_t){ (const uint8_t *)"show", 4 }, now_ms, json, sizeof json);
    CHECK(memmem(json, size, "pass", 4) == NULL, "the bridge is not told");
    CHECK(memmem(on_line, on_line_size, "a \303\274 pass", 9) == NULL, "nor does it see it");
    type("forget everything");
    CHECK(!wifi_settings_load(&a.port.store, &kept), "and the next owner does not get it");
}

/** Without a console: what nobody could see is kept. */
static void test_no_console(void)
{
    start_device();
    device.console.print = NULL;
    type("show");
    type("pair");
    char json[LINE_MTU];
    CHECK(inbox_add_text(&device.peer.contacts[0].inbox, inbox_epoch(&device.peer.contacts[0].inbox, 7), 0, 1,
                         (slice_t){ (const uint8_t *)"kept", 4 }) == PEER_OK, "a text");
    const size_t size =
        device_verb(&device, (slice_t){ (const uint8_t *)"decrypt_msg", 11 }, now_ms, json, sizeof json);
    CHECK(size == 11 && memcmp(json, "{\"count\":0}", 11) == 0, "none is opened");
    CHECK(inbox_count(&device.peer.contacts[0].inbox) == 1, "it waits");
}

int main(void)
{
    CHECK(crypto_start() == PEER_OK, "start");
    start_device();
    test_console();
    test_asked_too_often();
    test_pairing();
    test_messages();
    test_forget();
    test_pictures();
    test_cut_cable();
    test_wifi();
    test_no_console();
    puts("device: ok");
    return 0;
}
