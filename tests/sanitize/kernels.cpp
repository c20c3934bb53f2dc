// Do the kernels' threads keep out of each other's way? Several callers at once, each with several threads.
//
// For ThreadSanitizer, which sees nothing of a Python that was not built with it; under AddressSanitizer it
// costs little to run, too. Every result is compared with the one of a single thread.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "retempo/ops.h"

namespace {

using namespace retempo;

constexpr int64_t kHeight = 61, kWidth = 47, kChannels = 4, kPixels = kHeight * kWidth;
constexpr int kCallers = 3, kThreads = 4;

using Floats = std::vector<float>;

Floats noise(size_t count, uint32_t seed, float scale) {
    Floats made(count);
    for (float& value : made) {
        seed = seed * 1664525u + 1013904223u;
        value = scale * (static_cast<float>(seed >> 8) / 16777216.0f - 0.5f);
    }
    return made;
}

struct Inputs {
    Floats picture = noise(kPixels * kChannels, 1, 2.0f), other = noise(kPixels * kChannels, 2, 2.0f);
    Floats flow = noise(kPixels * 2, 3, 12.0f), back = noise(kPixels * 2, 4, 12.0f);
    Floats metric = noise(kPixels, 5, 4.0f);
    std::vector<uint32_t> ids = std::vector<uint32_t>(kPixels, 7);
};

View4<const float> planes(const Floats& data, int64_t channels) {
    return planar(data.data(), 1, channels, kHeight, kWidth);
}
View4<float> planes(Floats& data, int64_t channels) {
    data.assign(static_cast<size_t>(kPixels * channels), 0.0f);
    return planar(data.data(), 1, channels, kHeight, kWidth);
}
template <class T>
Image<const T> picture(const std::vector<T>& data, int64_t channels) {
    return {data.data(), kHeight, kWidth, channels, kWidth * channels};
}
template <class T>
Image<T> picture(std::vector<T>& data, int64_t channels) {
    data.assign(static_cast<size_t>(kPixels * channels), T{});
    return {data.data(), kHeight, kWidth, channels, kWidth * channels};
}

void splat(const Inputs& in, int threads, std::vector<Floats>& results) {
    for (Mode mode : {Mode::sum, Mode::average, Mode::linear, Mode::softmax})
        for (FootprintKind footprint : {FootprintKind::bilinear, FootprintKind::gaussian}) {
            Floats out, norm, top, grad_payload, grad_flow, grad_metric;
            SplatOptions options;
            options.mode = mode;
            options.footprint = footprint;
            options.threads = threads;
            const bool weighted = mode == Mode::linear || mode == Mode::softmax;
            SplatForward<float> forward{
                planes(in.picture, kChannels), planes(in.flow, 2), {}, {}, {}, {}, {}};
            if (weighted) forward.metric = planes(in.metric, 1);
            forward.out = planes(out, kChannels);
            forward.norm = planes(norm, 1);
            if (mode == Mode::softmax) forward.zmax = planes(top, 1);
            cpu::splat_forward(forward, options);
            SplatBackward<float> backward{};
            backward.grad_out = planes(in.other, kChannels);
            backward.payload = forward.payload;
            backward.flow = forward.flow;
            backward.metric = forward.metric;
            backward.out = planar<const float>(out.data(), 1, kChannels, kHeight, kWidth);
            backward.norm = planar<const float>(norm.data(), 1, 1, kHeight, kWidth);
            if (mode == Mode::softmax) backward.zmax = planar<const float>(top.data(), 1, 1, kHeight, kWidth);
            backward.grad_payload = planes(grad_payload, kChannels);
            backward.grad_flow = planes(grad_flow, 2);
            if (weighted) backward.grad_metric = planes(grad_metric, 1);
            cpu::splat_backward(backward, options);
            for (Floats* one : {&out, &norm, &grad_payload, &grad_flow, &grad_metric})
                results.push_back(*one);
        }
}

void warp(const Inputs& in, int threads, std::vector<Floats>& results) {
    for (Filter filter : {Filter::bilinear, Filter::bicubic}) {
        Floats out, drawn, grad_image, grad_flow;
        WarpOptions options;
        options.filter = filter;
        options.threads = threads;
        cpu::warp_forward<float>({planes(in.picture, kChannels), planes(in.flow, 2), planes(out, kChannels)},
                                 options);
        cpu::warp_backward<float>({planes(in.other, kChannels), planes(in.picture, kChannels),
                                   planes(in.flow, 2), planes(grad_image, kChannels), planes(grad_flow, 2)},
                                  options);
        cpu::warp_image({picture(in.picture, kChannels), picture(in.flow, 2), picture(drawn, kChannels)},
                        options);
        for (Floats* one : {&out, &grad_image, &grad_flow, &drawn}) results.push_back(*one);
    }
    std::vector<uint32_t> ids;
    WarpOptions options;
    options.filter = Filter::nearest;
    options.threads = threads;
    cpu::warp_ids({picture(in.ids, 1), picture(in.flow, 2), picture(ids, 1)}, options);
    results.emplace_back(ids.begin(), ids.end());
}

void synthesize(const Inputs& in, int threads, std::vector<Floats>& results) {
    Floats splat, merge, out, weights;
    ImportanceOptions weighing;
    weighing.threads = threads;
    cpu::importance({picture(in.picture, kChannels), picture(in.other, kChannels), picture(in.flow, 2),
                     picture(in.back, 2), picture(splat, 1), picture(merge, 1)},
                    weighing);
    const Image<const float> frames[] = {picture(in.picture, kChannels), picture(in.other, kChannels)};
    Candidate candidates[2];
    for (int i = 0; i < 2; ++i) {
        candidates[i].frame = i;
        candidates[i].flow = picture(i == 0 ? in.flow : in.back, 2);
        candidates[i].splat = {splat.data(), kHeight, kWidth, 1, kWidth};
        candidates[i].merge = {merge.data(), kHeight, kWidth, 1, kWidth};
        candidates[i].scale = candidates[i].weight = 0.5f;
    }
    Synthesis views;
    views.frames = frames;
    views.frame_count = 2;
    views.candidates = candidates;
    views.candidate_count = 2;
    views.strip = {kHeight, 0, kHeight, 0, kHeight, kWidth};
    views.out = picture(out, kChannels);
    views.weight_sum = picture(weights, 1);
    SynthesisOptions options;
    options.threads = threads;
    options.metric_bound = 40.0f;
    cpu::synthesize(views, options);
    for (Floats* one : {&splat, &merge, &out, &weights}) results.push_back(*one);
}

void rest(const Inputs& in, int threads, std::vector<Floats>& results) {
    Floats inverse, smooth, copy(in.picture.size());
    std::vector<uint8_t> seen;
    Inversion inversion;
    inversion.flow = picture(in.flow, 2);
    inversion.out = picture(inverse, 2);
    inversion.seen = picture(seen, 1);
    InversionOptions inverting;
    inverting.threads = threads;
    cpu::invert_flow(inversion, inverting);
    const Image<const float> clip[] = {picture(in.picture, 3), picture(in.other, 3), picture(in.picture, 3)};
    SusanOptions smoothing;
    smoothing.threads = threads;
    cpu::susan({clip, 3, 1, picture(smooth, 3)}, smoothing);
    cpu::parallel_copy(copy.data(), in.picture.data(), static_cast<int64_t>(copy.size() * sizeof(float)),
                       threads);
    const int64_t bad =
        cpu::find_non_finite(in.picture.data(), static_cast<int64_t>(in.picture.size()), threads);
    for (Floats* one : {&inverse, &smooth, &copy}) results.push_back(*one);
    results.emplace_back(seen.begin(), seen.end());
    results.push_back({static_cast<float>(bad)});
}

std::vector<Floats> all(const Inputs& in, int threads) {
    std::vector<Floats> results;
    for (auto* part : {splat, warp, synthesize, rest}) part(in, threads, results);
    return results;
}

bool same(const std::vector<Floats>& a, const std::vector<Floats>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
        if (a[i].size() != b[i].size() ||
            (!a[i].empty() && std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0)) {
            std::fprintf(stderr, "result %zu depends on the number of threads\n", i);
            return false;
        }
    return true;
}

} // namespace

int main() {
    const Inputs inputs;
    const std::vector<Floats> expected = all(inputs, 1);
    bool right[kCallers] = {};
    std::vector<std::thread> callers;
    for (bool& one : right)
        callers.emplace_back(
            [&] { one = same(all(inputs, kThreads), expected) && same(all(inputs, 2), expected); });
    for (std::thread& one : callers) one.join();
    for (bool one : right)
        if (!one) return 1;
    std::printf("%zu results, %d callers, %s\n", expected.size(), kCallers, cpu::isa());
    return 0;
}
