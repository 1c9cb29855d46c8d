/// Something outside the program is wrong: a file, a folder, a data set, a value the user gave.
///
/// Printed as one line: `FILE: what is wrong; what to do`.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, folder or option concerned.
    public var subject: String
    public var problem: String
    /// What the user can do about it; empty when the problem says it all.
    public var remedy: String

    public init(_ subject: String, _ problem: String, remedy: String = "") {
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String {
        let line = remedy.isEmpty ? "\(subject): \(problem)" : "\(subject): \(problem); \(remedy)"
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
