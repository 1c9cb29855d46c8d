internal import Support

/// Image sets as they are named on a command line: "test", "2012:val", "2007:trainval,2012:trainval".
///
/// In front of the colon stands a year, or the name of a folder in the devkit.
public struct DevkitSelection: Sendable {
    /// As it was given.
    public let path: String
    /// As it was named.
    public let sets: String
    /// The same as part of a file name: "2007-trainval+2012-trainval".
    public let name: String
    /// Each set with the devkit it is of.
    public let parts: [(devkit: Devkit, set: String)]

    /// - Parameter split: makes the sets, instead of those the devkit brings.
    /// - Throws: `InputError` when there is no such devkit or no such set.
    public init(_ path: String, sets: String, split: SetSplit? = nil) throws {
        self.path = path
        self.sets = sets
        name = sets.replacing(":", with: "-").replacing(",", with: "+")
        parts = try sets.split(separator: ",", omittingEmptySubsequences: false).map {
            part -> (devkit: Devkit, set: String) in
            let text = TextFile.trimmed(part)
            guard let colon = text.firstIndex(of: ":") else {
                return (try Self.devkit(path, part: nil, split), text)
            }
            let part = String(text[..<colon])
            if part.isEmpty {
                throw InputError(
                    text, "has no year in front of its colon", remedy: "write sets as trainval or 2012:trainval")
            }
            return (try Self.devkit(path, part: part, split), String(text[text.index(after: colon)...]))
        }
    }

    /// One set of a devkit.
    init(_ devkit: Devkit, set: String) {
        path = devkit.path
        (sets, name) = (set, set)
        parts = [(devkit, set)]
    }

    private static func devkit(_ path: String, part: String?, _ split: SetSplit?) throws -> Devkit {
        var devkit = try Devkit(path, part: part)
        devkit.split = split
        return devkit
    }

    /// The devkits and how they are laid out, for people.
    public var text: String {
        var texts = parts.map(\.devkit.text).distinct.joined(separator: ", ")
        if let split = parts.first?.devkit.split { texts += ", split by \(split.text)" }
        return texts
    }

    /// What has to be there for an image to be of use.
    public struct Needs: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let image = Needs(rawValue: 1)
        public static let annotation = Needs(rawValue: 2)
    }

    /// The images of the sets, in their order, and what was left out of them.
    ///
    /// Without `.annotation` among the needs, images without one are taken; under `.stop` only where none has one: a set
    /// that is not annotated at all is no mistake.
    /// - Parameter findsImages: false leaves image files that are not needed unlooked for, which is a good part of the time.
    /// - Throws: `InputError` for a set that is missing or wrong, for sets with an image in common, and under `.stop` for
    ///   the first thing that is missing.
    public func images(
        _ needs: Needs, missing policy: MissingPolicy, findsImages: Bool = true
    ) throws -> (images: [SetImage], omissions: [SetOmission]) {
        let findsImages = findsImages || needs.contains(.image)
        var images: [SetImage] = []
        var omissions: [SetOmission] = []
        var seen: Set<String> = []
        for (devkit, set) in parts {
            let listing = try policy == .stop ? ImageSetListing(ids: devkit.imageSet(set)) : devkit.listing(set)
            omissions += listing.repeated.map { SetOmission(.listedTwice, $0.place, $0.id) }
            for id in listing.ids {
                guard seen.insert(id).inserted else {
                    throw InputError(
                        sets, "names an image more than once (\(id))", remedy: "give sets that have no image in common")
                }
                let image = SetImage(
                    id: id, image: findsImages ? devkit.imageFile(id) : nil, annotation: devkit.annotationFile(id))
                if needs.contains(.image), image.image == nil {
                    if policy == .stop { throw missingImage(devkit.imagePath(id), set) }
                    omissions.append(SetOmission(.missingImage, devkit.imagePath(id)))
                } else if needs.contains(.annotation), image.annotation == nil {
                    if policy == .stop { throw missingAnnotation(devkit.annotationPath(id), set) }
                    omissions.append(SetOmission(.missingAnnotation, devkit.annotationPath(id)))
                } else {
                    images.append(image)
                }
            }
        }
        if !needs.contains(.annotation), policy == .stop, images.contains(where: { $0.annotation != nil }),
            let bare = images.first(where: { $0.annotation == nil }), let first = parts.first
        {
            throw missingAnnotation(first.devkit.annotationPath(bare.id), first.set)
        }
        return (images, omissions)
    }

    private func missingImage(_ path: String, _ set: String) -> InputError {
        InputError(
            path, "the image set \"\(set)\" names this image, which does not exist",
            remedy: "complete the devkit, take the image out of the set, or give --on-missing skip")
    }

    private func missingAnnotation(_ path: String, _ set: String) -> InputError {
        InputError(
            path, "the image set \"\(set)\" names this annotation, which does not exist",
            remedy: "complete the devkit, take the image out of the set, or give --on-missing skip")
    }

    /// The annotations of the sets, without looking at the pixels.
    ///
    /// - Parameters:
    ///   - limit: the first images alone.
    ///   - usesImageSizes: as in `Devkit.annotations`.
    ///   - findsImages: as in `images`.
    /// - Returns: The annotations, and the images they belong to.
    public func annotated(
        limit: Int? = nil, policy: BadAnnotationPolicy = .keep, leavesOutUnreadable: Bool? = nil,
        missing: MissingPolicy = .stop, usesImageSizes: Bool = false,
        findsImages: Bool = true, threads: Int
    ) throws -> (set: AnnotatedSet, images: [SetImage]) {
        let (all, omissions) = try images(.annotation, missing: missing, findsImages: findsImages || usesImageSizes)
        let wanted = Array(all.prefix(limit ?? .max))
        var set = try AnnotatedSet(
            reading: wanted, policy: policy, leavesOutUnreadable: leavesOutUnreadable, usesImageSizes: usesImageSizes,
            threads: threads)
        set.omissions = omissions + set.omissions
        let kept = Set(set.ids)
        guard !kept.isEmpty else {
            throw InputError(
                path, "no image of the set \"\(sets)\" has an annotation that can be read",
                remedy: "give a set that is annotated")
        }
        return (set, wanted.filter { kept.contains($0.id) })
    }
}

/// What was left out of a set or changed in it, for people.
public enum SetReport {
    /// Lines with the number of each kind and the first few by name; empty when nothing is to be said.
    public static func text(_ set: AnnotatedSet, name: String) -> String {
        var text = ""
        for reason in SetOmission.Reason.allCases {
            let items = set.omissions.filter { $0.reason == reason }
            text += lines("\(reason.rawValue), left out", items.map(\.description), name)
        }
        text += lines("bad boxes and objects", set.repairs.map(\.description), name)
        return text + lines("annotations with a size that is not the image's, which is used", set.wrongSizes, name)
    }

    /// "12 bad boxes in test:" and the first five.
    public static func lines(_ what: String, _ items: [String], _ name: String) -> String {
        if items.isEmpty { return "" }
        let shown = items.prefix(5).map { "  \($0)\n" }.joined()
        let rest = items.count > 5 ? "  and \(items.count - 5) more\n" : ""
        return "\(items.count) \(what) in \(name):\n\(shown)\(rest)"
    }
}
