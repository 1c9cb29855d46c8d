// swift-tools-version: 6.1
import Foundation
import PackageDescription

// Set by scripts/fuzz alone: libFuzzer without a main function. It brings the target detect-fuzz into the package.
let libFuzzer = Context.environment["DETECT_FUZZ"]

// Vectors of eight floats where this machine has them (AVX2, in processors since 2013) and all else that comes with them.
// DETECT_CPU names the processor to build for instead, as LLVM calls it: "x86-64" for any, "haswell" for AVX2.
let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
let flags = Set(cpuinfo.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? [])
let isHaswell = flags.isSuperset(of: ["avx2", "fma", "f16c", "bmi1", "bmi2", "abm", "movbe"])
// Among the packages that another one fetched, SwiftPM refuses such flags, unless it was asked for a branch or a commit.
let isFetched = Context.packageDirectory.contains("/checkouts/")
let processor = Context.environment["DETECT_CPU"] ?? (isHaswell && !isFetched ? "haswell" : nil)

let swift: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (Context.environment["DETECT_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])])
    + (processor.map { [.unsafeFlags(["-target-cpu", $0])] } ?? [])
    + (libFuzzer == nil ? [] : [.unsafeFlags(["-sanitize=address,fuzzer"])])

// libtorch: $LIBTORCH if set, else the copy that `make setup` puts into the project's folder. Whether it is there is not
// asked here: rooms without tensors build without it, and SwiftPM remembers what a manifest said.
let libtorch = Context.environment["LIBTORCH"] ?? "\(Context.packageDirectory)/.libtorch/torch"

// Set by scripts/install alone, which puts libtorch beside the program: no path of this machine is to be in it.
let isBundled = Context.environment["DETECT_BUNDLED"] != nil

// C++ over libtorch as a library that the program opens, and libtorch with it, when it needs its first tensor. It is
// declared an executable and linked with -shared: SwiftPM builds an executable that a target depends on, but would link
// the program to a library, so that libtorch were loaded at every start.
func openedLibrary(_ name: String, path: String, exclude: [String] = []) -> Target {
    .executableTarget(
        name: name, path: path, exclude: exclude,
        cxxSettings: [
            .unsafeFlags([
                "-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include", "-std=c++20", "-O2",
                "-fno-strict-aliasing", "-w", "-include",
                "\(Context.packageDirectory)/Sources/CTorch/Library/LibtorchIsThere.h",
            ])
        ],
        // By absolute path: with -ltorch another libtorch of the machine could win. There is no Swift in it to be started.
        linkerSettings: [
            .unsafeFlags(
                [
                    "-nostartfiles", "-Xclang-linker", "-shared", "-Xclang-linker",
                    "-Wno-unused-command-line-argument",
                    "\(libtorch)/lib/libtorch_cpu.so", "\(libtorch)/lib/libc10.so",
                ] + (isBundled ? [] : ["-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"]))
        ])
}

// What other packages can import: each of these rooms is a library product.
let libraries = [
    "Support", "Boxes", "Imaging", "Graphics", "Reporting", "Datasets", "VOCData", "Torch", "Distributed", "Training",
    "Backbone", "Pretrain", "Probes", "Proposals", "Detection", "Experiments",
]

func room(_ name: String, _ dependencies: [String]) -> Target {
    .target(name: name, dependencies: dependencies.map { .byName(name: $0) }, swiftSettings: swift)
}

// Golden files are found beside the sources, not in a bundle. TestSupport brings the tags that each suite has.
func tests(_ name: String, _ dependencies: [String], golden: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: (dependencies + ["TestSupport"]).map { .byName(name: $0) },
        exclude: golden ? ["Golden"] : [], swiftSettings: swift)
}

let package = Package(
    name: "detect",
    products: [
        .executable(name: "detect-cli", targets: ["detect-cli"]),
        .executable(name: "libCTorch.so", targets: ["CTorchLibrary"]),
        // The same with a GPU that is none, for tests.
        .executable(name: "libCTorchStandIn.so", targets: ["CTorchStandIn"]),
    ] + libraries.map { .library(name: $0, targets: [$0]) },
    targets: [
        .systemLibrary(
            name: "CXML2", path: "Sources/SystemLibraries/CXML2", pkgConfig: "libxml-2.0",
            providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(
            name: "CPNG", path: "Sources/SystemLibraries/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/SystemLibraries/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CTurboJPEG", path: "Sources/SystemLibraries/CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(
            name: "CPango", path: "Sources/SystemLibraries/CPango", pkgConfig: "cairo",
            providers: [.apt(["libpango1.0-dev"])]),
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/SystemLibraries/COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        // Refuses to start on a processor that lacks what the program is built for: by the same flag as all Swift.
        .target(
            name: "CProcessor", cSettings: processor.map { [.unsafeFlags(["-march=\($0)"])] } ?? []),
        // libpng's own interface, whose errors Swift cannot catch.
        .target(name: "CPNGDecoder", dependencies: ["CPNG"]),
        room("Support", ["CProcessor"]),
        .systemLibrary(name: "CTorch", path: "Sources/CTorch"),
        openedLibrary(
            "CTorchLibrary", path: "Sources/CTorch/Library",
            exclude: ["StandIn", "Vectors.inc", "WinogradKernels.inc", "BatchNormKernels.inc", "DirectKernels.inc"]),
        openedLibrary("CTorchStandIn", path: "Sources/CTorch/Library/StandIn"),
        // The second is built beside the program and not linked: Torch opens it when the first tensor is needed.
        room("Torch", ["CTorch", "CTorchLibrary", "Support"]),
        room("Boxes", []),
        room("Imaging", ["CTurboJPEG", "CPNG", "CPNGDecoder", "Support"]),
        room("Graphics", ["CPango", "Imaging", "Support"]),
        room("Reporting", ["Graphics", "Imaging", "Support"]),
        room("Datasets", ["Imaging", "Support"]),
        room("VOCData", ["Boxes", "Imaging", "Graphics", "Datasets", "Reporting", "CXML2", "Support"]),
        room("Distributed", ["Torch", "Support"]),
        room("Training", ["Distributed", "Torch", "Support"]),
        room("Backbone", ["Torch", "Support"]),
        room(
            "Pretrain", ["Backbone", "Training", "Distributed", "Datasets", "Imaging", "Graphics", "Torch", "Support"]),
        room(
            "Probes",
            [
                "Distributed", "Backbone", "Training", "Datasets", "Imaging", "Graphics", "Reporting", "Torch",
                "COpenBLAS", "Support",
            ]),
        room("Proposals", ["Boxes", "Imaging", "Reporting", "CZlib", "Support"]),
        room(
            "Detection",
            [
                "Distributed", "Proposals", "Backbone", "Training", "Datasets", "Imaging", "Graphics", "Reporting",
                "Boxes", "Torch",
                "Support",
            ]),
        room(
            "Experiments",
            [
                "Backbone", "Boxes", "Datasets", "Detection", "Distributed", "Graphics", "Imaging", "Pretrain",
                "Probes",
                "Proposals", "Reporting", "Support", "Torch", "Training", "VOCData",
            ]),
        .executableTarget(
            name: "detect-cli",
            dependencies: [
                "Experiments", "Support", "Torch", "Boxes", "Imaging", "Graphics", "Datasets", "VOCData", "Training",
                "Backbone", "Pretrain", "Probes", "Proposals", "Detection", "Distributed", "Reporting",
            ], swiftSettings: swift),
        // What Benchmarks/images.py times.
        .executableTarget(
            name: "image-loader", dependencies: ["Datasets", "Imaging", "Pretrain"], path: "Benchmarks/ImageLoader",
            swiftSettings: swift),
        // What Benchmarks/scaling.py times.
        .executableTarget(
            name: "noise-contrast", dependencies: ["Pretrain", "Torch"], path: "Benchmarks/NoiseContrast",
            swiftSettings: swift),
        // What fuzzing runs; the tests replay its corpus.
        .target(
            name: "FuzzTargets",
            dependencies: ["VOCData", "Datasets", "Proposals", "Backbone", "Torch", "Imaging", "Boxes", "Support"],
            path: "Fuzz/Targets",
            swiftSettings: swift),
        tests("FuzzTests", ["FuzzTargets", "Support"]),
        .target(
            name: "TestSupport", dependencies: ["CXML2", "Torch", "Support"], path: "Tests/TestSupport",
            swiftSettings: swift),
        tests("SupportTests", ["Support"]),
        tests("TorchTests", ["Torch", "Support"], golden: true),
        tests("BoxesTests", ["Boxes"]),
        tests("ImagingTests", ["Imaging", "Support"], golden: true),
        tests("GraphicsTests", ["Graphics", "Imaging", "Support"]),
        tests("ReportingTests", ["Reporting", "Graphics", "Imaging", "Support"]),
        tests("DatasetsTests", ["Datasets", "Imaging", "Support"]),
        tests(
            "VOCDataTests", ["VOCData", "Boxes", "Datasets", "Imaging", "Graphics", "Reporting", "Support"],
            golden: true),
        tests("BackboneTests", ["Backbone", "Torch", "Support"], golden: true),
        tests("TrainingTests", ["Training", "Torch", "Support"], golden: true),
        tests(
            "PretrainTests",
            ["Pretrain", "Backbone", "Training", "Datasets", "Imaging", "Graphics", "Torch", "Support"],
            golden: true),
        tests(
            "ProbesTests",
            [
                "Probes", "Backbone", "Training", "Datasets", "Imaging", "Graphics", "Reporting", "Torch", "Support",
            ],
            golden: true),
        tests("ProposalsTests", ["Proposals", "Boxes", "Imaging", "Support"], golden: true),
        tests(
            "DetectionTests",
            [
                "Detection", "Proposals", "Backbone", "Boxes", "Training", "Datasets", "Imaging", "Graphics",
                "Reporting", "Torch", "Support",
            ], golden: true),
        tests("DistributedTests", ["Distributed", "Support"]),
        tests(
            "ExperimentsTests",
            ["Experiments", "Backbone", "Graphics", "Imaging", "Pretrain", "Reporting", "Support"]),
        // The stand-in is a GPU that is none: opened by copies of the program.
        tests(
            "CommandLineTests", ["detect-cli", "CTorchStandIn", "Torch", "Imaging", "Reporting", "Support"],
            golden: true),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)

if let libFuzzer {
    package.targets.append(
        .executableTarget(
            name: "detect-fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Runner", swiftSettings: swift,
            linkerSettings: [.unsafeFlags(["-sanitize=address", libFuzzer, "-lstdc++"])]))
}
