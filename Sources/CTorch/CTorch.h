// A flat C face of libtorch: tensors, any operator through the boxed dispatcher, and the few services beside it.
//
// Every function that can fail takes an `error` out-parameter: on failure it receives a message to be released
// with release_error, and the function returns NULL, 0 or false. No C++ exception ever leaves this library.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

typedef struct CTTensor CTTensor;
typedef struct CTOperator CTOperator;
typedef struct CTGenerator CTGenerator;
typedef struct CTGraph CTGraph;
typedef struct CTStore CTStore;
typedef struct CTReducer CTReducer;

typedef char *_Nullable *_Nonnull CTError;

typedef enum {
    CT_NONE, CT_TENSOR, CT_INT, CT_DOUBLE, CT_BOOL, CT_INTS, CT_DOUBLES, CT_BOOLS, CT_TENSORS, CT_OPTIONAL_TENSORS,
    CT_STRING, CT_GENERATOR, CT_DEVICE, CT_SCALARS
} CTKind;

// One argument of an operator. Lists: `pointer` to int64_t, double, bool or CTTensor * (NULL allowed for optional
// tensors), `integer` of them; scalars are doubles for a list of optional numbers. String: zero-terminated. Device: type in `integer`, index in `real`.
typedef struct {
    CTKind kind;
    int64_t integer;
    double real;
    const void *_Nullable pointer;
} CTValue;

// All that this library does. It is opened when the first tensor is needed, as loading libtorch takes a third of a
// second; ct_functions is then the one symbol looked up by name.
typedef struct __attribute__((swift_attr("@Sendable"))) {
    // Bytes of this table: tells a library of another build.
    size_t byte_count;

    void (*release_error)(char *error);

    // A tensor handle owns one reference to its tensor.
    void (*tensor_release)(CTTensor *tensor);
    CTTensor *_Nonnull (*_Nonnull tensor_retain)(CTTensor *tensor);
    // Handles that are alive in this process; for leak tests.
    int64_t (*tensor_live_count)(void);

    int64_t (*tensor_rank)(CTTensor *tensor);
    void (*tensor_sizes)(CTTensor *tensor, int64_t *sizes);
    void (*tensor_strides)(CTTensor *tensor, int64_t *strides);
    int32_t (*tensor_dtype)(CTTensor *tensor);
    int32_t (*tensor_device_type)(CTTensor *tensor);
    int32_t (*tensor_device_index)(CTTensor *tensor);
    bool (*tensor_is_contiguous)(CTTensor *tensor, int32_t memory_format);
    int64_t (*tensor_byte_count)(CTTensor *tensor);
    // Address of the first element; only meaningful on the CPU.
    void *_Nullable (*_Nonnull tensor_data)(CTTensor *tensor);
    CTTensor *_Nullable (*_Nonnull tensor_from_bytes)(const void *_Nullable bytes, size_t byte_count,
                                                      const int64_t *sizes, int64_t rank, int32_t dtype, CTError error);
    // A tensor over memory of someone else; `release` is called with `owner` when nothing uses it any more, also on
    // failure.
    CTTensor *_Nullable (*_Nonnull tensor_from_memory)(const void *_Nullable bytes, size_t byte_count,
                                                       const int64_t *sizes, int64_t rank, int32_t dtype, void *owner,
                                                       void (*release)(void *owner), CTError error);

    CTOperator *_Nullable (*_Nonnull operator_find)(const char *name, const char *overload, CTError error);
    // Calls an operator; arguments left out at the end take the schema's defaults. Tensor results (lists flattened) go
    // to `results`, at most `capacity`; returns their number, or -1 on failure.
    int64_t (*operator_call)(CTOperator *op, const CTValue *arguments, int64_t argument_count,
                             CTTensor *_Nullable *_Nonnull results, int64_t capacity, CTError error);

    // Adds gradients to `leaf_count` leaves, or to all with 0; `keep_graph` for another call on the same graph.
    bool (*backward)(CTTensor *tensor, CTTensor *_Nullable gradient, CTTensor *_Nullable const *_Nullable leaves,
                     int64_t leaf_count, bool keep_graph, CTError error);
    CTTensor *_Nullable (*_Nonnull gradient)(CTTensor *tensor);
    void (*set_gradient)(CTTensor *tensor, CTTensor *_Nullable gradient);
    bool (*requires_gradient)(CTTensor *tensor);
    bool (*set_requires_gradient)(CTTensor *tensor, bool value, CTError error);
    // Value of a one-element tensor.
    double (*item_double)(CTTensor *tensor, CTError error);
    int64_t (*item_int)(CTTensor *tensor, CTError error);

    // Both are thread-local in libtorch. Each returns the previous state.
    bool (*set_gradient_mode)(bool enabled);
    bool (*set_autocast)(int32_t device_type, bool enabled, int32_t dtype);
    void (*clear_autocast_cache)(void);

    CTGenerator *_Nullable (*_Nonnull generator_make)(int32_t device_type, int32_t device_index, uint64_t seed,
                                                      CTError error);
    void (*generator_release)(CTGenerator *generator);
    CTTensor *_Nullable (*_Nonnull generator_state)(CTGenerator *generator, CTError error);
    bool (*generator_set_state)(CTGenerator *generator, CTTensor *state, CTError error);

    int32_t (*thread_count)(void);
    void (*set_thread_count)(int32_t count);
    const char *_Nonnull (*_Nonnull version)(void);

    // Lets the C library keep freed memory for the next allocation instead of returning it to the system.
    void (*keep_freed_memory)(void);

    // Loads libtorch_cuda from beside libtorch_cpu, once; false with an error when that cannot be done.
    bool (*load_cuda)(CTError error);
    int32_t (*cuda_device_count)(void);
    bool (*cuda_synchronize)(int32_t device_index, CTError error);

    // A graph of device work. From `graph_make` to `graph_release` the calling thread works in a stream of its own, as
    // recording demands.
    CTGraph *_Nullable (*_Nonnull graph_make)(int32_t device_index, CTError error);
    bool (*graph_begin)(CTGraph *graph, CTError error);
    bool (*graph_end)(CTGraph *graph, CTError error);
    bool (*graph_replay)(CTGraph *graph, CTError error);
    void (*graph_release)(CTGraph *graph);

    // Many processes, by PyTorch's c10d. Stores and groups live as long as the process.

    // Whether this libtorch has Gloo, and NCCL once its CUDA part is loaded.
    bool (*has_gloo)(void);
    bool (*has_nccl)(void);
    // Texts by which processes find each other. With `listener`, a listening socket, it is this process that keeps them; with
    // -1 the one at that address. Keys stand under `prefix`; waits are as long as `milliseconds`.
    CTStore *_Nullable (*_Nonnull store_make)(const char *host, int32_t port, int32_t listener, const char *prefix,
                                              int64_t milliseconds, CTError error);
    bool (*store_set)(CTStore *store, const char *key, const char *value, CTError error);
    // Waits until the key has a text, to be released with release_error.
    char *_Nullable (*_Nonnull store_get)(CTStore *store, const char *key, int64_t milliseconds, CTError error);
    // 1 or 0; -1 on failure.
    int32_t (*store_has)(CTStore *store, const char *key, CTError error);
    // Counts the calls for that key, this one included; -1 on failure.
    int64_t (*store_add)(CTStore *store, const char *key, CTError error);

    // A group that operators find by its name: Gloo for tensors on the CPU, NCCL beside it for those of a GPU.
    bool (*group_make)(CTStore *store, const char *name, int32_t rank, int32_t size, bool has_gpu, int64_t milliseconds,
                       CTError error);

    // Means of gradients over a group, exchanged while `backward` computes others; in buckets of so many bytes. Of the parameters
    // those that `loss` depends on.
    CTReducer *_Nullable (*_Nonnull reducer_make)(const char *group, CTTensor *loss, CTTensor *_Nonnull const *_Nonnull parameters,
                                                  int64_t count, int64_t first_bytes, int64_t bytes, CTError error);
    // The next `backward` leaves means; it is to reach the same parameters.
    bool (*reducer_prepare)(CTReducer *reducer, CTError error);
    void (*reducer_release)(CTReducer *reducer);
} CTFunctions;

const CTFunctions *ct_functions(void);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
