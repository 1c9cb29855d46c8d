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
let processor = Context.environment["DETECT_CPU"] ?? (isHaswell ? "haswell" : nil)

let swift: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (Context.environment["DETECT_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])])
    + (processor.map { [.unsafeFlags(["-target-cpu", $0])] } ?? [])
    + (libFuzzer == nil ? [] : [.unsafeFlags(["-sanitize=address,fuzzer"])])

func room(_ name: String, _ dependencies: [String]) -> Target {
    .target(name: name, dependencies: dependencies.map { .byName(name: $0) }, swiftSettings: swift)
}

// Golden files are found beside the sources, not in a bundle.
func tests(
    _ name: String, _ dependencies: [String], golden: Bool = false, products: [Target.Dependency] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) } + products, exclude: golden ? ["Golden"] : [],
        swiftSettings: swift)
}

let package = Package(
    name: "detect",
    products: [.executable(name: "detect-cli", targets: ["detect-cli"])],
    dependencies: [.package(name: "CTorch", path: "Sources/CTorch/Library")],
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
            name: "COpenBLAS", path: "Sources/SystemLibraries/COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        // Refuses to start on a processor that lacks what the program is built for: by the same flag as all Swift.
        .target(
            name: "CProcessor", cSettings: processor.map { [.unsafeFlags(["-march=\($0)"])] } ?? []),
        room("Support", ["CProcessor"]),
        .systemLibrary(name: "CTorch", path: "Sources/CTorch"),
        .target(
            name: "Torch",
            // The second is built beside the program and not linked: Torch opens it when the first tensor is needed.
            dependencies: ["CTorch", .product(name: "libCTorch.so", package: "CTorch"), "Support"],
            swiftSettings: swift),
        room("Boxes", []),
        room("Imaging", ["CTurboJPEG", "CPNG", "Support"]),
        room("Datasets", ["Imaging", "Support"]),
        room("VOCData", ["Boxes", "Imaging", "Datasets", "CXML2", "Support"]),
        room("Training", ["Torch", "Support"]),
        room("Backbone", ["Torch", "Support"]),
        room("Pretrain", ["Backbone", "Training", "Datasets", "Imaging", "Torch", "Support"]),
        room("Probes", ["Backbone", "Training", "Datasets", "Imaging", "Torch", "COpenBLAS", "Support"]),
        room("Proposals", ["Boxes", "Imaging", "CZlib", "Support"]),
        room("Detection", ["Proposals", "Backbone", "Training", "Datasets", "Imaging", "Boxes", "Torch", "Support"]),
        room(
            "Experiments",
            [
                "Backbone", "Boxes", "Datasets", "Detection", "Imaging", "Pretrain", "Probes", "Proposals", "Support",
                "Torch", "Training", "VOCData",
            ]),
        .executableTarget(
            name: "detect-cli",
            dependencies: [
                "Experiments", "Support", "Torch", "Boxes", "Imaging", "Datasets", "VOCData", "Training", "Backbone",
                "Pretrain", "Probes", "Proposals", "Detection",
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
            dependencies: ["VOCData", "Proposals", "Backbone", "Torch", "Imaging", "Boxes", "Support"],
            path: "Fuzz/Targets",
            swiftSettings: swift),
        tests("FuzzTests", ["FuzzTargets", "Support"]),
        .target(
            name: "TestSupport", dependencies: ["Torch", "Support"], path: "Tests/TestSupport", swiftSettings: swift),
        tests("SupportTests", ["Support", "TestSupport"]),
        tests("TorchTests", ["Torch", "Support", "TestSupport"], golden: true),
        tests("BoxesTests", ["Boxes"]),
        tests("ImagingTests", ["Imaging", "Support"], golden: true),
        tests("DatasetsTests", ["Datasets", "Imaging", "Support"]),
        tests("VOCDataTests", ["VOCData", "Boxes", "Datasets", "Imaging", "Support"], golden: true),
        tests("BackboneTests", ["Backbone", "Torch", "Support", "TestSupport"], golden: true),
        tests("TrainingTests", ["Training", "Torch", "Support", "TestSupport"], golden: true),
        tests(
            "PretrainTests", ["Pretrain", "Backbone", "Training", "Datasets", "Imaging", "Torch", "Support"],
            golden: true),
        tests(
            "ProbesTests", ["Probes", "Backbone", "Training", "Datasets", "Imaging", "Torch", "Support"], golden: true),
        tests("ProposalsTests", ["Proposals", "Boxes", "Imaging", "Support", "TestSupport"], golden: true),
        tests(
            "DetectionTests",
            [
                "Detection", "Proposals", "Backbone", "Boxes", "Training", "Datasets", "Imaging", "Torch", "Support",
                "TestSupport",
            ], golden: true),
        tests(
            "CommandLineTests", ["detect-cli", "Torch", "Imaging", "Support", "TestSupport"], golden: true,
            // A GPU that is none: opened by copies of the program.
            products: [.product(name: "libCTorchStandIn.so", package: "CTorch")]),
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
