// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/run_inputs.h"

#include "tuner/cli/picture_input.h"
#include "tuner/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

namespace fettle::cli {
namespace {

// Of the input's type and exactly its shape: as many elements in another shape are most likely in another
// order.
Status check_array(const TensorView& input, const io::Array& array, const std::string& path) {
  const std::string& name = input.info().name;
  if (array.type != input.type()) {
    return Error(ErrorCode::kWrongType,
                 path + " holds " + std::string(to_string(array.type)) + ", input " + name + " is " +
                     std::string(to_string(input.type())),
                 "convert the array with astype");
  }
  if (!array.has_shape(input.shape())) {
    return Error(ErrorCode::kWrongShape,
                 path + " is " + array.shape_text() + ", input " + name + " is " + input.shape().text(),
                 "reshape or transpose the array, or give the model another shape with --shape");
  }
  return {};
}

Status load_array(const TensorView& input, const std::string& path) {
  std::vector<std::byte> bytes;
  if (is_npy(path)) {
    Result<io::Array> array = io::load_npy(path);
    if (!array) return std::move(array).error();
    if (Status status = check_array(input, *array, path); !status) return status;
    bytes = std::move(array->bytes);
  } else {
    Result<std::vector<std::byte>> raw = read_file(path, io::kMaxArrayBytes);
    if (!raw) return std::move(raw).error();
    bytes = *std::move(raw);
  }
  if (Status status = input.copy_from(std::span<const std::byte>(bytes)); !status)
    return Error(status.error().code(), path + ": " + status.error().message(), status.error().hint());
  return {};
}

std::string names_of(std::span<const TensorInfo> tensors) {
  std::string names;
  for (const TensorInfo& tensor : tensors) names += (names.empty() ? "" : ", ") + tensor.name;
  return names;
}

std::optional<std::size_t> find(std::span<const TensorInfo> tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& tensor) { return tensor.name == name; });
  if (found == tensors.end()) return std::nullopt;
  return static_cast<std::size_t>(found - tensors.begin());
}

// The input that "NAME=FILE" is for: names may hold an equals sign, and so may files.
std::optional<std::size_t> named_input(std::span<const TensorInfo> inputs, const std::string& text) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool fits = text.starts_with(inputs[i].name + "=");
    if (fits && (!best || inputs[i].name.size() > inputs[*best].name.size())) best = i;
  }
  return best;
}

}  // namespace

Result<std::vector<Carry>> parse_carries(const Model& model, const std::vector<std::string>& texts) {
  std::vector<Carry> carries;
  for (const std::string& text : texts) {
    std::optional<std::size_t> output;
    std::optional<std::size_t> input;
    for (std::size_t at = text.find('='); at != std::string::npos && !(output && input);
         at = text.find('=', at + 1)) {
      output = find(model.outputs(), std::string_view(text).substr(0, at));
      input = find(model.inputs(), std::string_view(text).substr(at + 1));
    }
    if (!output || !input) {
      return Error(ErrorCode::kUnknownName, "--carry " + text + ": no output and input have these names",
                   "write OUTPUT=INPUT; outputs: " + names_of(model.outputs()) +
                       "; inputs: " + names_of(model.inputs()));
    }
    const TensorInfo& from = model.outputs()[*output];
    const TensorInfo& to = model.inputs()[*input];
    if (from.type != to.type || from.shape != to.shape) {
      return Error(
          ErrorCode::kWrongShape,
          fmt::format("--carry {}: output {} is {} {}, input {} is {} {}", text, from.name,
                      to_string(from.type), from.shape.text(), to.name, to_string(to.type), to.shape.text()),
          "carry an output to an input of the same type and shape");
    }
    for (const Carry& other : carries) {
      if (other.input == *input)
        return Error(ErrorCode::kInvalidArgument, "two outputs are carried to input " + to.name,
                     "give --carry once for each input");
    }
    carries.push_back({*output, *input});
  }
  return carries;
}

Result<RunInputs> RunInputs::parse(const Model& model, const std::vector<std::string>& files,
                                   const std::vector<Carry>& carries, const PictureArguments& pictures) {
  RunInputs result;
  const std::span<const TensorInfo> inputs = model.inputs();
  for (const TensorInfo& input : inputs) result.feeds_.push_back({input, {}});
  for (const Carry& carry : carries) result.feeds_[carry.input].carried = true;
  const auto uncarried = [](const Feed& feed) { return !feed.carried; };
  const auto count = std::count_if(result.feeds_.begin(), result.feeds_.end(), uncarried);
  if (inputs.empty() && !files.empty())
    return Error(ErrorCode::kInvalidArgument, "--input " + files.front() + ": the model has no inputs",
                 "run it without --input");
  for (const std::string& text : files) {
    if (const auto input = named_input(inputs, text)) {
      result.feeds_[*input].files.push_back(text.substr(inputs[*input].name.size() + 1));
    } else if (count == 1) {
      std::find_if(result.feeds_.begin(), result.feeds_.end(), uncarried)->files.push_back(text);
    } else {
      return Error(ErrorCode::kInvalidArgument, "--input " + text + ": which input is it for?",
                   "write NAME=FILE; the model's inputs are " + names_of(inputs));
    }
  }
  std::string missing;
  for (Feed& feed : result.feeds_) {
    if (feed.files.empty()) {
      if (!feed.carried) missing += (missing.empty() ? "" : ", ") + feed.input.name;
      continue;
    }
    const auto pictures_given = std::count_if(feed.files.begin(), feed.files.end(), is_picture);
    feed.pictures = pictures_given > 0;
    if (feed.pictures && pictures_given != static_cast<std::ptrdiff_t>(feed.files.size()))
      return Error(ErrorCode::kInvalidArgument, "input " + feed.input.name + " gets pictures and arrays",
                   "run them one kind at a time");
  }
  if (!missing.empty()) {
    return Error(
        ErrorCode::kInvalidArgument, "no file is given for input " + missing,
        inputs.size() == 1 ? "give --input FILE" : "give --input NAME=FILE for each, or --carry OUTPUT=NAME");
  }
  Result<PictureNumbers> numbers = PictureNumbers::parse(pictures);
  if (!numbers) return std::move(numbers).error();
  result.pictures_ = *std::move(numbers);
  for (const Feed& feed : result.feeds_) {
    if (!feed.pictures) continue;
    if (Status status = result.pictures_.check(feed.input); !status) return std::move(status).error();
  }
  return result;
}

std::size_t RunInputs::files_of_an_input() const noexcept {
  std::size_t most = 1;
  for (const Feed& feed : feeds_) most = std::max(most, feed.carried ? std::size_t{1} : feed.files.size());
  return most;
}

Status RunInputs::check_steps(std::size_t steps) const {
  for (const Feed& feed : feeds_) {
    const std::size_t count = feed.files.size();
    if (feed.carried ? count > 1 : count != 1 && count != steps) {
      return Error(
          ErrorCode::kInvalidArgument,
          feed.carried
              ? fmt::format("input {} is carried: it starts with one file, not {}", feed.input.name, count)
              : fmt::format("input {} has {} files, and there are {} steps", feed.input.name, count, steps),
          feed.carried ? "give its first contents only" : "give one file, or one for each step");
    }
  }
  return {};
}

std::vector<std::string> RunInputs::files() const {
  std::set<std::string> all;
  for (const Feed& feed : feeds_) all.insert(feed.files.begin(), feed.files.end());
  return {all.begin(), all.end()};
}

void RunInputs::add_options(CompileOptions& options) const {
  for (const Feed& feed : feeds_) {
    if (!feed.pictures || !program_converts(feed.input)) continue;
    options.inputs[feed.input.name] = {true, pictures_.mean, pictures_.std, pictures_.swap_red_blue};
  }
}

Status RunInputs::load(Runtime& runtime, std::size_t step) const {
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    const Feed& feed = feeds_[i];
    const TensorView input = runtime.input(i);
    // Inputs keep their contents from one run to the next.
    if (step > 0 && (feed.carried || feed.files.size() == 1)) continue;
    if (feed.files.empty()) {
      std::ranges::fill(input.bytes(), std::byte{0});
      continue;
    }
    Status status = feed.pictures ? load_picture(input, feed.input, feed.file(step), pictures_)
                                  : load_array(input, feed.file(step));
    if (!status) return status;
  }
  return {};
}

std::string RunInputs::text(std::size_t step) const {
  std::string text;
  std::size_t fed = 0;
  for (const Feed& feed : feeds_) {
    if (feed.files.empty() || (feed.carried && step > 0)) continue;
    text += (fed++ == 0 ? "" : " ") + feed.input.name + "=" + feed.file(step);
  }
  return feeds_.size() == 1 && fed == 1 ? feeds_.front().file(step) : text;
}

}  // namespace fettle::cli
