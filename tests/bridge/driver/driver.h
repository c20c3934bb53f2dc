// What does the test driver share between its files? Arguments `key=value`, JSON out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bridge/wire.h"

namespace driver {

struct Arguments {
    std::multimap<std::string, std::string> values;

    std::string text(const std::string& key, const std::string& otherwise = "") const;
    long number(const std::string& key, long otherwise = 0) const;
    std::vector<int> numbers(const std::string& key) const; // separated by commas
};

std::string quoted(const std::string& text); // a JSON string
std::string hex(const uint8_t* data, size_t size);
std::vector<uint8_t> unhex(const std::string& text);
std::vector<uint8_t> read_input();
void write_output(const void* data, size_t size);

// The digest of rows without gaps, in the code for machines without vectors.
retempo::bridge::wire::Digest portable_digest(const retempo::bridge::wire::Window& window, uint32_t channels,
                                              const float* pixels);

int codec(const Arguments&);
int digest(const Arguments&);
int rational(const Arguments&);
int rows(const Arguments&);
int picture(const Arguments&);
int memory(const Arguments&);
int words(const Arguments&);
int environment(const Arguments&);
int render(const Arguments&);
int clients(const Arguments&);
int short_memory(const Arguments&);
int status(const Arguments&);

} // namespace driver
