import Testing

/// Tests that train networks: one at a time, because they share libtorch's threads and take its memory.
@Suite(.serialized) struct TrainingSuites {}
