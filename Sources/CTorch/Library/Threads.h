#pragma once
// Loops over libtorch's own threads.

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

// libtorch's threads are those of the OpenMP runtime that it brings along. The compiler of this file need not know OpenMP;
// these are the functions that its constructs would call. Without them everything runs in the calling thread.
extern "C" {
__attribute__((weak)) void GOMP_parallel(void (*body)(void *), void *argument, unsigned threads, unsigned flags);
__attribute__((weak)) int omp_in_parallel(void);
}

// Calls body(next) once in each of libtorch's threads; next() hands out the numbers below `count` and then −1.
template <typename Body>
void parallel(int64_t count, const Body &body) {
    struct Work {
        const Body &body;
        int64_t count;
        std::atomic<int64_t> taken{0};
        void operator()() {
            body([&] {
                const int64_t number = taken.fetch_add(1, std::memory_order_relaxed);
                return number < count ? number : -1;
            });
        }
    } work{body, count};
    const bool isAlone = !GOMP_parallel || !omp_in_parallel || omp_in_parallel();
    const int64_t threads = isAlone ? 1 : std::min<int64_t>(at::get_num_threads(), count);
    if (threads <= 1) return work();
    GOMP_parallel([](void *work) { (*static_cast<Work *>(work))(); }, &work, static_cast<unsigned>(threads), 0);
}

// Calls body(number) for the numbers below `count`.
template <typename Body>
void parallelFor(int64_t count, const Body &body) {
    parallel(count, [&](auto next) {
        for (int64_t number; (number = next()) >= 0;) body(number);
    });
}
