// Average precision of comp4 detection files by the official VOC protocol. Needs no libtorch.
import Foundation
import VOCData

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let kit = arguments.first, let folder = arguments.last else {
    print("usage: evaluate-comp4 VOCdevkit SET FOLDER")
    exit(2)
}
let set = arguments[2]

func percent(_ share: Double?) -> String {
    guard let share else { return "     –" }
    return String(format: "%6.2f", 100 * share)
}

do {
    // The official evaluator takes boxes as the files have them.
    let annotations = try Devkit(kit).annotations(set, policy: .keep)
    let evaluator = try VOCEvaluator(annotations, metric: .voc07, iouThreshold: 0.5)
    let evaluation = try evaluator.evaluate(folder: folder, set: set)

    for result in evaluation.classes {
        print("\(percent(result.ap))  \(result.name) (\(result.npos) objects)")
    }
    print("\(percent(evaluation.meanAveragePrecision))  mAP")
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
