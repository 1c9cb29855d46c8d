/// The command line is wrong; printed as `error: PROBLEM; REMEDY` and ends the program with exit code 2.
package struct UsageError: Error, Hashable, CustomStringConvertible {
    package var problem: String
    /// What the user can do about it.
    package var remedy: String

    package init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String { "\(problem); \(remedy)" }
}
