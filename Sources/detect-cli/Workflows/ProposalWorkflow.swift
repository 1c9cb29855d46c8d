internal import Boxes
internal import Datasets
internal import Detection
internal import Imaging
internal import Support
internal import Training
internal import VOCData

/// Makes the proposals of an image set; goes on where a killed run was.
struct ProposalWorkflow {
    /// What proposes.
    enum Source {
        case selectiveSearch(SelectiveSearchMode, seed: UInt64)
        /// The region proposal network of a Faster R-CNN.
        case network(Detector)
    }

    var set: VOCSet
    var out: String
    var source = Source.selectiveSearch(.fast, seed: 0)
    /// Most boxes of an image.
    var limit = 2000
    var workers = 2
    var progress = ProgressBar.Style.automatic

    struct Outcome {
        var quality: ProposalQuality
        var recall: RecallCurve
    }

    func callAsFunction() throws -> Outcome {
        let header = header
        if let done = try finished(header) { return outcome(seconds: nil) { done.boxes(for: $0) ?? [] } }
        let writer = try ProposalFile.Writer(path: out, header: header)
        let places = Dictionary(uniqueKeysWithValues: zip(set.ids, set.ids.indices))
        let missing = writer.missing
        let bar = SharedProgress(
            "proposals", total: set.ids.count, unit: "images", start: set.ids.count - missing.count, style: progress)
        let clock = ContinuousClock()
        let began = clock.now
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
        case .network(let detector):
            for id in missing {
                try Interruption.check()
                try writer.append(detector.regionProposals(image(id), limit: limit), for: id)
                bar.advance()
            }
        }
        let seconds = missing.isEmpty ? nil : (clock.now - began) / .seconds(1) / Double(missing.count)
        try writer.finish()
        bar.finish()
        let file = try ProposalFile(contentsOf: out)
        return outcome(seconds: seconds) { file.boxes(for: $0) ?? [] }
    }

    private var header: ProposalFile.Header {
        switch source {
        case .selectiveSearch(let mode, let seed):
            ProposalFile.Header(
                method: SelectiveSearch.method,
                options: .object((mode.options.json.members ?? []) + [.init("limit", .integer(limit))]), seed: seed,
                imageIDs: set.ids)
        case .network(let detector):
            ProposalFile.Header(
                method: RegionProposalNetwork.method,
                options: ["detector": .string(detector.fingerprint), "limit": .integer(limit)], seed: 0,
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

    private func outcome(seconds: Double?, _ boxes: (String) -> [Box]) -> Outcome {
        var outcome = Outcome(quality: ProposalQuality(), recall: RecallCurve())
        for (id, objects) in zip(set.ids, set.objects) {
            let proposals = boxes(id)
            outcome.quality.add(proposals: proposals, groundTruth: objects, seconds: seconds)
            outcome.recall.add(proposals: proposals, groundTruth: objects)
        }
        return outcome
    }
}
