import Support
import Testing

/// The message of the `InputError` that `body` throws; nil, and a failed test, when it throws none.
func inputError<Result>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> String? {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { _ = try body() }
    return error?.description
}
