// What if the disk is full, the reader hangs or the power goes at just this call? Preloaded into a program, it makes
// the n-th file operation of a kind, below one folder, fail, hang, or be the last thing that the program does.
//
//   RETEMPO_FAULT_FOLDER  only files below it count (a prefix of the path as it is given)
//   RETEMPO_FAULT         OPERATION:N:ACTION[:on], e.g. write:7:ENOSPC:on ("on": from the n-th, all fail)
//                         operations: create open read write close rename, any (all but open and read)
//                         actions: ENOSPC EDQUOT EIO EACCES EROFS EMFILE ENOMEM, kill term int hup stop, hang
//   RETEMPO_FAULT_ONCE    of all processes it happens to the one that can make this file
//   RETEMPO_FAULT_LOG     a line for each operation that counts, in its order
//   RETEMPO_FAULT_CLOCK   the wall clock jumps a day ahead and back from call to call
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096
#define REAL(type, name, ...)                                                                                \
    static type (*real)(__VA_ARGS__);                                                                        \
    if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static const char *folder, *wanted, *action, *once;
static long at;
static int lasting, logged = -1, jumping;
static atomic_long seen;
static atomic_char kinds[MOST]; // of each descriptor: 'r', 'w', or 0 where it does not count

__attribute__((constructor)) static void begin(void) {
    static char text[128];
    folder = getenv("RETEMPO_FAULT_FOLDER");
    once = getenv("RETEMPO_FAULT_ONCE");
    jumping = getenv("RETEMPO_FAULT_CLOCK") != NULL;
    if (getenv("RETEMPO_FAULT_LOG") != NULL)
        logged = (int)syscall(SYS_openat, AT_FDCWD, getenv("RETEMPO_FAULT_LOG"),
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (getenv("RETEMPO_FAULT") == NULL) return;
    snprintf(text, sizeof text, "%s", getenv("RETEMPO_FAULT"));
    char* save = NULL;
    wanted = strtok_r(text, ":", &save);
    const char* number = strtok_r(NULL, ":", &save);
    action = strtok_r(NULL, ":", &save);
    at = number == NULL ? 0 : atol(number);
    lasting = strtok_r(NULL, ":", &save) != NULL;
}

static int counts(const char* path) {
    return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

// Does it happen to this process?
static int is_meant(void) {
    static atomic_int meant; // 0 where that is not known yet, 1 yes, 2 no
    if (once == NULL) return 1;
    if (atomic_load(&meant) == 0) {
        const long made = syscall(SYS_openat, AT_FDCWD, once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        int unknown = 0;
        if (made >= 0)
            atomic_store(&meant, 1); // whatever another thread has found meanwhile: it is this process
        else
            atomic_compare_exchange_strong(&meant, &unknown, 2);
    }
    return atomic_load(&meant) == 1;
}

static int act(void) {
    static const struct {
        const char* name;
        int value;
    } errors[] = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},       {"EACCES", EACCES},
                  {"EROFS", EROFS},   {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}},
      signals[] = {{"kill", SIGKILL}, {"term", SIGTERM}, {"int", SIGINT}, {"hup", SIGHUP}};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i)
        if (strcmp(action, errors[i].name) == 0) return errors[i].value;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i)
        if (strcmp(action, signals[i].name) == 0) kill(getpid(), signals[i].value);
    if (strcmp(action, "stop") == 0) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP); // at once
    while (strcmp(action, "hang") == 0) pause();
    return 0;
}

// An operation that counts: 0, or the errno that it is to fail with.
static int pass(const char* operation) {
    if (logged >= 0) {
        char line[32];
        const int length = snprintf(line, sizeof line, "%s\n", operation);
        syscall(SYS_write, logged, line, (size_t)length);
    }
    if (wanted == NULL || action == NULL) return 0;
    const int reads = strcmp(operation, "open") == 0 || strcmp(operation, "read") == 0;
    if (strcmp(wanted, operation) != 0 && (strcmp(wanted, "any") != 0 || reads)) return 0;
    const long number = atomic_fetch_add(&seen, 1) + 1;
    if (number != at && !(lasting && number > at)) return 0;
    if (!is_meant()) return 0;
    return act();
}

#define FAIL(operation, result)                                                                              \
    do {                                                                                                     \
        const int error = pass(operation);                                                                   \
        if (error != 0) {                                                                                    \
            errno = error;                                                                                   \
            return result;                                                                                   \
        }                                                                                                    \
    } while (0)

static char kind_of(int fd) { return (char)(fd >= 0 && fd < MOST ? atomic_load(&kinds[fd]) : 0); }

static void mark(int fd, char kind) {
    if (fd >= 0 && fd < MOST) atomic_store(&kinds[fd], kind);
}

static char kind_for(int flags) { return (flags & O_ACCMODE) == O_RDONLY ? 'r' : 'w'; }

#define OPEN(name, prefix_parameters, prefix_arguments, path)                                                \
    int name(prefix_parameters const char* path, int flags, ...) {                                           \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                        \
        va_end(rest);                                                                                        \
        REAL(int, name, prefix_parameters const char*, int, ...);                                            \
        if (!counts(path) || flags & O_DIRECTORY) return real(prefix_arguments path, flags, mode);           \
        FAIL(kind_for(flags) == 'r' ? "open" : "create", -1);                                                \
        const int fd = real(prefix_arguments path, flags, mode);                                             \
        mark(fd, kind_for(flags));                                                                           \
        return fd;                                                                                           \
    }
#define NOTHING
#define AT int directory,
#define AT_ARGUMENT directory,
OPEN(open, NOTHING, NOTHING, path)
OPEN(open64, NOTHING, NOTHING, path)
OPEN(openat, AT, AT_ARGUMENT, path)
OPEN(openat64, AT, AT_ARGUMENT, path)

#define FOPEN(name)                                                                                          \
    FILE* name(const char* path, const char* mode) {                                                         \
        REAL(FILE*, name, const char*, const char*);                                                         \
        if (!counts(path)) return real(path, mode);                                                          \
        const char kind = strpbrk(mode, "wa+") != NULL ? 'w' : 'r';                                          \
        FAIL(kind == 'r' ? "open" : "create", NULL);                                                         \
        FILE* file = real(path, mode);                                                                       \
        if (file != NULL) mark(fileno(file), kind);                                                          \
        return file;                                                                                         \
    }
FOPEN(fopen)
FOPEN(fopen64)

#define THROUGH(type, name, kind, operation, failed, parameters, arguments, ...)                             \
    type name parameters {                                                                                   \
        REAL(type, name, __VA_ARGS__);                                                                       \
        if (kind_of(fd) == kind) FAIL(operation, failed);                                                    \
        return real arguments;                                                                               \
    }
THROUGH(ssize_t, read, 'r', "read", -1, (int fd, void* to, size_t n), (fd, to, n), int, void*, size_t)
THROUGH(ssize_t, pread, 'r', "read", -1, (int fd, void* to, size_t n, off_t o), (fd, to, n, o), int, void*, size_t,
        off_t)
THROUGH(ssize_t, pread64, 'r', "read", -1, (int fd, void* to, size_t n, off64_t o), (fd, to, n, o), int, void*,
        size_t, off64_t)
THROUGH(ssize_t, write, 'w', "write", -1, (int fd, const void* of, size_t n), (fd, of, n), int, const void*, size_t)
THROUGH(ssize_t, pwrite, 'w', "write", -1, (int fd, const void* of, size_t n, off_t o), (fd, of, n, o), int,
        const void*, size_t, off_t)
THROUGH(ssize_t, pwrite64, 'w', "write", -1, (int fd, const void* of, size_t n, off64_t o), (fd, of, n, o), int,
        const void*, size_t, off64_t)
THROUGH(ssize_t, writev, 'w', "write", -1, (int fd, const struct iovec* of, int n), (fd, of, n), int,
        const struct iovec*, int)

size_t fread(void* to, size_t size, size_t n, FILE* file) {
    REAL(size_t, fread, void*, size_t, size_t, FILE*);
    if (kind_of(fileno(file)) == 'r') FAIL("read", 0);
    return real(to, size, n, file);
}

size_t fwrite(const void* of, size_t size, size_t n, FILE* file) {
    REAL(size_t, fwrite, const void*, size_t, size_t, FILE*);
    if (kind_of(fileno(file)) == 'w') FAIL("write", 0);
    return real(of, size, n, file);
}

// What had not reached the disk is lost with the error, as on a network share.
static int lose(int fd) {
    const int error = kind_of(fd) == 'w' ? pass("close") : 0;
    mark(fd, 0);
    const off_t size = error == 0 ? 0 : lseek(fd, 0, SEEK_END);
    if (error != 0 && ftruncate(fd, size / 2) != 0) return error;
    return error;
}

int close(int fd) {
    REAL(int, close, int);
    const int error = lose(fd), result = real(fd);
    errno = error != 0 ? error : errno;
    return error != 0 ? -1 : result;
}

int fclose(FILE* file) {
    REAL(int, fclose, FILE*);
    const int fd = fileno(file);
    if (kind_of(fd) == 'w') fflush(file);
    const int error = lose(fd), result = real(file);
    errno = error != 0 ? error : errno;
    return error != 0 ? EOF : result;
}

int rename(const char* from, const char* to) {
    REAL(int, rename, const char*, const char*);
    if (counts(to)) FAIL("rename", -1);
    return real(from, to);
}

int renameat(int a, const char* from, int b, const char* to) {
    REAL(int, renameat, int, const char*, int, const char*);
    if (counts(to)) FAIL("rename", -1);
    return real(a, from, b, to);
}

static time_t jump(void) {
    static atomic_long calls;
    return jumping && atomic_fetch_add(&calls, 1) % 2 ? 86400 : 0;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
    const int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval* now, void* zone) {
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t* now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) *now = precise.tv_sec;
    return precise.tv_sec;
}
