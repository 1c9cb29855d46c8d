internal import Foundation
public import Reporting
public import Support

/// A devkit read file by file: every annotation, every image, and what is wrong with them.
public struct DevkitCheck: Sendable {
    /// Objects of one class.
    public struct ClassCount: Hashable, Sendable {
        public var name: String
        /// Objects that count and those marked difficult.
        public var objects = 0
        public var difficult = 0
        /// Images with an object of the class.
        public var images = 0
    }

    public let devkit: Devkit
    /// The image set; nil when the whole devkit was checked.
    public let set: String?
    public let images: Int
    /// What was looked at, sorted.
    public let ids: [String]
    public let classes: [ClassCount]
    /// In the order of the files; findings about the devkit as a whole come first.
    public let findings: [DevkitFinding]

    public var seriousCount: Int { findings.count { $0.severity == .serious } }

    /// Checks an image set, or every file of the devkit.
    ///
    /// - Parameters:
    ///   - set: nil for all image sets and whatever else lies in the folders.
    ///   - classes: the classes there should be; nil for VOC's 20 when at least half of the names found are among
    ///     them, otherwise the names found.
    ///   - decodesImages: reads the images to their end; otherwise their headers alone.
    ///   - progress: called after each image, from any thread.
    /// - Throws: `InputError` when the set itself cannot be read.
    public init(
        _ devkit: Devkit, set: String? = nil, classes: [String]? = nil, decodesImages: Bool = true,
        threads: Int = 2,
        progress: @Sendable () -> Void = {}
    ) throws {
        var findings: [DevkitFinding] = []
        let listed = try Self.idsOfSets(devkit, set: set, &findings)
        var ids = listed
        if set == nil { ids.formUnion(Self.idsOfFiles(devkit, listed: listed, &findings)) }
        guard !ids.isEmpty else { throw InputError(devkit.root, "holds neither image sets nor annotations nor images") }
        let order = ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        // Images are the work where they are decoded; a parser is shared by a few files all the same.
        let batch = decodesImages ? 16 : 64
        let inspections = try parallelMap((order.count + batch - 1) / batch, threads: threads) { part in
            let parser = try AnnotationParser()
            return order[part * batch..<min(order.count, (part + 1) * batch)].map { id in
                defer { progress() }
                return ImageInspection(
                    devkit, id: id, isInSet: listed.contains(id), decodesImage: decodesImages, parser: parser)
            }
        }.joined()

        var counts: [String: ClassCount] = [:]
        for annotation in inspections.compactMap(\.annotation) {
            for object in annotation.objects {
                if object.isDifficult {
                    counts[object.name, default: ClassCount(name: object.name)].difficult += 1
                } else {
                    counts[object.name, default: ClassCount(name: object.name)].objects += 1
                }
            }
            for name in Set(annotation.objects.map(\.name)) { counts[name]?.images += 1 }
        }
        let expected = classes ?? Self.expectedClasses(found: counts.keys)
        for name in expected where counts[name]?.objects ?? 0 == 0 {
            findings.append(
                DevkitFinding(.classWithoutPositives, name, "its average precision is undefined"))
        }
        let known = Set(expected)
        for inspection in inspections {
            findings += inspection.findings
            guard let annotation = inspection.annotation else { continue }
            for (number, object) in zip(inspection.objectNumbers, annotation.objects) where !known.contains(object.name)
            {
                findings.append(
                    DevkitFinding(
                        .unknownClass, devkit.annotationPath(inspection.id), object: number, "\"\(object.name)\""))
            }
        }
        let others = counts.keys.filter { !known.contains($0) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.devkit = devkit
        self.set = set
        images = order.count
        self.ids = order
        self.classes = (expected + others).map { counts[$0] ?? ClassCount(name: $0) }
        self.findings = findings
    }

    private static func expectedClasses(found: some Collection<String>) -> [String] {
        let official = found.count { VOCClasses.voc2007.contains($0) }
        if 2 * official >= found.count { return VOCClasses.voc2007 }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The ids of a set, or of every image set of the devkit; one of those that cannot be read is a finding.
    private static func idsOfSets(
        _ devkit: Devkit, set: String?, _ findings: inout [DevkitFinding]
    ) throws -> Set<String> {
        var ids: Set<String> = []
        func add(_ name: String) throws {
            let listing = try devkit.listing(name)
            ids.formUnion(listing.ids)
            findings += listing.repeated.map {
                DevkitFinding(.listedTwice, $0.place, "the image \($0.id) is listed before")
            }
        }
        if let set {
            try add(set)
            return ids
        }
        for name in (try? devkit.imageSetNames()) ?? [] {
            do { try add(name) } catch {
                findings.append(
                    DevkitFinding(
                        .unusableImageSet, devkit.imageSetPath(name), (error as? InputError)?.problem ?? "\(error)"))
            }
        }
        return ids
    }

    /// The ids of every annotation and image; those in no image set, and other files, are findings.
    private static func idsOfFiles(
        _ devkit: Devkit, listed: Set<String>, _ findings: inout [DevkitFinding]
    ) -> Set<String> {
        let contents = devkit.index.contents
        findings += contents.others.map { DevkitFinding(.unusedFile, $0, "is not read") }
        if listed.isEmpty { return Set(contents.ids) }
        for id in contents.ids where !listed.contains(id) {
            guard let entry = contents.entries[id] else { continue }
            for (path, kind) in [
                (entry.annotation, DevkitFinding.Kind.unusedAnnotation), (entry.image, .unusedImage),
            ] {
                if let path { findings.append(DevkitFinding(kind, path, "no image set names it")) }
            }
        }
        return Set(contents.ids)
    }
}

extension DevkitCheck {
    /// A line for each kind of problem, the serious ones first, with an example; then the serious ones by file.
    ///
    /// - Parameter limit: Most findings of a kind that are listed.
    public func report(listing limit: Int) -> Report {
        let total = classes.reduce((0, 0)) { ($0.0 + $1.objects, $0.1 + $1.difficult) }
        let scope = set.map { "image set \($0)" } ?? "all files"
        let caption =
            "\(devkit.text), \(scope): \(images.counted("image")), \(total.0.counted("object")) and \(total.1.counted("difficult one"))"
            + " of \((classes.count { $0.objects + $0.difficult > 0 }).counted("class"))"
        let title = "Check of a devkit"
        let kinds = DevkitFinding.Kind.allCases.map { kind in (kind, findings.filter { $0.kind == kind }) }
            .filter { !$0.1.isEmpty }
        if kinds.isEmpty { return Report(title, [.paragraph(caption), .paragraph("nothing to complain about")]) }
        let table = Table(
            [
                .text(""), .text("problem", alignment: .left), .number("count"), .number("files"),
                .text("for example", alignment: .left),
            ],
            kinds.map { kind, members in
                [
                    .text(kind.severity.rawValue), .text(kind.title), .integer(members.count),
                    .integer(Set(members.map(\.file)).count), .text(short(members[0])),
                ]
            }, caption: caption)
        var report = Report(title, [.table(table)])
        for (kind, members) in kinds where kind.severity == .serious && limit > 0 {
            let rest = members.count > limit ? ["and \(members.count - limit) more"] : []
            report.sections.append(
                .init([.paragraph("\(kind.title):"), .list(members.prefix(limit).map(short) + rest)]))
        }
        return report
    }

    /// The file without the devkit's folder, the object and what is wrong.
    public func short(_ finding: DevkitFinding) -> String {
        let prefix = devkit.root + "/"
        let file = finding.file.hasPrefix(prefix) ? String(finding.file.dropFirst(prefix.count)) : finding.file
        return file + (finding.objectNumber.map { " object \($0)" } ?? "") + ": " + finding.detail
    }

    /// `{"devkit", "set", "images", "objects", "difficult", "classes", "serious", "notes", "counts", "findings"}`
    public var json: JSON {
        let counts = DevkitFinding.Kind.allCases.map { kind in
            JSON.Member(kind.rawValue, .integer(findings.count { $0.kind == kind }))
        }
        return [
            "devkit": .string(devkit.root), "set": JSON(set), "images": .integer(images),
            "objects": .integer(classes.reduce(0) { $0 + $1.objects }),
            "difficult": .integer(classes.reduce(0) { $0 + $1.difficult }),
            "classes": .object(
                classes.map {
                    JSON.Member(
                        $0.name,
                        [
                            "objects": .integer($0.objects), "difficult": .integer($0.difficult),
                            "images": .integer($0.images),
                        ])
                }),
            "serious": .integer(seriousCount), "notes": .integer(findings.count - seriousCount),
            "counts": .object(counts), "findings": .array(findings.map(\.json)),
        ]
    }
}
