import Backbone
import Foundation
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// Files that PyTorch wrote (Golden/make_pth.py), read to the last value; and what is not to be read.
    @Suite struct TorchFileTests {
        static func data(_ name: String) throws -> Data { try Files.read(Golden.path("pth/\(name)")) }

        @Test(arguments: [
            "types.pth", "views.pth", "checkpoint2.pth", "checkpoint3.pth", "checkpoint4.pth", "checkpoint5.pth",
            "nested.pth", "vissl.pth", "moco.pth", "legacy-types.pth", "legacy-views.pth", "legacy-moco3.pth",
            "legacy-moco4.pth",
            "legacy-moco5.pth", "lemniscate.pth", "legacy-lemniscate.pth", "extras.pth", "legacy-extras.pth",
            "network.pth", "legacy-network.pth",
        ])
        func valuesArePyTorchs(_ name: String) throws {
            let expected = try #require(try Golden.read("pth/pth.json")[name]?.members)
            let weights = try ForeignWeights(path: Golden.path("pth/\(name)"))
            #expect(weights.items.map(\.name) == expected.map(\.name))
            for member in expected {
                let tensor = try weights.tensor(member.name)
                #expect(tensor.shape == member.value["shape"]?.arrayValue?.compactMap(\.intValue), "\(member.name)")
                #expect(
                    tensor.doubles == member.value["values"]?.arrayValue?.compactMap(\.doubleValue), "\(member.name)")
                #expect(tensor.dtype == weights[member.name]?.dtype)
            }
        }

        @Test func typesAreKept() throws {
            let weights = try ForeignWeights(path: Golden.path("pth/types.pth"))
            let types = weights.items.prefix(8).map { "\($0.dtype!)" }
            #expect(types == weights.items.prefix(8).map(\.name))
        }

        @Test func theStateDictIsFound() throws {
            let checkpoint = try ForeignWeights(path: Golden.path("pth/checkpoint2.pth"))
            #expect(checkpoint.format == .torch && checkpoint.place == ["state_dict"])
            #expect(checkpoint.others.map(\.name).contains("optimizer"))
            #expect(checkpoint.others.map(\.description).contains("args: argparse.Namespace"))
            #expect(try ForeignWeights(path: Golden.path("pth/nested.pth")).place == ["model", "network"])
            #expect(
                try ForeignWeights(path: Golden.path("pth/vissl.pth")).place
                    == ["classy_state_dict", "base_model", "model", "trunk"])
            #expect(try ForeignWeights(path: Golden.path("pth/types.pth")).place == [])
        }

        /// A memory bank that is a pickled module of the authors' code.
        @Test(arguments: ["lemniscate.pth", "legacy-lemniscate.pth"])
        func modulesBesideTheStateDictAreLeftOutByName(_ name: String) throws {
            let weights = try ForeignWeights(path: Golden.path("pth/\(name)"))
            #expect(weights.place == ["state_dict"] && weights.networkClass == nil)
            let others = weights.others.map(\.description)
            #expect(others.prefix(2) == ["epoch", "arch"] && others.last == "optimizer")
            #expect(others[2].hasPrefix("best_prec1: numpy."), "\(others)")
            #expect(others[3].hasPrefix("lemniscate: lib.NCEAverage.NCEAverage, "), "\(others)")
            #expect(weights.others[3].classes.contains("lib.alias_multinomial.AliasMethod"))
        }

        @Test(arguments: ["extras.pth", "legacy-extras.pth"])
        func valuesOfOtherClassesAreLeftOutByName(_ name: String) throws {
            let weights = try ForeignWeights(path: Golden.path("pth/\(name)"))
            let classes = Dictionary(uniqueKeysWithValues: weights.others.map { ($0.name, $0.classes) })
            #expect(classes["scheduler"] == ["collections.Counter"] && classes["device"] == ["torch.device"])
            #expect(classes["args"] == ["argparse.Namespace", "torch.device", "torch.float16"])
            #expect(classes["path"]?.first?.hasSuffix("PurePosixPath") == true)
            #expect(classes["phase"] == ["training.phase.Phase"] && classes["options"] == ["training.options.Options"])
            #expect(classes["history"]?.first == "collections.defaultdict" && classes["seen"] == [])
            #expect(classes["class"] == ["models.small.Net"] && classes["complex"] == [])
            #expect(classes["function"]?.isEmpty == false && classes["array"]?.isEmpty == false)
            #expect(classes.count == 12)
        }

        @Test(arguments: ["network.pth", "legacy-network.pth"])
        func networksPickledAsAWholeGiveTheirStateDict(_ name: String) throws {
            let weights = try ForeignWeights(path: Golden.path("pth/\(name)"))
            #expect(weights.networkClass == "models.small.Net" && weights.place == [] && weights.others.isEmpty)
        }

        /// What would run `touch executed` in whoever unpickles it with Python is a name.
        @Test func programsBesideTheStateDictAreNames() throws {
            let weights = try ForeignWeights(path: Golden.path("pth/evil.pth"))
            #expect(weights.others.map(\.description) == ["epoch: posix.system"])
            #expect(try weights.tensor("model.a").floats == [-1, -0.875])
        }

        @Test(arguments: [("tensor.pth", "no state dict", "state_dict")])
        func othersAreRefusedWithARemedy(_ name: String, _ problem: String, _ remedy: String) throws {
            let error = #expect(throws: InputError.self) { try ForeignWeights(path: Golden.path("pth/\(name)")) }
            #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
            #expect(error?.remedy.contains(remedy) == true)
        }

        @Test(arguments: [
            ("<!DOCTYPE html><html>", "is a web page"),
            ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
            ("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{9}", "begins with the bytes 01 02 03"), ("", "an empty file"),
        ])
        func whatIsNoFileOfWeightsIsCalledWhatItIs(_ content: String, _ problem: String) {
            let error = #expect(throws: InputError.self) { try ForeignWeights(Data(content.utf8), path: "w.pth") }
            #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
            #expect(error?.problem.contains("neither a PyTorch nor a safetensors file") == true)
        }

        @Test func everyCutOfTheOlderFormatIsRefused() throws {
            let data = try Self.data("legacy-views.pth")
            for length in 0..<data.count {
                let error = #expect(throws: InputError.self, "\(length) bytes") {
                    try ForeignWeights(data.prefix(length), path: "cut.pth")
                }
                #expect(error?.subject == "cut.pth")
            }
            let cut = #expect(throws: InputError.self) { try ForeignWeights(data.dropLast(), path: "cut.pth") }
            #expect(cut?.problem.contains("ends inside the storage") == true, "\(cut?.problem ?? "")")
            // A storage that the rest of the file could not hold.
            let half = #expect(throws: InputError.self) {
                try ForeignWeights(legacy(bytes: content.prefix(4)), path: "cut.pth")
            }
            #expect(half?.problem.contains("ends inside the storage 94") == true, "\(half?.problem ?? "")")
        }

        @Test func everyCutIsRefused() throws {
            let data = try Self.data("nested.pth")
            for length in 0..<data.count {
                let error = #expect(throws: InputError.self, "\(length) bytes") {
                    try ForeignWeights(data.prefix(length), path: "cut.pth")
                }
                #expect(error?.subject == "cut.pth")
            }
        }

        @Test func damagedStoragesAreFound() throws {
            var data = try Self.data("views.pth")
            // 0.375 at place 11 of the first storage, which is that of `base`.
            let place = try #require(data.firstRange(of: withUnsafeBytes(of: Float(0.375)) { Data($0) })).lowerBound
            #expect(try ForeignWeights(data, path: "a.pth").tensor("base").floats[11] == 0.375)
            data[place] ^= 1
            let weights = try ForeignWeights(data, path: "a.pth")
            let error = #expect(throws: InputError.self) { try weights.tensor("base") }
            #expect(error?.problem.contains("checksum") == true)
            // What lies elsewhere can still be read.
            #expect(try weights.tensor("repeated").floats == [1.5, 1.5, 1.5, 1.5, 1.5, 1.5])
        }

        /// The stride of a side of one element says nothing, and may be any number.
        @Test func absurdStridesOfSingleElementsDoNoHarm() throws {
            let bytes = pickle(shape: [1, 2, 1, 2], strides: [.max, 1, .max - 1, 2]).bytes
            let data = StoredZip.data([("x/data.pkl", Data(bytes)), ("x/data/0", content)])
            #expect(try ForeignWeights(data, path: "a.pth").tensor("a").floats == [1, 3, 2, 4])
        }

        private func pickle(shape: [Int] = [2, 2], strides: [Int] = [1, 2]) -> PickleBytes {
            var pickle = PickleBytes()
            pickle.add("}(")
            pickle.text("a")
            pickle.tensor(key: "0", count: 4, shape: shape, strides: strides)
            pickle.add("u.")
            return pickle
        }

        private let content = [1, 2, 3, 4].map(Float.init).withUnsafeBytes { Data($0) }

        @Test(arguments: [false, true])
        func archivesOfAnySizeAreRead(_ isLarge: Bool) throws {
            let data = StoredZip.data(
                [("x/data.pkl", Data(pickle().bytes)), ("x/data/0", content)], .init(isLarge: isLarge))
            #expect(try ForeignWeights(data, path: "a.pth").tensor("a").floats == [1, 3, 2, 4])
            for length in 0..<data.count {
                #expect(throws: InputError.self) { try ForeignWeights(data.prefix(length), path: "cut.pth") }
            }
        }

        @Test func otherArchivesAreRefused() throws {
            let pickle = Data(pickle().bytes)
            func problem(_ entries: [(String, Data)], method: Int = 0) -> String? {
                let data = StoredZip.data(entries, .init(method: method))
                return #expect(throws: InputError.self) { try ForeignWeights(data, path: "a.pth") }?.problem
            }
            let whole = [("x/data.pkl", pickle), ("x/data/0", content)]
            #expect(problem(whole, method: 8)?.contains("compressed") == true)
            #expect(problem([("x/readme.txt", content)])?.contains("not one of torch.save") == true)
            #expect(problem(whole + [("y/data.pkl", pickle)])?.contains("not one of torch.save") == true)
            #expect(problem(whole + [("x/data/0", content)])?.contains("two entries") == true)
            #expect(problem([whole[0]])?.contains("storage 0 is missing") == true)
            #expect(problem([whole[0], ("x/data/0", content.dropLast())])?.contains("15 bytes") == true)
            #expect(problem(whole + [("x/byteorder", Data("big".utf8))])?.contains("big-endian") == true)
            #expect(problem(whole + [("x/constants.pkl", content)])?.contains("TorchScript") == true)
        }

        // MARK: The format before PyTorch 1.6

        private func legacy(
            count: Int = 4, written: Int? = nil, bytes: Data? = nil, storage: String = "FloatStorage", offset: Int = 0,
            shape: [Int] = [2, 2], isLittleEndian: Bool = true, version: UInt16 = 1001,
            metadata: @escaping (inout PickleBytes) -> Void = { $0.add("N") }
        ) -> Data {
            var pickle = PickleBytes()
            pickle.add("}(")
            pickle.text("a")
            pickle.tensor(key: "94", storage: storage, count: count, offset: offset, shape: shape, metadata: metadata)
            pickle.add("u.")
            return LegacyWriter.file(
                pickle, [("94", written ?? count, bytes ?? content)], isLittleEndian: isLittleEndian, version: version)
        }

        @Test func theOlderFormatIsRead() throws {
            let weights = try ForeignWeights(legacy(), path: "a.pth")
            #expect(try weights.tensor("a").floats == [1, 2, 3, 4])
            // What follows, such as a second call of torch.save, is not looked at; a slice has other indices.
            let longer = Data([9]) + legacy() + Data([1, 2, 3])
            #expect(try ForeignWeights(longer.dropFirst(), path: "a.pth").tensor("a").floats == [1, 2, 3, 4])
            #expect(
                try ForeignWeights(legacy(count: 0, bytes: Data(), shape: [0, 3]), path: "a.pth").tensor("a").shape == [
                    0, 3,
                ])
        }

        /// Before PyTorch 0.4 a storage could be a part of another one: (key, offset, number of elements).
        @Test func partsOfStoragesAreRead() throws {
            func part(_ offset: Int, _ count: Int) -> (inout PickleBytes) -> Void {
                { pickle in
                    pickle.add("(")
                    pickle.text("95")
                    pickle.integer(offset)
                    pickle.integer(count)
                    pickle.add("t")
                }
            }
            #expect(
                try ForeignWeights(legacy(shape: [2], metadata: part(1, 3)), path: "a.pth").tensor("a").floats == [
                    2, 3,
                ])
            #expect(
                try ForeignWeights(legacy(offset: 1, shape: [2], metadata: part(1, 3)), path: "a.pth").tensor("a")
                    .floats
                    == [3, 4])
            for (offset, count) in [(1, 2), (2, 3), (-1, 4), (0, 5), (.max, 1), (1, .max)] {
                #expect(throws: InputError.self, "\(offset) \(count)") {
                    try ForeignWeights(legacy(offset: 1, shape: [2], metadata: part(offset, count)), path: "a.pth")
                }
            }
        }

        /// Lengths that do not fit cost nothing but an error.
        @Test func olderFilesThatDoNotFitAreRefused() {
            func problem(_ data: Data) -> String? {
                #expect(throws: InputError.self) { try ForeignWeights(data, path: "a.pth") }?.problem
            }
            #expect(problem(legacy(isLittleEndian: false))?.contains("big-endian") == true)
            #expect(problem(legacy(version: 1000))?.contains("protocol") == true)
            #expect(problem(legacy(written: 5))?.contains("ends inside the storage 94 of 5 elements") == true)
            #expect(problem(legacy(written: -1))?.contains("ends inside the storage") == true)
            #expect(problem(legacy(written: .max))?.contains("ends inside the storage") == true)
            #expect(problem(legacy(written: 3))?.contains("too few") == true)
            #expect(problem(legacy(count: 1 << 40, written: 4))?.contains("too few") == true)
            #expect(problem(legacy(count: .max, written: 4))?.contains("too few") == true)
            #expect(
                problem(LegacyWriter.file(PickleBytes(code: "}."), [("1", 0, Data())]))?.contains("not known") == true)
            var pickle = PickleBytes()
            pickle.add("}")
            pickle.text("a")
            pickle.tensor(key: "1", count: 1, shape: [1]) { $0.add("N") }
            pickle.add("s.")
            #expect(problem(LegacyWriter.file(pickle, []))?.contains("storage 1 is missing") == true)
            let twice: [(key: String, count: Int, bytes: Data)] = [
                ("1", 1, content.prefix(4)), ("1", 1, content.prefix(4)),
            ]
            #expect(problem(LegacyWriter.file(pickle, twice))?.contains("twice") == true)
        }
    }
}
