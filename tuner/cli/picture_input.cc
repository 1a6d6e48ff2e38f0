// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/picture_input.h"

#include "tuner/cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace fettle::cli {
namespace {

constexpr std::int64_t kMostPixels = 65535;  // along an axis of a picture

bool ends_with_any(const std::string& path, std::initializer_list<const char*> endings) {
  std::string lower = path;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return lower.ends_with(ending); });
}

// As large as the input wants it.
Result<io::Image> fit(io::Image image, const std::string& path, const PictureShape& shape,
                      const std::string& resize) {
  if (image.width == shape.width && image.height == shape.height) return image;
  if (resize == "none") {
    return Error(ErrorCode::kWrongShape,
                 fmt::format("{} is {}x{}, the network takes {}x{}", path, image.width, image.height,
                             shape.width, shape.height),
                 "use --resize stretch or --resize crop");
  }
  Result<io::Image> fitted = io::resize_image(
      resize == "crop" ? io::crop_image(image, shape.width, shape.height) : image, shape.width, shape.height);
  if (!fitted)
    return Error(fitted.error().code(), path + ": " + fitted.error().message(), fitted.error().hint());
  return fitted;
}

// Calls store(index in the input, channel of the network, byte) for each pixel's bytes.
template <typename Store>
void for_each_byte(const io::Image& image, const PictureShape& shape, bool swapped, Store&& store) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  const std::size_t pixels = image.pixels.size() / channels;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t from = swapped && channels == 3 ? 2 - c : c;
      store(shape.planes ? c * pixels + pixel : pixel * channels + c, c,
            image.pixels[pixel * channels + from]);
    }
  }
}

}  // namespace

void PictureArguments::add_to(CLI::App& app) {
  app.add_option("--mean", mean, "subtracted from pixels 0..255: one value, or one value per channel");
  app.add_option("--std", std, "then divides: one value, or one value per channel");
  app.add_option("--order", order, "channel order that the network wants")
      ->check(CLI::IsMember({"rgb", "bgr"}));
  app.add_option("--resize", resize, "how a picture of another size is fitted")
      ->check(CLI::IsMember({"stretch", "crop", "none"}));
}

Result<PictureNumbers> PictureNumbers::parse(const PictureArguments& arguments) {
  PictureNumbers numbers;
  Result<std::vector<float>> mean = parse_floats(arguments.mean, "--mean");
  if (!mean) return std::move(mean).error();
  Result<std::vector<float>> std = parse_floats(arguments.std, "--std");
  if (!std) return std::move(std).error();
  numbers.mean = *std::move(mean);
  numbers.std = *std::move(std);
  numbers.swap_red_blue = arguments.order == "bgr";
  numbers.resize = arguments.resize;
  return numbers;
}

Status PictureNumbers::check(const TensorInfo& input) const {
  const std::optional<PictureShape> shape = picture_shape(input.shape);
  if (!shape || (input.type != DataType::f32 && input.type != DataType::u8)) {
    return Error(ErrorCode::kWrongShape,
                 fmt::format("input {} is {} {}: a picture fits f32 or u8 of 1x1xHxW, 1x3xHxW, 1xHxWx1 and "
                             "1xHxWx3 only",
                             input.name, to_string(input.type), input.shape.text()),
                 "give a .npy file");
  }
  if (input.type == DataType::u8 && !(mean.empty() && std.empty())) {
    return Error(ErrorCode::kInvalidArgument,
                 "input " + input.name + " takes bytes: --mean and --std are for real numbers",
                 "leave them out");
  }
  const auto channels = static_cast<std::size_t>(shape->channels);
  for (const std::vector<float>* list : {&mean, &std}) {
    if (list->size() > 1 && list->size() != channels)
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--{} has {} values, input {} has {} channels", list == &mean ? "mean" : "std",
                               list->size(), input.name, channels),
                   "give one value, or one value per channel");
  }
  if (std::count(std.begin(), std.end(), 0.0f) > 0)
    return Error(ErrorCode::kInvalidArgument, "--std has a 0", "give what pixels are to be divided by");
  return {};
}

std::optional<PictureShape> picture_shape(const Shape& shape) {
  if (shape.rank() != 4 || shape[0] != 1) return std::nullopt;
  const auto read = [&](int channels, int height, int width, bool planes) -> std::optional<PictureShape> {
    const bool fits = (shape[channels] == 1 || shape[channels] == 3) && shape[height] <= kMostPixels &&
                      shape[width] <= kMostPixels;
    if (!fits) return std::nullopt;
    return PictureShape{static_cast<int>(shape[channels]), static_cast<int>(shape[height]),
                        static_cast<int>(shape[width]), planes};
  };
  const auto planes = read(1, 2, 3, true);
  return planes ? planes : read(3, 1, 2, false);
}

bool is_picture(const std::string& path) {
  return ends_with_any(path, {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tga"});
}

bool is_npy(const std::string& path) { return ends_with_any(path, {".npy"}); }

bool program_converts(const TensorInfo& input) {
  const auto shape = picture_shape(input.shape);
  return input.type == DataType::f32 && shape && shape->planes;
}

Status store_picture(io::Image image, const std::string& path, const PictureNumbers& numbers,
                     const TensorView& to) {
  const PictureShape shape = *picture_shape(to.shape());
  const Result<io::Image> fitted = fit(std::move(image), path, shape, numbers.resize);
  if (!fitted) return fitted.error();
  const std::span<std::uint8_t> bytes = to.values<std::uint8_t>();
  const std::span<float> reals = to.values<float>();
  for_each_byte(*fitted, shape, numbers.swap_red_blue,
                [&](std::size_t at, std::size_t channel, std::uint8_t byte) {
                  if (bytes.empty())
                    reals[at] = numbers.real(static_cast<float>(byte), channel);
                  else
                    bytes[at] = byte;
                });
  return {};
}

Status load_picture(const TensorView& to, const TensorInfo& input, const std::string& path,
                    const PictureNumbers& numbers) {
  const PictureShape shape = *picture_shape(input.shape);
  Result<io::Image> image = io::load_image(path, shape.channels);
  if (!image) return std::move(image).error();
  if (!program_converts(input)) return store_picture(*std::move(image), path, numbers, to);
  image = fit(*std::move(image), path, shape, numbers.resize);
  if (!image) return std::move(image).error();
  return to.copy_from(image->pixels);
}

}  // namespace fettle::cli
