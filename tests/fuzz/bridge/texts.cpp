// Are texts from outside (commands, names, times) refused or understood? Words of a command, UTF-8,
// fractions.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bridge/error.h"
#include "bridge/process.h"
#include "bridge/rational.h"
#include "bridge/wire.h"

namespace {

using namespace retempo::bridge;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

void try_words(const std::string& line) {
    std::string quoted;
    std::vector<std::string> words;
    try {
        words = split_words(line);
    } catch (const BridgeError&) { return; }
    for (const std::string& word : words) {
        if (word.find('\'') != std::string::npos) return;
        quoted += " '" + word + "'";
    }
    require(split_words(quoted) == words, "words change when they are quoted");
}

void try_time(double time) {
    try {
        const Rational found = rational_time(time);
        require(found.denominator >= 1 && found.denominator <= kLargestTimeDenominator, "a denominator");
        const auto value = static_cast<double>(found.numerator) / static_cast<double>(found.denominator);
        require(std::fabs(value - time) <= 1e-5 + std::fabs(time) * 1e-15, "a fraction far from its time");
    } catch (const BridgeError&) {}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    try_words(text);
    wire::is_utf8(text);
    double time = 0;
    if (size >= sizeof time) {
        std::memcpy(&time, data, sizeof time);
        try_time(time);
    }
    return 0;
}
