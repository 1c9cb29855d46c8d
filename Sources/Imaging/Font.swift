/// The built-in bitmap font: printable ASCII, capitals 5 × 7, two more rows below the line.
enum Font {
    static let glyphWidth = 5
    static let glyphHeight = 9
    /// From one character to the next.
    static let advance = 6

    /// The rows of a character from the top, bit 4 leftmost; a character the font lacks shows as "?".
    static func rows(_ character: Character) -> [UInt8] {
        let code = character.asciiValue.map(Int.init) ?? 63
        return table[(32..<127).contains(code) ? code - 32 : 31]
    }

    private static let table: [[UInt8]] = glyphs.split(whereSeparator: \.isWhitespace).map { glyph in
        let rows = glyph.utf8.map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
        return rows + [UInt8](repeating: 0, count: glyphHeight - rows.count)
    }

    /// From the space to the tilde. A character a row, in base 32 (0 … 9, a … v): its five bits are the pixels.
    /// Rows left out at the end are empty.
    private static let glyphs = """
        0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4400000
        2488842 8422248 04lel40 044v440 00000cc48 000v000 00000cc 01248g0
        4ahhha4 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888
        ehhehhe ehhf12c 0cc0cc0 0cc0c48 248g842 00v0v00 8421248 eh12404
        eh1dlle ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf
        hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe
        uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla
        hha4ahh hhha444 v1248gv e88888e 0g84210 e22222e 4ah0000 0000000v
        8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 00fhhhf1e
        ggmphhh 40c444e 2062222ic ggikoki c44444e 00qllll 00mphhh 00ehhhe
        00uhhhugg 00fhhhf11 00mpggg 00fge1u 88s8896 00hhhjd 00hhha4 00hhlla
        00ha4ah 00hhhhf1e 00v248v 2448442 4444444 8442448 008l200
        """
}
