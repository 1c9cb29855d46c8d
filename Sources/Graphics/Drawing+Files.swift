internal import CPango
public import Foundation
public import Imaging
internal import Support

extension Drawing {
    /// The kinds of files that a drawing can be written to, by the ending of the name.
    public enum FileFormat: String, CaseIterable, Sendable {
        case png, jpg, jpeg, svg, pdf

        /// nil for a name with another ending.
        public init?(path: String) { self.init(rawValue: path.fileExtension.lowercased()) }
    }

    /// Most pixels a side of an image of Cairo.
    private static let longestSide = 32_767

    /// As pixels, antialiased; smaller than asked for where a side would have more than 32,767.
    ///
    /// - Parameter scale: Pixels a unit.
    public func image(scale: Double = 1) -> Image {
        precondition(scale > 0, "a drawing needs a positive scale")
        let longest = Double(max(size.width, size.height, 1))
        let scale = min(scale, Double(Self.longestSide) / longest)
        let pixels = ImageSize(
            width: Int((Double(size.width) * scale).rounded()), height: Int((Double(size.height) * scale).rounded()))
        if pixels.pixelCount == 0 { return Image(size: pixels) }
        let surface: OpaquePointer = cairo_image_surface_create(
            CAIRO_FORMAT_RGB24, Int32(pixels.width), Int32(pixels.height))
        precondition(
            cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS,
            "no memory for a picture of \(pixels.width)x\(pixels.height)")
        // The context keeps the surface: its pixels are read before both are gone.
        let context = CairoContext(owning: cairo_surface_reference(surface))
        defer { cairo_surface_destroy(surface) }
        cairo_set_source_rgb(context.pointer, 1, 1, 1)
        cairo_paint(context.pointer)
        cairo_scale(context.pointer, scale, scale)
        context.draw(self)
        cairo_surface_flush(surface)
        let stride = Int(cairo_image_surface_get_stride(surface))
        let data: UnsafeMutablePointer<UInt8> = cairo_image_surface_get_data(surface)
        return Image(
            size: pixels,
            pixels: [UInt8](unsafeUninitializedCapacity: pixels.pixelCount * 3) { buffer, count in
                count = pixels.pixelCount * 3
                for y in 0..<pixels.height {
                    let row = UnsafeRawPointer(data + y * stride).assumingMemoryBound(to: UInt32.self)
                    for x in 0..<pixels.width {
                        let i = 3 * (y * pixels.width + x)
                        buffer[i] = UInt8(truncatingIfNeeded: row[x] >> 16)
                        buffer[i + 1] = UInt8(truncatingIfNeeded: row[x] >> 8)
                        buffer[i + 2] = UInt8(truncatingIfNeeded: row[x])
                    }
                }
            })
    }

    /// As a page of a PDF file, its text as text.
    public func pdf() -> Data {
        vectors { write, closure in
            let surface: OpaquePointer = cairo_pdf_surface_create_for_stream(
                write, closure, Double(size.width), Double(size.height))
            // The same drawing is the same file.
            cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z")
            return surface
        }
    }

    /// As an SVG file, its letters as outlines, so that it looks the same without their fonts.
    public func svg() -> Data {
        vectors { cairo_svg_surface_create_for_stream($0, $1, Double(size.width), Double(size.height)) }
    }

    private func vectors(
        _ surface: (cairo_write_func_t, UnsafeMutableRawPointer) -> OpaquePointer
    ) -> Data {
        var data = Data()
        withUnsafeMutablePointer(to: &data) { data in
            let surface = surface(
                { data, bytes, count in
                    guard let bytes else { return CAIRO_STATUS_SUCCESS }
                    data?.assumingMemoryBound(to: Data.self).pointee.append(bytes, count: Int(count))
                    return CAIRO_STATUS_SUCCESS
                }, data)
            let context = CairoContext(owning: cairo_surface_reference(surface))
            context.draw(self)
            cairo_surface_finish(surface)
            cairo_surface_destroy(surface)
        }
        return data
    }

    /// Writes pixels, a PDF page or an SVG file, as the ending of the path says; an interrupted write leaves no partial file.
    ///
    /// - Throws: `InputError` for another ending, and for a picture that no such file can hold.
    public func write(to path: String) throws {
        switch FileFormat(path: path) {
        case .svg: try Files.writeAtomically(svg(), to: path)
        case .pdf: try Files.writeAtomically(pdf(), to: path)
        case .png, .jpg, .jpeg: try image().write(to: path)
        case nil:
            throw InputError(
                path, "does not end in a known picture format", remedy: "use .png, .jpg, .svg or .pdf")
        }
    }
}
