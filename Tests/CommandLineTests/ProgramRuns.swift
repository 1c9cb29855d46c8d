import Foundation
import TestSupport
import Testing

/// Real runs of the program on small drawn data; one after another, because each uses all cores.
@Suite(.tags(.program), .tiered, .serialized) struct ProgramRuns {}

/// Runs detect-cli to a good end without a warning; returns what it printed.
@discardableResult
func succeed(_ arguments: [String], timeLimit: Double = 240) throws -> String {
    let outcome = try run(arguments, timeLimit: timeLimit)
    try #require(outcome.exitCode == 0, "detect-cli \(arguments.joined(separator: " ")): \(outcome.errors)")
    #expect(!outcome.errors.lowercased().contains("warning"), "\(outcome.errors)")
    return outcome.output
}

/// Arguments of a pretraining of 18 steps on the pictures of `drawObjects`.
func pretraining(_ folder: String, run: String, _ more: [String] = []) -> [String] {
    [
        "pretrain", "--data", "\(folder)/objects/train", "--arch", "resnet18", "--recipe", "cifar10",
        "--image-size", "16", "--epochs", "3", "--batch", "16", "--checkpoint-every", "2", "--threads", "1", "--run",
        "\(folder)/\(run)",
    ] + more
}

/// A hundred pictures of single objects, with labels, under `objects/train`, and some under `objects/val`.
func drawObjects(_ folder: String) throws {
    _ = try succeed([
        "synthesize", "--classification", "--out", "\(folder)/objects", "--images", "10", "--width", "48",
        "--height", "48",
    ])
}
