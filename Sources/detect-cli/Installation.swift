internal import Foundation
internal import Support

/// Files that `make install` puts beside the program: `lib/detect/` holds the program, `share/detect/` what it reads.
enum Installation {
    /// The folder of the weights' manifest that came with the program; nil for a program that was not installed.
    static let weights: String? = {
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            return nil
        }
        let folder = "\(program.parentFolder.parentFolder.parentFolder)/share/detect/weights"
        return Files.isFolder(folder) ? folder : nil
    }()
}
