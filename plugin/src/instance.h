// What is a node? Its clips and parameters, and for each time a plan. Three kinds of effects make three kinds
// of plans.
//
// An instance holds nothing that changes but a few words with a lock or an atomic each: its actions may come
// on any number of threads. Frames, motion and the process that makes pictures belong to all instances
// together (bridge).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "parameter_set.h"
#include "plan.h"

namespace retempo::ofx {

struct EffectInfo; // effects.h

class Instance {
  public:
    // Throws StatusError.
    static std::unique_ptr<Instance> create(const EffectInfo& info, OfxImageEffectHandle handle);
    virtual ~Instance() = default;

    // What the picture at `time` is made of. Throws StatusError, BridgeError.
    virtual void plan(double time, Plan& plan) const = 0;
    // First and last time that there is anything to see at; nothing: the host knows as well.
    virtual std::optional<OfxRangeD> time_domain() const { return std::nullopt; }
    // Something was edited, or the node has just been made: parameters that change nothing now are greyed
    // out. What could be the reason for an error stays as it is, so that it can be mended. Throws
    // StatusError.
    virtual void refresh() const;
    // A value or a key has been changed, by whomever.
    virtual void note_edited_parameter(const std::string& name) const { (void)name; }

    // Is the result motion: signed, in four channels, and no colour?
    bool shows_motion(double time) const;
    // Is the result a picture, in the colours of the source?
    bool shows_picture(double time) const;
    // Does motion come from the Vectors input, wholly or partly?
    bool uses_vectors(double time) const;
    // A number that no other node has, and another one after an input was edited.
    uint64_t inputs() const { return inputs_; }
    void note_edited_input() const { inputs_ = next_number(); }
    // A line about the last picture, from whatever thread made it.
    void note_info(const std::string& line) const;
    std::string info_line() const;
    // Is one of its renders telling the user how far it is?
    mutable std::atomic<bool> shows_progress{false};

    const EffectInfo& info;
    const OfxImageEffectHandle handle;
    const Context context;
    const Clip source, output, vectors, depth, matte;
    const ParameterSet parameters;
    // The other picture of an in-between; null elsewhere.
    const Clip* second = nullptr;

  protected:
    Instance(const EffectInfo& effect, OfxImageEffectHandle node, Context where);
    // A source frame that is handed on as `number`, with its vectors and depth where they are asked for, and
    // its matte if there is one. `alone`: it is passed on, though perhaps one layer of it only.
    void add_frame(Plan& plan, const Clip& clip, int64_t frame, int64_t number, double time,
                   bool alone) const;
    bridge::Output find_output(const char* parameter, double time) const;
    bool has(const char* choice, const char* value, double time = 0) const;
    // Are pictures made along motion? Vectors are nothing else.
    bool moves(double time) const { return !has("engine", "blend", time) && !has("engine", "nearest", time); }

  private:
    static uint64_t next_number();

    mutable std::atomic<uint64_t> inputs_{next_number()};
    mutable std::mutex info_mutex_;
    mutable std::string info_;
};

std::unique_ptr<Instance> make_retime(const EffectInfo& info, OfxImageEffectHandle handle, Context context);
std::unique_ptr<Instance> make_inbetween(const EffectInfo& info, OfxImageEffectHandle handle,
                                         Context context);
std::unique_ptr<Instance> make_vectors(const EffectInfo& info, OfxImageEffectHandle handle, Context context);

} // namespace retempo::ofx
