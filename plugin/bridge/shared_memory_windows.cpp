// How is shared memory made on Windows? A nameless file mapping backed by the paging file.
//
// UNTESTED: written against the documentation, never compiled or run by this project's tests. Version 1 of
// the protocol has no way to pass a HANDLE; a version for Windows will duplicate it into the worker.
#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <cstring>
#include <string>
#include <windows.h>

#include "bridge/error.h"
#include "bridge/shared_memory.h"

namespace retempo::bridge {
namespace {

class Mapping final : public SharedMemory {
  public:
    explicit Mapping(uint64_t bytes) {
        const auto high = static_cast<DWORD>(bytes >> 32), low = static_cast<DWORD>(bytes);
        object_ = CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, high, low, nullptr);
        if (object_ == nullptr) fail("CreateFileMapping", bytes);
        data_ = static_cast<char*>(MapViewOfFile(object_, FILE_MAP_ALL_ACCESS, 0, 0, 0));
        if (data_ == nullptr) {
            CloseHandle(object_);
            fail("MapViewOfFile", bytes);
        }
        handle_ = reinterpret_cast<intptr_t>(object_);
        size_ = bytes;
    }
    ~Mapping() override {
        UnmapViewOfFile(data_);
        CloseHandle(object_);
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
    void grow(uint64_t bytes) override {
        if (bytes > size_) fail("grow", bytes);
    }
    void settle(uint64_t) override {}

  private:
    [[noreturn]] static void fail(const char* what, uint64_t bytes) {
        throw BridgeError(Problem::kMemory,
                          "no shared memory of " + std::to_string(bytes) + " bytes (" + what + ": error " +
                              std::to_string(GetLastError()) + ")",
                          "free some memory, or lower the size of the picture", 4);
    }
    char* place(uint64_t offset, const Piece* pieces, size_t count) const {
        uint64_t end = offset;
        for (size_t i = 0; i < count; ++i) end += pieces[i].bytes;
        if (end > size_) fail("access", size_);
        return data_ + offset;
    }
    HANDLE object_ = nullptr;
    char* data_ = nullptr;
};

} // namespace

std::unique_ptr<SharedMemory> SharedMemory::create(uint64_t bytes, Kind) {
    return std::make_unique<Mapping>(bytes);
}

} // namespace retempo::bridge

#endif
