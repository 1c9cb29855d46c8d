package import Torch

/// Every view nearer to another of its image than to those of other images, by a margin: the mean over all ordered pairs (a, p) of
/// views of one image of max(0, ‖a − p‖² − ‖a − n‖² + margin).
///
/// n is the nearest view of another image that is farther than p (semi-hard, Schroff et al., CVPR 2015, section 3.2); where there is
/// none, the farthest of all.
package struct TripletLoss {
    package var margin: Double

    package init(margin: Double) { self.margin = margin }

    /// - Parameters:
    ///   - embeddings: [V·B, D] unit vectors in float32, the first views of all images in front.
    ///   - views: V
    /// - Returns: one value, and the share of views whose nearest other view is of the same image.
    package func callAsFunction(_ embeddings: Tensor, views: Int) -> (value: Tensor, accuracy: Tensor) {
        let (rows, count) = (embeddings.size(0), embeddings.size(0) / views)
        // By operators alone: a captured step brings no values.
        let places = Tensor.arange(rows, device: embeddings.device)
        let images = (places - (places / Double(count)).floor() * Double(count)).to(dtype: .int64)
        // Of unit vectors ‖a − b‖² = 2 − 2·cos.
        let distances = 2 - 2 * embeddings.matmul(embeddings.transpose())  // [V·B, V·B]
        let isSame = images.unsqueeze(0).equal(images.unsqueeze(1))
        let losses = (1..<views).map { shift -> Tensor in
            // The view `shift` further of the same image.
            let ahead = Double(shift * count)
            let partners = Tensor.where(
                places.less(Double(rows) - ahead), places + ahead, places + (ahead - Double(rows))
            ).to(dtype: .int64)
            let positive = distances.gather(1, partners.unsqueeze(1))  // [V·B, 1]
            let isNearer = (distances - positive).detach().greater(0).to(dtype: .float32).equal(0)
            let farther = distances.maskedFill(isSame, .infinity).maskedFill(isNearer, .infinity)
            let semiHard = -(-farther).max(1, keepDimensions: true).values
            let farthest = distances.maskedFill(isSame, -.infinity).max(1, keepDimensions: true).values
            let negative = Tensor.where(semiHard.less(.infinity), semiHard, farthest)
            return (positive - negative + margin).clamp(min: 0)
        }
        let isSelf = places.unsqueeze(0).equal(places.unsqueeze(1))
        let nearest = (-distances.detach().maskedFill(isSelf, .infinity)).argmax(1)
        let found = images.indexSelect(0, nearest).equal(images)
        return (Tensor.cat(losses).mean(), found.to(dtype: .float32).mean())
    }
}
