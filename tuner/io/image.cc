// SPDX-License-Identifier: Apache-2.0
#include "tuner/io/image.h"

#include "tuner/io/npy.h"

#include <stb_image.h>
#include <stb_image_resize.h>

#include <memory>

namespace fettle::io {

Result<Image> load_image(const std::string& path, int channels) {
  constexpr std::size_t kLimit = std::size_t{256} << 20;
  Result<std::vector<std::byte>> bytes = read_file(path, kLimit);
  if (!bytes) return std::move(bytes).error();
  Image image;
  int stored = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes->data()), static_cast<int>(bytes->size()),
                            &image.width, &image.height, &stored, channels),
      stbi_image_free);
  if (!pixels) {
    return Error(ErrorCode::kFileMalformed,
                 path + ": not a picture that can be decoded (" + stbi_failure_reason() + ")",
                 "give a JPEG, PNG, .npy or raw file");
  }
  image.channels = channels;
  const std::size_t size = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                           static_cast<std::size_t>(channels);
  image.pixels.assign(pixels.get(), pixels.get() + size);
  return image;
}

Result<Image> resize_image(const Image& image, int width, int height) {
  Image resized{width, height, image.channels, {}};
  resized.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                        static_cast<std::size_t>(image.channels));
  const int done =
      stbir_resize_uint8_generic(image.pixels.data(), image.width, image.height, 0, resized.pixels.data(),
                                 width, height, 0, image.channels, STBIR_ALPHA_CHANNEL_NONE, 0,
                                 STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, nullptr);
  if (done == 0) return Error(ErrorCode::kOutOfMemory, "resizing the picture failed");
  return resized;
}

}  // namespace fettle::io
