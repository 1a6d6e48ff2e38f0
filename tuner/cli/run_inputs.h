// SPDX-License-Identifier: Apache-2.0
//
// What `fettle run` feeds a network with: files for each input, one after another.
#pragma once

#include "tuner/cli/command.h"
#include "tuner/cli/picture_input.h"

#include <fettle/runtime.h>

#include <string>
#include <vector>

namespace fettle::cli {

/// An output that becomes an input of the next step.
struct Carry {
  std::size_t output = 0;
  std::size_t input = 0;
};
/// "OUT=IN" for each. Errors: kUnknownName, kWrongShape (the two differ), kInvalidArgument (an input that two
/// outputs go to).
Result<std::vector<Carry>> parse_carries(const Model& model, const std::vector<std::string>& texts);

class RunInputs {
 public:
  /// `files` holds FILE, for the only input that is not carried, or INPUT=FILE. An input with one file gets
  /// it in every step, one with several gets them in turn; a carried one starts with its file, or with zeros.
  /// Errors: kInvalidArgument, kUnknownName, naming the inputs that have no file.
  static Result<RunInputs> parse(const Model& model, const std::vector<std::string>& files,
                                 const std::vector<Carry>& carries, const PictureArguments& pictures);

  /// The largest number of files that an input has; at least 1.
  std::size_t files_of_an_input() const noexcept;
  /// Whether every input that is not carried has one file, or one for each step. Errors: kInvalidArgument.
  Status check_steps(std::size_t steps) const;
  /// All files, each once.
  std::vector<std::string> files() const;
  /// What the program does with pictures on their way in.
  void add_options(CompileOptions& options) const;
  /// Fills the inputs for a step; those that are carried at the first step only.
  Status load(Runtime& runtime, std::size_t step) const;
  /// What fed the step: the file, or "a=x.npy b=y.npy".
  std::string text(std::size_t step) const;

 private:
  struct Feed {
    TensorInfo input;  ///< as the model has it: the runtime's may be a picture
    std::vector<std::string> files;
    bool carried = false;
    bool pictures = false;
    const std::string& file(std::size_t step) const { return files[files.size() == 1 ? 0 : step]; }
  };

  std::vector<Feed> feeds_;  ///< one for each input, in the model's order
  PictureNumbers pictures_;
};

}  // namespace fettle::cli
