public import Imaging
public import Support
internal import Synchronization

/// What to do about an image that cannot be read, or not as a whole.
public enum BadImagePolicy: Sendable {
    /// The error is thrown.
    case stop
    /// The image is left out; `report` gets the error's text.
    case skip(report: @Sendable (String) -> Void)
    /// What a damaged image still holds is used; one that holds nothing is left out. `report` gets a sentence about each.
    case use(report: @Sendable (String) -> Void)

    /// Whether an image may be left out.
    public var leavesOut: Bool { if case .stop = self { false } else { true } }

    /// Whether damaged images are used.
    public var usesDamaged: Bool { if case .use = self { true } else { false } }

    /// Says what was wrong with an image.
    public func report(_ problem: BadImage) {
        switch self {
        case .stop: break
        case .skip(let report): report("\(problem.error)")
        case .use(let report):
            report(problem.isUsed ? "what there is of \(problem.error)" : "nothing of \(problem.error)")
        }
    }

    /// An image, or nil where it is left out, with what was wrong with it.
    ///
    /// - Parameters:
    ///   - decoding: How it would be decoded by itself.
    ///   - body: Reads and decodes it.
    /// - Throws: Under `stop` what `body` throws, else all that says nothing of the image.
    public func read<Value>(
        _ decoding: ImageDecoding = .asStored, _ body: (ImageDecoding) throws -> Value
    ) throws -> (value: Value?, problem: BadImage?) {
        guard leavesOut else { return (try body(decoding), nil) }
        let damage = Mutex<InputError?>(nil)
        var decoding = decoding
        if usesDamaged { decoding.onDamage = { error in damage.withLock { $0 = $0 ?? error } } }
        do {
            let value = try body(decoding)
            return (value, damage.withLock { $0 }.map { BadImage(error: $0, isUsed: true) })
        } catch let error as InputError {
            return (nil, BadImage(error: error, isUsed: false))
        }
    }
}

/// What was wrong with an image.
public struct BadImage: Hashable, Sendable {
    public var error: InputError
    /// Whether it is used all the same.
    public var isUsed: Bool
}

extension ImageCollection {
    /// Indices of the images that a policy leaves over: every one is decoded, as far as it takes to know. Whatever trains
    /// asks before it begins, so that a run with bad images is the run without them, whatever its batches. Under `stop`,
    /// which finds bad images when it comes to them, all without a look.
    ///
    /// - Parameter progress: Called after each image, from any thread.
    public func readable(
        _ policy: BadImagePolicy, threads: Int, progress: @escaping @Sendable () throws -> Void = {}
    ) throws -> [Int] {
        guard policy.leavesOut else { return Array(0..<count) }
        let problems = try parallelMap(count, threads: threads) { i -> BadImage? in
            let problem = try policy.read(decoding(i)) { decoding in
                // A pixel is enough to have the decoder read all of the file.
                if try pixels(i) == nil {
                    _ = try Image.decode(
                        data(i), name: path(i), minimumSize: ImageSize(width: 1, height: 1), decoding: decoding)
                }
            }.problem
            try progress()
            return problem
        }
        for case let problem? in problems { policy.report(problem) }
        return problems.indices.filter { problems[$0]?.isUsed ?? true }
    }
}
