// Is every payload refused with a BridgeError, or understood so exactly that writing it gives the same bytes?
//
// The first byte says which message, as in targets/wire_messages.py: both share a corpus.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bridge/error.h"
#include "bridge/wire.h"

namespace {

using namespace retempo::bridge;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

template <class Message>
void try_message(const wire::Bytes& payload) {
    const Message parsed = Message::parse(payload);
    const wire::Bytes packed = parsed.pack();
    require(packed.size() == payload.size(), "a message comes back with another length");
    require(Message::parse(packed).pack() == packed, "a message changes when it is written again");
}

void try_header(const wire::Bytes& payload) {
    if (payload.size() < wire::kHeaderBytes) return;
    const wire::Header header = wire::Header::parse(payload.data());
    require(header.length <= wire::kLargestPayload && header.fds <= 1, "a header out of range is accepted");
    uint8_t packed[wire::kHeaderBytes];
    header.pack(packed);
    require(wire::Bytes(packed, packed + sizeof packed) ==
                wire::Bytes(payload.begin(), payload.begin() + sizeof packed),
            "a header changes when it is written again");
}

void try_one(int kind, const wire::Bytes& payload) {
    switch (kind) {
    case 1:
        return try_message<wire::Hello>(payload);
    case 2:
        return try_message<wire::Welcome>(payload);
    case 3:
        return try_message<wire::Render>(payload);
    case 4:
        return try_message<wire::Need>(payload);
    case 5:
        return try_message<wire::Frames>(payload);
    case 6:
        return try_message<wire::Done>(payload);
    case 7:
        return try_message<wire::Failed>(payload);
    case 8:
        return try_message<wire::Progress>(payload);
    default:
        return try_header(payload);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    try {
        try_one(data[0] % 10, wire::Bytes(data + 1, data + size));
    } catch (const BridgeError& error) { require(error.what()[0] != 0, "an error without words"); }
    return 0;
}
