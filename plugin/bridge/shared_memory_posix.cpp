// How is shared memory made on Unix? memfd_create with seals; where there is none, shm_open and unlink at
// once.
#include "bridge/shared_memory.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bridge/error.h"

namespace retempo::bridge {
namespace {

[[noreturn]] void fail(const char* what, uint64_t bytes) {
    throw BridgeError(Problem::kMemory,
                      "no shared memory of " + std::to_string(bytes) + " bytes (" + what + ": " +
                          std::strerror(errno) + ")",
                      "free some memory, or lower the size of the picture", 4);
}

#if defined(__linux__)
class Memfd final : public SharedMemory {
  public:
    explicit Memfd(uint64_t bytes) {
        const int fd = memfd_create("retempo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0) fail("memfd_create", bytes);
        handle_ = fd;
        size_ = bytes;
        if (ftruncate(fd, static_cast<off_t>(bytes)) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
            const int reason = errno;
            close(fd);
            errno = reason;
            fail("memfd", bytes);
        }
    }
    ~Memfd() override {
        unmap();
        close(descriptor());
    }

    void write(uint64_t offset, const Piece* pieces, size_t count) override {
        if (char* at = settled(offset, pieces, count))
            for (; count > 0; at += pieces->bytes, ++pieces, --count)
                std::memcpy(at, pieces->data, pieces->bytes);
        else
            transfer<true>(offset, pieces, count);
    }
    void read(uint64_t offset, const Piece* pieces, size_t count) const override {
        if (const char* at = settled(offset, pieces, count))
            for (; count > 0; at += pieces->bytes, ++pieces, --count)
                std::memcpy(pieces->data, at, pieces->bytes);
        else
            transfer<false>(offset, pieces, count);
    }
    char* mapped(uint64_t offset, uint64_t bytes) const override {
        return offset + bytes <= settled_ ? data_ + offset : nullptr;
    }
    void grow(uint64_t bytes) override {
        if (bytes <= size_) return;
        if (ftruncate(descriptor(), static_cast<off_t>(bytes)) != 0) fail("ftruncate", bytes);
        size_ = bytes;
    }
    void settle(uint64_t bytes) override {
        if (bytes <= settled_ || bytes > size_) return;
        unmap();
        void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor(), 0);
        if (at == MAP_FAILED) return; // then by system calls, as before
        data_ = static_cast<char*>(at);
        settled_ = bytes;
        constexpr int kPopulateWrite =
            23; // MADV_POPULATE_WRITE: all page table entries at once, where it is known
        (void)madvise(at, bytes, kPopulateWrite);
    }

  private:
    int descriptor() const { return static_cast<int>(handle_); }
    void unmap() {
        if (data_ != nullptr) munmap(data_, settled_);
        data_ = nullptr;
        settled_ = 0;
    }
    // Where the pieces lie, if all of them have pages. Nobody can shrink the object: this is safe to touch.
    char* settled(uint64_t offset, const Piece* pieces, size_t count) const {
        uint64_t end = offset;
        for (size_t i = 0; i < count; ++i) end += pieces[i].bytes;
        return end <= settled_ ? data_ + offset : nullptr;
    }

    template <bool kWrite>
    void transfer(uint64_t offset, const Piece* pieces, size_t count) const {
        constexpr size_t kBatch = 64; // IOV_MAX is 1024; a batch stays on the stack
        iovec parts[kBatch];
        while (count > 0) {
            const size_t batch = count < kBatch ? count : kBatch;
            for (size_t i = 0; i < batch; ++i) parts[i] = {pieces[i].data, pieces[i].bytes};
            iovec* at = parts;
            for (size_t left = batch; left > 0;) {
                const auto place = static_cast<off_t>(offset);
                const int number = static_cast<int>(left);
                const ssize_t done = kWrite ? pwritev(descriptor(), at, number, place)
                                            : preadv(descriptor(), at, number, place);
                if (done < 0 && errno == EINTR) continue;
                if (done <= 0) {
                    if (done == 0) errno = ENOSPC;
                    fail(kWrite ? "writing" : "reading", size_);
                }
                offset += static_cast<uint64_t>(done);
                for (auto rest = static_cast<size_t>(done); rest > 0;) {
                    if (rest >= at->iov_len) {
                        rest -= at->iov_len;
                        ++at;
                        --left;
                    } else {
                        at->iov_base = static_cast<char*>(at->iov_base) + rest;
                        at->iov_len -= rest;
                        rest = 0;
                    }
                }
                while (left > 0 && at->iov_len == 0) {
                    ++at;
                    --left;
                }
            }
            pieces += batch;
            count -= batch;
        }
    }

    char* data_ = nullptr;
    uint64_t settled_ = 0; // bytes that are mapped
};
#endif

class PosixMemory final : public SharedMemory {
  public:
    explicit PosixMemory(uint64_t bytes) {
        static std::atomic<unsigned> serial{0};
        const std::string name = "/rtmp-" + std::to_string(getpid()) + "-" + std::to_string(++serial);
        const int fd = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0) fail("shm_open", bytes);
        shm_unlink(name.c_str());
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        handle_ = fd;
        size_ = bytes;
        if (ftruncate(fd, static_cast<off_t>(bytes)) == 0) {
            void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (at != MAP_FAILED) {
                data_ = static_cast<char*>(at);
                return;
            }
        }
        const int reason = errno;
        close(fd);
        errno = reason;
        fail("mmap", bytes);
    }
    ~PosixMemory() override {
        munmap(data_, size_);
        close(static_cast<int>(handle_));
    }

    void write(uint64_t offset, const Piece* pieces, size_t count) override {
        for (char* at = place(offset, pieces, count); count > 0; at += pieces->bytes, ++pieces, --count)
            std::memcpy(at, pieces->data, pieces->bytes);
    }
    void read(uint64_t offset, const Piece* pieces, size_t count) const override {
        for (char* at = place(offset, pieces, count); count > 0; at += pieces->bytes, ++pieces, --count)
            std::memcpy(pieces->data, at, pieces->bytes);
    }
    char* mapped(uint64_t offset, uint64_t bytes) const override {
        return offset + bytes <= size_ ? data_ + offset : nullptr;
    }
    void grow(uint64_t bytes) override { // POSIX lets the size be set once only on some systems
        if (bytes <= size_) return;
        errno = ENOSYS;
        fail("grow", bytes);
    }
    void settle(uint64_t) override {}

  private:
    char* place(uint64_t offset, const Piece* pieces, size_t count) const {
        uint64_t end = offset;
        for (size_t i = 0; i < count; ++i) end += pieces[i].bytes;
        if (end > size_) {
            errno = EFAULT;
            fail("access", size_);
        }
        return data_ + offset;
    }
    char* data_ = nullptr;
};

} // namespace

std::unique_ptr<SharedMemory> SharedMemory::create(uint64_t bytes, Kind kind) {
#if defined(__linux__)
    if (kind != Kind::kPosix) {
        try {
            return std::make_unique<Memfd>(bytes);
        } catch (const BridgeError&) {
            if (kind == Kind::kMemfd || errno != ENOSYS) throw;
        }
    }
#else
    if (kind == Kind::kMemfd) {
        errno = ENOSYS;
        fail("memfd_create", bytes);
    }
#endif
    return std::make_unique<PosixMemory>(bytes);
}

} // namespace retempo::bridge
