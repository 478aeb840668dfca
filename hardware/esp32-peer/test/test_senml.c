/*
 * Goal: readings are written to the byte as docs/SERIAL.md and RFC 8428 say, within their room,
 * and dated right.
 * Method: vectors that the TypeScript decoder reads too; every room too small; clock edges.
 */
#include "check.h"
#include "peer/device_clock.h"
#include "peer/senml.h"
#include "vectors.h"

/** Fills numbers from a list joined by ';'; an empty place is a value that is missing. */
static size_t read_numbers(const char *list, int64_t *numbers, bool *is_there, size_t count)
{
    size_t i = 0;

    if (list[0] == '\0') return 0;
    for (; i < count; i++) {
        is_there[i] = *list != ';' && *list != '\0';
        numbers[i] = strtoll(list, NULL, 10);
        list = strchr(list, ';');
        if (list == NULL) return i + 1;
        list++;
    }
    return i;
}

static void test_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors_senml_readings); i++) {
        const char *name = vectors_senml_readings[i].name;
        const blob_t pack = unhex(vectors_senml_readings[i].pack);
        int64_t times[SENML_READINGS_MAX], numbers[VALUES * SENML_READINGS_MAX] = { 0 };
        int64_t numbers_of_health[10] = { 0 };
        bool is_there[VALUES * SENML_READINGS_MAX] = { false };
        reading_t readings[SENML_READINGS_MAX] = { 0 };
        uint8_t out[SENML_SIZE_MAX];
        size_t size = 0;

        const size_t count = read_numbers(vectors_senml_readings[i].times_ms, times, is_there,
                                          SENML_READINGS_MAX);
        read_numbers(vectors_senml_readings[i].values, numbers, is_there, VALUES * count);
        for (size_t v = 0; v < VALUES * count; v++) {
            measurement_t *measurement = &readings[v / VALUES].measurement;
            measurement->values[v % VALUES] = (int32_t)numbers[v];
            if (is_there[v]) measurement->present |= (uint16_t)(1u << v % VALUES);
        }
        for (size_t r = 0; r < count; r++) {
            readings[r].time_ms = (uint64_t)times[r];
            readings[r].is_unsure = strcmp(vectors_senml_readings[i].unsure, "true") == 0;
        }
        const size_t found = read_numbers(vectors_senml_readings[i].health, numbers_of_health,
                                          is_there, 10);
        const int64_t *n = numbers_of_health;
        const health_t health = { (uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2], (uint32_t)n[3],
                                  (uint32_t)n[4], (uint32_t)n[5], (uint32_t)n[6], (uint32_t)n[7],
                                  (uint32_t)n[8], (uint32_t)n[9] };
        const health_t *with_health = found > 0 ? &health : NULL;
        const char *device = vectors_senml_readings[i].device;

        CHECK(count > 0, name);
        CHECK(senml_encode(device, readings, count, with_health, out, sizeof out, &size) == PEER_OK,
              name);
        CHECK(size == pack.size && memcmp(out, pack.data, size) == 0, name);
        for (size_t room = 0; room < pack.size; room++) {
            uint8_t *exact = malloc(room + 1); /* The sanitizer watches its end. */
            CHECK(senml_encode(device, readings, count, with_health, exact, room, &size)
                      == PEER_ERROR_NO_ROOM, name);
            free(exact);
        }
    }
}

/** The widest of everything fits its buffer. */
static void test_room(void)
{
    static char device[65];
    const health_t health = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
                              UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    reading_t readings[SENML_READINGS_MAX];
    uint8_t out[SENML_SIZE_MAX];
    size_t size = 0;

    memset(device, 'd', 64);
    for (size_t r = 0; r < SENML_READINGS_MAX; r++) {
        readings[r] = (reading_t){ .time_ms = UINT64_C(7258118390001) + r * 1111,
                                   .is_unsure = true,
                                   .measurement.present = (1u << VALUES) - 1 };
        for (int v = 0; v < VALUES; v++) readings[r].measurement.values[v] = INT32_MIN + 1;
    }
    CHECK(senml_encode(device, readings, SENML_READINGS_MAX, &health, out, sizeof out, &size)
              == PEER_OK, "a name of 64 bytes");
}

static void test_clock(void)
{
    device_clock_t clock = { 0 };
    const uint64_t now_ms = UINT64_C(1795219200000), day_ms = 86400000;

    CHECK(device_clock_unix_ms(&clock, 5) == 0, "nobody told");
    CHECK(!device_clock_synchronise(&clock, 0, 10), "1970 is no time");
    CHECK(!device_clock_synchronise(&clock, UINT64_MAX, 10), "nor is the far future");
    CHECK(!device_clock_synchronise(&clock, now_ms, UINT64_MAX), "nor such an uptime");
    CHECK(device_clock_unix_ms(&clock, 20) == 0, "and nothing changed");
    CHECK(device_clock_synchronise(&clock, now_ms, 1000), "a late synchronisation");
    CHECK(device_clock_unix_ms(&clock, 3500) == now_ms + 2500, "goes on by itself");
    CHECK(device_clock_synchronise(&clock, now_ms - day_ms, 4000), "a jump backwards");
    CHECK(device_clock_unix_ms(&clock, 4001) == now_ms - day_ms + 1, "is followed");
    CHECK(device_clock_synchronise(&clock, UINT64_C(2147483647500), 5000), "2038");
    CHECK(device_clock_unix_ms(&clock, 5500) == UINT64_C(2147483648000), "is no edge");
    CHECK(device_clock_synchronise(&clock, UINT64_C(4294967295500), 6000), "2106");
    CHECK(device_clock_unix_ms(&clock, 6500) == UINT64_C(4294967296000), "is no edge");
}

int main(void)
{
    test_vectors();
    test_room();
    test_clock();
    puts("senml: ok");
    return 0;
}
