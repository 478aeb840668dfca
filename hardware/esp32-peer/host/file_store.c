#define _POSIX_C_SOURCE 200809L
#include "file_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 320 };

static bool write_all(int file, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        const ssize_t written = write(file, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool sync_folder(const char *folder)
{
    const int directory = open(folder, O_RDONLY | O_DIRECTORY);
    if (directory < 0) return false;
    const bool is_synced = fsync(directory) == 0;
    close(directory);
    return is_synced;
}

static bool load(void *context, const char *name, void *value, size_t size)
{
    const file_store_t *files = context;
    char path[PATH_SIZE];
    struct stat about;
    bool is_read = false;

    snprintf(path, sizeof path, "%s/%s", files->folder, name);
    const int file = open(path, O_RDONLY);
    if (file < 0) return false;
    if (fstat(file, &about) == 0 && about.st_size == (off_t)size) {
        is_read = read(file, value, size) == (ssize_t)size;
    }
    close(file);
    return is_read;
}

/** A new file takes the old one's place whole. */
static bool save(void *context, const char *name, const void *value, size_t size)
{
    const file_store_t *files = context;
    char path[PATH_SIZE], part[PATH_SIZE + 8];

    snprintf(path, sizeof path, "%s/%s", files->folder, name);
    snprintf(part, sizeof part, "%s.part", path);
    const int file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) return false;
    const bool is_written = write_all(file, value, size) && fsync(file) == 0;
    close(file);
    return is_written && rename(part, path) == 0 && sync_folder(files->folder);
}

static bool erase(void *context, const char *name)
{
    const file_store_t *files = context;
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/%s", files->folder, name);
    if (unlink(path) == 0) return sync_folder(files->folder);
    return errno == ENOENT;
}

bool file_store_start(file_store_t *files, const char *folder)
{
    if (strlen(folder) >= sizeof files->folder) {
        fprintf(stderr, "the folder's name is too long: %s\n", folder);
        return false;
    }
    strcpy(files->folder, folder);
    if (mkdir(folder, 0700) == 0 || errno == EEXIST) return true;
    fprintf(stderr, "cannot make the folder %s: %s\n", folder, strerror(errno));
    return false;
}

store_t file_store(file_store_t *files)
{
    return (store_t){ .context = files, .load = load, .save = save, .erase = erase };
}
