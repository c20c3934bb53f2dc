// How are properties of the host's objects read and written? Without a cast or a forgotten status at every
// place.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "host.h"
#include "status_error.h"

namespace retempo::ofx {

class Properties {
  public:
    explicit Properties(OfxPropertySetHandle set) : Properties(host().property, set) {}
    Properties(const OfxPropertySuiteV1* suite, OfxPropertySetHandle set) : suite_(suite), set_(set) {}

    OfxPropertySetHandle handle() const { return set_; }

    // Reading what has to be there. Throws StatusError.
    int integer(const char* name, int index = 0) const {
        int value = 0;
        check(suite_->propGetInt(set_, name, index, &value));
        return value;
    }
    double number(const char* name, int index = 0) const {
        double value = 0;
        check(suite_->propGetDouble(set_, name, index, &value));
        return value;
    }
    std::string text(const char* name) const {
        char* value = nullptr;
        check(suite_->propGetString(set_, name, 0, &value));
        return value == nullptr ? "" : value;
    }
    void* pointer(const char* name) const {
        void* value = nullptr;
        check(suite_->propGetPointer(set_, name, 0, &value));
        return value;
    }

    // Reading what older hosts do not have.
    int integer_or(const char* name, int otherwise) const {
        int value = otherwise;
        return suite_->propGetInt(set_, name, 0, &value) == kOfxStatOK ? value : otherwise;
    }
    double number_or(const char* name, int index, double otherwise) const {
        double value = otherwise;
        return suite_->propGetDouble(set_, name, index, &value) == kOfxStatOK ? value : otherwise;
    }
    std::string text_or(const char* name, const std::string& otherwise) const {
        char* value = nullptr;
        return suite_->propGetString(set_, name, 0, &value) == kOfxStatOK && value != nullptr ? value
                                                                                              : otherwise;
    }

    // Writing. Hosts refuse what they do not know; nothing that is written here is worth failing for, but
    // answers of actions (`answer`), which throw StatusError.
    const Properties& set(const char* name, int value) const {
        suite_->propSetInt(set_, name, 0, value);
        return *this;
    }
    const Properties& set(const char* name, double value) const {
        suite_->propSetDouble(set_, name, 0, value);
        return *this;
    }
    const Properties& set(const char* name, const char* value, int index = 0) const {
        suite_->propSetString(set_, name, index, value);
        return *this;
    }
    const Properties& set(const char* name, std::initializer_list<const char*> values) const {
        suite_->propSetStringN(set_, name, static_cast<int>(values.size()), values.begin());
        return *this;
    }
    const Properties& set(const char* name, const std::vector<const char*>& values) const {
        suite_->propSetStringN(set_, name, static_cast<int>(values.size()), values.data());
        return *this;
    }
    const Properties& set_pointer(const char* name, void* value) const {
        suite_->propSetPointer(set_, name, 0, value);
        return *this;
    }
    void answer(const std::string& name, const std::vector<double>& values) const {
        check(suite_->propSetDoubleN(set_, name.c_str(), static_cast<int>(values.size()), values.data()));
    }
    void answer(const std::string& name, double value) const {
        check(suite_->propSetDouble(set_, name.c_str(), 0, value));
    }
    void answer(const std::string& name, const char* value) const {
        check(suite_->propSetString(set_, name.c_str(), 0, value));
    }

  private:
    const OfxPropertySuiteV1* suite_;
    OfxPropertySetHandle set_;
};

} // namespace retempo::ofx
