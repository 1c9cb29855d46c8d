import Backbone
import Experiments
import Pretrain
import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct PublishedTests {
    private typealias Task = PublishedResult.Task

    private func find(
        _ task: PublishedResult.Task, _ architecture: Architecture, _ weights: PublishedResult.Weights
    ) -> [PublishedResult] {
        PublishedResult.all.filter { $0.task == task && $0.architecture == architecture && $0.weights == weights }
    }

    private func probe(
        _ method: String, _ architecture: String, layers: [(String, Double)], classes: Int = 10
    ) -> JSON {
        [
            "protocol": "linear", "n_train": 450, "n_test": 50, "n_classes": .integer(classes),
            "weights": ["arch": .string(architecture), "objective": .string(method)],
            "layers": .array(layers.map { ["layer": .string($0.0), "top1": .number($0.1)] }),
        ]
    }

    private func tables(_ probe: JSON) throws -> [PublishedTable] {
        PublishedTable.beside([try #require(PublishedTable.Measured(probe: probe))])
    }

    @Test func eachRowSaysWhereItIsFromAndWhatItIs() {
        for row in PublishedResult.all {
            #expect(!row.source.isEmpty && !row.network.isEmpty && !row.weights.name.isEmpty, "\(row)")
            #expect(!row.figures.isEmpty && row.figures.allSatisfy { 1...100 ~= $0.percent }, "\(row)")
            #expect(row.json["published"] == true && row.json["source"]?.stringValue == row.source, "\(row)")
            #expect(row.figures.allSatisfy { row.json[$0.column]?.doubleValue == $0.percent }, "\(row)")
        }
    }

    @Test func noFigureIsThereTwice() {
        var seen: Set<[String]> = []
        for row in PublishedResult.all {
            let row0 = [row.task.rawValue, row.architecture.rawValue, row.weights.name]
            for figure in row.figures {
                #expect(seen.insert(row0 + [row.source, figure.column, "\(figure.percent)"]).inserted, "\(row)")
                // Two of one source must say in what they differ.
                let marks = [row.source, figure.column, row.remarks, row.isRescaled ? "†" : ""]
                #expect(seen.insert(row0 + marks).inserted, "\(row)")
            }
        }
    }

    /// Figures that were never read in their source.
    @Test func nothingIsFromMemory() {
        let unread: [(PublishedResult.Task, Architecture, PublishedResult.Weights, [Double])] = [
            (.imageNetLinear, .alexnet, .method(.instance), [16.8, 26.5, 31.8, 34.1]),
            (.imageNetLinear, .alexnet, .method(.rotation), [18.8, 31.7, 38.7, 38.2, 36.5]),
            (.imageNetLinear, .alexnet, .method(.cmc), [18.4, 33.5, 38.1, 40.4, 42.6]),
            (.imageNetLinear, .alexnet, .other("DeepCluster"), [13.4, 32.3, 41.0, 39.6, 38.2]),
            (.imageNetLinear, .vgg16, .method(.instance), [16.5, 21.4, 27.6, 35.1, 39.2]),
            (.imageNetLinear, .resnet18, .method(.instance), [16.0, 19.9, 29.8, 39.0, 44.5]),
            (.imageNetLinear, .resnet50, .method(.instance), [15.3, 18.8, 24.9, 40.6]),
            (.imageNetLinear, .resnet50, .method(.simclr), [69.3]),
            (.imageNetLinear, .resnet50, .method(.byol), [74.3]),
            (.imageNetNeighbors, .alexnet, .random, [3.5]),
            (.imageNetNeighbors, .resnet50, .method(.instance), [46.5]),
            (.placesLinear, .alexnet, .method(.instance), [18.8, 24.3, 31.9, 33.6]),
            (.placesLinear, .alexnet, .method(.rotation), [21.5, 31.0, 35.1, 34.6, 33.7]),
            (.placesLinear, .resnet50, .method(.instance), [18.1, 22.3, 29.7, 45.5]),
            (.voc07, .alexnet, .method(.jigsaw), [67.6, 53.2]),
            (.voc07, .alexnet, .method(.rotation), [73.0]),
            (.voc07, .alexnet, .other("DeepCluster"), [73.7, 55.4]),
            (.voc07, .vgg16, .method(.supervised), [67.3]), (.voc07, .vgg16, .random, [39.7]),
            (.voc07, .vgg16, .method(.context), [61.5]),
        ]
        for (task, architecture, weights, figures) in unread {
            let shown = find(task, architecture, weights).flatMap(\.figures).map(\.percent)
            #expect(Set(shown).isDisjoint(with: figures), "\(task) \(architecture) \(weights)")
        }
    }

    @Test func methodsAreFoundByWhatWeightFilesCallThem() throws {
        #expect(
            find(.imageNetLinear, .alexnet, .method(.jigsaw))[0].figures.map(\.percent) == [
                19.2, 30.1, 34.7, 33.9, 28.3,
            ])
        #expect(find(.imageNetLinear, .alexnet, .method(.instance))[0].json["conv5"] == 35.6)
        #expect(find(.voc07, .alexnet, .method(.context)).map(\.isRescaled) == [false, true])
        #expect(PublishedResult.Weights(objective: "random-init") == .random)
        #expect(PublishedResult.Weights(objective: "data-driven") == .dataDriven)
        #expect(PublishedResult.Weights(objective: "unknown") == nil)
        for method in MethodName.allCases {
            #expect(PublishedResult.Weights(objective: method.rawValue) == .method(method))
            #expect(PublishedResult.Weights.method(method).name == method.rawValue)
        }
    }

    @Test func aMeasuredRowHasTheSameMethodsBelowIt() throws {
        let tables = try tables(probe("jigsaw", "alexnet", layers: [("conv1", 0.1), ("conv5", 0.2), ("fc6", 0.3)]))
        #expect(tables.map(\.task) == [.imageNetLinear, .placesLinear])
        let table = tables[0].table
        #expect(table.columns.map(\.heading).prefix(4) == ["weights", "figures", "conv1", "conv2"])
        let rows = table.rows.map { row in row.prefix(4).map { $0 } }
        #expect(
            rows[0] == [
                "jigsaw", "measured", .number(10, as: .number(decimals: 1)), .number(nil, as: .number(decimals: 1)),
            ])
        #expect(rows[1] == ["jigsaw", "published", .number(19.2), .number(30.1)])
        #expect(rows[2][0] == "jigsaw" && rows[3][0] == "supervised")
        let text = table.text
        for part in [
            "450 training, 50 test images of 10 classes", "conv1 at stride 2",
            "Zhang, Isola, Efros, CVPR 2017, Table 2",
            "1,281,167", "CaffeNet has 96, 256, 384, 384, 256", "one layer: the source does not say",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("none published") && !text.contains("†"))
    }

    @Test func onlyTheSameTaskAndNetworkStandBesideIt() throws {
        let whole = [("conv1", 0.1)]
        #expect(try tables(probe("instance", "alexnet", layers: whole, classes: 1000)).map(\.task) == [.imageNetLinear])
        #expect(try tables(probe("instance", "alexnet", layers: whole, classes: 205)).map(\.task) == [.placesLinear])
        #expect(try tables(probe("instance", "vgg16", layers: whole)).isEmpty)
        #expect(PublishedTable.Measured(probe: probe("instance", "alexnet", layers: [("fc7", 0.1)])) == nil)
        #expect(PublishedTable.Measured(probe: ["protocol": "?", "top1": .number(0.5)]) == nil)
        let neighbors: JSON = [
            "protocol": "kNN", "k": 200, "top1": .number(0.5), "n_train": 90, "n_test": 1,
            "features": ["arch": "resnet50", "objective": "byol", "layer": "avgpool"],
        ]
        let found = try tables(neighbors)
        #expect(found.map(\.task) == [.imageNetNeighbors] && found[0].published[0].json["top1"] == 64.2)
        #expect(found[0].table.text.contains("K = 200, avgpool; 90 training, 1 test image"))
        // Every network by itself.
        let two = PublishedTable.beside(
            try ["resnet50", "alexnet"].map {
                try #require(PublishedTable.Measured(probe: probe("moco-v2", $0, layers: whole)))
            })
        #expect(two.map { $0.measured[0].architecture } == [.alexnet, .resnet50, .alexnet, .resnet50])
        #expect(
            two.allSatisfy { table in table.published.allSatisfy { $0.architecture == table.measured[0].architecture } }
        )
    }

    @Test func whatIsNotPublishedIsSaid() throws {
        let tables = try tables(probe("exemplar", "alexnet", layers: [("conv1", 0.1)]))
        #expect(tables.allSatisfy { $0.notes.contains("none published of this task and network: exemplar") })
        let members = JSON.object(tables.members)
        #expect(members["published"]?.arrayValue?.allSatisfy { $0["published"] == true } == true)
        #expect(members["published"]?.arrayValue?.count == tables.reduce(0) { $0 + $1.published.count })
        #expect(members["published_notes"]?.line.contains("none published") == true)
        #expect(JSON.object([PublishedTable]().members)["published"] == [] && [PublishedTable]().sections.isEmpty)
    }

    @Test func rescaledRowsAreMarked() {
        let measured = PublishedTable.Measured(
            [.voc07], .alexnet, start: "context", [.init("map", 44)], remarks: "", source: "run")
        let table = PublishedTable.beside([measured, measured])[0]
        #expect(table.measured.count == 1)
        #expect(table.table.rows[1][0] == "context" && table.table.rows[2][0] == "context †")
        #expect(table.notes.contains { $0.hasPrefix("†") })
        #expect(table.table.markdown.contains("| context † | published | 51.1 | 55.1 | 65.3 |"))
    }
}
