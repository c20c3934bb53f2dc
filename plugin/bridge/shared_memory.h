// Where do pixels lie that two processes look at? In an object without a name, passed on as a descriptor.
//
// Three kinds behind one interface: memfd with seals (Linux; the only kind that version 1 of the protocol
// accepts), POSIX shared memory (other Unix; untested on macOS), a file mapping (Windows; untested).
// Fresh pages are dear, more than their copy: the kernel clears them, and each is faulted in. So objects are
// used again and stay mapped; what has no pages yet is written by pwritev, which clears and faults nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace retempo::bridge {

class SharedMemory {
  public:
    struct Piece {
        void* data;
        size_t bytes;
    };
    enum class Kind { kBest, kMemfd, kPosix };

    // Throws BridgeError (kMemory).
    static std::unique_ptr<SharedMemory> create(uint64_t bytes, Kind kind = Kind::kBest);

    virtual ~SharedMemory() = default;
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    // Pieces, one behind the other, to or from the bytes at `offset`; from several threads at once if they
    // like. Throws BridgeError (kMemory).
    virtual void write(uint64_t offset, const Piece* pieces, size_t count) = 0;
    virtual void read(uint64_t offset, const Piece* pieces, size_t count) const = 0;
    // Where these bytes are mapped; null if they are not, then `read` and `write` are the way.
    virtual char* mapped(uint64_t offset, uint64_t bytes) const = 0;
    // At least `bytes`; what is there stays. Throws BridgeError (kMemory).
    virtual void grow(uint64_t bytes) = 0;
    // The first `bytes` have pages: reads and writes among them are plain copies from now on.
    virtual void settle(uint64_t bytes) = 0;

    uint64_t size() const { return size_; }
    intptr_t handle() const { return handle_; } // descriptor; HANDLE on Windows

  protected:
    SharedMemory() = default;
    uint64_t size_ = 0;
    intptr_t handle_ = -1;
};

} // namespace retempo::bridge
