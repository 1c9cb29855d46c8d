public import Datasets
internal import Imaging
internal import Support
internal import VOCData

extension VOCSet {
    /// The set with its images read in a certain way.
    ///
    /// - Parameters:
    ///   - policy: Images that cannot be read are left out, with their annotations, or what they hold is used; under `stop`
    ///     none is looked at before its turn.
    ///   - turnsByEXIF: Turns an image by its EXIF orientation where the size in its annotation says that the boxes were
    ///     drawn on the turned one. Images whose stated size is the stored one stay as they are, as in VOC.
    /// - Throws: `InputError` when no image is left.
    public func reading(_ policy: BadImagePolicy, turnsByEXIF: Bool, threads: Int) throws -> VOCSet {
        var set = self
        let turned = turnsByEXIF ? try turnedImages(threads: threads) : []
        set.images = DecodedImages(images, turned: turned, usesDamaged: policy.usesDamaged)
        guard policy.leavesOut else { return set }
        let readable = try set.images.readable(policy, threads: threads) { try Interruption.check() }
        guard !readable.isEmpty else {
            throw InputError(name, "has no image that can be read", remedy: "fetch them again")
        }
        return readable.count == ids.count ? set : set.subset(readable)
    }

    /// How many images are turned by EXIF; nil for none.
    var turnedCount: Int? {
        let count = ids.indices.count { images.decoding($0).turnsByEXIF }
        return count > 0 ? count : nil
    }

    /// The images at these indices.
    private func subset(_ indices: [Int]) -> VOCSet {
        var part = self
        part.ids = indices.map { ids[$0] }
        part.images = images.subset(indices)
        part.objects = indices.map { objects[$0] }
        let kept = Set(part.ids)
        let own = annotations.ids.indices.filter { kept.contains(annotations.ids[$0]) }
        part.annotations.ids = own.map { annotations.ids[$0] }
        part.annotations.annotations = own.map { annotations.annotations[$0] }
        return part
    }

    private func turnedImages(threads: Int) throws -> Set<Int> {
        let stated = Dictionary(zip(annotations.ids, annotations.annotations)) { first, _ in first }
        let isTurned = try parallelMap(ids.count, threads: threads) { i in
            guard let size = stated[ids[i]]?.size else { return false }
            return (try? ImageHeader.read(images.path(i)))?.isTurned(to: size) ?? false
        }
        return Set(isTurned.indices.filter { isTurned[$0] })
    }
}
