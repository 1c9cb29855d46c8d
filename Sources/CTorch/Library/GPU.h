// What this library needs of a GPU beside libtorch's operators. CUDA.cpp has it; the tests have a stand-in.
#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace gpu {

// What the caller calls CUDA.
extern const c10::DeviceType type;

// Makes the device known to libtorch, once; throws where that cannot be done.
void load();
int32_t device_count();
void synchronize(c10::DeviceIndex index);
// Gives memory back that libtorch keeps for later tensors.
void empty_cache();

// Operators captured between begin and end, in a stream that is not the default one, and done by replay.
class Graph {
public:
    static std::unique_ptr<Graph> make();
    virtual ~Graph() = default;
    virtual void capture_begin() = 0;
    virtual void capture_end() = 0;
    virtual void replay() = 0;
};

}  // namespace gpu
