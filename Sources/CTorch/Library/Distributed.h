// Many processes: what Swift calls beside operators, as CTorch.h describes it.
#pragma once

#include "../CTorch.h"

namespace distributed {

bool has_gloo(void);
bool has_nccl(void);
CTStore *store_make(const char *host, int32_t port, int32_t listener, const char *prefix, int64_t milliseconds, CTError error);
bool store_set(CTStore *store, const char *key, const char *value, CTError error);
char *store_get(CTStore *store, const char *key, int64_t milliseconds, CTError error);
int32_t store_has(CTStore *store, const char *key, CTError error);
int64_t store_add(CTStore *store, const char *key, CTError error);
bool group_make(CTStore *store, const char *name, int32_t rank, int32_t size, bool has_gpu, int64_t milliseconds, CTError error);
CTReducer *reducer_make(const char *group, CTTensor *loss, CTTensor *const *parameters, int64_t count, int64_t first_bytes,
                        int64_t bytes, CTError error);
bool reducer_prepare(CTReducer *reducer, CTError error);
void reducer_release(CTReducer *reducer);

}  // namespace distributed
