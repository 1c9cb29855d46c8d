#include "../SyncBatchNorm.cpp"
