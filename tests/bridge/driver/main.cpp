// How do Python tests reach the bridge? One command a run: values on standard input, JSON or raw bytes out.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "bridge/error.h"
#include "driver.h"

namespace driver {

std::string Arguments::text(const std::string& key, const std::string& otherwise) const {
    const auto found = values.find(key);
    return found == values.end() ? otherwise : found->second;
}

long Arguments::number(const std::string& key, long otherwise) const {
    const auto found = values.find(key);
    return found == values.end() ? otherwise : std::strtol(found->second.c_str(), nullptr, 10);
}

std::vector<int> Arguments::numbers(const std::string& key) const {
    std::vector<int> out;
    const std::string list = text(key);
    for (size_t at = 0; at < list.size();) {
        const size_t end = std::min(list.find(',', at), list.size());
        out.push_back(std::atoi(list.substr(at, end - at).c_str()));
        at = end + 1;
    }
    return out;
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        char escape[8];
        if (c == '"' || c == '\\')
            out += std::string("\\") + c;
        else if (static_cast<unsigned char>(c) < 0x20) {
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        } else
            out += c;
    }
    return out + "\"";
}

std::string hex(const uint8_t* data, size_t size) {
    static const char* digits = "0123456789abcdef";
    std::string out;
    for (size_t i = 0; i < size; ++i) {
        out += digits[data[i] >> 4];
        out += digits[data[i] & 15];
    }
    return out;
}

std::vector<uint8_t> unhex(const std::string& text) {
    std::vector<uint8_t> out;
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<uint8_t>(std::strtoul(text.substr(i, 2).c_str(), nullptr, 16)));
    return out;
}

std::vector<uint8_t> read_input() {
    return std::vector<uint8_t>(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
}

void write_output(const void* data, size_t size) {
    std::cout.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

} // namespace driver

int main(int count, char** words) {
    using Command = int (*)(const driver::Arguments&);
    const std::map<std::string, Command> commands = {
        {"codec", driver::codec},       {"digest", driver::digest},
        {"rational", driver::rational}, {"rows", driver::rows},
        {"picture", driver::picture},   {"memory", driver::memory},
        {"words", driver::words},       {"environment", driver::environment},
        {"render", driver::render},     {"clients", driver::clients},
        {"status", driver::status},     {"short-memory", driver::short_memory},
    };
    const auto found = commands.find(count > 1 ? words[1] : "");
    if (found == commands.end()) {
        std::cerr << "usage: retempo_bridge_driver COMMAND [key=value ...]\n";
        return 2;
    }
    driver::Arguments arguments;
    for (int i = 2; i < count; ++i) {
        const std::string word = words[i];
        const size_t split = word.find('=');
        arguments.values.emplace(word.substr(0, split),
                                 split == std::string::npos ? "" : word.substr(split + 1));
    }
    try {
        return found->second(arguments);
    } catch (const retempo::bridge::BridgeError& error) {
        std::cout << "{\"ok\": false, \"problem\": " << driver::quoted(name_of(error.problem()))
                  << ", \"message\": " << driver::quoted(error.message())
                  << ", \"hint\": " << driver::quoted(error.hint()) << "}\n";
        return 1;
    }
}
