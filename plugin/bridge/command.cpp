// Which command starts the worker, and which environment does it see? What all systems have in common.
#include <cctype>
#include <cstdlib>
#include <string>

#include "bridge/error.h"
#include "bridge/process.h"

#if !defined(_WIN32)
extern char** environ;
#else
#define environ _environ
#endif

namespace retempo::bridge {
namespace {

// Prefixes of what hosts set for the interpreter and the libraries inside themselves.
constexpr const char* kDropped[] = {"PYTHON", "LD_LIBRARY_PATH=", "LD_PRELOAD=",         "LD_AUDIT=",
                                    "DYLD_",  "VIRTUAL_ENV=",     "__PYVENV_LAUNCHER__="};

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

} // namespace

std::vector<std::string> split_words(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    bool inside = false;
    char quote = 0;
    for (size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote)
                quote = 0;
            else if (c == '\\' && quote == '"' && i + 1 < line.size() &&
                     (line[i + 1] == '"' || line[i + 1] == '\\'))
                word += line[++i];
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            inside = true;
#if !defined(_WIN32)
        } else if (c == '\\' && i + 1 < line.size()) {
            word += line[++i];
            inside = true;
#endif
        } else if (std::isspace(static_cast<unsigned char>(c))) {
            if (inside) words.push_back(word);
            word.clear();
            inside = false;
        } else {
            word += c;
            inside = true;
        }
    }
    if (quote != 0)
        throw BridgeError(Problem::kCannotStart, "RETEMPO_WORKER_COMMAND ends inside quotes: " + line,
                          "close the quotes");
    if (inside) words.push_back(word);
    return words;
}

std::vector<std::string> worker_command(const std::vector<std::string>& launcher) {
    if (const char* line = std::getenv("RETEMPO_WORKER_COMMAND"); line != nullptr) {
        std::vector<std::string> words = split_words(line);
        if (!words.empty()) return words;
    }
    if (const char* python = std::getenv("RETEMPO_PYTHON"); python != nullptr && *python != 0)
        return {python, "-m", "retempo", "serve"};
    if (!launcher.empty()) return launcher;
    return {"retempo", "serve"};
}

std::vector<std::string> worker_environment() {
    std::vector<std::string> kept;
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string entry = *at;
        bool drop = false;
        for (const char* prefix : kDropped) drop = drop || starts_with(entry, prefix);
        if (!drop) kept.push_back(entry);
    }
    return kept;
}

} // namespace retempo::bridge
