internal import Boxes
internal import Detection
internal import Imaging
internal import Support
internal import Training
internal import VOCData

/// Makes the selective-search proposals of an image set; goes on where a killed run was.
struct ProposalWorkflow {
    var set: VOCSet
    var out: String
    var mode = SelectiveSearchMode.fast
    var seed: UInt64 = 0
    /// Most boxes of an image.
    var limit = 2000
    var workers = 2
    var progress = ProgressBar.Style.automatic

    func callAsFunction() throws -> ProposalQuality {
        let search = SelectiveSearch(mode.options, seed: seed)
        let header = ProposalFile.Header(
            method: SelectiveSearch.method,
            options: .object((search.options.json.members ?? []) + [.init("limit", .integer(limit))]),
            seed: seed, imageIDs: set.ids)
        if let done = try finished(header) { return quality(seconds: nil) { done.boxes(for: $0) ?? [] } }
        let writer = try ProposalFile.Writer(path: out, header: header)
        let missing = writer.missing
        let bar = SharedProgress(
            "proposals", total: set.ids.count, unit: "images", start: set.ids.count - missing.count, style: progress)
        let clock = ContinuousClock()
        let began = clock.now
        let (set, limit) = (set, limit)
        try parallelFor(missing.count, threads: workers) { i in
            try Interruption.check()
            let id = missing[i]
            let image = try Image.read(set.devkit.imagePath(id))
            try writer.append(search.boxes(in: image, key: SelectiveSearch.key(id), maximumCount: limit), for: id)
            bar.advance()
        }
        let seconds = missing.isEmpty ? nil : (clock.now - began) / .seconds(1) / Double(missing.count)
        try writer.finish()
        bar.finish()
        let file = try ProposalFile(contentsOf: out)
        return quality(seconds: seconds) { file.boxes(for: $0) ?? [] }
    }

    /// The file, if an earlier run with the same options has completed it.
    private func finished(_ header: ProposalFile.Header) throws -> ProposalFile? {
        guard Files.exists(out) else { return nil }
        let file = try ProposalFile(contentsOf: out)
        guard file.header == header else {
            throw InputError(
                out, "holds the proposals of another image set, limit or seed",
                remedy: "remove it or give another --out")
        }
        return file
    }

    private func quality(seconds: Double?, _ boxes: (String) -> [Box]) -> ProposalQuality {
        var quality = ProposalQuality()
        for (id, objects) in zip(set.ids, set.objects) {
            quality.add(proposals: boxes(id), groundTruth: objects, seconds: seconds)
        }
        return quality
    }
}
