// Which parameters does an effect have in a context, and what are their values? The table is generated; see
// retempo.server.parameters.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "ofx_api.h"
#include "parameter_table.h"

namespace retempo::ofx {

enum class Context { Filter, General, Retimer };

using Settings = std::vector<std::pair<std::string, std::string>>;

// Throws StatusError (kOfxStatErrUnsupported) for contexts that no effect is described for.
Context find_context(const std::string& name);

// Is the parameter part of this effect here? The host has the timing of a retimer; without the inputs for
// vectors and depth (filter) nothing that is about them is offered.
bool is_offered(const Parameter& parameter, unsigned effect, Context context);
// So many of a choice's options, from the first.
int offered_choices(const Parameter& parameter, unsigned effect, Context context);

// Of OfxImageEffectActionDescribeInContext.
void define_parameters(OfxParamSetHandle set, unsigned effect, Context context);

// Parameters of an instance, by the table's names. A name that the effect or the host does not have, or the
// host has no value for, gives the table's default.
class ParameterSet {
  public:
    ParameterSet(OfxImageEffectHandle instance, unsigned effect, Context context);

    double number(const char* name, double time) const; // of doubles, ints, booleans
    const char* choice(const char* name, double time) const;
    std::string text(const char* name, double time) const;
    bool animated(const char* name) const;
    unsigned keys(const char* name) const; // of an animation; expressions have none
    void enable(const char* name, bool enabled) const;
    // Of a line that the user does not write; in actions that may set parameters.
    void write(const char* name, const std::string& value) const;
    // The host's own parameter of retimers.
    double source_time(double time) const;

    // RENDER's settings: what is not at its default, or has another one there.
    Settings settings(double time) const;

  private:
    static constexpr size_t kCount = sizeof(kParameters) / sizeof(kParameters[0]);
    size_t find(const char* name) const;

    std::array<OfxParamHandle, kCount> handles_{};
    OfxParamHandle source_time_ = nullptr;
};

} // namespace retempo::ofx
