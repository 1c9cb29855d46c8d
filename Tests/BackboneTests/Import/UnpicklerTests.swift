import Backbone
import Foundation
import Support
import TestSupport
import Testing

/// Pickles that are no weights: what they want stays a name or is refused, and none is executed.
@Suite(.tags(.unit), .tiered) struct UnpicklerTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What follows the protocol.
        let code: [UInt8]
        /// Must stand in the message.
        let name: String

        init(_ title: String, _ code: String, _ name: String) {
            self.init(title, bytes: Array(code.utf8), name)
        }

        init(_ title: String, bytes: [UInt8], _ name: String) {
            testDescription = title
            code = bytes
            self.name = name
        }
    }

    private static func short(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }

    /// What stays a name.
    static let attacks = [
        Attack("GLOBAL and REDUCE", "cos\nsystem\n(U\u{04}truetR.", "os.system"),
        Attack("the module behind os", "cposix\nsystem\n(U\u{04}truetR.", "posix.system"),
        Attack("STACK_GLOBAL", bytes: short("builtins") + short("eval") + [0x93] + Array(")R.".utf8), "builtins.eval"),
        Attack("INST", "(U\u{04}trueios\nsystem\n.", "os.system"),
        Attack("OBJ", "(cos\nsystem\nU\u{04}trueo.", "os.system"),
        Attack("a name alone", "cos\nsystem\n.", "os.system"),
        Attack("another function of torch", "ctorch\nload\n.", "torch.load"),
        Attack("an attribute of an allowed class", "ccollections\nOrderedDict.__init__\n.", "OrderedDict.__init__"),
        Attack("an allowed name of another module", "cos\nOrderedDict\n.", "os.OrderedDict"),
        Attack("a numpy scalar", "cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
        Attack("BUILD with __setstate__", "cargparse\nNamespace\n)\u{0}}U\u{0C}__setstate__Nsb.", "argparse.Namespace"),
        Attack("a call in a state", "cargparse\nNamespace\n)\u{0}}U\u{01}acos\nsystem\n)Rsb.", "os.system"),
        Attack("a call in a key's value", "}U\u{01}acos\nsystem\n)Rs.", "os.system"),
        Attack("a call in a list", "]cos\nsystem\n)Ra.", "os.system"),
        Attack("a call of what a call gives", "cbuiltins\ngetattr\n)R)R.", "builtins.getattr"),
        Attack("a call of a storage class", "ctorch\nFloatStorage\n(K\u{04}tR.", "torch.FloatStorage"),
        Attack("a size of texts", "ctorch\nSize\n((U\u{01}attR.", "torch.Size"),
        Attack(
            "a parameter of nothing", "ctorch._utils\n_rebuild_parameter\n(NNNtR.", "torch._utils._rebuild_parameter"),
        Attack(
            "a type that calls", "ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nN)NtR.",
            "torch._tensor._rebuild_from_type_v2"),
        Attack("NEWOBJ_EX", bytes: Array("cargparse\nNamespace\n)}".utf8) + [0x92, 0x2E], "argparse.Namespace"),
        Attack(
            "a persistent id of another class",
            "(U\u{07}storagecos\nsystem\nU\u{01}0U\u{03}cpuK\u{01}tQ.", "os.system"),
    ]

    /// What cannot be kept as a value.
    static let refusals = [
        Attack("a registered extension", bytes: [0x82, 1, 0x2E], "extension"),
        Attack("a persistent id as text", "Pstorage\n.", "storage"),
        Attack("a persistent id that is a number", "K\u{01}Q.", "persistent id"),
        Attack("a storage of a text", "(U\u{07}storageU\u{01}aU\u{01}0U\u{03}cpuK\u{01}tQ.", "storage"),
        Attack("a buffer outside", bytes: [0x97, 0x2E], "buffer"),
        Attack("an instruction of protocol 0", "I1\n.", "0x49"),
    ]

    /// NEWOBJ is no ASCII character: a zero byte, which no instruction is, stands for it.
    private func pickle(_ code: [UInt8]) -> [UInt8] { [0x80, 2] + code.map { $0 == 0 ? 0x81 : $0 } }

    private func read(_ bytes: [UInt8]) throws -> PickleHeap {
        try Unpickler.read(bytes, path: "evil.pth") { $0 == "0" ? 64 : nil }
    }

    @Test(arguments: attacks)
    func whatIsNotKnownStaysAName(_ attack: Attack) throws {
        let heap = try read(pickle(attack.code))
        let names = heap.foreignNames(in: heap.root)
        #expect(names.contains { $0.hasSuffix(attack.name) }, "\(names)")
        #expect(heap.tensors.isEmpty)
    }

    @Test(arguments: refusals)
    func whatIsNoValueIsRefused(_ attack: Attack) {
        let error = #expect(throws: InputError.self) { try read(pickle(attack.code)) }
        #expect(error?.subject == "evil.pth")
        #expect(error?.problem.contains(attack.name) == true, "\(error?.problem ?? "")")
        #expect(error?.problem.contains("damaged") == false)
    }

    @Test(arguments: ["U\u{02}os)R.", "ccollections\nOrderedDict\nNR.", "N}b.", "K\u{01}}b.", "(o."])
    func callsThatPythonCouldNotMakeAreDamage(_ code: String) {
        let error = #expect(throws: InputError.self) { try read(pickle(Array(code.utf8))) }
        #expect(error?.problem.contains("damaged") == true, "\(error?.problem ?? "")")
    }

    /// Objects of classes that are not known hold what Python would have given them.
    @Test func objectsKeepWhatTheyAreMadeOf() throws {
        // A dictionary's subclass, a class with attributes, and one with slots.
        let items = try read(pickle(Array("ca\nOptions\n)\u{0}U\u{02}lrK\u{03}s.".utf8)))
        #expect(items.members(items.root)?.map(\.key) == ["lr"])
        let attributes = try read(pickle(Array("ca\nArgs\n)\u{0}}U\u{02}lrK\u{03}sb.".utf8)))
        #expect(attributes.members(attributes.root)?.map(\.key) == ["lr"])
        let slots = try read(pickle(Array("ca\nArgs\n)\u{0}(N}U\u{02}lrK\u{03}stb.".utf8)))
        #expect(slots.members(slots.root)?.map(\.value) == [.integer(3)])
        let counter = try read(pickle(Array("ccollections\nCounter\n(}K\u{03}K\u{01}stR.".utf8)))
        #expect(counter.members(counter.root)?.isEmpty == true && counter.members(.none) == nil)
    }

    /// As `torch.save` before PyTorch 1.6 wrote the class of a network.
    @Test func classesOfNetworksArePersistent() throws {
        let heap = try read(pickle(Array("(U\u{06}modulecm\nNet\nU\u{04}m.pyU\u{05}classtQ)\u{0}}U\u{01}aNsb.".utf8)))
        #expect(heap.foreignNames(in: heap.root) == ["m.Net"] && heap.members(heap.root)?.map(\.key) == ["a"])
    }

    /// Python 2 wrote texts and bytes alike.
    @Test func textsOfPython2MayBeBytes() throws {
        let heap = try read([0x80, 2, 0x55, 2, 0xC3, 0x28, 0x55, 1, 0x61, 0x86, 0x2E])
        #expect(heap.root == .sequence(0))
    }

    @Test func plainDataOfPythonIsNotNamed() throws {
        for code in ["c__builtin__\nset\n(]tR.", "cbuiltins\nbytearray\n)R.", "c_codecs\nencode\n)R."] {
            let heap = try read(pickle(Array(code.utf8)))
            #expect(heap.foreignNames(in: heap.root) == [], "\(code)")
        }
        let heap = try read(pickle(Array("cbuiltins\nexec\n)R.".utf8)))
        #expect(heap.foreignNames(in: heap.root) == ["builtins.exec"])
    }

    @Test func namesCannotMoveTheCursor() throws {
        let error = #expect(throws: InputError.self) { try read(pickle(Array("P\u{1B}[2J\n.".utf8))) }
        #expect(error?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
        let data = TorchWriter.file(PickleBytes(code: "}U\u{01}acos\u{1B}[2J\nsystem\n)Rs."))
        let named = #expect(throws: InputError.self) { try ForeignWeights(data, path: "evil.pth") }
        #expect(named?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
        #expect(named?.problem.contains("[2J.system") == true)
    }

    /// Modules in modules without end, and one in itself.
    @Test func networksInThemselvesAreHarmless() throws {
        var pickle = PickleBytes()
        pickle.global("m", "Net")
        pickle.add([0x29, 0x81, 0x71, 0])
        pickle.add("}(")
        pickle.text("_parameters")
        pickle.add("}(")
        pickle.text("weight")
        pickle.tensor(key: "0", count: 16, shape: [4])
        pickle.add("u")
        pickle.text("_modules")
        pickle.add("}(")
        pickle.text("again")
        pickle.add([0x68, 0])
        pickle.add("uub.")
        let data = TorchWriter.file(pickle, ["0": Data(count: 64)])
        #expect(try ForeignWeights(data, path: "a.pth").items.map(\.name) == ["weight"])
    }

    @Test(arguments: [0, 1, 6, 255] as [UInt8])
    func otherProtocolsAreRefused(_ version: UInt8) {
        let error = #expect(throws: InputError.self) { try read([0x80, version, 0x4E, 0x2E]) }
        #expect(error?.problem.contains("protocol \(version)") == true)
    }

    static let damage: [(String, [UInt8])] = [
        ("nothing", []), ("no value", [0x2E]), ("values left over", [0x4E, 0x4E, 0x2E]),
        ("an open mark", [0x28, 0x4E, 0x2E]),
        ("no mark", [0x74, 0x2E]), ("too few for a tuple", [0x4E, 0x87, 0x2E]),
        ("below the mark", [0x4E, 0x28, 0x85, 0x2E]),
        ("a text beyond the end", [0x58, 0xFF, 0xFF, 0xFF, 0x7F, 0x61]),
        ("a text of 2⁶² bytes", [0x8D, 0, 0, 0, 0, 0, 0, 0, 0x40]),
        ("a length with a sign", [0x8E] + [UInt8](repeating: 0xFF, count: 8)),
        ("a number of 4 GB", [0x8B, 0xFF, 0xFF, 0xFF, 0xFF]), ("no UTF-8", [0x8C, 2, 0xC3, 0x28, 0x2E]),
        ("nothing stored", [0x68, 7, 0x2E]), ("a key alone", [0x7D, 0x28, 0x4E, 0x75, 0x2E]),
        ("an append to a dictionary", [0x7D, 0x4E, 0x61, 0x2E]), ("an item of a list", [0x5D, 0x4E, 0x4E, 0x73, 0x2E]),
        ("marks without end", [UInt8](repeating: 0x28, count: 100_000)),
        ("a stack without end", [UInt8](repeating: 0x4E, count: 1_100_000)),
    ]

    @Test(arguments: damage.indices)
    func damagedPicklesAreRefused(_ index: Int) {
        let error = #expect(throws: InputError.self, "\(Self.damage[index].0)") {
            try read([0x80, 4] + Self.damage[index].1)
        }
        #expect(error?.problem.contains("damaged") == true, "\(Self.damage[index].0): \(error?.problem ?? "")")
    }

    @Test func everyCutIsRefused() throws {
        var pickle = PickleBytes()
        pickle.add("}(")
        pickle.text("a")
        pickle.tensor(key: "0", count: 16, shape: [2, 3])
        pickle.add("u.")
        #expect(try read(pickle.bytes).tensors.map(\.shape) == [[2, 3]])
        for length in 0..<pickle.bytes.count {
            #expect(throws: InputError.self, "\(length) bytes") { try read(Array(pickle.bytes.prefix(length))) }
        }
    }

    /// Neither cycles nor depth cost more than their bytes.
    @Test func cyclesAndDepthAreHarmless() throws {
        let cycle = try read([0x80, 2] + Array("]q\u{0}h\u{0}a.".utf8))
        #expect(cycle.root == .sequence(0))
        let depth = 200_000
        let deep = [UInt8](repeating: 0x5D, count: depth) + [UInt8](repeating: 0x61, count: depth - 1) + [0x2E]
        #expect(try read([0x80, 2] + deep).root == .sequence(0))
    }

    @Test func copiesOfCopiesAreBounded() {
        var pickle = PickleBytes()
        pickle.add([0x4E, 0x4E, 0x86, 0x71, 1, 0x30, 0x5D, 0x71, 0, 0x28])
        for _ in 0..<100_000 { pickle.add([0x68, 1]) }
        pickle.add("e0")
        for _ in 0..<60 {
            pickle.global("collections", "OrderedDict")
            pickle.add([0x68, 0, 0x85, 0x52, 0x30])
        }
        pickle.add("N.")
        let error = #expect(throws: InputError.self) { try read(pickle.bytes) }
        #expect(error?.problem.contains("more than") == true)
    }

    struct View: Sendable {
        var offset = 0
        var shape: [Int]
        var strides: [Int]
    }

    @Test(arguments: [
        View(offset: 15, shape: [2], strides: [1]), View(offset: 16, shape: [], strides: []),
        View(offset: -1, shape: [1], strides: [1]), View(shape: [4, 4], strides: [5, 1]),
        View(shape: [-1], strides: [1]), View(shape: [2], strides: [-1]), View(shape: [2, 2], strides: [1]),
        View(shape: [1 << 40, 1 << 40], strides: [0, 0]), View(shape: [3], strides: [1 << 62]),
        View(shape: [1 << 30], strides: [0]), View(shape: [0, 1 << 40, 1 << 40], strides: [0, 0, 0]),
        View(shape: [Int](repeating: 1, count: 40), strides: [Int](repeating: 1, count: 40)),
        View(offset: .max, shape: [2], strides: [.max]),
    ])
    func viewsStayInTheirStorage(_ view: View) {
        var pickle = PickleBytes()
        pickle.tensor(key: "0", count: 16, offset: view.offset, shape: view.shape, strides: view.strides)
        pickle.add(".")
        let error = #expect(throws: InputError.self) { try read(pickle.bytes) }
        #expect(error?.problem.contains("storage of 16 elements") == true, "\(error?.problem ?? "")")
    }

    @Test(arguments: [("0", 17), ("0", .max), ("0", -1), ("1", 1), ("../0", 1)])
    func storagesHaveTheirBytes(_ key: String, _ count: Int) {
        var pickle = PickleBytes()
        pickle.tensor(key: key, count: count, shape: [1])
        pickle.add(".")
        #expect(throws: InputError.self) { try read(pickle.bytes) }
    }
}
