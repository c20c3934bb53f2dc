// Where do pixels lie that two processes look at? In an object without a name, passed on as a descriptor.
//
// Three kinds behind one interface: memfd with seals (Linux; the only kind that version 1 of the protocol
// accepts), POSIX shared memory (other Unix; untested on macOS), a file mapping (Windows; untested).
// Pixels are written and read by position; on Linux that is pwritev and preadv, so nothing is ever mapped
// here and the rows of a picture go straight between the host's memory and the object's pages. Fresh pages
// are dear (the kernel clears them): whoever makes an object uses it again.
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

    // Pieces, one behind the other, to or from the bytes at `offset`. Throws BridgeError (kMemory).
    virtual void write(uint64_t offset, const Piece* pieces, size_t count) = 0;
    virtual void read(uint64_t offset, const Piece* pieces, size_t count) const = 0;
    // At least `bytes`; what is there stays. Throws BridgeError (kMemory).
    virtual void grow(uint64_t bytes) = 0;
    // From now on nobody can write, this process included. False where the system has no such thing.
    virtual bool freeze() = 0;

    uint64_t size() const { return size_; }
    intptr_t handle() const { return handle_; } // descriptor; HANDLE on Windows

  protected:
    SharedMemory() = default;
    uint64_t size_ = 0;
    intptr_t handle_ = -1;
};

} // namespace retempo::bridge
