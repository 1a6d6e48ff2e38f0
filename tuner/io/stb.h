// SPDX-License-Identifier: Apache-2.0
//
// The single-header image libraries behind what Fettle needs of them. They take every file for a good one: a
// decoder goes on with zeros where a file ends, and uses memory that it never wrote. Here reading past the
// end is noticed, all memory is zero before it is used, and there is a limit to it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace fettle::io::stb {

/// Gives memory that stb took back to it.
struct Free {
  void operator()(unsigned char* pixels) const;
};

/// What came of decoding a picture.
struct Decoded {
  std::unique_ptr<unsigned char, Free> pixels;  ///< null: the file is no picture; its size may still be 0
  int width = 0;
  int height = 0;
  bool cut_off = false;        ///< the decoder asked for more bytes than there are
  bool out_of_memory = false;  ///< it asked for more memory than allowed
  std::string reason;          ///< of a failure, in the decoder's words; may be empty
};

/// Decodes JPEG, PNG, BMP, GIF (its first frame), binary PNM of 8 bits per channel or TGA to `channels`
/// values per pixel. Takes at most `memory` bytes at once.
Decoded decode(std::span<const std::byte> bytes, int channels, std::size_t memory);

/// Resizes 8-bit pixels by a triangle filter. False: it could not get `memory` bytes.
bool resize(const unsigned char* from, int from_width, int from_height, unsigned char* to, int to_width,
            int to_height, int channels, std::size_t memory);

/// Inflates raw deflate data into exactly `to`. The decoder looks up to 4 bytes ahead, which should follow
/// `from`.
bool inflate(std::span<const std::byte> from, std::span<std::byte> to);

}  // namespace fettle::io::stb
