// How does code deep inside an action say with which status the action ends?
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "ofx_api.h"

namespace retempo::ofx {

class StatusError : public std::exception {
  public:
    // message: for the user, shown on the node; may be empty.
    explicit StatusError(OfxStatus status, std::string message = "")
        : status_(status), message_(std::move(message)) {}

    OfxStatus status() const noexcept { return status_; }
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    OfxStatus status_;
    std::string message_;
};

// Throws unless `status` is OK.
inline void check(OfxStatus status) {
    if (status != kOfxStatOK) throw StatusError(status);
}

} // namespace retempo::ofx
