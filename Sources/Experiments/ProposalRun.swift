internal import Boxes
public import Detection
internal import Imaging
public import Proposals
public import Reporting
public import Support

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
        let header = header
        if let done = try finished(header) { return outcome(done, secondsPerImage: nil) }
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
        return outcome(try ProposalFile(contentsOf: out), secondsPerImage: seconds)
    }

    private func propose(_ missing: [String], _ writer: ProposalFile.Writer) throws {
        let places = Dictionary(uniqueKeysWithValues: zip(set.ids, set.ids.indices))
        let bar = SharedProgress(
            "proposals", total: set.ids.count, unit: "images", start: set.ids.count - missing.count, style: progress)
        let (set, limit) = (set, limit)
        @Sendable func image(_ id: String) throws -> Image { try set.image(places[id]!) }
        switch source {
        case .selectiveSearch(let mode, let seed):
            let search = SelectiveSearch(mode.options, seed: seed)
            try parallelFor(missing.count, threads: workers) { i in
                try Interruption.check()
                let id = missing[i]
                try writer.append(
                    search.boxes(in: image(id), key: SelectiveSearch.key(id), maximumCount: limit), for: id)
                bar.advance()
            }
        case .network(let detector, _):
            for id in missing {
                try Interruption.check()
                try writer.append(detector.regionProposals(image(id), limit: limit), for: id)
                bar.advance()
            }
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

    /// The file, if an earlier run with the same options has completed it.
    private func finished(_ header: ProposalFile.Header) throws -> ProposalFile? {
        guard Files.exists(out) else { return nil }
        let file = try ProposalFile(contentsOf: out)
        guard file.header == header else {
            throw InputError(
                out, "holds the proposals of another image set, method, limit or seed",
                remedy: "remove it or give another --out")
        }
        return file
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
