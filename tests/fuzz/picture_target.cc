// SPDX-License-Identifier: Apache-2.0
//
// Bytes as a picture, cut and resized as for a network, and as arrays. Whatever they are, there is a result
// or an error, and what comes out has been made from what went in.
#include "tests/fuzz/target.h"
#include "tuner/io/image.h"
#include "tuner/io/npy.h"

#include <algorithm>
#include <span>

namespace fettle::fuzz {
namespace {

using Bytes = std::span<const std::byte>;

constexpr io::ImageLimits kLimits{1 << 20, 1 << 18, std::size_t{8} << 20};
constexpr std::size_t kMostArrayBytes = std::size_t{16} << 20;

// What a network may want: small, thin and long ones, and one that is larger than most pictures here.
struct Size {
  int width;
  int height;
};
constexpr Size kSizes[] = {{1, 1}, {5, 3}, {1, 64}, {64, 1}, {32, 32}, {96, 80}};

void require_proper(const Error& error) {
  require(!error.message().empty(), "an error without a message");
  require(error.code() == ErrorCode::kFileMalformed || error.code() == ErrorCode::kLimitExceeded,
          error.text());
}

void require_size(const io::Image& image, int channels) {
  require(image.width > 0 && image.height > 0 && image.channels == channels, "a picture without pixels");
  require(image.pixels.size() == static_cast<std::size_t>(image.width) *
                                     static_cast<std::size_t>(image.height) *
                                     static_cast<std::size_t>(channels),
          "a picture has other pixels than its size says");
}

// Leaves something in the memory that will be used next, which must not come to light.
void leave_traces(std::size_t size, int with) {
  std::vector<std::vector<std::uint8_t>> blocks;
  for (std::size_t part = 16; part <= 4 * size + 4096 && part <= kLimits.file_bytes; part *= 2)
    blocks.emplace_back(part, static_cast<std::uint8_t>(with));
  volatile std::uint8_t stack[32768];
  for (volatile std::uint8_t& byte : stack) byte = static_cast<std::uint8_t>(with);
}

// A weighted mean lies between the pixels that it is of, but for rounding.
void require_between(const io::Image& resized, const io::Image& image) {
  const auto [low, high] = std::minmax_element(image.pixels.begin(), image.pixels.end());
  const auto [least, most] = std::minmax_element(resized.pixels.begin(), resized.pixels.end());
  require(*least + 1 >= *low && *most <= *high + 1, "resizing makes values that were not there");
}

void try_resizing(const io::Image& image, std::size_t seed) {
  const Size size = kSizes[seed % std::size(kSizes)];
  const io::Image cropped = io::crop_image(image, size.width, size.height);
  require_size(cropped, image.channels);
  require(cropped.width == image.width || cropped.height == image.height, "cropping takes too much away");
  for (const io::Image* from : {&image, &cropped}) {
    const Result<io::Image> resized = io::resize_image(*from, size.width, size.height, kLimits);
    if (!resized) {
      require_proper(resized.error());
      continue;
    }
    require_size(*resized, image.channels);
    require(resized->width == size.width && resized->height == size.height, "resized to another size");
    require_between(*resized, *from);
  }
}

void try_picture(Bytes bytes) {
  for (const int channels : {1, 3}) {
    leave_traces(bytes.size(), 0x5a);
    const Result<io::Image> image = io::decode_image(bytes, "fuzzed", channels, kLimits);
    leave_traces(bytes.size(), 0xc3);
    const Result<io::Image> again = io::decode_image(bytes, "fuzzed", channels, kLimits);
    require(static_cast<bool>(image) == static_cast<bool>(again), "a picture is only decoded sometimes");
    if (!image) {
      require_proper(image.error());
      require(image.error().text() == again.error().text(),
              "the same bytes are refused for different reasons");
      continue;
    }
    require_size(*image, channels);
    require(image->pixels == again->pixels, "pixels from memory that nobody wrote");
    try_resizing(*image, bytes.size());
  }
}

void require_array(const io::Array& array) {
  std::size_t expected = size_of(array.type);
  for (const std::int64_t extent : array.shape) expected *= static_cast<std::size_t>(extent);
  require(array.bytes.size() == expected, "an array has other elements than its shape says");
  const std::string text = io::format_npy(array.type, array.shape, array.bytes);
  const Result<io::Array> again = io::parse_npy(std::as_bytes(std::span(text)), "written");
  require_ok(again, "a written array cannot be read");
  require(again->type == array.type && again->shape == array.shape && again->bytes == array.bytes,
          "an array changes when it is written and read");
}

void try_arrays(Bytes bytes) {
  if (const Result<io::Array> array = io::parse_npy(bytes, "fuzzed"); array)
    require_array(*array);
  else
    require_proper(array.error());
  const auto arrays = io::parse_npz(bytes, "fuzzed", kMostArrayBytes);
  if (!arrays) return require_proper(arrays.error());
  for (const auto& [name, array] : *arrays) require_array(array);
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  fettle::fuzz::try_picture(bytes);
  fettle::fuzz::try_arrays(bytes);
  return 0;
}
