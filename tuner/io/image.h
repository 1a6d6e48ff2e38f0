// SPDX-License-Identifier: Apache-2.0
//
// Pictures for networks: decoding and resizing.
#pragma once

#include <fettle/error.h>

#include <cstddef>
#include <cstdint>
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

/// Decodes JPEG, PNG, BMP, GIF, PNM or TGA; `channels` 1 or 3 converts. Errors: kFileNotFound,
/// kFileUnreadable, kFileMalformed.
Result<Image> load_image(const std::string& path, int channels);
/// Bilinear (triangle filter) with antialiasing when shrinking.
Result<Image> resize_image(const Image& image, int width, int height);

}  // namespace fettle::io
