// SPDX-License-Identifier: Apache-2.0
//
// Pictures for networks: decoding, cutting and resizing.
#pragma once

#include <fettle/error.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fettle::io {

/// 8-bit pixels, row by row, channels innermost (rgb, or grey).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;
};

/// What a picture may ask for before it is refused with kLimitExceeded.
struct ImageLimits {
  std::size_t file_bytes = std::size_t{256} << 20;
  std::size_t pixels = std::size_t{1} << 27;  ///< width times height, also of a resized picture
  std::size_t memory_bytes = std::size_t{1}
                             << 30;  ///< of the decoder or the filter, beside the picture itself
};

/// Decodes JPEG, PNG, BMP, GIF (its first frame), binary PNM or TGA; `channels` 1 or 3 converts. `name`
/// stands for the file in messages. Errors: kFileMalformed (also a file that ends before its picture does,
/// and a picture without pixels), kLimitExceeded.
Result<Image> decode_image(std::span<const std::byte> bytes, const std::string& name, int channels,
                           const ImageLimits& limits = {});
/// Decodes a file. Errors: also kFileNotFound, kFileUnreadable.
Result<Image> load_image(const std::string& path, int channels, const ImageLimits& limits = {});
/// The middle of a picture, as large as it can be in the proportions of `width` to `height`.
Image crop_image(const Image& image, int width, int height);
/// Bilinear (triangle filter) with antialiasing when shrinking. Errors: kLimitExceeded.
Result<Image> resize_image(const Image& image, int width, int height, const ImageLimits& limits = {});

}  // namespace fettle::io
