internal import Graphics
internal import Imaging
internal import Reporting
internal import Support
internal import Torch

extension RunReport {
    /// Drawn again from the measurements, as curves that can be read.
    private static let redrawn: Set<String> = ["loss.png", "curves.png", "curve.png", "map.png"]

    /// Detections, samples, filters of the first layer and whatever other pictures lie in the folders.
    func images(atMost limit: Int) -> [Report.Block] {
        let runs = groups.flatMap { group in
            group.runs.map { run in
                (
                    run: run,
                    name: "\(run.command), "
                        + (group.runs.count > 1 ? "\(group.label), seed \(run.seed ?? "?")" : group.label)
                )
            }
        }
        let filters = runs.compactMap { Self.filters($0.run, $0.name) }
        return (filters.isEmpty ? [] : [.paragraph("Filters of the first layer:"), .figures(filters)])
            + runs.flatMap { run, name -> [Report.Block] in
                let figures = pictures(run, limit)
                return figures.isEmpty ? [] : [.paragraph("\(name):"), .figures(figures)]
            }
    }

    private func pictures(_ run: RunFiles, _ limit: Int) -> [Figure] {
        func names(_ folder: String) -> [String] {
            ((try? Files.list(folder)) ?? []).filter { ["png", "jpg", "jpeg"].contains($0.fileExtension.lowercased()) }
                .sorted()
        }
        func tile(_ path: String, _ caption: String) -> ImageSheet.Tile? {
            // A picture that is being written, or is damaged, is left out.
            (try? Image.read(path)).map { .init(Drawing($0).fitting(1600).image(), caption: caption) }
        }
        let own = names(run.folder).filter { !Self.redrawn.contains($0) }.prefix(limit).compactMap {
            tile("\(run.folder)/\($0)", Self.captions[$0] ?? $0.fileStem)
        }.map { Figure.images(ImageSheet([$0], columns: 1)) }
        let detections = "\(run.folder)/detections"
        let found = names(detections).filter { $0 != "sheet.png" }.prefix(limit).compactMap {
            tile("\(detections)/\($0)", $0.fileStem)
        }
        return own + (found.isEmpty ? [] : [.images(ImageSheet(title: "Detections", found, columns: 4))])
    }

    private static let captions = ["samples.png": "What the network is given, and what it answers"]

    /// What the first layer looks for: each filter in its own contrast, as colours where it sees colours.
    private static func filters(_ run: RunFiles, _ name: String) -> Figure? {
        for weights in ["weights.safetensors", "model.safetensors"] {
            guard let file = try? SafetensorsFile(path: "\(run.folder)/\(weights)"),
                let entry = file.entries.first(where: { entry in
                    ["conv1.weight", "features.0.weight"].contains {
                        entry.name == $0 || entry.name.hasSuffix(".\($0)")
                    }
                        && entry.shape.count == 4 && [1, 3].contains(entry.shape[1]) && entry.dtype == .float32
                })
            else { continue }
            let values = file.withBytes(entry) { Array($0.bindMemory(to: Float.self)) }
            let (count, channels, height, width) = (entry.shape[0], entry.shape[1], entry.shape[2], entry.shape[3])
            let scale = max(1, 33 / max(height, width))
            let tiles = (0..<min(count, 96)).map { filter -> Drawing in
                let weights = values[filter * channels * height * width..<(filter + 1) * channels * height * width]
                let (low, high) = (weights.min() ?? 0, weights.max() ?? 0)
                var image = Image(size: ImageSize(width: width, height: height))
                for pixel in 0..<height * width {
                    for channel in 0..<3 {
                        let place = weights.startIndex + (channels == 3 ? channel : 0) * height * width + pixel
                        let share = high > low ? (weights[place] - low) / (high - low) : 0.5
                        image.pixels[3 * pixel + channel] = UInt8(max(0, min(255, (share * 255).rounded())))
                    }
                }
                let size = ImageSize(width: width * scale, height: height * scale)
                return Drawing(
                    size: size,
                    [.image(image, .init(x: 0, y: 0, width: Double(size.width), height: Double(size.height)))])
            }
            return .images(
                ImageSheet(
                    [.init(Drawing.grid(tiles, columns: 16, gap: 3).image(), caption: name)], columns: 1))
        }
        return nil
    }
}
