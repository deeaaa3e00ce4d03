/* A preloaded library that tells what a process asked of the disk, and can make it fail once.
 *
 * SHIM_DIR   only files and folders below this one matter
 * SHIM_LOG   every change and every sync is appended here, in the order it was asked for
 * SHIM_FAIL  "write:3" - the third write of pages answers EIO; also "meta" (a write that is
 *            synced by itself) and "sync"; once, then all is well again
 *
 * A record is: kind, inode, offset, length of what follows; then data, or names. What a disk
 * holds after a power cut is worked out from the log by tests/crash/powercut.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NAMED = 1, WRITTEN, WRITTEN_SYNCED, TRUNCATED, SYNCED, RENAMED, REMOVED };

struct record {
    uint64_t kind, inode, offset, length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static char folder[PATH_MAX];
static size_t folder_length;
static char fail_at[16];
static long fail_nth;

#define REAL(name, ...) \
    ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

__attribute__((constructor)) static void start(void)
{
    const char *dir = getenv("SHIM_DIR"), *log = getenv("SHIM_LOG"), *fail = getenv("SHIM_FAIL");
    const char *colon = fail ? strchr(fail, ':') : NULL;
    if (!dir || !log)
        return;
    folder_length = (size_t)snprintf(folder, sizeof folder, "%s", dir);
    out = REAL(open, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (colon && (size_t)(colon - fail) < sizeof fail_at) {
        memcpy(fail_at, fail, (size_t)(colon - fail));
        fail_nth = atol(colon + 1);
    }
}

static int inside(const char *path)
{
    return out >= 0 && strncmp(path, folder, folder_length) == 0;
}

/* The path of a descriptor if it lies inside; its inode. */
static int watched(int fd, char *path, uint64_t *inode)
{
    char link[64];
    struct stat found;
    ssize_t length;
    if (out < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (!inside(path) || fstat(fd, &found))
        return 0;
    *inode = found.st_ino;
    return 1;
}

static void tell(enum kind kind, uint64_t inode, uint64_t offset, const struct iovec *parts, int n)
{
    struct record head = {kind, inode, offset, 0};
    int i;
    for (i = 0; i < n; i++)
        head.length += parts[i].iov_len;
    pthread_mutex_lock(&lock);
    if (REAL(write, out, &head, sizeof head) != sizeof head)
        abort();
    for (i = 0; i < n; i++)
        if (REAL(write, out, parts[i].iov_base, parts[i].iov_len) != (ssize_t)parts[i].iov_len)
            abort();
    pthread_mutex_unlock(&lock);
}

static void tell_names(enum kind kind, uint64_t inode, const char *one, const char *two)
{
    struct iovec parts[2] = {{(void *)one, strlen(one) + 1}, {(void *)two, strlen(two)}};
    tell(kind, inode, 0, parts, 2);
}

/* Whether this call is the one that must fail. Only the pages of data.mdb count. */
static int fails(const char *what, const char *path)
{
    const char *name = strrchr(path, '/');
    if (!fail_nth || strcmp(what, fail_at) || !name || strcmp(name, "/data.mdb"))
        return 0;
    if (--fail_nth)
        return 0;
    errno = EIO;
    return 1;
}

static int opened(int fd, int existed)
{
    char path[PATH_MAX];
    uint64_t inode;
    if (fd >= 0 && !existed && watched(fd, path, &inode))
        tell_names(NAMED, inode, path, "file");
    return fd;
}

#define OPEN(name)                                                \
    int name(const char *path, int flags, ...)                    \
    {                                                             \
        mode_t mode = 0;                                          \
        va_list rest;                                             \
        int existed = !(flags & O_CREAT) || access(path, F_OK) == 0; \
        va_start(rest, flags);                                    \
        if (flags & O_CREAT)                                      \
            mode = va_arg(rest, mode_t);                          \
        va_end(rest);                                             \
        return opened(REAL(name, path, flags, mode), existed);    \
    }
OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode)
{
    struct stat found;
    int result = REAL(mkdir, path, mode);
    if (!result && inside(path) && !stat(path, &found))
        tell_names(NAMED, found.st_ino, path, "folder");
    return result;
}

int rename(const char *from, const char *to)
{
    int result = REAL(rename, from, to);
    if (!result && inside(from))
        tell_names(RENAMED, 0, from, to);
    return result;
}

int unlink(const char *path)
{
    int result = REAL(unlink, path);
    if (!result && inside(path))
        tell_names(REMOVED, 0, path, "");
    return result;
}

static ssize_t wrote(int fd, const struct iovec *parts, int n, off_t at, ssize_t done)
{
    char path[PATH_MAX];
    uint64_t inode;
    int synced = fcntl(fd, F_GETFL) & O_DSYNC;
    if (done > 0 && watched(fd, path, &inode))
        tell(synced ? WRITTEN_SYNCED : WRITTEN, inode, (uint64_t)at, parts, n);
    return done;
}

static int write_fails(int fd)
{
    char path[PATH_MAX];
    uint64_t inode;
    const char *what = fcntl(fd, F_GETFL) & O_DSYNC ? "meta" : "write";
    return fail_nth && watched(fd, path, &inode) && fails(what, path);
}

ssize_t write(int fd, const void *data, size_t length)
{
    struct iovec part = {(void *)data, length};
    off_t at = out < 0 ? 0 : lseek(fd, 0, SEEK_CUR);
    if (write_fails(fd))
        return -1;
    return wrote(fd, &part, 1, at, REAL(write, fd, data, length));
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    off_t at = out < 0 ? 0 : lseek(fd, 0, SEEK_CUR);
    if (write_fails(fd))
        return -1;
    return wrote(fd, parts, n, at, REAL(writev, fd, parts, n));
}

#define PWRITE(name, offset_t)                                                  \
    ssize_t name(int fd, const void *data, size_t length, offset_t at)          \
    {                                                                           \
        struct iovec part = {(void *)data, length};                             \
        if (write_fails(fd))                                                    \
            return -1;                                                          \
        return wrote(fd, &part, 1, at, REAL(name, fd, data, length, at));       \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_t)                                                \
    int name(int fd, offset_t length)                                           \
    {                                                                           \
        char path[PATH_MAX];                                                    \
        uint64_t inode;                                                         \
        int result = REAL(name, fd, length);                                    \
        if (!result && watched(fd, path, &inode))                               \
            tell(TRUNCATED, inode, (uint64_t)length, NULL, 0);                  \
        return result;                                                          \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                              \
    int name(int fd)                                                            \
    {                                                                           \
        char path[PATH_MAX];                                                    \
        uint64_t inode;                                                         \
        int inside = watched(fd, path, &inode), result;                         \
        if (inside && fails("sync", path))                                      \
            return -1;                                                          \
        result = REAL(name, fd);                                                \
        if (!result && inside)                                                  \
            tell(SYNCED, inode, 0, NULL, 0);                                    \
        return result;                                                          \
    }
SYNC(fsync)
SYNC(fdatasync)
