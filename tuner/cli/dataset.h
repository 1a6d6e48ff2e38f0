// SPDX-License-Identifier: Apache-2.0
//
// Data for accuracy and calibration: a folder of pictures or arrays, or one array of many, perhaps with
// labels.
#pragma once

#include "tuner/cli/picture_input.h"
#include "tuner/io/npy.h"

#include <fettle/accuracy.h>
#include <fettle/model.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::cli {

/// The options of every command that reads data.
struct DataArguments {
  std::string data;    ///< a folder, or a .npy file with a first axis of samples
  std::string labels;  ///< CSV: file, class number, anything; or .npy with the class of each sample
  PictureArguments pictures;
  std::optional<int> class_offset;
  int samples = 0;  ///< at most so many, spread evenly; 0: all

  void add_to(CLI::App& app, bool required);
  /// The files that these name, to be checked against outputs.
  std::vector<std::string> files() const { return {data, labels}; }
};

/// Samples for the one input of a model.
///
/// A picture is fitted and converted as the options say. An array (.npy) has the input's type and shape
/// (extents of 1 aside), or holds bytes: then those of a picture (height, width, channels), or of the input's
/// shape, and
/// --mean and --std make real numbers of them.
class Dataset {
 public:
  /// Errors: kInvalidArgument, kWrongShape, kFileNotFound, kFileUnreadable, kFileMalformed, each naming the
  /// file or input.
  static Result<Dataset> open(const Model& model, const DataArguments& arguments);

  std::size_t size() const noexcept;
  /// Two parts of it: `count` samples, spread evenly, and the others.
  std::pair<Dataset, Dataset> split(std::size_t count) const;
  /// The data as a library takes them; they keep what they need alive.
  Samples samples() const;
  /// The class of each sample, moved by the class offset; empty without labels.
  const std::vector<int>& classes() const noexcept { return classes_; }

 private:
  struct Source;
  Dataset part(const std::vector<std::size_t>& indices) const;

  std::shared_ptr<const Source> source_;
  std::vector<std::size_t> selected_;  ///< samples of the source
  std::vector<int> classes_;
};

}  // namespace fettle::cli
