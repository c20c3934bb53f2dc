// Is what came in what the operator needs? Every refusal names the argument, what was expected and what came.
//
// Host code, standard library only. std::invalid_argument: wrong value, shape, device or layout;
// WrongType: wrong element type.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace retempo {

struct WrongType : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

enum class Element { f32, f64, u32, u8, other };
enum class DeviceKind { cpu, cuda, other };

// An array as its owner describes it; strides in elements.
struct ArrayFacts {
    std::string name;
    void* data = nullptr;
    Element element = Element::other;
    std::string element_name; // as shown to the user
    int element_bytes = 0;
    std::vector<int64_t> shape, strides;
    DeviceKind device = DeviceKind::cpu;
    int device_index = 0;
    bool writable = true;

    int64_t count() const {
        int64_t n = 1;
        for (int64_t s : shape) n *= s;
        return n;
    }
};

inline std::string text(const std::vector<int64_t>& values) {
    std::string s = "(";
    for (size_t i = 0; i < values.size(); ++i) s += (i ? ", " : "") + std::to_string(values[i]);
    return s + (values.size() == 1 ? ",)" : ")");
}

inline std::string device_text(const ArrayFacts& a) {
    if (a.device == DeviceKind::cpu) return "cpu";
    return (a.device == DeviceKind::cuda ? "cuda:" : "device type ") + std::to_string(a.device_index);
}

// `expected` with -1 for any size; `layout` says it in words: "[N, 2, H, W]".
inline void check_shape(const ArrayFacts& a, const std::vector<int64_t>& expected,
                        const std::string& layout) {
    bool same = a.shape.size() == expected.size();
    bool any = false;
    for (size_t i = 0; same && i < expected.size(); ++i) same = expected[i] < 0 || a.shape[i] == expected[i];
    for (int64_t e : expected) any = any || e < 0;
    if (same) return;
    throw std::invalid_argument(a.name + ": expected shape " + layout + (any ? "" : " = " + text(expected)) +
                                ", got " + text(a.shape));
}

inline void check_element(const ArrayFacts& a, Element expected, const std::string& expected_name) {
    if (a.element != expected)
        throw WrongType(a.name + ": expected " + expected_name + ", got " + a.element_name);
}

inline void check_device(const ArrayFacts& a, const ArrayFacts& like) {
    if (a.device == like.device && a.device_index == like.device_index) return;
    throw std::invalid_argument(a.name + ": expected on " + device_text(like) + " as " + like.name +
                                ", got " + device_text(a));
}

inline void check_contiguous(const ArrayFacts& a) {
    if (a.count() == 0) return;
    int64_t step = 1;
    for (size_t i = a.shape.size(); i-- > 0;) {
        if (a.shape[i] != 1 && a.strides[i] != step)
            throw std::invalid_argument(a.name + ": expected a C-contiguous array, got strides " +
                                        text(a.strides) + " (elements) for shape " + text(a.shape));
        step *= a.shape[i];
    }
}

inline void check_writable(const ArrayFacts& a) {
    if (!a.writable) throw std::invalid_argument(a.name + ": expected a writable array, got a read-only one");
}

inline void check_apart(const ArrayFacts& output, const ArrayFacts& other) {
    const char* o = static_cast<const char*>(output.data);
    const char* i = static_cast<const char*>(other.data);
    const int64_t on = output.count() * output.element_bytes, in = other.count() * other.element_bytes;
    if (!o || !i || on == 0 || in == 0 || output.device != other.device) return;
    if (o < i + in && i < o + on)
        throw std::invalid_argument(output.name + ": expected memory of its own, got memory that overlaps " +
                                    other.name);
}

// `index` of the first bad element of a C-contiguous array.
[[noreturn]] inline void refuse_non_finite(const ArrayFacts& a, int64_t index) {
    std::vector<int64_t> at(a.shape.size());
    int64_t rest = index;
    for (size_t i = a.shape.size(); i-- > 0;) {
        at[i] = rest % a.shape[i];
        rest /= a.shape[i];
    }
    std::string where;
    for (size_t i = 0; i < at.size(); ++i) where += (i ? ", " : "") + std::to_string(at[i]);
    throw std::invalid_argument(a.name + ": expected finite numbers, got NaN or Inf at [" + where + "]");
}

} // namespace retempo
