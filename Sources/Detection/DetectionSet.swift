public import Boxes
public import Datasets
public import Proposals
public import Support

/// Images with their objects and proposals: what training and testing a detector work on.
public struct DetectionSet: Sendable {
    /// Names of the images in proposal and detection files.
    public let ids: [String]
    public let images: any ImageCollection
    public let classes: [String]
    /// Ground truth of each image; empty lists where it is unknown.
    public let objects: [[LabeledBox]]
    /// nil for detectors that propose their own regions.
    public let proposals: ProposalFile?

    /// - Throws: `InputError` when the proposal file lacks an image of the set.
    public init(
        ids: [String], images: any ImageCollection, classes: [String], objects: [[LabeledBox]],
        proposals: ProposalFile? = nil, proposalPath: String = ""
    ) throws(InputError) {
        precondition(
            ids.count == images.count && objects.count == images.count,
            "\(ids.count) ids and \(objects.count) lists of objects for \(images.count) images")
        if let proposals {
            let known = Set(proposals.ids)
            for id in ids where !known.contains(id) {
                throw InputError(
                    proposalPath, "has no proposals for image \(id)",
                    remedy: "make them with the proposals command for this set")
            }
        }
        self.ids = ids
        self.images = images
        self.classes = classes
        self.objects = objects
        self.proposals = proposals
    }

    public var count: Int { images.count }

    /// Objects of image `i` that can be learnt from.
    func trainingObjects(_ i: Int, difficult: Bool) -> [LabeledBox] {
        objects[i].filter { (difficult || !$0.isDifficult) && $0.box.area > 0 }
    }

    /// The proposals of image `i`, at most `limit`, best first; none without a file.
    public func boxes(_ i: Int, limit: Int) -> [Box] {
        Array((proposals?.boxes(for: ids[i]) ?? []).prefix(limit))
    }
}
