internal import CXML2
internal import Support

/// A libxml2 parser that reads VOC annotations and refuses everything else XML can do.
///
/// No network, no files, no document type: a DOCTYPE, which every entity attack needs, ends the parse at once. Memory
/// is bounded by the length of the file, and errors are collected instead of printed. One parser may read any number
/// of files, one after the other.
struct AnnotationParser: ~Copyable {
    /// libxml2 wants to be initialised once, before threads use it.
    private static let library: Void = xmlInitParser()

    private let context: xmlParserCtxtPtr
    private let state: AnnotationBuilder

    init() throws {
        _ = Self.library
        let state = AnnotationBuilder()
        var handler = xmlSAXHandler()
        handler.initialized = UInt32(XML_SAX2_MAGIC)
        handler.startElementNs = { state, name, _, _, _, _, _, _, _ in
            if let state, let name { builder(state).startElement(UnsafePointer(name)) }
        }
        handler.endElementNs = { state, _, _, _ in
            if let state { builder(state).endElement() }
        }
        handler.characters = { state, text, length in
            if let state, let text { builder(state).append(UnsafeBufferPointer(start: text, count: Int(length))) }
        }
        handler.internalSubset = { state, _, _, _ in
            if let state { builder(state).refuse("declares a document type, which annotations never need") }
        }
        handler.serror = { state, error in
            guard let state, let error else { return }
            let message = error.pointee.message.map { String(cString: $0) } ?? "is not well formed"
            builder(state).refuse("line \(error.pointee.line): is not valid XML: \(TextFile.trimmed(message))")
        }
        let address = Unmanaged.passUnretained(state).toOpaque()
        guard let context = xmlCreatePushParserCtxt(&handler, address, nil, 0, nil) else {
            throw InputError("libxml2", "cannot make a parser: out of memory")
        }
        xmlCtxtUseOptions(context, Int32(XML_PARSE_NONET.rawValue))
        self.context = context
        self.state = state
    }

    deinit { xmlFreeParserCtxt(context) }

    /// Parses one file; `file` names it in errors. Throws for an object that cannot be read, too.
    borrowing func parse(_ bytes: [UInt8], file: String) throws -> Annotation {
        let parsed = try read(bytes, file: file)
        if let problem = parsed.problems.first { throw InputError(file, problem.text) }
        return parsed.annotation
    }

    /// The same; objects that cannot be read are told beside the annotation.
    borrowing func read(_ bytes: [UInt8], file: String) throws -> ParsedAnnotation {
        guard bytes.contains(where: { !XMLText.isBlank($0) }) else { throw InputError(file, "is empty") }
        guard bytes.count <= Int32.max else { throw InputError(file, "is too long") }
        let text = XMLText(bytes)
        do {
            try feed(text, file: file)
        } catch {
            // Bytes that are no UTF-8 in a field that nobody reads, such as the path on the annotator's machine.
            guard let repaired = text.repaired else { throw error }
            try feed(repaired, file: file)
            if state.hasDamagedNames { throw error }
        }
        return try state.annotation(file: file)
    }

    private borrowing func feed(_ text: XMLText, file: String) throws {
        state.reset(context: context)
        let code = text.bytes.withUnsafeBytes { buffer -> Int32 in
            guard xmlCtxtResetPush(context, nil, 0, nil, nil) == 0 else { return -1 }
            // What is UTF-8 already stays so, whatever its first line says.
            let options = XML_PARSE_NONET.rawValue | (text.isUTF8 ? XML_PARSE_IGNORE_ENC.rawValue : 0)
            context.pointee.options = Int32(options)
            return xmlParseChunk(
                context, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), 1)
        }
        if let problem = state.problem { throw InputError(file, problem) }
        guard code == 0, state.isComplete else { throw InputError(file, "is not a complete XML document") }
    }

    /// For each object of the file parsed last, the fields it leaves out.
    var omittedFields: [[OptionalField]] { state.omittedFields }
}

private func builder(_ state: UnsafeMutableRawPointer) -> AnnotationBuilder {
    Unmanaged<AnnotationBuilder>.fromOpaque(state).takeUnretainedValue()
}
