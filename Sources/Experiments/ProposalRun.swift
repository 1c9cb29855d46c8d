internal import Boxes
public import Detection
public import Distributed
internal import Imaging
public import Proposals
public import Reporting
public import Support
internal import Synchronization
internal import Torch
internal import Training

/// Makes the proposals of an image set; goes on where a killed run was.
public struct ProposalRun {
    /// What proposes.
    public enum Source {
        case selectiveSearch(SelectiveSearchMode, seed: UInt64)
        /// The region proposal network of a Faster R-CNN, and where that is.
        case network(Detector, path: String)
    }

    public var set: VOCSet
    /// The proposal file.
    public var out: String
    public var source = Source.selectiveSearch(.fast, seed: 0)
    /// Most boxes of an image.
    public var limit = 2000
    public var workers = 2
    public var progress = ProgressBar.Style.automatic
    /// The processes that share the images.
    public var world = World.alone

    public init(_ set: VOCSet, to out: String) {
        self.set = set
        self.out = out
    }

    /// How well the boxes cover the objects.
    public struct Outcome: Sendable {
        public var quality: ProposalQuality
        public var recall: RecallCurve
        /// What proposed, and with what limit.
        public var protocolText: String
        /// Whether there are annotations to measure recall with.
        public var isMeasured: Bool

        public var report: Report {
            let line = "objects not marked difficult: \(quality.objects); \(protocolText)"
            return Report(
                "Region proposals",
                isMeasured
                    ? [.table(quality.table), .table(recall.table), .paragraph(line), .figure(recall.figure)]
                    : [.table(quality.table), .paragraph("\(line); the set has no annotations to measure them with")])
        }

        public var json: JSON { .object((quality.json.members ?? []) + [.init("recall_at", recall.json)]) }
    }

    private var protocolText: String {
        let method =
            switch source {
            case .selectiveSearch(let mode, let seed): "selective search (\(mode.rawValue)), seed \(seed)"
            case .network(_, let path): "region proposal network of \(path)"
            }
        return "\(method), at most \(limit.counted("box")) an image"
    }

    /// Throws `InputError` when the file holds other proposals, and naming an image that cannot be read.
    public func callAsFunction() throws -> Outcome {
        let secondsPerImage = try make()
        try world.leaveToLeader()
        return outcome(try ProposalFile(contentsOf: out), secondsPerImage: secondsPerImage)
    }

    /// Makes the file, or finds it made; all processes read it then.
    ///
    /// - Returns: Its path.
    public func madeFile() throws -> String {
        try make()
        guard Files.exists(out) else {
            throw InputError(
                out, "is not on this machine", remedy: "give a folder that all machines share, or the file of proposals"
            )
        }
        return out
    }

    /// - Returns: How long an image took; nil where nothing was left to do.
    @discardableResult
    private func make() throws -> Double? {
        if world.size > 1 { return try makeTogether() }
        let header = header
        if try finished(header) { return nil }
        let writer = try ProposalFile.Writer(path: out, header: header)
        let missing = writer.missing
        // Journal and file hold the same boxes of 16 bytes each for a moment.
        let folder = out.parentFolder
        try Files.requireSpace(
            2 * missing.count * limit * 16, in: folder.isEmpty ? "." : folder, for: "\(set.name)'s proposals")
        let watch = Stopwatch()
        try propose(missing, writer)
        let seconds = missing.isEmpty ? nil : watch.seconds / Double(missing.count)
        try writer.finish()
        return seconds
    }

    /// Images that a thread of a process looks at between two exchanges of what was found.
    private static let round = 8

    /// The same by several processes: the leader writes, and says which images are missing.
    private func makeTogether() throws -> Double? {
        let header = header
        var writer: ProposalFile.Writer?
        let text = try world.leaders {
            if try finished(header) { return "[]" }
            writer = try ProposalFile.Writer(path: out, header: header)
            return JSON.array((writer?.missing ?? []).map { .string($0) }).line
        }
        let missing = try JSON.parse(text.utf8).arrayValue?.compactMap(\.stringValue) ?? []
        if missing.isEmpty {
            try writer?.finish()
            try world.barrier()
            return nil
        }
        let watch = Stopwatch()
        let bar = ProgressBar(
            "proposals", total: set.ids.count, unit: "images", start: set.ids.count - missing.count,
            style: world.isLeader ? progress : .quiet)
        let part = Self.round * max(1, workers)
        let proposer = proposer
        for start in stride(from: 0, to: missing.count, by: part * world.size) {
            let begin = min(missing.count, start + world.rank * part)
            let own = Array(missing[begin..<min(missing.count, begin + part)])
            let found = Mutex([[Box]](repeating: [], count: own.count))
            try parallelFor(own.count, threads: isThreaded ? workers : 1) { i in
                let boxes = try proposer(own[i])
                found.withLock { $0[i] = boxes }
            }
            let values = found.withLock { $0 }.flatMap { boxes in
                [Double(boxes.count)] + boxes.flatMap { [$0.minX, $0.minY, $0.maxX, $0.maxY] }
            }
            let all = world.gatherRows(Tensor(values)).doubles
            if world.any(Interruption.isRequested) {
                bar.finish()
                throw InterruptedError(
                    "stopped after \(start) of \(missing.count.counted("image")); the same command goes on")
            }
            try world.checkPeers()
            var place = 0
            for id in missing[start..<min(missing.count, start + part * world.size)] {
                let count = Int(all[place])
                let corners = all[(place + 1)..<(place + 1 + 4 * count)]
                place += 1 + 4 * count
                try writer?.append(
                    stride(from: corners.startIndex, to: corners.endIndex, by: 4).map {
                        Box(minX: corners[$0], minY: corners[$0 + 1], maxX: corners[$0 + 2], maxY: corners[$0 + 3])
                    }, for: id)
            }
            bar.update(set.ids.count - missing.count + min(missing.count, start + part * world.size))
        }
        bar.finish()
        try writer?.finish()
        try world.barrier()
        return watch.seconds / Double(missing.count)
    }

    /// Whether images can be looked at by several threads at once.
    private var isThreaded: Bool { if case .selectiveSearch = source { true } else { false } }

    /// Boxes of an image by its id.
    private var proposer: @Sendable (String) throws -> [Box] {
        let places = Dictionary(uniqueKeysWithValues: zip(set.ids, set.ids.indices))
        let (set, limit) = (set, limit)
        @Sendable func image(_ id: String) throws -> Image { try set.image(places[id]!) }
        switch source {
        case .selectiveSearch(let mode, let seed):
            let search = SelectiveSearch(mode.options, seed: seed)
            return { try search.boxes(in: image($0), key: SelectiveSearch.key($0), maximumCount: limit) }
        case .network(let detector, _):
            nonisolated(unsafe) let detector = detector  // one thread asks
            return { try detector.regionProposals(image($0), limit: limit) }
        }
    }

    private func propose(_ missing: [String], _ writer: ProposalFile.Writer) throws {
        let bar = SharedProgress(
            "proposals", total: set.ids.count, unit: "images", start: set.ids.count - missing.count, style: progress)
        let proposer = proposer
        try parallelFor(missing.count, threads: isThreaded ? workers : 1) { i in
            try Interruption.check()
            try writer.append(proposer(missing[i]), for: missing[i])
            bar.advance()
        }
        bar.finish()
    }

    /// Boxes of turned images lie elsewhere than those of stored ones.
    private var turned: [JSON.Member] { self.set.turnedCount.map { [.init("turned_by_exif", .integer($0))] } ?? [] }

    private var header: ProposalFile.Header {
        switch source {
        case .selectiveSearch(let mode, let seed):
            ProposalFile.Header(
                method: SelectiveSearch.method,
                options: .object((mode.options.json.members ?? []) + [.init("limit", .integer(limit))] + turned),
                seed: seed,
                imageIDs: set.ids)
        case .network(let detector, _):
            ProposalFile.Header(
                method: RegionProposalNetwork.method,
                options: .object(
                    [.init("detector", .string(detector.fingerprint)), .init("limit", .integer(limit))] + turned),
                seed: 0,
                imageIDs: set.ids)
        }
    }

    /// Whether an earlier run with the same options has completed the file.
    private func finished(_ header: ProposalFile.Header) throws -> Bool {
        guard Files.exists(out) else { return false }
        let file = try ProposalFile(contentsOf: out)
        guard file.header == header else {
            throw InputError(
                out, "holds the proposals of another image set, method, limit or seed",
                remedy: "remove it or give another --out")
        }
        return true
    }

    private func outcome(_ file: ProposalFile, secondsPerImage: Double?) -> Outcome {
        var outcome = Outcome(
            quality: ProposalQuality(), recall: RecallCurve(), protocolText: protocolText, isMeasured: !set.isUnlabelled
        )
        for (id, objects) in zip(set.ids, set.objects) {
            let proposals = file.boxes(for: id) ?? []
            outcome.quality.add(proposals: proposals, groundTruth: objects, seconds: secondsPerImage)
            outcome.recall.add(proposals: proposals, groundTruth: objects)
        }
        return outcome
    }
}
