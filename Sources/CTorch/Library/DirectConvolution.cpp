#include "DirectConvolution.h"

#include "Buffer.h"
#include "InstructionSets.h"
#include "Threads.h"

#include <algorithm>
#include <utility>
#include <vector>

#if defined(__x86_64__)

namespace {

using direct::channelStep;
using direct::Shape;

// A tap of the kernel as seen from a row: offsets of the first channel of what it looks at and of its weights.
struct Tap {
    int64_t source, weight;
};

// The functions of DirectKernels.inc for one instruction set.
template <typename T>
struct Kernels {
    void (*dots)(const T *x, const int64_t *sources, int64_t rowCount, const Tap *taps, int64_t tapCount, int64_t depth,
                 const float *weight, int64_t column, int64_t columns, const float *bias, T *y, const int64_t *targets);
    void (*addProducts)(const float *dy, const int64_t *sources, int64_t rowCount, int64_t depth, const float *right, float *c);
    void (*transposedProducts)(const float *dy, const int64_t *targets, int64_t count, int64_t outputs, const float *right,
                               float *c, int64_t cStride, bool adds);
    void (*gather)(const T *x, const int64_t *sources, int64_t count, float *packed);
    void (*gatherRows)(const float *x, int64_t stride, int64_t count, float *packed);
    void (*scatter)(const float *packed, int64_t count, T *y, const int64_t *targets);
    void (*clear)(float *c, int64_t stride, int64_t rowCount, int64_t count);
};

BEGIN_AVX512
constexpr int lanes = 16, dotRows = 6, rows = 8;
#define DIRECT_WIDE
#include "DirectKernels.inc"
#undef DIRECT_WIDE
END_INSTRUCTIONS

BEGIN_AVX2
constexpr int lanes = 8, dotRows = 3, rows = 6;
#include "DirectKernels.inc"
END_INSTRUCTIONS

template <typename T>
const Kernels<T> &kernels() {
    static const Kernels<T> &best = instructions::hasWide() ? avx512::kernels<T> : avx2::kernels<T>;
    return best;
}

// Places along one axis whose taps lie alike.
struct Places {
    // (tap, where it looks, from the place's base on)
    std::vector<std::pair<int64_t, int64_t>> taps;
    // (place, base)
    std::vector<std::pair<int64_t, int64_t>> members;
};

void add(std::vector<Places> &all, std::vector<std::pair<int64_t, int64_t>> taps, int64_t place, int64_t base) {
    for (auto &places : all)
        if (places.taps == taps) return places.members.emplace_back(place, base), void();
    all.push_back({std::move(taps), {{place, base}}});
}

// What each result along an axis sums.
std::vector<Places> resultPlaces(int64_t size, int64_t results, int64_t kernel, int64_t stride, int64_t padding) {
    std::vector<Places> all;
    for (int64_t result = 0; result < results; ++result) {
        const int64_t base = result * stride - padding;
        std::vector<std::pair<int64_t, int64_t>> taps;
        for (int64_t tap = 0; tap < kernel; ++tap)
            if (base + tap >= 0 && base + tap < size) taps.emplace_back(tap, tap);
        add(all, std::move(taps), result, base);
    }
    return all;
}

// Which results each pixel along an axis is part of.
std::vector<Places> pixelPlaces(int64_t size, int64_t results, int64_t kernel, int64_t stride, int64_t padding) {
    std::vector<Places> all;
    for (int64_t pixel = 0; pixel < size; ++pixel) {
        const int64_t base = (pixel + padding) / stride;
        std::vector<std::pair<int64_t, int64_t>> taps;
        for (int64_t tap = (pixel + padding) % stride; tap < kernel; tap += stride) {
            const int64_t result = (pixel + padding - tap) / stride;
            if (pixel + padding >= tap && result < results) taps.emplace_back(tap, result - base);
        }
        add(all, std::move(taps), pixel, base);
    }
    return all;
}

// Rows of all images whose taps lie alike.
struct Group {
    std::vector<Tap> taps;
    // Offsets of each row's result and of what its taps look at, image by image.
    std::vector<int64_t> targets, sources;
};

struct Map {
    int64_t height, width, channels;
};

std::vector<Group> groups(const Shape &shape, const std::vector<Places> &down, const std::vector<Places> &across,
                          const Map &target, const Map &source) {
    std::vector<Group> all;
    for (const auto &vertical : down)
        for (const auto &horizontal : across) {
            Group group;
            for (const auto &[i, y] : vertical.taps)
                for (const auto &[j, x] : horizontal.taps)
                    group.taps.push_back({(y * source.width + x) * source.channels, (i * shape.kernel[1] + j) * shape.inputs});
            group.targets.reserve(shape.images * vertical.members.size() * horizontal.members.size());
            group.sources.reserve(group.targets.capacity());
            for (int64_t image = 0; image < shape.images; ++image)
                for (const auto &[row, rowBase] : vertical.members)
                    for (const auto &[column, columnBase] : horizontal.members) {
                        group.targets.push_back(
                            ((image * target.height + row) * target.width + column) * target.channels);
                        group.sources.push_back(
                            ((image * source.height + rowBase) * source.width + columnBase) * source.channels);
                    }
            all.push_back(std::move(group));
        }
    return all;
}

Map images(const Shape &shape) { return {shape.height, shape.width, shape.inputs}; }
Map results(const Shape &shape) { return {shape.resultHeight(), shape.resultWidth(), shape.outputs}; }

std::vector<Group> resultGroups(const Shape &shape) {
    return groups(shape, resultPlaces(shape.height, shape.resultHeight(), shape.kernel[0], shape.stride[0], shape.padding[0]),
                  resultPlaces(shape.width, shape.resultWidth(), shape.kernel[1], shape.stride[1], shape.padding[1]),
                  results(shape), images(shape));
}

std::vector<Group> pixelGroups(const Shape &shape) {
    return groups(shape, pixelPlaces(shape.height, shape.resultHeight(), shape.kernel[0], shape.stride[0], shape.padding[0]),
                  pixelPlaces(shape.width, shape.resultWidth(), shape.kernel[1], shape.stride[1], shape.padding[1]),
                  images(shape), results(shape));
}

// Part of a group, the work of one thread at a time.
struct Task {
    const Group *group;
    int64_t first, count, channel;
};

// Up to `rowStep` rows of a group and `channels` of `allChannels` in a task.
std::vector<Task> tasks(const std::vector<Group> &groups, int64_t rowStep, int64_t allChannels, int64_t channels) {
    std::vector<Task> all;
    for (const auto &group : groups) {
        const int64_t count = static_cast<int64_t>(group.targets.size());
        // Parts of one size.
        const int64_t parts = (count + rowStep - 1) / rowStep;
        for (int64_t part = 0; part < parts; ++part) {
            const int64_t first = count * part / parts, end = count * (part + 1) / parts;
            for (int64_t channel = 0; channel < allChannels; channel += channels)
                all.push_back({&group, first, end - first, channel});
        }
    }
    return all;
}

} // namespace

namespace direct {

template <typename T>
void convolve(const Shape &shape, const T *x, const float *weight, const float *bias, T *y) {
    const auto &k = kernels<T>();
    const auto all = resultGroups(shape);
    // What the rows of a task look at stays in the cache of a core while weights pass by.
    const int64_t rowStep = std::max<int64_t>(48, (192 << 10) / (sizeof(T) * shape.inputs) / 6 * 6), columns = 2 * channelStep;
    const auto work = tasks(all, rowStep, shape.outputs, columns);
    const int64_t column = shape.kernel[0] * shape.kernel[1] * shape.inputs;
    parallelFor(static_cast<int64_t>(work.size()), [&](int64_t number) {
        const auto &task = work[number];
        const auto &group = *task.group;
        k.dots(x, &group.sources[task.first], task.count, group.taps.data(), static_cast<int64_t>(group.taps.size()), shape.inputs,
               weight + task.channel * column, column, std::min(columns, shape.outputs - task.channel),
               bias ? bias + task.channel : nullptr, y + task.channel, &group.targets[task.first]);
    });
}

template <typename T>
void imageGradient(const Shape &shape, const float *dy, const float *weight, T *dx) {
    const auto &k = kernels<T>();
    const auto all = pixelGroups(shape);
    constexpr int64_t rowStep = 192;
    const auto work = tasks(all, rowStep, shape.inputs, channelStep);
    const int64_t row = shape.kernel[0] * shape.kernel[1] * shape.inputs;
    parallel(static_cast<int64_t>(work.size()), [&](auto next) {
        Buffer sums, panel;
        std::vector<int64_t> sources;
        for (int64_t number; (number = next()) >= 0;) {
            if (!sums) {
                sums = allocate(rowStep * channelStep);
                panel = allocate(shape.outputs * channelStep);
            }
            const auto &task = work[number];
            std::fill_n(sums.get(), task.count * channelStep, 0.0f);
            for (const auto &tap : task.group->taps) {
                k.gatherRows(weight + tap.weight + task.channel, row, shape.outputs, panel.get());
                sources.assign(&task.group->sources[task.first], &task.group->sources[task.first] + task.count);
                for (auto &source : sources) source += tap.source;
                k.addProducts(dy, sources.data(), task.count, shape.outputs, panel.get(), sums.get());
            }
            k.scatter(sums.get(), task.count, dx + task.channel, &task.group->targets[task.first]);
        }
    });
}

template <typename T>
void weightGradient(const Shape &shape, const T *x, const float *dy, float *gradient) {
    const auto &k = kernels<T>();
    const auto all = resultGroups(shape);
    constexpr int64_t chunk = 256, outputStep = 256;
    const int64_t taps = shape.kernel[0] * shape.kernel[1], row = taps * shape.inputs;
    const int64_t panels = shape.inputs / channelStep, parts = (shape.outputs + outputStep - 1) / outputStep;
    std::vector<bool> isUsed(taps);
    for (const auto &group : all)
        for (const auto &tap : group.taps) isUsed[tap.weight / shape.inputs] = true;
    parallel(taps * parts * panels, [&](auto next) {
        Buffer pixels;
        for (int64_t number; (number = next()) >= 0;) {
            if (!pixels) pixels = allocate(chunk * channelStep);
            const int64_t tap = number / (parts * panels), output = number / panels % parts * outputStep, panel = number % panels;
            const int64_t outputs = std::min(outputStep, shape.outputs - output);
            float *c = gradient + output * row + tap * shape.inputs + panel * channelStep;
            if (!isUsed[tap]) {
                // Whole rows at once.
                if (panel == 0) k.clear(c, row, outputs, shape.inputs);
                continue;
            }
            bool adds = false;
            for (const auto &group : all)
                for (const auto &place : group.taps) {
                    if (place.weight != tap * shape.inputs) continue;
                    const int64_t rows = static_cast<int64_t>(group.sources.size());
                    for (int64_t first = 0; first < rows; first += chunk) {
                        const int64_t count = std::min(chunk, rows - first);
                        k.gather(x + place.source + panel * channelStep, &group.sources[first], count, pixels.get());
                        k.transposedProducts(dy + output, &group.targets[first], count, outputs, pixels.get(), c, row, adds);
                        adds = true;
                    }
                }
        }
    });
}

#else

namespace direct {

template <typename T>
void convolve(const Shape &, const T *, const float *, const float *, T *) {}
template <typename T>
void imageGradient(const Shape &, const float *, const float *, T *) {}
template <typename T>
void weightGradient(const Shape &, const T *, const float *, float *) {}

#endif

template void convolve(const Shape &, const float *, const float *, const float *, float *);
template void convolve(const Shape &, const uint16_t *, const float *, const float *, uint16_t *);
template void imageGradient(const Shape &, const float *, const float *, float *);
template void imageGradient(const Shape &, const float *, const float *, uint16_t *);
template void weightGradient(const Shape &, const float *, const float *, float *);
template void weightGradient(const Shape &, const uint16_t *, const float *, float *);

} // namespace direct
