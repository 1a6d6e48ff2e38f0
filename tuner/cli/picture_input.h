// SPDX-License-Identifier: Apache-2.0
//
// Pictures as inputs of networks: where an input has which axis, and how bytes become its numbers.
#pragma once

#include "tuner/io/image.h"

#include <fettle/program.h>
#include <fettle/tensor.h>

#include <CLI/CLI.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fettle::cli {

/// How pictures become numbers, as the command line has it.
struct PictureArguments {
  std::string mean;
  std::string std;
  std::string order = "rgb";
  std::string resize = "stretch";

  void add_to(CLI::App& app);
};

/// The same as numbers.
struct PictureNumbers {
  std::vector<float> mean;  ///< of pixels 0..255: one, one per channel, or none for 0
  std::vector<float> std;   ///< likewise; none for 1
  bool swap_red_blue = false;
  std::string resize;

  /// Errors: kInvalidArgument.
  static Result<PictureNumbers> parse(const PictureArguments& arguments);
  /// Whether an input takes pictures, and these numbers. Errors: kWrongShape, kInvalidArgument.
  Status check(const TensorInfo& input) const;
  /// (byte - mean) / std.
  float real(float byte, std::size_t channel) const {
    const auto of = [&](const std::vector<float>& list, float fallback) {
      return list.empty() ? fallback : list[list.size() == 1 ? 0 : channel];
    };
    return (byte - of(mean, 0)) / of(std, 1);
  }
};

/// Where an input that takes pictures has which axis.
struct PictureShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  bool planes = true;  ///< channels before rows
};
/// Planes where both readings are possible, as ONNX has pictures. Nothing for inputs that take none.
std::optional<PictureShape> picture_shape(const Shape& shape);

/// By the ending of its name.
bool is_picture(const std::string& path);
bool is_npy(const std::string& path);
/// Pictures whose pixels the program itself converts: f32 in planes. Others are converted by load_picture.
bool program_converts(const TensorInfo& input);

/// Fits the picture to the input and stores it there as numbers of the input's type. Errors: kWrongShape
/// (--resize none), kLimitExceeded.
Status store_picture(io::Image image, const std::string& path, const PictureNumbers& numbers,
                     const TensorView& to);
/// Decodes a file for `input`, as the model has it, into `to`, as the runtime has it: where the program
/// converts, these are bytes in nhwc. Errors: those of io::load_image, kWrongShape.
Status load_picture(const TensorView& to, const TensorInfo& input, const std::string& path,
                    const PictureNumbers& numbers);

}  // namespace fettle::cli
