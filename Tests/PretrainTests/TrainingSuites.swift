import TestSupport
import Testing

/// Tests that train networks: one at a time, because they share libtorch's threads and take its memory.
@Suite(.tags(.training), .tiered, .serialized) struct TrainingSuites {}
