import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct SHA256Tests {
    /// FIPS 180-4 examples and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func fipsExamples(message: String, digest: String) {
        #expect(SHA256.hex(Data(message.utf8)) == digest)
    }

    @Test func oneMillionLetters() {
        #expect(
            SHA256.hex(Data(repeating: UInt8(ascii: "a"), count: 1_000_000))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// Lengths around the block and padding boundaries, cut at every place.
    @Test(arguments: [55, 56, 63, 64, 65, 119, 128])
    func piecesGiveTheDigestOfTheWhole(length: Int) {
        let message = Data((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        let whole = SHA256.hex(message)
        for cut in 0...length {
            var hash = SHA256()
            hash.update(message.prefix(cut))
            hash.update(message.dropFirst(cut))
            #expect(hash.finish() == whole)
        }
    }
}
