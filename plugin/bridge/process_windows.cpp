// How does a worker start on Windows? CreateProcess, detached, with an environment block of its own.
//
// UNTESTED: written against the documentation, never compiled or run by this project's tests.
#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <algorithm>
#include <string>
#include <windows.h>

#include "bridge/error.h"
#include "bridge/process.h"

namespace retempo::bridge {
namespace {

std::wstring wide(const std::string& text) {
    const int count = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
    std::wstring out(static_cast<size_t>(count), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), out.data(), count);
    return out;
}

// Quoted so that CommandLineToArgvW gives the word back.
std::string quoted(const std::string& word) {
    std::string out = "\"";
    size_t slashes = 0;
    for (char c : word) {
        if (c == '"') out.append(slashes + 1, '\\');
        slashes = c == '\\' ? slashes + 1 : 0;
        out += c;
    }
    out.append(slashes, '\\');
    return out + "\"";
}

} // namespace

Process Process::watch(int64_t pid) {
    Process process;
    process.pid_ = pid;
    process.handle_ = reinterpret_cast<intptr_t>(
        OpenProcess(SYNCHRONIZE | PROCESS_TERMINATE, FALSE, static_cast<DWORD>(pid)));
    return process;
}

Process Process::start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                       const std::string& error_log) {
    std::string line;
    for (const std::string& word : command) line += (line.empty() ? "" : " ") + quoted(word);
    std::wstring block;
    for (const std::string& entry : environment) block += wide(entry) + L'\0';
    block += L'\0';
    SECURITY_ATTRIBUTES inherit{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
    HANDLE log = CreateFileW(wide(error_log).c_str(), GENERIC_WRITE, FILE_SHARE_READ, &inherit, CREATE_ALWAYS,
                             0, nullptr);
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdError = log;
    PROCESS_INFORMATION made{};
    std::wstring text = wide(line);
    const DWORD flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT;
    const BOOL done = CreateProcessW(nullptr, text.data(), nullptr, nullptr, TRUE, flags, block.data(),
                                     nullptr, &startup, &made);
    const DWORD reason = GetLastError();
    if (log != INVALID_HANDLE_VALUE) CloseHandle(log);
    if (!done)
        throw BridgeError(Problem::kCannotStart,
                          "the worker cannot be started: " + line + ": error " + std::to_string(reason),
                          "install retempo, or set RETEMPO_PYTHON to a Python that has it");
    CloseHandle(made.hThread);
    Process process;
    process.pid_ = made.dwProcessId;
    process.handle_ = reinterpret_cast<intptr_t>(made.hProcess);
    return process;
}

bool Process::running() const {
    return handle_ != 0 && WaitForSingleObject(reinterpret_cast<HANDLE>(handle_), 0) == WAIT_TIMEOUT;
}

bool Process::kill(int patience_ms) {
    if (handle_ == 0) return true;
    TerminateProcess(reinterpret_cast<HANDLE>(handle_), 1);
    return WaitForSingleObject(reinterpret_cast<HANDLE>(handle_), static_cast<DWORD>(patience_ms)) ==
           WAIT_OBJECT_0;
}

} // namespace retempo::bridge

#endif
