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
            "nested.pth", "moco.pth",
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
            #expect(checkpoint.others.contains("optimizer") && checkpoint.others.contains("args"))
            #expect(try ForeignWeights(path: Golden.path("pth/nested.pth")).place == ["model", "network"])
            #expect(try ForeignWeights(path: Golden.path("pth/types.pth")).place == [])
        }

        @Test(arguments: [
            ("legacy.pth", "before 1.6", "torch.load"), ("module.pth", "torch.nn.modules.linear.Linear", "state_dict"),
            ("evil.pth", "posix.system", "state_dict"), ("tensor.pth", "no state dict", "state_dict"),
        ])
        func othersAreRefusedWithARemedy(_ name: String, _ problem: String, _ remedy: String) throws {
            let error = #expect(throws: InputError.self) { try ForeignWeights(path: Golden.path("pth/\(name)")) }
            #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
            #expect(error?.remedy.contains(remedy) == true)
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
    }
}
