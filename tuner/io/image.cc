// SPDX-License-Identifier: Apache-2.0
#include "tuner/io/image.h"

#include "tuner/io/stb.h"

#include <fettle/files.h>

#include <algorithm>

namespace fettle::io {
namespace {

bool within(int width, int height, std::size_t pixels) {
  return static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) <= pixels;
}

std::size_t bytes_of(const Image& image) {
  return static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
         static_cast<std::size_t>(image.channels);
}

Error malformed(const std::string& name, const std::string& what) {
  return {ErrorCode::kFileMalformed, name + ": not a picture that can be decoded (" + what + ")",
          "give a JPEG, PNG, .npy or raw file"};
}

Error too_large(const std::string& name) {
  return {ErrorCode::kLimitExceeded, name + ": the picture is too large", "make it smaller before"};
}

}  // namespace

Result<Image> decode_image(std::span<const std::byte> bytes, const std::string& name, int channels,
                           const ImageLimits& limits) {
  if (bytes.size() > limits.file_bytes) return too_large(name);
  const stb::Decoded decoded = stb::decode(bytes, channels, limits.memory_bytes);
  if (decoded.out_of_memory) return too_large(name);
  if (decoded.cut_off) return malformed(name, "the file is cut off");
  if (!decoded.pixels) return malformed(name, decoded.reason.empty() ? "it is damaged" : decoded.reason);
  if (decoded.width < 1 || decoded.height < 1) {
    return malformed(
        name, "it has no pixels: " + std::to_string(decoded.width) + "x" + std::to_string(decoded.height));
  }
  if (!within(decoded.width, decoded.height, limits.pixels)) return too_large(name);
  Image image{decoded.width, decoded.height, channels, {}};
  image.pixels.assign(decoded.pixels.get(), decoded.pixels.get() + bytes_of(image));
  return image;
}

Result<Image> load_image(const std::string& path, int channels, const ImageLimits& limits) {
  const Result<std::vector<std::byte>> bytes = read_file(path, limits.file_bytes);
  if (!bytes) return bytes.error();
  return decode_image(*bytes, path, channels, limits);
}

Image crop_image(const Image& image, int width, int height) {
  Image cropped{image.width, image.height, image.channels, {}};
  if (static_cast<std::int64_t>(image.width) * height > static_cast<std::int64_t>(image.height) * width) {
    cropped.width = std::max(1, static_cast<int>(static_cast<std::int64_t>(image.height) * width / height));
  } else {
    cropped.height = std::max(1, static_cast<int>(static_cast<std::int64_t>(image.width) * height / width));
  }
  const int left = (image.width - cropped.width) / 2;
  const int top = (image.height - cropped.height) / 2;
  cropped.pixels.reserve(bytes_of(cropped));
  for (int y = 0; y < cropped.height; ++y) {
    const auto start =
        image.pixels.begin() + (static_cast<std::ptrdiff_t>(top + y) * image.width + left) * image.channels;
    cropped.pixels.insert(cropped.pixels.end(), start,
                          start + static_cast<std::ptrdiff_t>(cropped.width) * image.channels);
  }
  return cropped;
}

Result<Image> resize_image(const Image& image, int width, int height, const ImageLimits& limits) {
  Image resized{width, height, image.channels, {}};
  const auto refuse = [&] {
    return Error(ErrorCode::kLimitExceeded,
                 "resizing a picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                     " to " + std::to_string(width) + "x" + std::to_string(height) + " takes too much memory",
                 "give a picture of about the network's size");
  };
  if (!within(width, height, limits.pixels)) return refuse();
  resized.pixels.resize(bytes_of(resized));
  if (!stb::resize(image.pixels.data(), image.width, image.height, resized.pixels.data(), width, height,
                   image.channels, limits.memory_bytes))
    return refuse();
  return resized;
}

}  // namespace fettle::io
