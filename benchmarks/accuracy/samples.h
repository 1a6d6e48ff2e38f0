// SPDX-License-Identifier: Apache-2.0
//
// Labelled pictures, and how a network wants to see them.
#pragma once

#include "benchmarks/contenders/contender.h"
#include "tuner/io/npy.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fettle::benchmarks {

/// An entry of the list that prepare.py writes.
struct LabelledNetwork {
  std::string model;                 ///< path of the ONNX file
  std::string pictures;              ///< path of a .npy array: pictures x height x width x channels, 8-bit
  std::string labels;                ///< path of a .npy array of 16-bit classes
  std::vector<float> mean, std;      ///< (pixel - mean) / std, one number or one for each channel
  bool bgr = false;                  ///< channels in the reverse of the pictures' order
  bool background = false;           ///< output 0 is no class: class 0 is output 1
  std::optional<double> top1_given;  ///< accuracy in per cent that came with the network
};

Result<std::vector<LabelledNetwork>> read_list(const std::string& path);

/// The pictures of an entry, which must stay, one after the other.
class Samples {
 public:
  static Result<Samples> load(const LabelledNetwork& entry);

  std::size_t count() const noexcept { return static_cast<std::size_t>(pictures_.shape[0]); }
  /// Which output is right for a picture.
  std::size_t label(std::size_t index) const;
  /// What the network sees: floats in NCHW.
  Values input(std::size_t index) const;

 private:
  Samples(const LabelledNetwork& entry, io::Array pictures, io::Array labels);
  float pixel(std::size_t position) const;

  const LabelledNetwork& entry_;
  io::Array pictures_;
  io::Array labels_;
};

}  // namespace fettle::benchmarks
