internal import Support

/// Where the pictures of a run go: each under a name of its own, none over an image that was given, nor over one that lies
/// beside it.
struct PictureNames {
    private let folder: String
    /// Whether images that were given lie in the folder, too.
    private let holdsInputs: Bool
    private let inputs: Set<FileIdentity>
    /// The contact sheet has a name of its own.
    private var taken: Set<String> = []

    init(_ folder: String, inputs: [String]) {
        self.folder = folder
        let own = FileIdentity(folder)
        let folders = Set(inputs.map { $0.parentFolder.isEmpty ? "." : $0.parentFolder })
        holdsInputs = own != nil && folders.contains { FileIdentity($0) == own }
        self.inputs = holdsInputs ? Set(inputs.compactMap { FileIdentity($0) }) : []
    }

    /// The path of a picture; `number` tells images of equal name from different folders apart, 0 is the contact sheet's.
    mutating func path(_ stem: String, number: Int) -> String {
        let own = holdsInputs ? "\(stem)-detections" : stem
        let isFree = number == 0 || own != (holdsInputs ? "sheet-detections" : "sheet")
        var name = isFree && !taken.contains(own) ? own : "\(own)-\(number)"
        // With the folder given as a whole, the pictures of an earlier run are images as well.
        var count = 1
        while taken.contains(name) || FileIdentity("\(folder)/\(name).png").map(inputs.contains) ?? false {
            count += 1
            name = "\(own)-\(count)"
        }
        taken.insert(name)
        return "\(folder)/\(name).png"
    }
}
