import Datasets
import Foundation
import Probes
import Support
import TestSupport
import Testing
import Torch

/// A list of labels without pictures.
private struct Labels: ImageCollection {
    var classes: [String]
    var labels: [Int?]
    var source = "labels"

    var count: Int { labels.count }
    func name(_ i: Int) -> String { "\(i).jpg" }
    func label(_ i: Int) -> Int? { labels[i] }
    func data(_ i: Int) throws -> Data { Data() }
}

@Suite(.tags(.unit), .tiered) struct TopAccuracyTests {
    @Test func byHand() {
        var accuracy = TopAccuracy(classes: 7)
        #expect(accuracy.top1 == nil && accuracy.top5 == nil)
        let logits: [Float] = [
            9, 1, 2, 3, 4, 5, 6,  // first
            9, 8, 7, 6, 5, 4, 3,  // fifth
            9, 8, 7, 6, 5, 4, 3,  // sixth
            1, 1, 0, 0, 0, 0, 0,  // a tie that the lower class wins
            1, 1, 0, 0, 0, 0, 0,  // … and one that the higher loses
            .nan, 0, 0, 0, 0, 0, 0,  // not a number is never right
        ]
        accuracy.add(Tensor(logits, shape: [6, 7]), [0, 4, 5, 0, 1, 0])
        #expect(accuracy.count == 6)
        #expect(accuracy.top1 == 2.0 / 6 && accuracy.top5 == 4.0 / 6)
        // Batches add up.
        accuracy.add(Tensor([Float(0), 0, 0, 0, 0, 0, 1], shape: [1, 7]), [6])
        #expect(accuracy.top1 == 3.0 / 7 && accuracy.top5 == 5.0 / 7)
    }

    @Test func fiveClassesHaveNoTop5() {
        var accuracy = TopAccuracy(classes: 5)
        accuracy.add(Tensor([Float(0), 1, 0, 0, 0], shape: [1, 5]), [1])
        #expect(accuracy.top1 == 1 && accuracy.top5 == nil)
    }

    struct Mismatch: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var train: (classes: [String], labels: [Int?])
        var test: (classes: [String], labels: [Int?])
        var problem: String
    }

    private static let mismatches: [Mismatch] = [
        Mismatch(
            testDescription: "no classes", train: ([], [nil]), test: ([], [nil]), problem: "has no class labels"),
        Mismatch(
            testDescription: "one class", train: (["a"], [0]), test: (["a"], [0]), problem: "has a single class"),
        Mismatch(
            testDescription: "other classes", train: (["a", "b"], [0, 1]), test: (["a", "c"], [0, 1]),
            problem: "has other classes than train (b, for one)"),
        Mismatch(
            testDescription: "another order", train: (["a", "b"], [0, 1]), test: (["b", "a"], [0, 1]),
            problem: "has other classes than train"),
        Mismatch(
            testDescription: "empty in training", train: (["a", "b"], [0, 0]), test: (["a", "b"], [0, 1]),
            problem: "has no image of the class b"),
        Mismatch(
            testDescription: "empty in the test", train: (["a", "b"], [0, 1]), test: (["a", "b"], [1]),
            problem: "has no image of the class a"),
        Mismatch(
            testDescription: "without label", train: (["a", "b"], [0, nil, 1]), test: (["a", "b"], [0, 1]),
            problem: "has no class label"),
    ]

    @Test(arguments: mismatches) func setsThatDoNotFitAreRefused(_ mismatch: Mismatch) {
        let train = Labels(classes: mismatch.train.classes, labels: mismatch.train.labels, source: "train")
        let test = Labels(classes: mismatch.test.classes, labels: mismatch.test.labels, source: "test")
        let error = #expect(throws: InputError.self) { try train.checkLabels(against: test) }
        #expect(error?.problem.contains(mismatch.problem) == true, "\(error as Any)")
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func setsThatFitPass() throws {
        let data = Labels(classes: ["a", "b"], labels: [0, 1])
        try data.checkLabels(against: data)
    }

    // MARK: Shares of the labels

    @Test func theShareOfEachClassIsTheSame() throws {
        // 40 of a and 20 of b in turn, as folders never have them.
        let labels = (0..<60).map { $0 % 3 == 2 ? 1 : 0 }
        let data = Labels(classes: ["a", "b"], labels: labels)
        func counts(_ indices: [Int]) -> [Int] { [0, 1].map { label in indices.count { labels[$0] == label } } }
        let tenth = try LabelFraction(0.1).indices(of: data, seed: 0)
        let fifth = try LabelFraction(0.2).indices(of: data, seed: 0)
        #expect(counts(tenth) == [4, 2] && counts(fifth) == [8, 4])
        #expect(tenth == tenth.sorted() && Set(tenth).isSubset(of: fifth))
        #expect(try LabelFraction(0.1).indices(of: data, seed: 0) == tenth)
        #expect(try LabelFraction(0.1).indices(of: data, seed: 1) != tenth)
        #expect(try LabelFraction(1).indices(of: data, seed: 5) == Array(0..<60))
        // 2.5 % of 40 is one image, of 20 half a one, which rounds up; 2 % leaves b without any.
        #expect(try counts(LabelFraction(0.025).indices(of: data, seed: 0)) == [1, 1])
        let error = #expect(throws: InputError.self) { try LabelFraction(0.02).indices(of: data, seed: 0) }
        #expect(error?.description.contains("leaves no image of the class b (20 images) at 2 %") == true)
    }

    @Test(arguments: [(0.01, "1 %"), (0.025, "2.5 %"), (1.0, "100 %"), (0.29, "29 %"), (0.001, "0.1 %")])
    func sharesReadWell(share: Double, text: String) {
        #expect(LabelFraction(share).text == text)
    }
}
