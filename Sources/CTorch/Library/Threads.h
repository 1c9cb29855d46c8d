#pragma once
// Loops over libtorch's own threads.

#include <ATen/Parallel.h>

#include <atomic>
#include <exception>

// libtorch's threads are those of the OpenMP runtime that it brings along. The compiler of this file need not know OpenMP;
// this is the function that its constructs would call. Without it everything runs in the calling thread.
extern "C" __attribute__((weak)) void GOMP_parallel(void (*body)(void *), void *argument, unsigned threads, unsigned flags);

// Calls body(next) once in each of libtorch's threads; next() hands out the numbers below `count` and then −1. What one
// thread throws ends the loop and is thrown on.
template <typename Body>
void parallel(int64_t count, const Body &body) {
    struct Work {
        const Body &body;
        int64_t count;
        std::atomic<int64_t> taken{0};
        std::atomic_flag hasFailed = ATOMIC_FLAG_INIT;
        std::exception_ptr failure;

        void operator()() noexcept {
            try {
                body([&] {
                    const int64_t number = taken.fetch_add(1, std::memory_order_relaxed);
                    return number < count ? number : -1;
                });
            } catch (...) {
                if (!hasFailed.test_and_set()) failure = std::current_exception();
                taken.store(count, std::memory_order_relaxed);
            }
        }
    } work{body, count};
    // Always as many as libtorch takes: another number would have the runtime end threads and start them again.
    const int threads = at::get_num_threads();
    if (count <= 1 || threads <= 1 || !GOMP_parallel || at::in_parallel_region()) work();
    else GOMP_parallel([](void *work) { (*static_cast<Work *>(work))(); }, &work, static_cast<unsigned>(threads), 0);
    if (work.failure) std::rethrow_exception(work.failure);
}

// Calls body(number) for the numbers below `count`.
template <typename Body>
void parallelFor(int64_t count, const Body &body) {
    parallel(count, [&](auto next) {
        for (int64_t number; (number = next()) >= 0;) body(number);
    });
}
