#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "cannot %s %s: %s\n", what, path, strerror(errno));
    return -1;
}

static bool make_raw(int tty, unsigned baud)
{
    struct termios settings;

    if (tcgetattr(tty, &settings) != 0) return false;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= ~(tcflag_t)CRTSCTS;
    const speed_t speed = baud == 921600 ? B921600 : B115200;
    cfsetispeed(&settings, speed);
    cfsetospeed(&settings, speed);
    return tcsetattr(tty, TCSANOW, &settings) == 0;
}

int tty_open(const char *path, unsigned baud)
{
    const int tty = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);

    if (tty < 0) return fail("open", path);
    return make_raw(tty, baud) ? tty : fail("set up", path);
}

int tty_make(char *name, size_t room)
{
    const int near_end = posix_openpt(O_RDWR | O_NOCTTY);

    if (near_end < 0 || grantpt(near_end) != 0 || unlockpt(near_end) != 0
        || fcntl(near_end, F_SETFL, O_NONBLOCK) != 0 || ptsname(near_end) == NULL) {
        return fail("make", "a pseudo terminal");
    }
    snprintf(name, room, "%s", ptsname(near_end));
    /* Held open for good: else the near end fails while nobody else has the far one. */
    const int far_end = open(name, O_RDWR | O_NOCTTY);
    return far_end >= 0 && make_raw(far_end, 115200) ? near_end : fail("set up", name);
}

size_t tty_read(int tty, uint8_t *bytes, size_t room)
{
    const ssize_t size = read(tty, bytes, room);
    return size > 0 ? (size_t)size : 0;
}

void tty_write(int tty, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(tty, bytes, size);
        if (written <= 0) return;
        bytes += written;
        size -= (size_t)written;
    }
}
