// retempo._native: the only place where Python and the kernels meet. Checks at the door, then the GIL is
// released.
#include <array>
#include <optional>

#include "arrays.h"
#include "retempo/ops.h"

namespace retempo::bindings {
namespace {

using Shape = std::vector<int64_t>;

#ifdef RETEMPO_WITH_CUDA
constexpr bool kWithCuda = true;
#else
constexpr bool kWithCuda = false;
#endif

template <class E>
E choose(const char* argument, const std::string& value,
         std::initializer_list<std::pair<const char*, E>> choices) {
    std::string all;
    for (const auto& [name, result] : choices) {
        if (value == name) return result;
        all += (all.empty() ? "'" : ", '") + std::string(name) + "'";
    }
    throw std::invalid_argument(std::string(argument) + ": expected one of " + all + ", got '" + value + "'");
}

Mode mode_of(const std::string& v) {
    return choose<Mode>("mode", v,
                        {{"sum", Mode::sum},
                         {"average", Mode::average},
                         {"linear", Mode::linear},
                         {"softmax", Mode::softmax}});
}
FootprintKind footprint_of(const std::string& v) {
    return choose<FootprintKind>(
        "footprint", v, {{"bilinear", FootprintKind::bilinear}, {"gaussian", FootprintKind::gaussian}});
}
Filter filter_of(const std::string& v) {
    return choose<Filter>("filter", v,
                          {{"bilinear", Filter::bilinear},
                           {"bicubic", Filter::bicubic},
                           {"lanczos4", Filter::lanczos4},
                           {"nearest", Filter::nearest}});
}
Border border_of(const std::string& v) {
    return choose<Border>("border", v, {{"edge", Border::edge}, {"zero", Border::zero}});
}

void check_range(const char* argument, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw std::invalid_argument(std::string(argument) + ": expected " +
                                py::str(py::float_(low)).cast<std::string>() + " to " +
                                py::str(py::float_(high)).cast<std::string>() + ", got " +
                                py::str(py::float_(value)).cast<std::string>());
}

SplatOptions splat_options(const std::string& mode, const std::string& footprint, double sigma, int threads,
                           bool deterministic) {
    check_range("sigma", sigma, 0.05, 1e6);
    check_range("threads", threads, 0, 4096);
    return {mode_of(mode), footprint_of(footprint), sigma, threads, deterministic};
}

WarpOptions warp_options(const std::string& filter, const std::string& border, int threads,
                         bool deterministic) {
    check_range("threads", threads, 0, 4096);
    return {filter_of(filter), border_of(border), threads, deterministic};
}

// The arrays of one call: the first one decides element type and device, the others follow.
class Call {
  public:
    Call(const Array& lead, bool doubles_allowed) : lead_(lead) {
        if (lead.absent()) throw std::invalid_argument(lead.name + ": expected an array, got None");
        if (lead.device == DeviceKind::other)
            throw std::invalid_argument(lead.name + ": expected an array on the CPU or a CUDA device, got " +
                                        device_text(lead));
        if (on_cuda() && !kWithCuda)
            throw std::invalid_argument(lead.name + ": expected an array on the CPU, got " +
                                        device_text(lead) +
                                        "; this build of retempo has no CUDA kernels (see build_info())");
        doubles_ = doubles_allowed && !on_cuda() && lead.element == Element::f64;
        if (!doubles_ && lead.element != Element::f32)
            throw WrongType(lead.name +
                            (doubles_allowed && !on_cuda() ? ": expected float32 or float64, got "
                                                           : ": expected float32, got ") +
                            lead.element_name);
    }

    bool on_cuda() const { return lead_.device == DeviceKind::cuda; }
    bool doubles() const { return doubles_; }

    void input(const Array& a, const Shape& shape, const char* layout) {
        accept(a, shape, layout, doubles_ ? Element::f64 : Element::f32, doubles_ ? "float64" : "float32");
        inputs_.push_back(&a);
    }
    void output(const Array& a, const Shape& shape, const char* layout) {
        accept(a, shape, layout, doubles_ ? Element::f64 : Element::f32, doubles_ ? "float64" : "float32");
        write(a);
    }
    void input_ids(const Array& a, const Shape& shape, const char* layout) {
        accept(a, shape, layout, Element::u32, "uint32");
        inputs_.push_back(&a);
    }
    void output_ids(const Array& a, const Shape& shape, const char* layout) {
        accept(a, shape, layout, Element::u32, "uint32");
        write(a);
    }
    void output_bytes(const Array& a, const Shape& shape, const char* layout) {
        accept(a, shape, layout, Element::u8, "uint8");
        write(a);
    }

    // After all arrays are known.
    void check_apart_all() const {
        for (size_t i = 0; i < outputs_.size(); ++i) {
            for (const Array* in : inputs_) check_apart(*outputs_[i], *in);
            for (size_t j = 0; j < i; ++j) check_apart(*outputs_[i], *outputs_[j]);
        }
    }

  private:
    void accept(const Array& a, const Shape& shape, const char* layout, Element element,
                const char* element_name) {
        if (a.absent()) throw std::invalid_argument(a.name + ": expected an array " + layout + ", got None");
        check_element(a, element, element_name);
        check_shape(a, shape, layout);
        check_device(a, lead_);
        check_contiguous(a);
    }
    void write(const Array& a) {
        check_writable(a);
        outputs_.push_back(&a);
    }

    const Array& lead_;
    bool doubles_ = false;
    std::vector<const Array*> inputs_, outputs_;
};

// Selects the device of the arrays around a call.
class DeviceGuard {
  public:
    explicit DeviceGuard([[maybe_unused]] const Array& a) {
#ifdef RETEMPO_WITH_CUDA
        if (a.device == DeviceKind::cuda) {
            before_ = cuda::current_device();
            cuda::set_device(a.device_index);
        }
#endif
    }
    ~DeviceGuard() {
#ifdef RETEMPO_WITH_CUDA
        if (before_ >= 0) cuda::set_device(before_);
#endif
    }
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;

  private:
    [[maybe_unused]] int before_ = -1;
};

[[maybe_unused]] void* stream_of(uintptr_t stream) { return reinterpret_cast<void*>(stream); }

void check_finite_values(const Array& a, bool doubles, int threads, [[maybe_unused]] uintptr_t stream) {
    int64_t bad = -1;
    {
        py::gil_scoped_release free;
        if (a.device == DeviceKind::cuda) {
#ifdef RETEMPO_WITH_CUDA
            const DeviceGuard guard(a);
            bad = cuda::find_non_finite(a.as<const float>(), a.count(), stream_of(stream));
#endif
        } else {
            bad = doubles ? cpu::find_non_finite(a.as<const double>(), a.count(), threads)
                          : cpu::find_non_finite(a.as<const float>(), a.count(), threads);
        }
    }
    if (bad >= 0) refuse_non_finite(a, bad);
}

template <class T>
View4<T> view(const Array& a) {
    if (a.absent()) return {};
    return planar(a.as<T>(), a.shape[0], a.shape[1], a.shape[2], a.shape[3]);
}

template <class T>
Image<T> image(const Array& a) {
    if (a.absent()) return {};
    return channel_last(a.as<T>(), a.shape[0], a.shape[1], a.shape.size() > 2 ? a.shape[2] : 1);
}

// The sizes of a four-dimensional array, or a refusal.
Shape planar_shape(const Array& a) {
    if (a.absent()) throw std::invalid_argument(a.name + ": expected an array [N, C, H, W], got None");
    check_shape(a, {-1, -1, -1, -1}, "[N, C, H, W]");
    return a.shape;
}

// ---------------------------------------------------------------------------------------------------- splat

template <class T>
void run_forward(const SplatForward<T>& v, const SplatOptions& o, const Array& lead,
                 [[maybe_unused]] uintptr_t stream) {
    py::gil_scoped_release free;
#ifdef RETEMPO_WITH_CUDA
    if constexpr (sizeof(T) == 4)
        if (lead.device == DeviceKind::cuda) {
            const DeviceGuard guard(lead);
            return cuda::splat_forward(v, o, stream_of(stream));
        }
#endif
    (void)lead;
    cpu::splat_forward(v, o);
}

void splat_forward(py::object payload_, py::object flow_, py::object metric_, py::object out_,
                   py::object norm_, py::object zmax_, py::object coverage_, const std::string& mode,
                   const std::string& footprint, double sigma, int threads, bool deterministic,
                   uintptr_t stream, bool check_finite) {
    const SplatOptions options = splat_options(mode, footprint, sigma, threads, deterministic);
    const Array payload(payload_, "payload"), flow(flow_, "flow"), metric(metric_, "metric"),
        out(out_, "out"), norm(norm_, "norm"), zmax(zmax_, "zmax"), coverage(coverage_, "coverage");
    Call call(payload, true);
    const Shape s = planar_shape(payload);
    const bool weighted = options.mode == Mode::linear || options.mode == Mode::softmax;
    call.input(payload, s, "[N, C, H, W]");
    call.input(flow, {s[0], 2, s[2], s[3]}, "[N, 2, H, W]");
    if (weighted || !metric.absent()) call.input(metric, {s[0], 1, s[2], s[3]}, "[N, 1, H, W]");
    call.output(out, s, "[N, C, H, W]");
    call.output(norm, {s[0], 1, s[2], s[3]}, "[N, 1, H, W]");
    if (!zmax.absent()) call.output(zmax, {s[0], 1, s[2], s[3]}, "[N, 1, H, W]");
    if (!coverage.absent()) call.output(coverage, {s[0], 1, s[2], s[3]}, "[N, 1, H, W]");
    call.check_apart_all();
    if (check_finite) check_finite_values(flow, call.doubles(), threads, stream);
    auto go = [&](auto zero) {
        using T = decltype(zero);
        run_forward<T>({view<const T>(payload), view<const T>(flow),
                        weighted ? view<const T>(metric) : View4<const T>{}, view<T>(out), view<T>(norm),
                        view<T>(zmax), view<T>(coverage)},
                       options, payload, stream);
    };
    if (call.doubles())
        go(0.0);
    else
        go(0.0f);
}

template <class T>
void run_backward(const SplatBackward<T>& v, const SplatOptions& o, const Array& lead,
                  [[maybe_unused]] uintptr_t stream) {
    py::gil_scoped_release free;
#ifdef RETEMPO_WITH_CUDA
    if constexpr (sizeof(T) == 4)
        if (lead.device == DeviceKind::cuda) {
            const DeviceGuard guard(lead);
            return cuda::splat_backward(v, o, stream_of(stream));
        }
#endif
    (void)lead;
    cpu::splat_backward(v, o);
}

void splat_backward(py::object grad_out_, py::object payload_, py::object flow_, py::object metric_,
                    py::object out_, py::object norm_, py::object zmax_, py::object grad_payload_,
                    py::object grad_flow_, py::object grad_metric_, const std::string& mode,
                    const std::string& footprint, double sigma, int threads, bool deterministic,
                    uintptr_t stream) {
    const SplatOptions options = splat_options(mode, footprint, sigma, threads, deterministic);
    const Array grad_out(grad_out_, "grad_out"), payload(payload_, "payload"), flow(flow_, "flow"),
        metric(metric_, "metric"), out(out_, "out"), norm(norm_, "norm"), zmax(zmax_, "zmax"),
        grad_payload(grad_payload_, "grad_payload"), grad_flow(grad_flow_, "grad_flow"),
        grad_metric(grad_metric_, "grad_metric");
    Call call(payload, true);
    const Shape s = planar_shape(payload), one{s[0], 1, s[2], s[3]}, two{s[0], 2, s[2], s[3]};
    const bool weighted = options.mode == Mode::linear || options.mode == Mode::softmax;
    call.input(payload, s, "[N, C, H, W]");
    call.input(grad_out, s, "[N, C, H, W]");
    call.input(flow, two, "[N, 2, H, W]");
    if (weighted || !metric.absent()) call.input(metric, one, "[N, 1, H, W]");
    call.input(out, s, "[N, C, H, W]");
    call.input(norm, one, "[N, 1, H, W]");
    if (options.mode == Mode::softmax || !zmax.absent()) call.input(zmax, one, "[N, 1, H, W]");
    if (!grad_payload.absent()) call.output(grad_payload, s, "[N, C, H, W]");
    if (!grad_flow.absent()) call.output(grad_flow, two, "[N, 2, H, W]");
    if (!grad_metric.absent()) call.output(grad_metric, one, "[N, 1, H, W]");
    call.check_apart_all();
    auto go = [&](auto zero) {
        using T = decltype(zero);
        run_backward<T>({view<const T>(grad_out), view<const T>(payload), view<const T>(flow),
                         weighted ? view<const T>(metric) : View4<const T>{}, view<const T>(out),
                         view<const T>(norm), view<const T>(zmax), view<T>(grad_payload), view<T>(grad_flow),
                         view<T>(grad_metric)},
                        options, payload, stream);
    };
    if (call.doubles())
        go(0.0);
    else
        go(0.0f);
}

// ---------------------------------------------------------------------------------------------------- warp

void warp_forward(py::object image_, py::object flow_, py::object out_, const std::string& filter,
                  const std::string& border, int threads, bool deterministic, uintptr_t stream,
                  bool check_finite) {
    const WarpOptions options = warp_options(filter, border, threads, deterministic);
    const Array source(image_, "image"), flow(flow_, "flow"), out(out_, "out");
    Call call(source, true);
    const Shape s = planar_shape(source), f = planar_shape(flow);
    call.input(source, s, "[N, C, H, W]");
    call.input(flow, {s[0], 2, f[2], f[3]}, "[N, 2, H', W']");
    call.output(out, {s[0], s[1], f[2], f[3]}, "[N, C, H', W']");
    if ((s[2] == 0 || s[3] == 0) && out.count() > 0)
        throw std::invalid_argument("image: expected at least one pixel, got " + text(s));
    call.check_apart_all();
    if (check_finite) check_finite_values(flow, call.doubles(), threads, stream);
    py::gil_scoped_release free;
#ifdef RETEMPO_WITH_CUDA
    if (call.on_cuda()) {
        const DeviceGuard guard(source);
        return cuda::warp_forward({view<const float>(source), view<const float>(flow), view<float>(out)},
                                  options, stream_of(stream));
    }
#endif
    (void)stream;
    if (call.doubles())
        cpu::warp_forward<double>({view<const double>(source), view<const double>(flow), view<double>(out)},
                                  options);
    else
        cpu::warp_forward<float>({view<const float>(source), view<const float>(flow), view<float>(out)},
                                 options);
}

void warp_backward(py::object grad_out_, py::object image_, py::object flow_, py::object grad_image_,
                   py::object grad_flow_, const std::string& filter, const std::string& border, int threads,
                   bool deterministic, uintptr_t stream) {
    const WarpOptions options = warp_options(filter, border, threads, deterministic);
    const Array grad_out(grad_out_, "grad_out"), source(image_, "image"), flow(flow_, "flow"),
        grad_image(grad_image_, "grad_image"), grad_flow(grad_flow_, "grad_flow");
    Call call(source, true);
    const Shape s = planar_shape(source), f = planar_shape(flow);
    call.input(source, s, "[N, C, H, W]");
    call.input(flow, {s[0], 2, f[2], f[3]}, "[N, 2, H', W']");
    call.input(grad_out, {s[0], s[1], f[2], f[3]}, "[N, C, H', W']");
    if (!grad_image.absent()) call.output(grad_image, s, "[N, C, H, W]");
    if (!grad_flow.absent()) call.output(grad_flow, f, "[N, 2, H', W']");
    if ((s[2] == 0 || s[3] == 0) && flow.count() > 0)
        throw std::invalid_argument("image: expected at least one pixel, got " + text(s));
    call.check_apart_all();
    py::gil_scoped_release free;
    auto go = [&](auto zero) {
        using T = decltype(zero);
        const WarpBackward<T> v{view<const T>(grad_out), view<const T>(source), view<const T>(flow),
                                view<T>(grad_image), view<T>(grad_flow)};
#ifdef RETEMPO_WITH_CUDA
        if constexpr (sizeof(T) == 4)
            if (call.on_cuda()) {
                const DeviceGuard guard(source);
                return cuda::warp_backward(v, options, stream_of(stream));
            }
#endif
        cpu::warp_backward<T>(v, options);
    };
    (void)stream;
    if (call.doubles())
        go(0.0);
    else
        go(0.0f);
}

void warp_image(py::object image_, py::object flow_, py::object out_, const std::string& filter,
                const std::string& border, int threads, uintptr_t stream, bool check_finite) {
    const WarpOptions options = warp_options(filter, border, threads, false);
    const Array source(image_, "image"), flow(flow_, "flow"), out(out_, "out");
    Call call(source, false);
    check_shape(source, {-1, -1, -1}, "[H, W, C]");
    call.input(source, source.shape, "[H, W, C]");
    if (flow.absent()) throw std::invalid_argument("flow: expected an array [H', W', 2], got None");
    check_shape(flow, {-1, -1, 2}, "[H', W', 2]");
    call.input(flow, flow.shape, "[H', W', 2]");
    call.output(out, {flow.shape[0], flow.shape[1], source.shape[2]}, "[H', W', C]");
    if (source.count() == 0 && out.count() > 0)
        throw std::invalid_argument("image: expected at least one pixel, got " + text(source.shape));
    call.check_apart_all();
    if (check_finite) check_finite_values(flow, false, threads, stream);
    py::gil_scoped_release free;
    const WarpImage v{image<const float>(source), image<const float>(flow), image<float>(out)};
#ifdef RETEMPO_WITH_CUDA
    if (call.on_cuda()) {
        const DeviceGuard guard(source);
        return cuda::warp_image(v, options, stream_of(stream));
    }
#endif
    cpu::warp_image(v, options);
}

void warp_ids(py::object ids_, py::object flow_, py::object out_, const std::string& border, int threads,
              uintptr_t stream, bool check_finite) {
    const WarpOptions options = warp_options("nearest", border, threads, false);
    const Array ids(ids_, "ids"), flow(flow_, "flow"), out(out_, "out");
    Call call(flow, false);
    check_shape(flow, {-1, -1, 2}, "[H', W', 2]");
    call.input(flow, flow.shape, "[H', W', 2]");
    if (ids.absent()) throw std::invalid_argument("ids: expected an array [H, W, K], got None");
    check_shape(ids, {-1, -1, -1}, "[H, W, K]");
    call.input_ids(ids, ids.shape, "[H, W, K]");
    call.output_ids(out, {flow.shape[0], flow.shape[1], ids.shape[2]}, "[H', W', K]");
    if (ids.count() == 0 && out.count() > 0)
        throw std::invalid_argument("ids: expected at least one pixel, got " + text(ids.shape));
    call.check_apart_all();
    if (check_finite) check_finite_values(flow, false, threads, stream);
    py::gil_scoped_release free;
    const WarpIds v{image<const uint32_t>(ids), image<const float>(flow), image<uint32_t>(out)};
#ifdef RETEMPO_WITH_CUDA
    if (call.on_cuda()) {
        const DeviceGuard guard(flow);
        return cuda::warp_ids(v, options, stream_of(stream));
    }
#endif
    cpu::warp_ids(v, options);
}

// ---------------------------------------------------------------------------------------------- importance

bool importance(py::object image0_, py::object image1_, py::object flow01_, py::object flow10_,
                py::object splat_, py::object merge_, std::array<float, 3> splat_coefficients,
                std::array<float, 3> merge_coefficients, float temperature, int threads) {
    ImportanceOptions options;
    check_range("threads", threads, 0, 4096);
    for (int i = 0; i < 3; ++i) {
        check_range("splat_coefficients", splat_coefficients[i], 0.0, 1e30);
        check_range("merge_coefficients", merge_coefficients[i], 0.0, 1e30);
        options.splat[i] = splat_coefficients[i];
        options.merge[i] = merge_coefficients[i];
    }
    options.temperature = temperature;
    options.threads = threads;
    const Array image0(image0_, "image0"), image1(image1_, "image1"), flow01(flow01_, "flow01");
    const Array flow10(flow10_, "flow10"), splat(splat_, "splat"), merge(merge_, "merge");
    Call call(image0, false);
    if (call.on_cuda())
        throw std::invalid_argument("image0: expected an array in host memory, got one on a CUDA device");
    check_shape(image0, {-1, -1, -1}, "[H, W, C]");
    call.input(image0, image0.shape, "[H, W, C]");
    call.input(image1, image0.shape, "[H, W, C]");
    const std::vector<int64_t> field{image0.shape[0], image0.shape[1], 2};
    call.input(flow01, field, "[H, W, 2]");
    call.input(flow10, field, "[H, W, 2]");
    const std::vector<int64_t> plane{image0.shape[0], image0.shape[1], 1};
    call.output(splat, plane, "[H, W, 1]");
    call.output(merge, plane, "[H, W, 1]");
    call.check_apart_all();
    py::gil_scoped_release free;
    return cpu::importance({image<const float>(image0), image<const float>(image1),
                            image<const float>(flow01), image<const float>(flow10), image<float>(splat),
                            image<float>(merge)},
                           options);
}

// --------------------------------------------------------------------------------------------------- susan

void susan(py::sequence frames_, int centre, py::object out_, double sigma, double t, int radius,
           int threads) {
    check_range("sigma", sigma, 1e-3, 1e6);
    check_range("t", t, 1e-6, 1e6);
    check_range("radius", radius, 1, kSusanRadius);
    check_range("threads", threads, 0, 4096);
    const SusanOptions options{static_cast<float>(sigma), static_cast<float>(t), radius, threads};
    const size_t count = py::len(frames_);
    if (count == 0) throw std::invalid_argument("frames: expected at least one frame, got none");
    check_range("centre", centre, 0, static_cast<double>(count) - 1);
    std::vector<Array> frames;
    for (size_t i = 0; i < count; ++i) frames.emplace_back(frames_[i], "frames[" + std::to_string(i) + "]");
    const Array out(out_, "out");
    Call call(frames[0], false);
    if (call.on_cuda())
        throw std::invalid_argument("frames: expected arrays in host memory, got one on a CUDA device");
    check_shape(frames[0], {-1, -1, -1}, "[H, W, C]");
    for (const Array& f : frames) call.input(f, frames[0].shape, "[H, W, C]");
    call.output(out, frames[0].shape, "[H, W, C]");
    if (out.shape[2] > kSusanChannels)
        throw std::invalid_argument("frames: expected at most " + std::to_string(kSusanChannels) +
                                    " channels, got " + std::to_string(out.shape[2]));
    call.check_apart_all();
    std::vector<Image<const float>> views;
    for (const Array& f : frames) views.push_back(image<const float>(f));
    py::gil_scoped_release free;
    cpu::susan({views.data(), static_cast<int>(count), centre, image<float>(out)}, options);
}

// ----------------------------------------------------------------------------------------------- inversion

void invert_flow(py::object flow_, py::object metric_, py::object trust_, py::object guess_, py::object out_,
                 py::object seen_, int threads, bool deterministic, uintptr_t stream, bool check_finite) {
    check_range("threads", threads, 0, 4096);
    const InversionOptions options{threads, deterministic};
    const Array flow(flow_, "flow"), metric(metric_, "metric"), trust(trust_, "trust"),
        guess(guess_, "guess"), out(out_, "out"), seen(seen_, "seen");
    Call call(flow, false);
    check_shape(flow, {-1, -1, 2}, "[H, W, 2]");
    const Shape plane{flow.shape[0], flow.shape[1]};
    call.input(flow, flow.shape, "[H, W, 2]");
    if (!metric.absent()) call.input(metric, plane, "[H, W]");
    if (!trust.absent()) call.input(trust, plane, "[H, W]");
    if (!guess.absent()) call.input(guess, flow.shape, "[H, W, 2]");
    call.output(out, flow.shape, "[H, W, 2]");
    call.output_bytes(seen, plane, "[H, W]");
    call.check_apart_all();
    Inversion v{image<const float>(flow),  image<const float>(metric), image<const float>(trust),
                image<const float>(guess), image<float>(out),          image<uint8_t>(seen)};
    if (call.on_cuda()) {
        if (check_finite) check_finite_values(flow, false, threads, stream);
#ifdef RETEMPO_WITH_CUDA
        py::gil_scoped_release free;
        const DeviceGuard guard(flow);
        return cuda::invert_flow(v, options, stream_of(stream));
#endif
    }
    v.check_finite = check_finite;
    try {
        py::gil_scoped_release free;
        cpu::invert_flow(v, options);
    } catch (const NonFiniteFlow&) { check_finite_values(flow, false, threads, stream); }
}

// ---------------------------------------------------------------------------------------------- synthesize

void synthesize(py::sequence frames_, py::sequence candidates_, py::object out_, py::object ids_,
                py::object ids_out_, py::object hole_, py::object weight_sum_, const std::string& footprint,
                double sigma, double merge_exponent, bool coverage_gate, double metric_bound,
                const std::string& filter, const std::string& merge, std::optional<int> frame_height,
                int source_row0, int out_row0, int threads, bool deterministic, uintptr_t stream,
                bool check_finite) {
    SynthesisOptions options;
    options.footprint = footprint_of(footprint);
    check_range("sigma", sigma, 0.05, 1e6);
    check_range("threads", threads, 0, 4096);
    check_range("merge_exponent", merge_exponent, 0.0, 64.0);
    check_range("metric_bound", metric_bound, 0.0, 1e30);
    options.sigma = sigma;
    options.merge_exponent = static_cast<float>(merge_exponent);
    options.coverage_gate = coverage_gate;
    options.metric_bound = static_cast<float>(metric_bound);
    options.filter = choose<Filter>(
        "filter", filter,
        {{"bilinear", Filter::bilinear}, {"bicubic", Filter::bicubic}, {"lanczos4", Filter::lanczos4}});
    options.merge = choose<Merge>("merge", merge, {{"metric", Merge::metric}, {"linear", Merge::linear}});
    options.threads = threads;
    options.deterministic = deterministic;

    const size_t frame_count = py::len(frames_), count = py::len(candidates_);
    if (frame_count == 0) throw std::invalid_argument("frames: expected at least one frame, got none");
    if (count == 0) throw std::invalid_argument("candidates: expected at least one candidate, got none");
    std::vector<Array> frames, ids;
    for (size_t i = 0; i < frame_count; ++i)
        frames.emplace_back(frames_[i], "frames[" + std::to_string(i) + "]");
    const Array out(out_, "out"), ids_out(ids_out_, "ids_out"), hole(hole_, "hole"),
        weight_sum(weight_sum_, "weight_sum");

    Call call(frames[0], false);
    check_shape(frames[0], {-1, -1, -1}, "[H, W, C]");
    const int64_t H = frames[0].shape[0], W = frames[0].shape[1], C = frames[0].shape[2];
    for (const Array& f : frames) call.input(f, {H, W, C}, "[H, W, C]");
    if (out.absent()) throw std::invalid_argument("out: expected an array [H', W, C], got None");
    check_shape(out, {-1, W, C}, "[H', W, C] with the W and C of frames[0]");
    const int64_t rows = out.shape[0];
    call.output(out, {rows, W, C}, "[H', W, C]");
    int64_t K = 0;
    if (!ids_out.absent()) {
        if (ids_.is_none())
            throw std::invalid_argument(
                "ids: expected one array [H, W, K] per frame because ids_out is given, got None");
        const py::sequence list = py::cast<py::sequence>(ids_);
        if (py::len(list) != frame_count)
            throw std::invalid_argument("ids: expected one array per frame (" + std::to_string(frame_count) +
                                        "), got " + std::to_string(py::len(list)));
        for (size_t i = 0; i < frame_count; ++i) ids.emplace_back(list[i], "ids[" + std::to_string(i) + "]");
        check_shape(ids_out, {rows, W, -1}, "[H', W, K]");
        K = ids_out.shape[2];
        for (const Array& a : ids) call.input_ids(a, {H, W, K}, "[H, W, K]");
        call.output_ids(ids_out, {rows, W, K}, "[H', W, K]");
    }
    if (!hole.absent()) call.output_bytes(hole, {rows, W}, "[H', W]");
    if (!weight_sum.absent()) call.output(weight_sum, {rows, W}, "[H', W]");

    Strip strip;
    strip.frame_height = frame_height.value_or(static_cast<int>(source_row0 + H));
    strip.source_row0 = source_row0;
    strip.source_rows = static_cast<int>(H);
    strip.out_row0 = out_row0;
    strip.out_rows = static_cast<int>(rows);
    strip.width = static_cast<int>(W);
    if (source_row0 < 0 || source_row0 + H > strip.frame_height)
        throw std::invalid_argument("source_row0: expected source rows within a frame of " +
                                    std::to_string(strip.frame_height) + " rows, got rows " +
                                    std::to_string(source_row0) + " to " + std::to_string(source_row0 + H));
    if (out_row0 < source_row0 || out_row0 + rows > source_row0 + H)
        throw std::invalid_argument("out_row0: expected output rows within the source rows " +
                                    std::to_string(source_row0) + " to " + std::to_string(source_row0 + H) +
                                    ", got rows " + std::to_string(out_row0) + " to " +
                                    std::to_string(out_row0 + rows));

    std::vector<Array> planes; // four a candidate
    planes.reserve(count * 4);
    std::vector<Candidate> candidates(count);
    float total = 0.0f;
    for (size_t i = 0; i < count; ++i) {
        const std::string name = "candidates[" + std::to_string(i) + "]";
        const py::sequence parts = py::cast<py::sequence>(candidates_[i]);
        if (py::len(parts) != 6 && py::len(parts) != 7)
            throw std::invalid_argument(
                name + ": expected (frame, flow, splat, merge, scale, weight[, bend]), got " +
                std::to_string(py::len(parts)) + " parts");
        Candidate& c = candidates[i];
        c.frame = py::cast<int>(parts[0]);
        if (c.frame < 0 || c.frame >= static_cast<int>(frame_count))
            throw std::invalid_argument(name + ".frame: expected 0 to " + std::to_string(frame_count - 1) +
                                        ", got " + std::to_string(c.frame));
        c.scale = static_cast<float>(py::cast<double>(parts[4]));
        c.weight = static_cast<float>(py::cast<double>(parts[5]));
        if (!(c.scale - c.scale == 0.0f))
            throw std::invalid_argument(name + ".scale: expected a finite number, got " +
                                        std::to_string(c.scale));
        if (!(c.weight >= 0.0f && c.weight - c.weight == 0.0f))
            throw std::invalid_argument(name + ".weight: expected a finite number >= 0, got " +
                                        std::to_string(c.weight));
        total += c.weight;
        planes.emplace_back(parts[1], name + ".flow");
        planes.emplace_back(parts[2], name + ".splat");
        planes.emplace_back(parts[3], name + ".merge");
        planes.emplace_back(py::len(parts) == 7 ? py::object(parts[6]) : py::object(py::none()),
                            name + ".bend");
        const Array *flow = &planes[4 * i], *splat = flow + 1, *merged = flow + 2, *bend = flow + 3;
        call.input(*flow, {H, W, 2}, "[H, W, 2]");
        call.input(*splat, {H, W}, "[H, W]");
        call.input(*merged, {H, W}, "[H, W]");
        c.flow = image<const float>(*flow);
        c.splat = image<const float>(*splat);
        c.merge = image<const float>(*merged);
        if (bend->absent()) continue;
        call.input(*bend, {H, W, 2}, "[H, W, 2]");
        c.bend = image<const float>(*bend).data;
    }
    if (!(total > 0.0f))
        throw std::invalid_argument("candidates: expected a weight above 0 somewhere, got 0 in all " +
                                    std::to_string(count));
    call.check_apart_all();
    const auto check_flows = [&] {
        for (size_t i = 0; i < count; ++i)
            if (candidates[i].weight > 0.0f) {
                check_finite_values(planes[4 * i], false, threads, stream);
                if (candidates[i].bend) check_finite_values(planes[4 * i + 3], false, threads, stream);
            }
    };
    if (check_finite && call.on_cuda()) check_flows();

    std::vector<Image<const float>> frame_views;
    std::vector<Image<const uint32_t>> id_views;
    for (const Array& f : frames) frame_views.push_back(image<const float>(f));
    for (const Array& a : ids) id_views.push_back(image<const uint32_t>(a));
    Synthesis v;
    v.frames = frame_views.data();
    v.ids = id_views.empty() ? nullptr : id_views.data();
    v.frame_count = static_cast<int>(frame_count);
    v.candidates = candidates.data();
    v.candidate_count = static_cast<int>(count);
    v.strip = strip;
    v.out = image<float>(out);
    v.ids_out = image<uint32_t>(ids_out);
    v.hole = image<uint8_t>(hole);
    v.weight_sum = image<float>(weight_sum);

#ifdef RETEMPO_WITH_CUDA
    if (call.on_cuda()) {
        py::gil_scoped_release free;
        const DeviceGuard guard(frames[0]);
        return cuda::synthesize(v, options, stream_of(stream));
    }
#endif
    v.check_finite = check_finite;
    try {
        py::gil_scoped_release free;
        cpu::synthesize(v, options);
    } catch (const NonFiniteFlow&) {
        check_flows(); // finds it again, with its name and place
    }
}

// --------------------------------------------------------------------------------------------------- facts

bool cuda_available() {
#ifdef RETEMPO_WITH_CUDA
    return cuda::available();
#else
    return false;
#endif
}

py::dict build_info() {
    py::dict info;
    info["version"] = RETEMPO_VERSION;
    info["compiler"] = RETEMPO_COMPILER;
    info["flags"] = RETEMPO_FLAGS;
    info["build_type"] = RETEMPO_BUILD_TYPE;
    info["cuda"] = kWithCuda;
#ifdef RETEMPO_WITH_CUDA
    info["cuda_toolkit"] = cuda::toolkit();
    info["cuda_architectures"] = cuda::architectures();
#else
    info["cuda_toolkit"] = py::none();
    info["cuda_architectures"] = py::none();
#endif
    info["isa"] = cpu::isa();
    info["threads"] = cpu::default_threads();
    return info;
}

void parallel_copy(py::object to_, py::object from_, int threads) {
    const Array to(to_, "to"), from(from_, "from");
    if (to.absent() || from.absent()) throw std::invalid_argument("to, from: expected arrays, got None");
    if (to.device != DeviceKind::cpu || from.device != DeviceKind::cpu)
        throw std::invalid_argument("to, from: expected arrays on the CPU");
    check_writable(to);
    check_contiguous(to);
    check_contiguous(from);
    check_apart(to, from);
    const int64_t bytes = from.count() * from.element_bytes;
    if (to.count() * to.element_bytes != bytes)
        throw std::invalid_argument("to: expected " + std::to_string(bytes) + " bytes as from, got " +
                                    std::to_string(to.count() * to.element_bytes));
    py::gil_scoped_release free;
    cpu::parallel_copy(to.data, from.data, bytes, threads);
}

} // namespace

PYBIND11_MODULE(_native, m) {
    m.doc() = "The kernels of Retempo; see native/include/retempo/ops.h.";
    py::register_exception_translator([](std::exception_ptr p) {
        try {
            if (p) std::rethrow_exception(p);
        } catch (const WrongType& e) { PyErr_SetString(PyExc_TypeError, e.what()); }
    });
    using namespace pybind11::literals;
    m.def("splat_forward", &splat_forward, "payload"_a, "flow"_a, "metric"_a, "out"_a, "norm"_a, "zmax"_a,
          "coverage"_a, py::kw_only(), "mode"_a = "softmax", "footprint"_a = "bilinear", "sigma"_a = 0.5,
          "threads"_a = 0, "deterministic"_a = false, "stream"_a = 0, "check_finite"_a = true);
    m.def("splat_backward", &splat_backward, "grad_out"_a, "payload"_a, "flow"_a, "metric"_a, "out"_a,
          "norm"_a, "zmax"_a, "grad_payload"_a, "grad_flow"_a, "grad_metric"_a, py::kw_only(),
          "mode"_a = "softmax", "footprint"_a = "bilinear", "sigma"_a = 0.5, "threads"_a = 0,
          "deterministic"_a = false, "stream"_a = 0);
    m.def("warp_forward", &warp_forward, "image"_a, "flow"_a, "out"_a, py::kw_only(), "filter"_a = "bilinear",
          "border"_a = "edge", "threads"_a = 0, "deterministic"_a = false, "stream"_a = 0,
          "check_finite"_a = true);
    m.def("warp_backward", &warp_backward, "grad_out"_a, "image"_a, "flow"_a, "grad_image"_a, "grad_flow"_a,
          py::kw_only(), "filter"_a = "bilinear", "border"_a = "edge", "threads"_a = 0,
          "deterministic"_a = false, "stream"_a = 0);
    m.def("warp_image", &warp_image, "image"_a, "flow"_a, "out"_a, py::kw_only(), "filter"_a = "bilinear",
          "border"_a = "edge", "threads"_a = 0, "stream"_a = 0, "check_finite"_a = true);
    m.def("warp_ids", &warp_ids, "ids"_a, "flow"_a, "out"_a, py::kw_only(), "border"_a = "edge",
          "threads"_a = 0, "stream"_a = 0, "check_finite"_a = true);
    m.def("synthesize", &synthesize, "frames"_a, "candidates"_a, "out"_a, py::kw_only(), "ids"_a = py::none(),
          "ids_out"_a = py::none(), "hole"_a = py::none(), "weight_sum"_a = py::none(),
          "footprint"_a = "gaussian", "sigma"_a = 0.5, "merge_exponent"_a = 1.0, "coverage_gate"_a = false,
          "metric_bound"_a = 0.0, "filter"_a = "bilinear", "merge"_a = "metric",
          "frame_height"_a = py::none(), "source_row0"_a = 0, "out_row0"_a = 0, "threads"_a = 0,
          "deterministic"_a = false, "stream"_a = 0, "check_finite"_a = true);
    m.def("importance", &importance, "image0"_a, "image1"_a, "flow01"_a, "flow10"_a, "splat"_a, "merge"_a,
          py::kw_only(), "splat_coefficients"_a, "merge_coefficients"_a, "temperature"_a, "threads"_a = 0);
    m.def("susan", &susan, "frames"_a, "centre"_a, "out"_a, py::kw_only(), "sigma"_a, "t"_a, "radius"_a,
          "threads"_a = 0);
    m.def("invert_flow", &invert_flow, "flow"_a, "metric"_a, "trust"_a, "guess"_a, "out"_a, "seen"_a,
          py::kw_only(), "threads"_a = 0, "deterministic"_a = false, "stream"_a = 0, "check_finite"_a = true);
    m.def("build_info", &build_info);
    m.def("cuda_available", &cuda_available);
    m.def("parallel_copy", &parallel_copy, "to"_a, "from_"_a, py::kw_only(), "threads"_a = 0);
}

} // namespace retempo::bindings
